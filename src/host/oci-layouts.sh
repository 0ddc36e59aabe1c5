#!/bin/sh
# oci-layouts: has the generator look again where something was mounted after it did, and starts the images that came to light.
#
#   oci-layouts [DIRECTORY SEEN]...
#       SEEN   what the generator saw of the directory, see src/services/Sightings.ts
#
# Then it starts the images that a unit wants which is up or about to be, and that were never started in this boot, as if they
# had been known when that unit was started; and in the same way what could not be started without them. It starts nothing
# else: to start a target again would run once more whatever else that wants.
set -uf
export LC_ALL=C
newline='
'

# Read at once: a shell's `read` takes a system call a byte, and a boot waits for this.
mounts=$(cat /proc/self/mountinfo)

# The mount that a path is on, by its name: sets its `point` and `kind`.
find_mount() { # PATH
  path=$1 point='' kind='' IFS=$newline
  for line in $mounts; do
    IFS=' '
    set -- $line
    case $path/ in
      "${5%/}"/*) [ ${#5} -lt ${#point} ] || point=$5 kind=${line##* - } ;;
    esac
  done
  unset IFS
}

# Those below a directory: sets their `count`.
count_mounts() { # PATH
  path=$1 count=0 IFS=$newline
  for line in $mounts; do
    IFS=' '
    set -- $line
    case $5 in "${path%/}"/*) count=$((count + 1)) ;; esac
  done
  unset IFS
}

changed=''
look() {
  while [ $# -ge 2 ]; do
    find_mount "$1"
    if [ "${kind%% *}" = autofs ]; then
      # To look would wait for the mount, which may wait for what waits for us. Once it is there, its own unit looks.
      systemctl start --no-block "$(systemd-escape --path --suffix=mount "$point")"
    else
      now=missing
      if cd -P -- "$1" 2>/dev/null; then
        count_mounts "$PWD"
        now=$(stat -c %d:%i .):$count
      fi
      if [ "$now" != "$2" ]; then
        echo "$1 is not what it was when units were generated"
        changed=yes
      fi
    fi
    shift 2
  done
  # A file system that is somebody's directory cannot be unmounted.
  cd /
}

# Has somebody else had units generated since the boot began? They may have brought images to light, and started none.
# systemd makes its socket after the boot's own run of generators; it need not be asked where that is the later.
is_reloaded() {
  [ ! /run/systemd/private -nt /run/systemd/generator/oci-layouts.service ] || return 1
  load='' finish=''
  while IFS='=' read -r key value; do
    case $key in
      UnitsLoadTimestampMonotonic) load=$value ;;
      UnitsLoadFinishTimestampMonotonic) finish=$value ;;
    esac
  done <<END
$(systemctl show -p UnitsLoadTimestampMonotonic -p UnitsLoadFinishTimestampMonotonic)
END
  [ "${load:-0}" -gt "${finish:-0}" ]
}

# The services of images that systemd has loaded, as it has all that anything up wants. An image's helpers all have an "@".
images() {
  set -- $(
    systemctl list-units --all --no-legend --no-pager --plain --full --type=service |
      cut -d ' ' -f 1 | grep -v @ | sed 's,^,/run/systemd/generator/,'
  )
  [ $# -eq 0 ] || grep -ls '^# Made by oci-systemd-generator' -- "$@" | sed 's,.*/,,'
}

# What is up or about to be, each on a line.
live() {
  systemctl list-units --no-legend --no-pager --plain --full --state=active,activating,reloading | cut -d ' ' -f 1
  systemctl list-jobs --no-legend --no-pager --full | while read -r _ unit type _; do
    [ "$type" != start ] || printf '%s\n' "$unit"
  done
}

is_live() {
  case $newline$live$newline in *"$newline$1$newline"*) ;; *) return 1 ;; esac
}

# Those of the given units that a live one wants, and that were never started.
missed() {
  [ $# -gt 0 ] || return 0
  {
    systemctl show -p Id -p InactiveExitTimestampMonotonic -p WantedBy -p RequiredBy -p BoundBy -p UpheldBy -- "$@"
    echo
  } | {
    id='' started='' by=''
    while IFS='=' read -r key value; do
      case $key in
        Id) id=$value ;;
        InactiveExitTimestampMonotonic) started=$value ;;
        ?*) by="$by $value" ;;
        *)
          if [ "$started" = 0 ] && ! is_live "$id"; then
            for unit in $by; do
              ! is_live "$unit" || { printf '%s\n' "$id" && break; }
            done
          fi
          id='' started='' by=''
          ;;
      esac
    done
  }
}

# What cannot be started without the given units.
dependents() {
  [ $# -eq 0 ] || systemctl show --value -p RequiredBy -p BoundBy -p TriggeredBy -- "$@"
}

look "$@"
[ -n "$changed" ] || is_reloaded || exit 0

# Two mounts at once: the later one starts what the earlier one did not.
exec 9>"${OCI_LOCK:-/run/oci-layouts.lock}"
flock 9 || exit 1
[ -z "$changed" ] || systemctl daemon-reload || exit 1
live=$(live)
images=$(images)
start=$(
  missed $images
  missed $(dependents $images)
)
[ -n "$start" ] || exit 0
echo "starting" $start
# All in one transaction, so that their order holds among them as well. A backslash is an escape to systemd-run.
systemd-run --quiet --no-block --collect --description="Start OCI images that came to light" \
  --property=Type=oneshot --property=DefaultDependencies=no \
  --property="Wants=$(printf '%s ' $start | sed 's/\\/\\\\/g')" -- /bin/true
