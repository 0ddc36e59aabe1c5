#!/bin/sh
# oci-health: runs a health check of a service and evaluates its result. It counts failures in a row, reports every
# change in the journal of the service (so that `systemctl status` shows it), and restarts the service if that is
# configured.
#
#   oci-health check SELF UNIT SERVICE STATE RETRIES START_PERIOD FIRST ACTION
#       SELF          the unit that runs this script
#       UNIT          the unit that runs one check when it is started
#       STATE         a file that lives as long as the service runs; STATE.restarts outlives its restarts
#       START_PERIOD  seconds from the start in which failures do not count, until a check has succeeded
#       FIRST         milliseconds from the start to the first check
#       ACTION        log or restart. After as many restarts in a row as StartLimitBurst= of the service says, without a
#                     healthy check between them, the service is killed, so that it is failed (StartLimitIntervalSec=0:
#                     there is no limit)
#   oci-health forget UNIT
#       the service has stopped: its unhealthy state no longer counts as a failed unit of the host
#
# Ends with 1 while the service is unhealthy, so that its health unit is failed then.
set -u

tell() { # PRIORITY MESSAGE
  # The line is shown among the service's own lines, because root writes it (systemd.journal-fields(7),
  # "OBJECT_SYSTEMD_UNIT=").
  printf 'MESSAGE=%s\nPRIORITY=%s\nSYSLOG_IDENTIFIER=oci-health\nOBJECT_SYSTEMD_UNIT=%s\n' "$2" "$1" "$service" |
    logger --journald 2>/dev/null || printf '<%s>%s: %s\n' "$1" "$service" "$2"
}

# Whether the service is running, and is neither being stopped nor restarted.
stays() {
  systemctl is-active --quiet -- "$service" || return 1
  case $(systemctl show --value -p Job -- "$service") in '' | 0) ;; *) return 1 ;; esac
}

# Sets `why`, which is empty after a success. Fails if the check says nothing about the service.
look() {
  result='' code='' status='' why='' made=yes
  # The check's unit requires the service to be active. By default, starting it would cancel a waiting stop of the
  # service.
  if ! systemctl --job-mode=fail start -- "$unit" 2>/dev/null; then
    # The check took too long or could not be run; or the service has ended, and the check was not run or was ended.
    systemctl is-active --quiet -- "$service" || return 1
    made=no
  fi
  while IFS== read -r key value; do
    case $key in
      Result) result=$value ;;
      ExecMainCode) code=$value ;;
      ExecMainStatus) status=$value ;;
    esac
  done <<END
$(systemctl show -p Result -p ExecMainCode -p ExecMainStatus -- "$unit")
END
  # A check that was not run has no result; the properties are those of an earlier one.
  [ "$made/$result" != no/success ] || return 1
  # The codes are those of waitid(2): 1 exited, 2 killed, 3 dumped core.
  case $result/$code/$status in
    success/1/0) ;;
    success/2/9)
      # The check ended because the service ended, or for a reason of its own.
      stays || return 1
      why="ended by signal 9"
      ;;
    timeout/*) why="it took too long" ;;
    */1/*) why="exit code $status" ;;
    */[23]/*) why="ended by signal $status" ;;
    *) why=$result ;;
  esac
  [ "$result" = success ] || systemctl reset-failed -- "$unit" 2>/dev/null || :
}

# Whether this run of the service had no check yet and is younger than FIRST. The timer also counts from the last
# check: if that was in the previous run, the timer elapses as soon as the service is started. Both times come from
# the manager's clock.
early() {
  [ ! -e "$state" ] || return 1
  asked=$(systemctl show -P InactiveExitTimestampMonotonic -- "$self")
  entered=$(systemctl show -P ActiveEnterTimestampMonotonic -- "$service")
  case $asked/$entered in
    *[!0-9/]* | /* | */) return 1 ;;
  esac
  [ $((asked - entered)) -lt $((first * 1000)) ]
}

check() {
  self=$1 unit=$2 service=$3 state=$4 retries=$5 period=$6 first=$7 action=$8
  read -r now _ </proc/uptime
  now=${now%.*}
  ! early || return 0
  look || return 0
  # The service may have been restarted during the check.
  ! early || return 0

  since='' failures='' health=''
  [ ! -r "$state" ] || read -r since failures health <"$state" || :
  case $since/$failures/$health in
    [0-9]*/[0-9]*/starting | [0-9]*/[0-9]*/healthy | [0-9]*/[0-9]*/unhealthy) ;;
    *) since=$((now - (first + 999) / 1000)) failures=0 health=starting ;;
  esac
  before=$health

  if [ -z "$why" ]; then
    failures=0 health=healthy
  elif [ "$health" != starting ] || [ $((now - since)) -ge "$period" ]; then
    failures=$((failures + 1))
    [ "$failures" -lt "$retries" ] || health=unhealthy
  fi
  # If its directory is missing, the service is being stopped.
  { echo "$since $failures $health" >"$state"; } 2>/dev/null || return 0

  [ "$health" != healthy ] || rm -f -- "$state.restarts"
  case $before/$health/$why in
    healthy/healthy/ | unhealthy/unhealthy/*) ;;
    */healthy/) tell 5 "healthy" ;;
    */unhealthy/*)
      if [ "$failures" -eq 1 ]; then tell 4 "unhealthy: a failed health check: $why"; else
        tell 4 "unhealthy: $failures failed health checks in a row, the last: $why"
      fi
      ;;
    */starting/*)
      if [ "$failures" -gt 0 ]; then tell 5 "health check failed, $failures of $retries: $why"; else
        tell 5 "health check failed while starting, which does not count: $why"
      fi
      ;;
    *) tell 5 "health check failed, $failures of $retries: $why" ;;
  esac

  [ "$health" = unhealthy ] || return 0
  [ "$action" != restart ] || restart
  return 1
}

restart() {
  restarts=''
  [ ! -r "$state.restarts" ] || read -r restarts <"$state.restarts" || :
  case $restarts in '' | *[!0-9]*) restarts=0 ;; esac
  interval='' burst=''
  while IFS== read -r key value; do
    case $key in
      StartLimitIntervalUSec) interval=$value ;;
      StartLimitBurst) burst=$value ;;
    esac
  done <<END
$(systemctl show -p StartLimitIntervalUSec -p StartLimitBurst -- "$service")
END
  # Nothing is done where the service is being stopped.
  if [ "$interval" != 0 ] && [ "$restarts" -ge "${burst:-5}" ]; then
    stays || return 0
    tell 3 "unhealthy after $restarts restarts in a row: killing the service, which has failed"
    systemctl kill --signal=KILL -- "$service" || :
  else
    echo $((restarts + 1)) >"$state.restarts"
    tell 4 "restarting the unhealthy service"
    # The command does not wait for the restart, because that ends this unit first.
    systemctl --no-block --job-mode=fail try-restart -- "$service" || :
  fi
}

case ${1-}/$# in
  check/9) shift && check "$@" ;;
  forget/2) systemctl reset-failed -- "$2" 2>/dev/null || : ;;
  *)
    echo "usage: oci-health check SELF UNIT SERVICE STATE RETRIES START_PERIOD FIRST ACTION | forget UNIT" >&2
    exit 2
    ;;
esac
