#!/bin/sh
# oci-release MODE SCRATCH ROOT: a service has stopped. Takes away what oci-prepare made for it: the mount at ROOT, the user
# records in /run/userdb that no other service holds still, and what does not persist of SCRATCH.
set -u
[ $# -eq 3 ] || { echo "usage: oci-release MODE SCRATCH ROOT" >&2; exit 2; }
mode=$1 scratch=$2 root=$3 name=${3##*/}
holds=${OCI_HOLDS:-/run/oci/users} records=${OCI_RECORDS:-/run/userdb}

# Somebody who stands in it (a shell, a backup) keeps a root that is thrown away from nobody. One that persists must be
# let go of before it is mounted again.
case $mode in
  persistent) umount -q -- "$root" ;;
  *) umount -q --lazy -- "$root" ;;
esac

release() {
  exec 9>"$holds/.lock"
  flock 9 || return
  for hold in "$holds/$name"/oci-*; do
    [ -e "$hold" ] || continue
    record=${hold##*/}
    rm -f -- "$hold"
    for other in "$holds"/*/"$record"; do
      [ ! -e "$other" ] || continue 2
    done
    # The number's own name may be somebody else's link.
    kind=${record##*.} id=${record#oci-?}
    id=${id%.*}
    [ "$(readlink -- "$records/$id.$kind")" != "$record" ] || rm -f -- "$records/$id.$kind"
    rm -f -- "$records/$record"
  done
  rm -rf -- "${holds:?}/$name"
}
[ ! -d "$holds/$name" ] || release

if [ "$mode" != persistent ]; then exec rm -rf -- "$scratch"; fi
for place in "$scratch"/*; do
  case ${place##*/} in
    upper | work) ;;
    *) rm -rf -- "$place" ;;
  esac
done
