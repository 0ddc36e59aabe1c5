#!/bin/sh
# oci-prepare SERVICE MODE TEMPLATE LOWER SCRATCH ROOT [VOLUME...] [-- COMMAND...]: makes the root of a service that is
# about to start, with all that is mounted in it, from what `oci-systemd prepare` made ready once (src/domain/unit/RootTemplate.ts):
#
#   MODE      ephemeral, persistent or readonly
#   TEMPLATE  TEMPLATE/scratch is what a scratch is before anybody has written to it, TEMPLATE/users are the records of the
#             users that the host does not know, TEMPLATE/mounts is what is mounted into the root, TEMPLATE/places are the
#             mount points of a root that is kept, and TEMPLATE/secrets are the secrets that the service gets
#   LOWER     the extract: it is only ever read
#   SCRATCH   copied from the template; of a persistent root only what does not persist
#   ROOT      where the overlay of both is mounted
#   VOLUME    must exist; with a slash at its end, it must be a directory
#   COMMAND   runs instead if anything is missing or may have changed: it makes all this ready, and calls oci-prepare.
#             Without a COMMAND, this is not checked.
#
# A shell starts in a tenth of Node's time. This script interprets no text of the image, which is only in the template's files.
set -u
[ $# -ge 6 ] || {
  echo "usage: oci-prepare SERVICE MODE TEMPLATE LOWER SCRATCH ROOT [VOLUME...] [-- COMMAND...]" >&2
  exit 2
}
service=$1 mode=$2 template=$3 lower=$4 scratch=$5 root=$6
shift 6
holds=${OCI_HOLDS:-/run/oci/users} records=${OCI_RECORDS:-/run/userdb} accounts=${OCI_ACCOUNTS:-/etc}
secrets=${OCI_SECRETS:-/run/oci/secrets}/${root##*/}

is_empty() {
  for entry in "$1"/* "$1"/.[!.]*; do
    [ ! -e "$entry" ] && [ ! -L "$entry" ] || return 1
  done
}

# systemd also starts this unit for a service that already runs (`systemctl start`, `Wants=`), and for a service that has just
# ended and whose root is still mounted (`Upholds=`). A service that is about to stop is active until its process has ended,
# since its orderly stop comes first (src/domain/unit/StopUnit.ts). This waits for that end: otherwise the service would be
# started again in the root that it has used.
unmount() {
  while :; do
    shown=$(systemctl show --property=ActiveState,SubState,PrivatePIDs,ControlGroup -- "$service") || exit 1
    case $shown in
      *ActiveState=inactive* | *ActiveState=failed* | *SubState=auto-restart*) break ;;
      *ActiveState=deactivating*) sleep 0.1 ;;
      # A service of Type=oneshot is activating as long as it runs, and one of Type=notify until it says that it is ready.
      *ActiveState=active* | *ActiveState=activating* | *ActiveState=reloading* | *ActiveState=refreshing*)
        will_stop || exit 0
        sleep 0.1
        ;;
      *)
        echo "$root is mounted still, and the state of $service is unknown: $shown" >&2
        exit 1
        ;;
    esac
  done
  # Where the service was not process 1 of a namespace, though its unit says so by now, its end has not ended its other processes
  # (oci-release does the same).
  case $shown in *PrivatePIDs=yes*ControlGroup=/* | *ControlGroup=/*PrivatePIDs=yes*) systemctl kill --signal=KILL -- "$service" ;; esac
  take_away || exit 1
}

# Whether a service that ran a moment ago does not any more, or is about to end: it is to stop or to be restarted, or a start came
# while its orderly stop went on, or systemd has yet to hear that its main process has ended.
will_stop() (
  shown=$(systemctl show --property=ActiveState,SubState,Job,MainPID,ConsistsOf -- "$service") || return 0
  shown() { printf '%s\n' "$shown" | sed -n "s/^$1=//p"; }
  case $(shown ActiveState)/$(shown SubState) in
    */auto-restart*) return 0 ;;
    active/* | activating/* | reloading/* | refreshing/*) ;;
    *) return 0 ;;
  esac
  job=$(shown Job) pid=$(shown MainPID)
  kind=$(systemctl list-jobs --plain --no-legend | while read -r id _ kind _; do [ "$id" != "$job" ] || echo "$kind"; done)
  case $kind in '' | start) ;; *) return 0 ;; esac
  # The unit of the orderly stop is a part of the service. Names of units have no space.
  set -f
  # shellcheck disable=SC2046
  case $(systemctl show --property=ActiveState --value -- $(shown ConsistsOf)) in *deactivating*) return 0 ;; esac
  [ "${pid:-0}" != 0 ] && { [ ! -d "/proc/$pid" ] || grep -q '^State:[[:space:]]*[ZX]' "/proc/$pid/status"; }
)

# Unmounts the root with all that is mounted in it. A persistent root must not be in use any more when it is mounted again.
take_away() {
  case $mode in
    persistent) umount --recursive -- "$root" ;;
    *) umount --lazy -- "$root" ;;
  esac
}

# Mounts a root that is an image: a link to an empty directory beside the image, on which the image is mounted once after each
# boot, for all services that share it. Other programs that mount or remove an image hold the same lock
# (src/services/root/MountedRoots.ts). Before util-linux 2.41, mount(8) makes a loop device of an image, which the kernel then
# refuses: there perl calls mount(2).
mount_image() (
  [ -L "$lower" ] && place=$(readlink -f -- "$lower") && image=${place%/*} && exec 9<"$image" && flock 9 || return 1
  cd -- "$image" && [ -f image.erofs ] || return 1
  is_empty "$place" || return 0
  options='' device=0
  while [ -L "$device" ]; do
    options=$options,device=$device
    device=$((device + 1))
  done
  [ ! -e data ] || options=$options,device=data
  case $(mount --version) in
    *"util-linux 2."[0-9][!0-9]* | *"util-linux 2."[0-3][0-9][!0-9]* | *"util-linux 2.40"[!0-9]*) mount=perl ;;
    *"util-linux "*) mount=mount ;;
    *) mount=perl ;;
  esac
  if [ "$mount" = mount ]; then
    # The newer mount calls take no option of more than 255 bytes, and a path may be longer.
    LIBMOUNT_FORCE_MOUNT2=always mount -t erofs -o "ro$options" "$image/image.erofs" "$place"
  else
    perl -e '
      my %MOUNT = (x86_64 => 165, aarch64 => 40, riscv64 => 40, loongarch64 => 40, ppc64le => 21, armv7l => 21);
      my ($machine, $source, $place, $options) = @ARGV;
      my ($call, $type) = ($MOUNT{$machine}, "erofs");
      # The numbers are wrong for a 32-bit perl on a 64-bit kernel.
      exit 1 unless defined $call && length(pack("p", $type)) == ($machine =~ /64/ ? 8 : 4);
      exit(syscall($call, $source, $place, $type, 1, $options) == 0 ? 0 : 1);
    ' -- "$(uname -m)" "$image/image.erofs" "$place" "${options#,}"
  fi
)

is_ready() {
  [ -d "$template" ] && [ -d "$lower" ] || return 1
  ! is_empty "$lower" || mount_image || return 1
  # The host may have got accounts with these ids since.
  [ ! -d "$template/users" ] ||
    { [ ! "$accounts/passwd" -nt "$template" ] && [ ! "$accounts/group" -nt "$template" ]; }
}

copy_scratch() {
  if [ "$mode" = persistent ] && [ ! -d "$scratch/upper" ]; then
    # The scratch appears by one rename, since it is never made again. No scratch has a name that begins with a dot.
    new=${scratch%/*}/.${scratch##*/}
    rm -rf -- "$new" "$scratch" || return 1
    cp --archive --reflink=auto --no-target-directory -- "$template/scratch" "$new" || return 1
    mv --no-target-directory -- "$new" "$scratch" || return 1
  elif [ ! -e "$scratch" ]; then
    cp --archive --reflink=auto --no-target-directory -- "$template/scratch" "$scratch" || return 1
  else
    # Removes what a power cut left, or a service that has just ended. The pipe of its output stays: the reader has opened it
    # already, and without a reader the service could not be started. The number of restarts of an unhealthy service stays too,
    # since it is counted over several starts.
    for place in "$scratch"/*; do
      case $mode/${place##*/} in
        persistent/upper | persistent/work | */output | */health.restarts) ;;
        *) rm -rf -- "$place" || return 1 ;;
      esac
    done
    set --
    for place in "$template"/scratch/*; do
      [ -e "$scratch/${place##*/}" ] || set -- "$@" "$place"
    done
    cp --archive --reflink=auto -- "$@" "$scratch/" || return 1
  fi
}

# Copies the records that the service needs to a directory of its own, where they mark these records as needed until
# oci-release removes the copies. Both scripts hold one lock meanwhile, so that no record is removed after it was found here
# and before it is marked.
hold() {
  [ -d "$holds" ] && [ -d "$records" ] || mkdir -p -- "$holds" "$records" || return 1
  exec 9>"$holds/.lock"
  flock 9 || return 1
  own=$holds/${root##*/}
  # Copies of an earlier start may still be linked to records.
  cp --archive --remove-destination --no-target-directory -- "$template/users" "$own" || return 1
  set --
  for record in "$own"/*; do
    [ -e "$records/${record##*/}" ] || [ -L "$records/${record##*/}" ] || set -- "$@" "$record"
  done
  # A link is complete at once: no process reads half a record.
  [ $# -eq 0 ] || ln --physical -- "$@" "$records/" || return 1
  exec 9>&-
}

# Writes the secrets to a file system of the service's own: in memory, and unlike a tmpfs never in the swap. systemd has put
# those of its stores into CREDENTIALS_DIRECTORY, with a text in place of a missing one, and names of their own for those of stores
# that are not encrypted (src/domain/unit/ServiceSecrets.ts).
# No secret is an argument of a program, which others could see.
make_secrets() {
  umount -q --lazy -- "$secrets"
  [ -d "${secrets%/*}" ] || mkdir -p -m 700 -- "${secrets%/*}" || return 1
  mkdir -p -- "$secrets" && mount -t ramfs -o mode=0700,nodev,nosuid,noexec ramfs "$secrets" || return 1
  while read -r kind place owner mode source; do
    case $source in
      /*) file=$source ;;
      *)
        file=${CREDENTIALS_DIRECTORY:-/nonexistent}/$source
        first=''
        [ ! -e "$file" ] || IFS= read -r first <"$file"
        [ -e "$file" ] && [ "$first" != "(oci-systemd: missing)" ] || file=$file~plain
        ;;
    esac
    if [ ! -f "$file" ]; then
      tell_missing "$source"
      return 1
    fi
    size=$(wc -c <"$file") || return 1
    if [ "$size" -gt "$MAX_SECRET" ]; then
      echo "the secret $source is longer than $MAX_SECRET bytes, the most that a credential of systemd may have" >&2
      return 1
    fi
    case $kind in
      file) (umask 077 && cat -- "$file" >"$secrets/$place") && chown -- "$owner" "$secrets/$place" && chmod -- "$mode" "$secrets/$place" ;;
      variable) (umask 077 && write_variable "$place" "$source" "$file" "$size") ;;
      *) false ;;
    esac || return 1
  done <"$template/secrets"
}

MAX_SECRET=1048576
# Linux starts no program with a longer variable: its name, "=", its value and a NUL (execve(2), MAX_ARG_STRLEN).
MAX_VARIABLE=131072

tell_missing() {
  case $1 in
    /*) echo "the secret $1 is missing: this host has no such file" >&2 ;;
    *) echo "the secret $1 is missing: it is neither in /etc/credstore.encrypted nor in /etc/credstore. To make it: systemd-creds encrypt --name=$1 - /etc/credstore.encrypted/$1" >&2 ;;
  esac
}

# write_variable NAME SOURCE FILE SIZE adds a variable to the file that systemd reads, in quotes (systemd.exec(5),
# EnvironmentFile=). systemd would log a value that is not UTF-8, or that has control characters other than tabs and line ends,
# so this refuses it. Line ends at the very end are no part of the value, as in "$(cat FILE)", by which scripts of images read secrets.
write_variable() {
  if ! is_text "$3"; then
    echo "the secret $2 cannot be the variable $1: it has control characters, or is not UTF-8" >&2
    return 1
  fi
  if [ "$((${#1} + $4 + 2))" -gt "$MAX_VARIABLE" ]; then
    echo "the secret $2 cannot be the variable $1: Linux takes no variable that is longer than $MAX_VARIABLE bytes" >&2
    return 1
  fi
  value=$(LC_ALL=C sed 's/["\\`$]/\\&/g' <"$3") && printf '%s="%s"\n' "$1" "$value" >>"$secrets/environment"
}

# Whether a file is UTF-8 that systemd takes: without control characters, and without what Unicode calls noncharacters.
is_text() {
  next=$(printf '[\200-\277]')
  character=$(printf "[\t -~]|[\302-\337]$next|(\340[\240-\277]|[\341-\354\356\357]$next|\355[\200-\237])$next|(\360[\220-\277]|[\361-\363]$next|\364[\200-\217])$next$next")
  noncharacter=$(printf '\357(\267[\220-\257]|\277[\276\277])|[\360-\364][\217\237\257\277]\277[\276\277]')
  is_without -vxE "($character)*" "$1" && is_without -E "$noncharacter" "$1"
}

# Whether grep finds nothing, and does not fail.
is_without() {
  LC_ALL=C grep -qa "$@"
  [ $? -eq 1 ]
}

# Mounts the overlay and everything in it while no process of the image runs there. In a root that is kept and in volumes, the
# image's processes may have put links in the place of directories in an earlier run, and an accomplice may be doing so now.
# Therefore the overlay is "nosymfollow" until the table's last line: the kernel follows no link in it
# (src/domain/unit/MountTable.ts says more).
#
# The overlay is a shared mount, and so is everything mounted on it. A service of the host with mounts of its own that starts
# meanwhile gets a copy of all of it, and an unmount here removes the copy too. No process could remove a copy of a private
# overlay with mounts on it.
mount_root() {
  # Private to root: a setuid file inside must not be reachable for the host's users.
  [ -d "${root%/*}" ] || mkdir -p -m 700 -- "${root%/*}" || return 1
  [ -d "$root" ] || mkdir -p -- "$root" || return 1
  case $mode in
    readonly) options=ro,lowerdir=$scratch/upper:$lower ;;
    *) options=lowerdir=$lower,upperdir=$scratch/upper,workdir=$scratch/work ;;
  esac
  # The newer mount calls, which mount(8) prefers, take no option of more than 255 bytes (fsconfig(2)).
  LIBMOUNT_FORCE_MOUNT2=always \
    mount -t overlay -o "nodev,nosuid,nosymfollow,$options" overlay "$root" || return 1
  { [ ! -e "$template/places" ] || make_places; } &&
    mount --no-mtab --no-canonicalize --all --fstab "$template/mounts" && return
  status=$?
  take_away
  lost=yes
  return "$status"
}

# Makes the mount points that are missing in a root that is kept. If a link or a file is in the way of one, the mount on it
# fails later and names it. This fails itself if a link is in a place where systemd would follow it, because systemd mounts
# file systems of the kernel by their paths.
make_places() (
  umask 022
  cd -- "$root" && xargs -0 -r sh -c '
    for place; do
      case $place in
        */) [ -d "$place" ] || mkdir -p -- "$place" ;;
        *) [ -e "$place" ] || { mkdir -p -- "${place%/*}" && : >"$place"; } ;;
      esac
    done' sh <"$template/places"
  [ ! -L ./proc ] && [ ! -L ./sys ] && [ ! -L ./dev ]
)

is_empty "$root" || unmount
missing=''
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  [ -e "$1" ] || missing=$1
  shift
done
if [ $# -gt 0 ]; then
  shift
  { [ -z "$missing" ] && is_ready; } || exec "$@"
fi

lost=''
copy_scratch && { [ ! -d "$template/users" ] || hold; } &&
  { [ ! -e "$template/secrets" ] || make_secrets; } && mount_root && exit
status=$?
# The template or the extract may have been removed as garbage meanwhile, if systemd still has the units of an older image.
# Or a mount point in a volume is gone.
[ $# -eq 0 ] || { [ -z "$lost" ] && [ -d "$template" ] && [ -d "$lower" ]; } || exec "$@"
[ -z "$lost" ] ||
  echo "not everything can be mounted in the root: where a link or a file is in the way, remove it from $scratch/upper or the volume" >&2
exit "$status"
