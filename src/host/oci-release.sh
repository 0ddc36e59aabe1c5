#!/bin/sh
# oci-release MODE SCRATCH ROOT [SERVICE]: cleans up after a service has stopped. It removes what oci-prepare made for the
# service: the mounts at ROOT, its secrets, the user records in /run/userdb that no other service uses, and the parts of SCRATCH
# that are not kept. Units of earlier versions do not name the service.
set -u
[ $# -eq 3 ] || [ $# -eq 4 ] || { echo "usage: oci-release MODE SCRATCH ROOT [SERVICE]" >&2; exit 2; }
mode=$1 scratch=$2 root=$3 service=${4:-} name=${3##*/}
holds=${OCI_HOLDS:-/run/oci/users} records=${OCI_RECORDS:-/run/userdb}

# systemd ends the process 1 of a namespace, and with it the kernel ends all others. A service that was started before its unit
# said so, by an earlier version of this program, or whose drop-in said otherwise, leaves them.
if [ -n "$service" ]; then
  case $(systemctl show --property=PrivatePIDs,ControlGroup -- "$service") in
    *PrivatePIDs=yes*ControlGroup=/* | *ControlGroup=/*PrivatePIDs=yes*) systemctl kill --signal=KILL -- "$service" ;;
  esac
fi

# A process inside a root that is discarded (a shell, a backup) keeps that root from nobody else. A root that is kept
# must be released before it is mounted again.
case $mode in
  persistent) umount -q --recursive -- "$root" ;;
  *) umount -q --lazy -- "$root" ;;
esac

secrets=${OCI_SECRETS:-/run/oci/secrets}/$name
if [ -d "$secrets" ]; then
  umount -q --lazy -- "$secrets"
  rmdir -- "$secrets"
fi

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
    # The link with the number's name may belong to another program.
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
