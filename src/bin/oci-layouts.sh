#!/bin/sh
# oci-layouts: has the generator look again where something was mounted after it did, and starts the images that came to light.
#
#   oci-layouts [DIRECTORY SEEN]...
#       SEEN   what the generator saw of the directory, see src/services/Sightings.ts
#
# Of the new images it starts those that a unit wants which is up or about to come up, as if they had been known when that
# was started; and what such a unit wants and could not be started without them. It starts nothing else: starting a target
# again would run once more whatever else that wants.
set -uf
export LC_ALL=C
newline='
'

sighting() { # DIRECTORY
  (
    cd -P -- "$1" 2>/dev/null || { echo missing && exit; }
    here=$(pwd -P) below=0
    while read -r _ _ _ _ point _; do
      case $point in "${here%/}"/*) below=$((below + 1)) ;; esac
    done </proc/self/mountinfo
    echo "$(stat -c %d:%i .):$below"
  )
}

changed=''
look() {
  while [ $# -ge 2 ]; do
    if [ "$(sighting "$1")" != "$2" ]; then
      echo "$1 is not what it was when units were generated"
      changed=yes
    fi
    shift 2
  done
}

# From systemd and not from the directory, which another reload may be writing at this moment.
generated() {
  systemctl list-unit-files --no-legend --no-pager --full --state=generated --type=service | cut -d ' ' -f 1 | sort
}

# Those of the given units that belong to images; the others are not ours to start. An image's helpers all have an "@".
images() {
  for unit; do
    case $unit in *@*) ;; *) echo "/run/systemd/generator/$unit" ;; esac
  done | {
    IFS=$newline
    set -- $(cat)
    [ $# -eq 0 ] || grep -ls '^# Made by oci-systemd-generator' -- "$@" | sed 's,.*/,,'
  }
}

is_live() {
  case $newline$live$newline in *"$newline$1$newline"*) ;; *) return 1 ;; esac
}

# Those of the given units that a unit wants which is live.
wanted() {
  [ $# -gt 0 ] || return 0
  { systemctl show -p Id -p WantedBy -p RequiredBy -p BoundBy -p UpheldBy -- "$@" && echo; } | {
    id='' by=''
    while IFS='=' read -r key value; do
      case $key in
        Id) id=$value ;;
        ?*) by="$by $value" ;;
        *)
          for unit in $by; do
            ! is_live "$unit" || { echo "$id" && break; }
          done
          id='' by=''
          ;;
      esac
    done
  }
}

# What is not live and cannot be without the given units.
stalled() {
  [ $# -gt 0 ] || return 0
  for unit in $(systemctl show --value -p RequiredBy -p BoundBy -p TriggeredBy -- "$@"); do
    is_live "$unit" || echo "$unit"
  done
}

look "$@"
[ -n "$changed" ] || exit 0

# Two mounts at once, and each would take the other's images for old ones.
exec 9>/run/oci-layouts.lock
flock 9 || exit 1
generated >/run/oci-layouts.before
systemctl daemon-reload || exit 1
new=$(images $(generated | comm -13 /run/oci-layouts.before -))
rm /run/oci-layouts.before

live=$(
  systemctl list-units --no-legend --no-pager --plain --full --state=active,activating,reloading | cut -d ' ' -f 1
  systemctl list-jobs --no-legend --no-pager --full | while read -r _ unit type _; do
    [ "$type" != start ] || echo "$unit"
  done
)
start=$(
  wanted $new
  wanted $(stalled $new)
)
[ -n "$start" ] || exit 0
echo "starting" $start
# All in one transaction, so that their order holds among them as well. A backslash is an escape to systemd-run.
systemd-run --quiet --no-block --collect --description="Start OCI images that came to light" \
  --property=Type=oneshot --property=DefaultDependencies=no \
  --property="Wants=$(printf '%s ' $start | sed 's/\\/\\\\/g')" -- /bin/true
