#!/bin/sh
# oci-generator [-config FILE] NORMAL [EARLY [LATE]]: systemd runs this script as its generator. It restores the units
# of the last run if nothing that decided them has changed. Otherwise it runs the generator itself, which makes a new
# memory.
#
# A memory is a directory that src/services/memory/Memory.ts writes:
#
#   head       the request, the boot, mounts, and directories without their links: a word and a value on each line
#   names      each path that was read or found missing, ended by NUL; those of the memory itself come first
#   directories   directories of which only device and inode number count, in the same form
#   expected   what stat(1) printed of both
#   usable     the roots of images
#   foreign    the mounted roots that belong to no image
#   units      an archive of the units
#   kmsg       the messages of the run, for the kernel's log
#   stderr     the same for standard error
#
# An invalid memory costs the time of a run, and never a unit.
set -fu
newline='
'

# Opened files take the lowest free numbers, so closed standard descriptors are replaced first.
{ true <&0; } 2>/dev/null || exec </dev/null
{ true >&1; } 2>/dev/null || exec >/dev/null
{ true >&2; } 2>/dev/null || exec 2>/dev/null

# Runs the generator, which lies beside this file.
run() {
  case $0 in
    */*) self=$0 ;;
    *) self=$(command -v -- "$0") ;;
  esac
  [ ! -L "$self" ] || self=$(readlink -f -- "$self")
  program=${self%/*}/oci-systemd-generator
  [ -x "$program" ] || program=$program.cjs
  if [ -n "${config+set}" ]; then exec "$program" -config "$config" "$@"; fi
  exec "$program" "$@"
}

# Sets `asked`: everything that the generator takes from its caller. Of the environment, these are the variables named
# here and in src/services/host/GeneratorEnvironment.ts.
ask() {
  asked="$0 ${config+-config $config}"
  for name in PATH NO_COLOR SYSTEMD_IN_INITRD SYSTEMD_LOG_COLOR SYSTEMD_LOG_LEVEL SYSTEMD_LOG_RATELIMIT_KMSG \
    SYSTEMD_LOG_TARGET SYSTEMD_LOG_TID SYSTEMD_LOG_TIME SYSTEMD_VIRTUALIZATION; do
    eval "asked=\$asked\${$name+\" $name=\$$name\"}"
  done
  [ ! -t 2 ] || asked="$asked terminal"
  [ "${SYSTEMD_EXEC_PID-}" != $$ ] || asked="$asked systemd"
  line=''
  IFS= read -r line </proc/cmdline || :
  asked="$asked $line"
}

# Sets `mounts`: each mount point with the type of its file system, one on a line.
read_mounts() {
  [ -z "${mounts-}" ] || return 0
  mounts=$(sed -n 's/^[^ ]* [^ ]* [^ ]* [^ ]* \([^ ]*\) .* - \([^ ]*\) .*/\1 \2/p' /proc/self/mountinfo)
}

# Sets `near` to the mounts on the way to one of the places, and to those below one.
find_near() { # PLACES, a line each
  near='' IFS=$newline
  for mount in $mounts; do
    point=${mount% *}
    for place in $1; do
      case $place/ in
        "${point%/}"/*) ;;
        # The roots of images are mounted there when their services start, and decide nothing.
        *) case $point in "${place%/}"/images/sha256/*/root) continue ;; "${place%/}"/*) ;; *) continue ;; esac ;;
      esac
      near=$near$mount$newline
      break
    done
  done
  unset IFS
}

# Whether the memory in this directory is for the same request and the same mounts. Mounts are compared before any
# path is examined: looking into an automount would wait for systemd, which waits for this script.
is_meant() {
  here=$PWD boot='' processor='' places='' then='' roots='' path='' ended=''
  while IFS= read -r line; do
    value=${line#* }
    case $line in
      "asked "*) [ "$value" = "$asked" ] || return 1 ;;
      "boot "*) boot=$value ;;
      "processor "*) processor=$value ;;
      "roots "*) roots=$value ;;
      "place "*) places=$places$value$newline ;;
      "mount "*) then=$then$value$newline ;;
      mounts)
        read_mounts
        find_near "$places"
        [ "$near" = "$then" ] || return 1
        ;;
      "path "*) path=$value ;;
      "real "*) CDPATH='' cd -P -- "$path" 2>/dev/null && [ "$PWD" = "$value" ] || return 1 ;;
      end) ended=yes ;;
    esac
  done <head
  [ -n "$ended" ] && cd -- "$here" || return 1
  line=''
  IFS= read -r line </proc/sys/kernel/random/boot_id
  # Another boot may be on another machine.
  if [ "$line" != "$boot" ] && [ -n "$processor" ]; then
    [ "$(sed -n '/^flags[[:space:]]*:/{p;q;}' /proc/cpuinfo)" = "$processor" ] || return 1
  fi
}

# Whether all inputs are unchanged, and the same mounted roots belong to no image. Only root may have access to the
# directory.
is_current() {
  IFS= read -r line <expected
  case $line in '. '*' 41c0 0 '*) ;; *) return 1 ;; esac
  {
    LC_ALL=C TZ=UTC0 xargs -0 stat -c '%n %d %i %f %u %s %z' <names
    xargs -0 stat -c '%n %d:%i' <directories
  } 2>/dev/null | cmp -s - expected || return 1
  set +f
  set -- "$roots"/*
  set -f
  if [ $# -eq 1 ] && [ ! -e "$1" ]; then [ ! -s foreign ]; else
    [ "$(printf '%s\n' "$@" | sed 's,.*/,,' | grep -vxF -f usable)" = "$(cat foreign)" ]
  fi
}

# 1: the memory is for another request; 2: an input has changed; 3: the units cannot be restored.
put_back() { # MEMORY NORMAL
  CDPATH='' cd -P -- "$1" 2>/dev/null && [ -O . ] && [ -r head ] && [ -r expected ] && [ -r names ] || return 1
  is_meant || return 1
  is_current || return 2
  tar -xmof units -C "$2" 2>/dev/null || return 3
}

# Prints the messages of the remembered run in the way of the generator.
say() {
  if [ -s kmsg ] && [ -e /dev/kmsg ]; then
    while IFS= read -r line; do
      printf '%s>oci-systemd-generator[%s]: %s\n' "${line%%>*}" $$ "${line#*>}" >&3
    done <kmsg 3>>/dev/kmsg && return 0
  fi 2>/dev/null
  [ ! -s stderr ] || cat stderr >&2
}

# Sets `kept` to the memory below the extracts directory, which is for the next boot. The path of that directory is a
# guess, which does no harm: a memory is either valid or not.
find_kept() {
  kept=/var/lib/oci/extracts
  set +f
  if [ -n "${config+set}" ]; then set -- "$config"; else
    set -- /usr/lib/oci-generator.conf.d/*.conf /run/oci-generator.conf.d/*.conf /etc/oci-generator.conf /etc/oci-generator.conf.d/*.conf
  fi
  set -f
  line=$(sed -n 's/^[[:space:]]*extractsdir[[:space:]]*=[[:space:]]*//p' -- "$@" 2>/dev/null)
  case ${line##*"$newline"} in /*) kept=${line##*"$newline"} ;; esac
  read_mounts
  find_near "$kept"
  case $near in *" autofs$newline"*) return 1 ;; esac
  kept=$kept/memory
}

recall() { # NORMAL
  put_back "$memory/last" "$1" && return 0
  outcome=$?
  # These units are only made for the next boot: the memory that will be replaced is tried.
  [ -z "${OCI_GENERATOR_AHEAD-}" ] && [ "$outcome" -ne 3 ] && find_kept || return 1
  [ "$outcome" -eq 1 ] || [ "$kept/last" -nt "$memory/last" ] || return 1
  put_back "$kept/last" "$1"
}

unset config
if [ $# -gt 1 ] && [ "$1" = -config ]; then
  config=$2
  shift 2
fi
[ $# -ge 1 ] && [ $# -le 3 ] || run "$@"
for argument in "$@"; do
  case $argument in -* | '') run "$@" ;; esac
done
# A run by hand reports what it finds, and remembers nothing.
memory=${OCI_GENERATOR_MEMORY-}
[ -n "$memory" ] || [ "${SYSTEMD_EXEC_PID-}" != $$ ] || memory=/run/oci/generator
[ -n "$memory" ] || run "$@"
case $1 in /*) normal=$1 ;; *) normal=$PWD/$1 ;; esac
start=$PWD
ask
if recall "$normal"; then
  [ -z "${OCI_GENERATOR_AHEAD-}" ] || exit 0
  say
  # oci-systemd doctor counts these bytes.
  [ -d "$memory" ] || mkdir -p -m 700 -- "$memory" 2>/dev/null
  { echo >>"$memory/hits"; } 2>/dev/null
  exit 0
fi
cd -- "$start" 2>/dev/null || cd /
export OCI_GENERATOR_MEMORY="$memory" OCI_GENERATOR_ASKED="$asked" OCI_GENERATOR_SCRIPT="$0"
run "$@"
