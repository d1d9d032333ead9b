# What a host says of itself, as `key=value` lines; a key may come again. Runs as `sh -s` over SSH.
# Needs nothing but a POSIX shell (dash, busybox), changes nothing, writes no file but a nameless
# one of 1 MiB where the disk's speed is asked for.
# The caller puts assignments in front: LC_PATHS, LC_URLS ("kind URL" lines), LC_OWN_APT (1: try the
# host's own package sources too), LC_CA (PEM), LC_HTTP_PROXY, LC_HTTPS_PROXY, LC_NO_PROXY,
# LC_PYTHON (mirrors.py), LC_PERL (mirrors.pl), LC_NODE (1: what a cluster must know, too),
# LC_MODULES (of the kernel), LC_ROOT (assignments
# for root's part: LC_THERE, paths to look for; LC_FSYNC, paths to time; LC_FSYNC_PERL, fsync.pl;
# LC_PEOPLE, people.py, where a hub is wanted).

say() { printf '%s=%s\n' "$1" "$2"; }
has() { command -v "$1" >/dev/null 2>&1; }
now() { date +%s.%N; }
first() { IFS= read -r line <"$1" 2>/dev/null && printf '%s' "$line"; }
# Each line of stdin under one key.
lines() { sed "s/^/$1=/"; }

system() {
  if [ -r /etc/os-release ]; then
    (
      . /etc/os-release
      say os_id "$ID"
      say os_version "$VERSION_ID"
      say os_codename "$VERSION_CODENAME"
      say os_name "$PRETTY_NAME"
    )
  fi
  say arch "$(uname -m)"
  say kernel "$(uname -r)"
  say hostname "$(uname -n)"
  say user "$(id -un)"
  say groups "$(id -Gn)"
  say init "$(first /proc/1/comm)"
  has systemctl && say systemd_state "$(systemctl is-system-running 2>/dev/null)"
  has systemctl && say systemd_version "$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p')"
  has systemd-detect-virt && say virtualization "$(systemd-detect-virt 2>/dev/null)"
  say machine_id "$(first /etc/machine-id)"
}

resources() {
  if has nproc; then say cores "$(nproc)"; else say cores "$(grep -c '^processor' /proc/cpuinfo)"; fi
  sed -n 's/^\(MemTotal\|MemAvailable\|SwapTotal\): *\([0-9]*\) kB/\1=\2/p' /proc/meminfo
  # A container's own limit, below the machine's memory.
  for limit in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
    [ -r "$limit" ] && say memory_limit "$(first "$limit")"
  done
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then say cgroup v2
  elif [ -d /sys/fs/cgroup/unified ]; then say cgroup hybrid
  elif [ -d /sys/fs/cgroup/systemd ]; then say cgroup v1
  fi
  for path in / $LC_PATHS; do
    place=$path
    while [ ! -e "$place" ] && [ "$place" != / ]; do place=$(dirname "$place"); done
    df -Pk "$place" 2>/dev/null | awk -v path="$path" '
      NR == 2 { mount = $6; for (i = 7; i <= NF; i++) mount = mount " " $i
                print "disk=" path, $2, $4, mount
                while (1 == (getline line < "/proc/mounts")) {
                  split(line, word, " "); if (word[2] == mount) last = word[3] " " word[4]
                }
                if (last != "") print "file_system=" path, last }'
  done
}

network() {
  say addresses "$(hostname -I 2>/dev/null)"
  if has ip; then
    ip -4 route show default 2>/dev/null | lines route
    ip -6 route show default 2>/dev/null | lines route
  else
    awk '$2 == "00000000" && $8 == "00000000" { print "route=default dev " $1 }' /proc/net/route
  fi
  for card in /sys/class/net/*; do
    name=${card##*/}
    case $name in lo | veth* | docker* | podman* | cni* | flannel* | br-* | virbr*) continue ;; esac
    say mac "$name $(first "$card/address")"
  done
}

# Where a cluster would put its own networks, and what of the host's could be in the way.
networks() {
  has ip || return 0
  ip -o addr show 2>/dev/null | awk '$3 ~ /^inet/ { print "network=address", $2, $4 }'
  { ip -4 route show; ip -6 route show; } 2>/dev/null | awk '
    $1 ~ /^[0-9a-f:.]+(\/[0-9]+)?$/ {
      for (i = 2; i < NF; i++) if ($i == "dev") print "network=route", $(i + 1), $1
    }'
  cat /etc/resolv.conf /run/systemd/resolve/resolv.conf 2>/dev/null |
    awk '$1 == "nameserver" { print "nameserver=" $2 }'
  say ssh_client "${SSH_CONNECTION%% *}"
  # The address that is shown on the way out. No packet is sent.
  { ip -4 route get 192.0.2.1 || ip -6 route get 2001:db8::1; } 2>/dev/null | awk '
    { for (i = 1; i < NF; i++) { if ($i == "dev") device = $(i + 1); if ($i == "src") source = $(i + 1) } }
    source != "" { print "node=" source, device; exit }'
  for card in /sys/class/net/*; do say mtu "${card##*/} $(first "$card/mtu")"; done
}

kernel() {
  systems=$(cat /proc/filesystems)
  for module in $LC_MODULES; do
    state=unknown
    if [ -e "/sys/module/$module" ] || [ "${systems%	"$module"*}" != "$systems" ]; then state=loaded
    elif modprobe -nq "$module" 2>/dev/null; then state=loadable
    elif [ -d "/lib/modules/$(uname -r)" ]; then state=missing
    fi
    say module "$module $state"
  done
  has systemctl || return 0
  set -- $(systemctl is-active ufw firewalld multipathd 2>/dev/null)
  # ufw is switched on in its own file: its unit is active also where it is off, and is not yet
  # where `ufw enable` was the first thing after its installation.
  case "$1 $(systemctl is-enabled ufw 2>/dev/null)" in
    active* | *enabled) grep -qs '^ENABLED=yes' /etc/ufw/ufw.conf && say active ufw ;;
  esac
  [ "$2" = active ] && say active firewalld
  [ "$3" = active ] || return 0
  say active multipathd
  sed 's/#.*//' /etc/multipath.conf /etc/multipath/conf.d/*.conf 2>/dev/null |
    tr -d ' \t\n' | grep -q 'blacklist{[^}]*devnode"^sd' && say multipath_spares_sd yes
}

software() {
  has python3 && say python "$(python3 -V 2>&1 | sed -n 's/^Python //p')"
  [ -e /usr/lib/python3/dist-packages/apt/__init__.py ] && say python_apt yes
  if has dpkg; then
    dpkg --audit 2>/dev/null | sed -n '/^ /p' | head -n 5 | lines dpkg_broken
    for part in /var/lib/dpkg/updates/[0-9]*; do [ -e "$part" ] && say dpkg_broken updates; done
    for lock in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock; do
      inode=$(stat -c %i "$lock" 2>/dev/null) || continue
      pid=$(sed -n "s/^.* WRITE \([0-9]*\) [^ ]*:$inode .*/\1/p" /proc/locks 2>/dev/null | head -n 1)
      [ -n "$pid" ] && say dpkg_lock "$pid $(first "/proc/$pid/comm")" && break
    done
  fi
  # Homes that no account owns any more: what an earlier installation left in place.
  find /home -mindepth 1 -maxdepth 1 -type d -nouser 2>/dev/null | head -n 200 | lines orphan_home
}

as_root() { if [ "$(id -u)" = 0 ]; then sh; else LC_ALL=C sudo -n /bin/sh; fi; }

privileges() {
  if [ "$(id -u)" = 0 ]; then say sudo root
  elif ! has sudo; then say sudo missing
  elif answer=$(LC_ALL=C sudo -n /bin/sh -c 'echo localcloud' 2>&1 </dev/null) \
    && [ "${answer##*localcloud}" != "$answer" ]; then say sudo passwordless
  else
    say sudo refused
    printf '%s\n' "$answer" | lines sudo_says
    root_script | sh
    return
  fi
  root_script | as_root
}

# What root sees more of: who holds which port, the receipt, and what only root may read.
root_script() {
  printf '%s\n' "$LC_ROOT"
  cat <<'ROOT'
units() {
  for pid in $1; do
    [ -r "/proc/$pid/cgroup" ] || continue
    while IFS= read -r line; do
      echo "unit=$pid ${line##*:}"
    done <"/proc/$pid/cgroup"
  done
}
if command -v ss >/dev/null 2>&1; then
  found=$(ss -H -ltnp 2>/dev/null)
  echo "$found" | sed 's/^/ss=/'
  units "$(echo "$found" | tr ',' '\n' | sed -n 's/^pid=\([0-9]*\).*/\1/p' | sort -u)"
else
  found=$({ cat /proc/net/tcp /proc/net/tcp6; ls -l /proc/[0-9]*/fd; } 2>/dev/null | awk '
    $1 ~ /^[0-9]+:$/ && $4 == "0A" { print "tcp=" $2 " " $10; listens[$10] = 1 }
    /^\/proc\// { split($0, part, "/"); pid = part[3] }
    /socket:\[/ {
      inode = $NF; gsub(/[^0-9]/, "", inode)
      if (inode in listens) print "owner=" inode " " pid
    }')
  echo "$found"
  units "$(echo "$found" | sed -n 's/^owner=.* //p' | sort -u)"
fi
[ "$(id -u)" = 0 ] && echo root_eyes=yes
[ -r /var/lib/localcloud/receipt.json ] &&
  { cat /var/lib/localcloud/receipt.json; echo; } | sed '/^$/d; s/^/receipt=/'
[ -r /sys/class/dmi/id/product_uuid ] && sed 's/^/product_uuid=/' /sys/class/dmi/id/product_uuid
for path in $LC_THERE; do [ -e "$path" ] && echo "there=$path"; done
[ -n "$LC_PEOPLE" ] && [ -r /var/lib/localcloud/receipt.json ] &&
  command -v python3 >/dev/null 2>&1 && python3 -I -c "$LC_PEOPLE" </dev/null 2>/dev/null
[ -n "$LC_FSYNC" ] && [ "$(id -u)" = 0 ] && command -v perl >/dev/null 2>&1 &&
  perl -e "$LC_FSYNC_PERL" $LC_FSYNC </dev/null 2>/dev/null
true
ROOT
}

# The host's own package sources: one URL for each server they name.
own_apt() {
  [ "$LC_OWN_APT" = 1 ] && has apt-get || return 0
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | awk '
    $1 == "deb" { sub(/\[[^]]*\]/, ""); print $2, $3 }' >&3
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -r "$file" ] && awk '
      function flush(  u, s) {
        split(uris, u, " "); split(suites, s, " ")
        if (on && uris != "" && types ~ /(^| )deb( |$)/) for (i in u) print u[i], s[1]
        uris = suites = types = ""; on = 1; field = ""
      }
      BEGIN { on = 1 }
      /^#/ { next }
      /^[ \t]*$/ { flush(); next }
      /^[A-Za-z-]+:/ { field = tolower($1); $1 = "" }
      field == "uris:" { uris = uris " " $0 }
      field == "suites:" { suites = suites " " $0 }
      field == "types:" { types = types " " $0 }
      field == "enabled:" && tolower($0) ~ /no/ { on = 0 }
      END { flush() }' "$file" >&3
  done
}

own_apt_urls() {
  own_apt 3>&1 | awk '
    $1 ~ /^https?:/ {
      split($1, part, "/"); if (part[3] in seen) next; seen[part[3]] = 1
      sub(/\/+$/, "", $1)
      print "apt-own", $1 ($2 ~ /\/$/ ? "/" $2 : "/dists/" $2 "/") "InRelease"
    }'
}

# The proxy that apt was given on this host, if the site names none.
apt_proxy() {
  [ -n "$LC_HTTP_PROXY$LC_HTTPS_PROXY" ] || ! has apt-config && return
  for scheme in http https; do
    (
      eval "$(apt-config shell PROXY "Acquire::$scheme::Proxy" 2>/dev/null)"
      [ -n "$PROXY" ] && [ "$PROXY" != DIRECT ] && printf 'apt_%s_proxy %s\n' "$scheme" "$PROXY"
    )
  done
}

# What the host's own settings say instead of a client's built-in default.
own_default() {
  case $1 in
    pip) sed -n 's/^ *index[-_]url *= *//p' /etc/pip.conf ;;
    npm) sed -n 's/^ *registry *= *//p' /etc/npmrc ;;
  esac 2>/dev/null | head -n 1
}

urls() {
  printf '%s\n' "$LC_URLS" | while read -r kind url; do
    own=
    case $kind in *-default) own=$(own_default "${kind%-default}") ;; esac
    case $own in
      http*) kind=${kind%-default}-own; url=${own%/}/; [ "$kind" = pip-own ] && url=${url}pip/ ;;
    esac
    case $url in http*) printf '%s %s\n' "$kind" "$url" ;; esac
  done
  own_apt_urls
}

mirror_questions() {
  printf 'http_proxy %s\nhttps_proxy %s\n' "$LC_HTTP_PROXY" "$LC_HTTPS_PROXY"
  printf 'no_proxy %s\n' "$LC_NO_PROXY"
  apt_proxy
  urls | sed 's/^/try /'
  printf 'ca\n%s\n' "$LC_CA"
}

# Python answers best (TLS checked, all at once); perl, part of every Debian, asks without TLS.
mirrors() {
  questions=$(mirror_questions)
  case $questions in *"
try "*) ;; *) return ;; esac
  if has python3 && printf '%s\n' "$questions" | python3 -c "$LC_PYTHON" 2>/dev/null; then return; fi
  if has perl && printf '%s\n' "$questions" | perl -e "$LC_PERL" 2>/dev/null; then return; fi
  printf '%s\n' "$questions" | sed -n 's/^try \([^ ]*\) \(.*\)/mirror=\1 untested 0 \2/p'
}

probe() {
  say probe begin
  say time_begin "$(now)"
  # Mirrors are asked meanwhile; their answers wait in the pipe, so that no two lines mix.
  mirrors | {
    {
      system; resources; network
      if [ -n "$LC_NODE" ]; then networks; kernel; fi
      software; privileges
    } </dev/null
    cat
  }
  say time_end "$(now)"
  say probe complete
}

# Read whole before it runs: nothing in it may eat the rest of the script from stdin.
PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
export PATH LC_ALL
probe </dev/null
