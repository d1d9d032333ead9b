#!/bin/sh
# Runs at every boot of a practice machine, before SSH: brings in what the lab decided for this
# machine (its SSH host key, who may log in, its neighbours). The lab mounts it read-only, so that
# it stays the same when the machine is rebuilt from a saved state.
set -eu
lab=/etc/localcloud-lab

install -m 600 -o root -g root "$lab/ssh_host_ed25519_key" /etc/ssh/ssh_host_ed25519_key
install -m 644 -o root -g root "$lab/ssh_host_ed25519_key.pub" /etc/ssh/ssh_host_ed25519_key.pub
install -d -m 700 -o admin -g admin /home/admin/.ssh
install -m 600 -o admin -g admin "$lab/authorized_keys" /home/admin/.ssh/authorized_keys

# Only the lab's own block of /etc/hosts is replaced; written in place, as docker mounts the file.
others=$(sed '/^# localcloud-lab begin$/,/^# localcloud-lab end$/d' /etc/hosts)
printf '%s\n# localcloud-lab begin\n%s\n# localcloud-lab end\n' "$others" "$(cat "$lab/hosts")" \
  >/etc/hosts

# systemd's own cgroup v1 tree can hang outside the container: nothing can be made in it, and what
# looks for it there (a kubelet) fails. systemd itself uses the unified tree beside it.
tree=/sys/fs/cgroup/systemd
if [ -e /run/.containerenv ] && mountpoint -q "$tree" && [ -d /sys/fs/cgroup/unified ]; then
  if mkdir "$tree/localcloud-lab" 2>/dev/null; then rmdir "$tree/localcloud-lab"; else umount "$tree" || :; fi
fi
# Storage drivers hand mounts on to the machine's own processes.
mount --make-rshared / || :
