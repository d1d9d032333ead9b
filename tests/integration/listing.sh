# What a reset must give back, a line each. Left out: homes; what the system itself writes as time goes by
# (logs, caches, journal, random seed, backups such as passwd- and ucf's); package lists that apt downloads;
# what once waited for the network at boot.
echo "== units"; systemctl list-unit-files --no-legend | awk '$2 != "transient" {print $1, $2}' | sort
echo "== running"; systemctl list-units --no-legend --plain --type=service,timer,slice --state=active | awk '{print $1}' \
  | grep -vE '^(user|session|apt-daily|dpkg-db|systemd-tmpfiles-clean|user-runtime-dir|systemd-networkd-wait-online)' | sort
echo "== users"; sort /etc/passwd; echo "== groups"; sort /etc/group /etc/subuid /etc/subgid
echo "== packages"; dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' | grep ' ii' | sort
echo "== ports"; ss -Hltun | awk '{print $1, $5}' | sort -u
echo "== mounts"; awk '{print $2, $3}' /proc/mounts | grep -vE '^/(run/user|run/credentials|proc/sys/fs/binfmt|sys/fs/cgroup)' | sort
echo "== trust"; sha256sum /etc/ssl/certs/ca-certificates.crt
echo "== files"
find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /home -o -path /root/.ssh \
  -o -path /var/log -o -path /var/cache -o -path /var/tmp -o -path /var/lib/apt -o -path /var/lib/dpkg \
  -o -path /var/lib/systemd -o -path /var/backups -o -name __pycache__ \) -prune -o -printf '%p %y %m %u:%g\n' \
  | grep -vE '^/(etc/(passwd|group|shadow|gshadow|subuid|subgid)-|etc/\.pwd\.lock|etc/ld\.so\.cache|var/lib/ucf/hashfile\.[0-9]) ' \
  | grep -vE '^/usr/(share|lib)/(mime|info|man)/' | sort
echo "== contents"
find /etc -xdev -type f ! -name '*-' ! -name ld.so.cache ! -path '/etc/ssl/certs/*' -print0 | sort -z | xargs -0 sha256sum
