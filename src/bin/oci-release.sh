#!/bin/sh
# oci-release HOLDER: a service has stopped. Removes the user and group records in /run/userdb that prepare made for it,
# but for those that another service holds still. See src/services/UserHolds.ts.
set -u
holds=${OCI_HOLDS:-/run/oci/users} records=${OCI_RECORDS:-/run/userdb}
[ $# -eq 1 ] || { echo "usage: oci-release HOLDER" >&2; exit 2; }
[ -d "$holds/$1" ] || exit 0

# prepare takes the same lock: a record is not removed while another service is about to hold it.
exec 9>"$holds/.lock"
flock 9 || exit 1
for hold in "$holds/$1"/oci-*; do
  [ -e "$hold" ] || continue
  name=${hold##*/}
  rm -f "$hold"
  for other in "$holds"/*/"$name"; do
    [ ! -e "$other" ] || continue 2
  done
  case $name in
    oci-u*) kind=user id=${name#oci-u} ;;
    oci-g*) kind=group id=${name#oci-g} ;;
    *) continue ;;
  esac
  # The number's own name may be somebody else's link.
  [ "$(readlink "$records/$id.$kind")" != "$name.$kind" ] || rm -f "$records/$id.$kind"
  rm -f "$records/$name.$kind"
done
rmdir "$holds/$1"
