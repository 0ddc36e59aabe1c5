#!/bin/sh
# oci-prepare SERVICE MODE TEMPLATE LOWER SCRATCH ROOT [VOLUME...] [-- COMMAND...]: makes the root of a service that is
# about to start, with all that is mounted in it, from what `oci-systemd prepare` made ready once (src/domain/unit/RootTemplate.ts):
#
#   MODE      ephemeral, persistent or readonly
#   TEMPLATE  TEMPLATE/scratch is what a scratch is before anybody has written to it, TEMPLATE/users are the records of the
#             users that the host does not know, TEMPLATE/mounts is what is mounted into the root, and TEMPLATE/places are the
#             mount points of a root that is kept
#   LOWER     the extract: it is only ever read
#   SCRATCH   copied from the template; of a persistent root only what does not persist
#   ROOT      where the overlay of both is mounted
#   VOLUME    has to be there; with a slash at its end, it has to be a directory
#   COMMAND   runs instead where anything is missing or may have changed: it makes all this ready, and calls oci-prepare.
#             Without one, nothing of that is asked.
#
# A shell starts in a tenth of Node's time. No text of the image's is read here: what it says is in the template's files.
set -u
[ $# -ge 6 ] || {
  echo "usage: oci-prepare SERVICE MODE TEMPLATE LOWER SCRATCH ROOT [VOLUME...] [-- COMMAND...]" >&2
  exit 2
}
service=$1 mode=$2 template=$3 lower=$4 scratch=$5 root=$6
shift 6
holds=${OCI_HOLDS:-/run/oci/users} records=${OCI_RECORDS:-/run/userdb} accounts=${OCI_ACCOUNTS:-/etc}

is_empty() {
  for entry in "$1"/* "$1"/.[!.]*; do
    [ ! -e "$entry" ] && [ ! -L "$entry" ] || return 1
  done
}

# systemd starts this unit along with a service that runs already (`systemctl start`, `Wants=`), and before a service that has
# just ended without its root being taken away (`Upholds=`). A service that is about to stop is active until its process has
# ended, since its orderly stop comes first (src/domain/unit/StopUnit.ts): it is waited for, or it would be started again
# in the root that it has used.
unmount() {
  while :; do
    shown=$(systemctl show --property=ActiveState,PrivatePIDs,ControlGroup -- "$service") || exit 1
    case $shown in
      *ActiveState=inactive* | *ActiveState=failed* | *ActiveState=activating*) break ;;
      *ActiveState=deactivating*) sleep 0.1 ;;
      *ActiveState=active* | *ActiveState=reloading* | *ActiveState=refreshing*)
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

# Whether a service that is active is about to be inactive: it is to stop or to be restarted, or a start came while its
# orderly stop went on, or systemd has yet to hear that its main process has ended.
will_stop() (
  shown=$(systemctl show --property=Job,MainPID,ConsistsOf -- "$service") || return 0
  shown() { printf '%s\n' "$shown" | sed -n "s/^$1=//p"; }
  job=$(shown Job) pid=$(shown MainPID)
  kind=$(systemctl list-jobs --plain --no-legend | while read -r id _ kind _; do [ "$id" != "$job" ] || echo "$kind"; done)
  case $kind in '' | start) ;; *) return 0 ;; esac
  # The unit of the orderly stop is a part of the service. Names of units have no space.
  set -f
  # shellcheck disable=SC2046
  case $(systemctl show --property=ActiveState --value -- $(shown ConsistsOf)) in *deactivating*) return 0 ;; esac
  [ "$pid" != 0 ] && { [ ! -d "/proc/$pid" ] || grep -q '^State:[[:space:]]*[ZX]' "/proc/$pid/status"; }
)

# With all that is mounted in it. A root that persists has to be let go of by everybody before it is mounted again.
take_away() {
  case $mode in
    persistent) umount --recursive -- "$root" ;;
    *) umount --lazy -- "$root" ;;
  esac
}

# A root that is an image is a link to an empty directory beside the image, until the image is mounted there: once after each boot,
# for all services that have it. The lock is the one that removes or mounts an image elsewhere too (src/services/root/MountedRoots.ts).
# mount(8) makes a loop device of an image before util-linux 2.41, which the kernel then refuses: perl calls mount(2).
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
      # The numbers are those of programs that are as wide as the kernel.
      exit 1 unless defined $call && length(pack("p", $type)) == ($machine =~ /64/ ? 8 : 4);
      exit(syscall($call, $source, $place, $type, 1, $options) == 0 ? 0 : 1);
    ' -- "$(uname -m)" "$image/image.erofs" "$place" "${options#,}"
  fi
)

is_ready() {
  [ -d "$template" ] && [ -d "$lower" ] || return 1
  ! is_empty "$lower" || mount_image || return 1
  # Which ids are the host's own may be something else by now.
  [ ! -d "$template/users" ] ||
    { [ ! "$accounts/passwd" -nt "$template" ] && [ ! "$accounts/group" -nt "$template" ]; }
}

copy_scratch() {
  if [ "$mode" = persistent ] && [ ! -d "$scratch/upper" ]; then
    # Appears by one rename, since it is never made again. No scratch has a name with a dot before it.
    new=${scratch%/*}/.${scratch##*/}
    rm -rf -- "$new" "$scratch" || return 1
    cp --archive --reflink=auto --no-target-directory -- "$template/scratch" "$new" || return 1
    mv --no-target-directory -- "$new" "$scratch" || return 1
  elif [ ! -e "$scratch" ]; then
    cp --archive --reflink=auto --no-target-directory -- "$template/scratch" "$scratch" || return 1
  else
    # What a power cut left is removed, and what a service left that has just ended. Its output stays the pipe that it is:
    # who reads it has it open already, and without a reader the service could not be started. How often an unhealthy service
    # was restarted is counted over its starts.
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

# Which records a service needs is told by copies of them, held below its name until oci-release takes them away. Both do
# so under one lock, so that no record is removed between being found and being needed.
hold() {
  [ -d "$holds" ] && [ -d "$records" ] || mkdir -p -- "$holds" "$records" || return 1
  exec 9>"$holds/.lock"
  flock 9 || return 1
  own=$holds/${root##*/}
  # What a start before this one left there may be linked.
  cp --archive --remove-destination --no-target-directory -- "$template/users" "$own" || return 1
  set --
  for record in "$own"/*; do
    [ -e "$records/${record##*/}" ] || [ -L "$records/${record##*/}" ] || set -- "$@" "$record"
  done
  # Linked and not copied: nobody ever reads half a record.
  [ $# -eq 0 ] || ln --physical -- "$@" "$records/" || return 1
  exec 9>&-
}

# Everything is mounted below the overlay while nothing of the image runs in it. What the image's processes wrote in an earlier
# run, a root that is kept or a volume, may have links where directories were, and an accomplice may be putting them there
# now: the overlay is "nosymfollow" until the table's last line, and so the kernel follows none of them
# (src/domain/unit/MountTable.ts says more). The overlay is shared, as what is mounted
# on it is: a service of the host with mounts of its own that starts meanwhile has a copy of all of it, and an unmount here takes the
# copies away too. If the overlay were private, nobody could: a copy with mounts on it stays.
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

# What cannot be made, because a link or a file is in its place, is told by the mount that fails. It fails itself where
# systemd would follow a link, as it mounts file systems of the kernel by their paths.
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
copy_scratch && { [ ! -d "$template/users" ] || hold; } && mount_root && exit
status=$?
# What was there a moment ago may have been collected as garbage: of an older image, whose units systemd has still. Or what
# something is mounted on in a volume is gone.
[ $# -eq 0 ] || { [ -z "$lost" ] && [ -d "$template" ] && [ -d "$lower" ]; } || exec "$@"
[ -z "$lost" ] ||
  echo "not everything can be mounted in the root: where a link or a file is in the way, remove it from $scratch/upper or the volume" >&2
exit "$status"
