#!/bin/sh
# Runs inside the new root file system, last of all: makes a minimal server of it.
set -eu
here=/usr/lib/localcloud-lab

# Keys this computer trusts; those of the distribution's own package stay as they are.
[ ! -d "$here/keys" ] || cp -rn "$here/keys/." /
rm -rf "$here/keys" /etc/apt/apt.conf.d/99mmdebstrap
if [ -e /etc/apt/sources.list.d/localcloud-lab.sources ]; then
  rm -f /etc/apt/sources.list
  find /etc/apt/sources.list.d -type f ! -name localcloud-lab.sources -delete
fi

useradd --create-home --shell /bin/bash --groups sudo admin
chmod 440 /etc/sudoers.d/localcloud-lab
systemctl enable localcloud-lab.service
systemctl set-default multi-user.target

# What only containers, or only virtual machines, need or can do without.
sh "$here/kind.sh"

# Each machine is somebody of its own.
rm -f /etc/ssh/ssh_host_* /var/lib/dbus/machine-id /etc/hostname
ln -s /etc/machine-id /var/lib/dbus/machine-id
: >/etc/machine-id
printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' >/etc/hosts
rm -f "$here/customize.sh" "$here/kind.sh"
