# What a process has, one fact a line with a tab behind its name. It needs nothing but busybox.
PATH=/bin b=/bin/busybox
say() { printf '%s\t%s\n' "$1" "$2"; }
of() { while read -r key value; do [ "$key" != "$1:" ] || { echo "$value"; return; }; done </proc/self/status; }
limit() { $b sed -n "s/^Max $1  *\([^ ]*\) .*/\1/p" /proc/self/limits; }
try() { # NAME COMMAND...
  name=$1
  shift
  if "$@" >/dev/null 2>&1 </dev/null; then say "$name" works; else say "$name" refused; fi
}
kind() {
  case $($b readlink "/proc/self/fd/$1") in
    pipe:*) echo pipe ;;
    socket:*) echo socket ;;
    /dev/null) echo /dev/null ;;
    *) if [ -p "/proc/self/fd/$1" ]; then echo pipe; else echo other; fi ;;
  esac
}
mounted() { # PLACE
  line=$($b sed -n "s#^[^ ]* [^ ]* [^ ]* [^ ]* $1 \([^ ]*\) .*- \([^ ]*\) .*#\2 \1#p" /proc/self/mountinfo | $b tail -n 1)
  echo "${line:-no mount of its own}"
}

exec 3>&1 4>&2
stat=$($b cat /proc/$$/stat)
set -- ${stat##*) }
say "process id" "$($b test $$ = 1 && echo 1 || echo "one of the host's")"
say "controlling terminal" "$($b test "$5" = 0 && echo none || echo some)"
say "signals blocked" "$(of SigBlk)"
say "signals ignored" "$(of SigIgn)"
say umask "$(umask)"
say "OOM score" "$($b cat /proc/self/oom_score_adj)"
say "open files, soft limit" "$(limit 'open files')"
say "core file, soft limit" "$(limit 'core file size')"
say "stack, soft limit" "$(limit 'stack size')"
say "standard input" "$(kind 0)"
say "standard output" "$(kind 3)"
say "standard error" "$(kind 4)"
say "open /dev/stdout" "$($b sh -c ': >/proc/self/fd/3' 2>/dev/null && echo works || echo refused)"
say "environment" "$($b env | $b sed -n 's/=.*//p' | $b grep -vxE '_|PWD|SHLVL|OLDPWD|HOST|SPACES|INHERITED' | $b sort | $b tr '\n' ' ')"
say HOME "$HOME"
say "working directory" "$($b pwd)"
say "user and groups" "$($b id -u):$($b id -g) $(of Groups)"
inheritable=$(of CapInh)
# A machine that is a container itself has a process 1 with inheritable capabilities, and services inherit them from it.
if $b test "$inheritable" != 0000000000000000 && $b test "$((0x$inheritable))" = "$((0x$INHERITED & 0x$(of CapBnd)))"; then
  inheritable="what process 1 of the host has"
fi
say CapInh "$inheritable"
for set in Prm Eff Bnd Amb; do say "Cap$set" "$(of Cap$set)"; done
say no_new_privs "$(of NoNewPrivs)"
say "seccomp filter" "$($b test "$(of Seccomp)" = 2 && echo yes || echo no)"
say "host name" "$($b test "$($b hostname)" = "$HOST" && echo "the host's" || echo "its own")"
for namespace in cgroup ipc mnt net pid user uts; do
  say "namespace: $namespace" "$($b test "$($b readlink /proc/self/ns/$namespace)" = "$(echo "$SPACES" | $b tr ' ' '\n' | $b grep "^$namespace:")" && echo "the host's" || echo "its own")"
done
for place in /proc /proc/sys /sys /sys/fs/cgroup /dev /dev/pts /dev/shm /dev/mqueue /tmp /run; do
  say "mount: $place" "$(mounted "$place")"
done
say "nodes of /dev" "$($b ls /dev | $b tr '\n' ' ')"
size=$($b sed -n 's#.* /dev/shm .*[ ,]size=\([0-9]*\)k.*#\1#p' /proc/self/mountinfo | $b tail -n 1)
say "size of /dev/shm" "$([ "${size:-9999999}" -gt 1000000 ] && echo "a share of the memory" || echo "$size KiB")"
try "mount a file system" $b mount -t tmpfs tmpfs /mnt
try "new mount namespace" $b unshare -m true
try "new user namespace" $b unshare -U true
try "chroot" $b chroot / $b true
try "change the host name" $b hostname changed
try "make a device node" $b mknod /node c 1 3
try "make a fifo" $b mknod /fifo p
try "change an owner" $b chown 7:7 /fifo
try "raw socket (ping)" $b ping -c 1 -W 1 127.0.0.1
try "packet socket (arping)" $b sh -c "$b arping -c 1 -I lo 127.0.0.1 2>&1 | $b grep -qv 'not permitted\|not supported'"
try "become another user" $b su -s /bin/sh app -c true
try "write to /proc/sys" $b sh -c 'echo 0 >/proc/sys/vm/panic_on_oom'
try "write to /sys" $b sh -c 'echo 0 >/sys/kernel/profiling'
try "read /proc/kcore" $b sh -c "$b head -c 1 /proc/kcore"
