#!/bin/sh
# Runs inside a container's new root file system, after customize.sh made a server of it.
set -eu

# Of no use in a container, or reaching through it to the kernel of this computer.
systemctl mask \
  getty.target console-getty.service getty-static.service \
  systemd-sysctl.service systemd-modules-load.service systemd-binfmt.service \
  proc-sys-fs-binfmt_misc.automount proc-sys-fs-binfmt_misc.mount \
  sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
  sys-fs-fuse-connections.mount dev-hugepages.mount \
  systemd-remount-fs.service systemd-random-seed.service systemd-pstore.service \
  systemd-udevd.service systemd-udev-trigger.service systemd-timesyncd.service \
  systemd-networkd.service systemd-networkd.socket systemd-resolved.service \
  systemd-networkd-wait-online.service systemd-journald-audit.socket \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
  e2scrub_reap.service fstrim.timer >/dev/null 2>&1
