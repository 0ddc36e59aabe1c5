#!/bin/sh
# oci-layouts: makes the generator look again after something was mounted later than its run, and starts the images
# that it then finds.
#
#   oci-layouts [DIRECTORY SEEN]...
#       SEEN   what the generator saw of the directory, see src/services/host/MountSnapshot.ts
#
# It starts images that were never started in this boot and that are wanted by a unit that is active or about to be,
# as if they had been known when that unit was started; and in the same way units that could not be started without
# these images. It starts nothing else: starting a target again would also start everything else that it wants.
set -uf
export LC_ALL=C
newline='
'

# The file is read at once: a shell's `read` makes one system call for each byte, and the boot waits for this script.
mounts=$(cat /proc/self/mountinfo)

# Finds the mount that contains a path, by its name: sets its `point` and `kind`.
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

# Counts the mounts below a directory: sets `count`.
count_mounts() { # PATH
  path=$1 count=0 IFS=$newline
  for line in $mounts; do
    IFS=' '
    set -- $line
    # The roots of images are mounted there when their services start, and decide nothing.
    case $5 in
      "${path%/}"/images/sha256/*/root) ;;
      "${path%/}"/*) count=$((count + 1)) ;;
    esac
  done
  unset IFS
}

changed=''
look() {
  while [ $# -ge 2 ]; do
    find_mount "$1"
    if [ "${kind%% *}" = autofs ]; then
      # Looking would wait for the mount, which may wait for this script. Its own unit looks once it is mounted.
      systemctl start --no-block -- "$(systemd-escape --path --suffix=mount -- "$point")"
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
  # A file system cannot be unmounted while it is the current directory of a process.
  cd /
}

# Whether units were generated again since the boot began. That may have found images without starting them. systemd
# makes its socket after the boot's own run of generators, so it need not be asked if the socket is newer.
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

# Lists the services of images that systemd has loaded, which are all that an active unit wants. All helpers of an
# image have an "@".
images() {
  set -- $(
    systemctl list-units --all --no-legend --no-pager --plain --full --type=service |
      cut -d ' ' -f 1 | grep -v @ | sed 's,^,/run/systemd/generator/,'
  )
  [ $# -eq 0 ] || grep -ls '^# Made by oci-systemd-generator' -- "$@" | sed 's,.*/,,'
}

# Lists the units that are active or about to be, one on a line.
live() {
  systemctl list-units --no-legend --no-pager --plain --full --state=active,activating,reloading | cut -d ' ' -f 1
  systemctl list-jobs --no-legend --no-pager --full | while read -r _ unit type _; do
    [ "$type" != start ] || printf '%s\n' "$unit"
  done
}

is_live() {
  case $newline$live$newline in *"$newline$1$newline"*) ;; *) return 1 ;; esac
}

# Selects those of the given units that an active unit wants and that were never started.
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

# Lists the units that cannot be started without the given units.
dependents() {
  [ $# -eq 0 ] || systemctl show --value -p RequiredBy -p BoundBy -p TriggeredBy -- "$@"
}

look "$@"
[ -n "$changed" ] || is_reloaded || exit 0

# After two mounts at once, the later run starts what the earlier one did not.
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
# Starts all of them in one transaction, so that their order among each other is kept. systemd-run treats a backslash
# as an escape.
systemd-run --quiet --no-block --collect --description="Start OCI images that came to light" \
  --property=Type=oneshot --property=DefaultDependencies=no \
  --property="Wants=$(printf '%s ' $start | sed 's/\\/\\\\/g')" -- /bin/true
