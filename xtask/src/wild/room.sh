# A room of its own for a program: an overlay of this machine's files, its own network, processes and host name.
# Words: the folder of the run (with `up`, `work`, `root` in it), `install` or `ours` or `theirs`, then what to run.
set -eu
folder=$1 side=$2
shift 2
root=$folder/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/up,workdir=$folder/work" "$root"
mount --rbind /dev "$root/dev"
if [ "$side" = install ]; then
  mount --rbind /proc "$root/proc"
  # No package may start a service here.
  printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
  chmod +x "$root/usr/sbin/policy-rc.d"
else
  mount -t proc proc "$root/proc"
  mount -t sysfs sysfs "$root/sys"
  mount -t tmpfs tmpfs "$root/run"
  ip link set lo up
  for program in iptables ip6tables; do
    for part in "" -save -restore; do
      rm -f "$root/usr/sbin/$program$part"
      if [ "$side" = ours ]; then
        # What must not be called by accident is not there.
        rm -f "$root/usr/sbin/$program-legacy$part" "$root/usr/sbin/$program-nft$part"
        ln -s /opt/oxitables "$root/usr/sbin/$program$part"
      else
        ln -s xtables-legacy-multi "$root/usr/sbin/$program$part"
      fi
    done
  done
  if [ "$side" = ours ]; then
    rm -f "$root/usr/sbin/ipset" "$root/sbin/ipset"
    ln -s /opt/oxitables "$root/usr/sbin/ipset"
  fi
fi
mount -t tmpfs tmpfs "$root/tmp"
chmod 1777 "$root/tmp"
mkdir -p "$root/opt"
# The repository may lie under /tmp, which a room has anew. Packages are installed without it.
[ "$side" = install ] || cp -a "$REPOSITORY/dist" "$root/opt/dist"
[ ! -e "$folder/oxitables" ] || cp "$folder/oxitables" "$root/opt/oxitables"
[ ! -e "$folder/script" ] || cp "$folder/script" "$root/tmp/script"
cd "$root"
room() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 REPOSITORY=/opt "$@"; }
if [ "$side" = install ]; then
  room DEBIAN_FRONTEND=noninteractive sh -c "$1"
  exit
fi
status=0
room bash /tmp/script > "$folder/log" 2>&1 < /dev/null || status=$?
echo "$status" > "$folder/status"
room iptables-save > "$folder/rules.v4" 2>> "$folder/log" || true
room ip6tables-save > "$folder/rules.v6" 2>> "$folder/log" || true
room ipset save > "$folder/sets" 2>> "$folder/log" || true
[ ! -e "$root/tmp/said" ] || cp "$root/tmp/said" "$folder/said"
