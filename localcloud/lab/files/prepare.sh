#!/bin/sh
# Runs at every boot of a practice machine, before SSH: brings in what the lab decided for this
# machine (its SSH host key, who may log in, its neighbours). A container has it mounted read-only, a
# virtual machine has it as a tar on a small disk, so that it stays the same when the machine is
# rebuilt from a saved state.
set -eu
lab=/etc/localcloud-lab

for serial in /sys/block/vd*/serial; do
  [ ! -e "$lab/authorized_keys" ] && [ -e "$serial" ] && [ "$(cat "$serial")" = localcloud-lab ] || continue
  disk=/dev/$(basename "$(dirname "$serial")")
  lab=/run/localcloud-lab
  rm -rf "$lab"
  mkdir -m 700 "$lab"
  blockdev --flushbufs "$disk" # the lab may have written it anew
  tar -xf "$disk" -C "$lab" --no-same-owner
  [ -e /etc/hostname ] || cp "$lab/hostname" /etc/hostname
  cat /etc/hostname >/proc/sys/kernel/hostname
  [ -e /etc/resolv.conf ] || install -m 644 "$lab/resolv.conf" /etc/resolv.conf
  install -D -m 644 -t /run/systemd/network "$lab/10-localcloud-lab.network"
done

install -m 600 -o root -g root "$lab/ssh_host_ed25519_key" /etc/ssh/ssh_host_ed25519_key
install -m 644 -o root -g root "$lab/ssh_host_ed25519_key.pub" /etc/ssh/ssh_host_ed25519_key.pub
install -d -m 700 -o admin -g admin /home/admin/.ssh
install -m 600 -o admin -g admin "$lab/authorized_keys" /home/admin/.ssh/authorized_keys

# Only the lab's own block of /etc/hosts is replaced; written in place, as docker mounts the file.
others=$(sed '/^# localcloud-lab begin$/,/^# localcloud-lab end$/d' /etc/hosts)
printf '%s\n# localcloud-lab begin\n%s\n# localcloud-lab end\n' "$others" "$(cat "$lab/hosts")" \
  >/etc/hosts

# podman hands systemd's cgroup v1 tree of this computer to every container: one kubelet in it would
# clean up behind the others'. systemd itself uses the unified tree beside it.
tree=/sys/fs/cgroup/systemd
if [ -e /run/.containerenv ] && [ -d /sys/fs/cgroup/unified ]; then
  umount -l "$tree/release_agent" 2>/dev/null || :
  while umount -l "$tree" 2>/dev/null; do :; done
fi
# Storage drivers hand mounts on to the machine's own processes.
mount --make-rshared / || :
