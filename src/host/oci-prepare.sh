#!/bin/sh
# oci-prepare SERVICE MODE TEMPLATE LOWER SCRATCH ROOT [VOLUME...] [-- COMMAND...]: makes the root of a service that is
# about to start, from what `oci-systemd prepare` made ready once (src/domain/unit/RootTemplate.ts):
#
#   MODE      ephemeral, persistent or readonly
#   TEMPLATE  TEMPLATE/scratch is what a scratch is before anybody has written to it, TEMPLATE/users are the records of the
#             users that the host does not know
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
# just ended without its root being taken away (`Upholds=`).
unmount() {
  while :; do
    state=$(systemctl show --property=ActiveState --value -- "$service") || exit 1
    case $state in
      inactive | failed | activating) break ;;
      deactivating) sleep 0.1 ;;
      active | reloading | refreshing) exit 0 ;;
      *)
        echo "$root is mounted still, and $service is \"$state\"" >&2
        exit 1
        ;;
    esac
  done
  case $mode in
    persistent) umount -- "$root" || exit 1 ;;
    *) umount --lazy -- "$root" || exit 1 ;;
  esac
}

is_ready() {
  [ -d "$template" ] && [ -d "$lower" ] || return 1
  # Which ids are the host's own may be something else by now.
  if [ -d "$template/users" ]; then
    [ ! "$accounts/passwd" -nt "$template" ] && [ ! "$accounts/group" -nt "$template" ] || return 1
  fi
  # The working directory that the image lacks may have been removed by the service.
  [ "$mode" != persistent ] || [ ! -d "$scratch/upper" ] || is_empty "$template/scratch/upper"
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
    # who reads it has it open already, and without a reader the service could not be started.
    for place in "$scratch"/*; do
      case $mode/${place##*/} in
        persistent/upper | persistent/work | */output) ;;
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

mount_root() {
  # Private to root: a setuid file inside must not be reachable for the host's users.
  [ -d "${root%/*}" ] || mkdir -p -m 700 -- "${root%/*}" || return 1
  [ -d "$root" ] || mkdir -p -- "$root" || return 1
  case $mode in
    readonly) options=ro,lowerdir=$scratch/upper:$lower ;;
    *) options=lowerdir=$lower,upperdir=$scratch/upper,workdir=$scratch/work ;;
  esac
  # The newer mount calls, which mount(8) prefers, take no option of more than 255 bytes (fsconfig(2)).
  LIBMOUNT_FORCE_MOUNT2=always mount -t overlay -o "$options" overlay "$root"
}

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

copy_scratch && { [ ! -d "$template/users" ] || hold; } && mount_root && exit
status=$?
# What was there a moment ago may have been collected as garbage: of an older image, whose units systemd has still.
[ $# -eq 0 ] || { [ -d "$template" ] && [ -d "$lower" ]; } || exec "$@"
exit "$status"
