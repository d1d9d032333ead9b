#!/bin/sh
# Runs inside a virtual machine's new root file system, after customize.sh made a server of it.
set -eu

printf '/dev/vda / ext4 errors=remount-ro 0 1\n' >/etc/fstab
systemctl enable systemd-networkd.service
rm -f /etc/resolv.conf # this computer's; the machine gets its own at boot

# Its kernel and initial RAM disk come from outside: one made anew in it would cost minutes for nothing.
echo update_initramfs=no >/etc/initramfs-tools/update-initramfs.conf

# No password opens it, so nobody logs in on its console; and its days are short.
systemctl mask \
  getty.target serial-getty@ttyS0.service systemd-networkd-persistent-storage.service \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
  e2scrub_reap.service fstrim.timer systemd-timesyncd.service >/dev/null 2>&1
