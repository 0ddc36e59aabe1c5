#!/bin/sh
# oci-health: makes a health check of a service, and says what came of it: counts failures in a row, tells every change
# in the journal of the service (so that `systemctl status` shows it), and restarts the service where that is wanted.
#
#   oci-health check SELF UNIT SERVICE STATE RETRIES START_PERIOD FIRST ACTION
#       SELF          runs this
#       UNIT          makes one check when it is started
#       STATE         a file that lives as long as the service runs
#       START_PERIOD  seconds from the start in which failures do not count, until a check has succeeded
#       FIRST         milliseconds from the start to the first check
#       ACTION        log or restart
#   oci-health forget UNIT
#       the service has stopped: that it was unhealthy is no failed unit of the host's any more
#
# Ends with 1 while the service is unhealthy, so that its health unit is failed then.
set -u

tell() { # PRIORITY MESSAGE
  # Shown among the service's own lines, because root says it (systemd.journal-fields(7), "OBJECT_SYSTEMD_UNIT=").
  printf 'MESSAGE=%s\nPRIORITY=%s\nSYSLOG_IDENTIFIER=oci-health\nOBJECT_SYSTEMD_UNIT=%s\n' "$2" "$1" "$service" |
    logger --journald 2>/dev/null || printf '<%s>%s: %s\n' "$1" "$service" "$2"
}

# Is the service up, and nobody about to stop it or start it anew?
stays() {
  systemctl is-active --quiet "$service" || return 1
  case $(systemctl show --value -p Job "$service") in '' | 0) ;; *) return 1 ;; esac
}

# Sets `why`: empty for a success. Fails where the check says nothing of the service.
look() {
  result='' code='' status='' why='' made=yes
  # A check asks that the service be active. By default that would cancel a stop of it that is waiting.
  if ! systemctl --job-mode=fail start "$unit" 2>/dev/null; then
    # It took too long, or could not be made; or the service has ended, and the check was not made or was ended.
    systemctl is-active --quiet "$service" || return 1
    made=no
  fi
  while IFS== read -r key value; do
    case $key in
      Result) result=$value ;;
      ExecMainCode) code=$value ;;
      ExecMainStatus) status=$value ;;
    esac
  done <<END
$(systemctl show -p Result -p ExecMainCode -p ExecMainStatus "$unit")
END
  # What was not made has nothing to say, and what is shown is of an earlier one.
  [ "$made/$result" != no/success ] || return 1
  # The codes are those of waitid(2): 1 exited, 2 killed, 3 dumped core.
  case $result/$code/$status in
    success/1/0) ;;
    success/2/9)
      # Ended because the service is, or by its own doing.
      stays || return 1
      why="ended by signal 9"
      ;;
    timeout/*) why="it took too long" ;;
    */1/*) why="exit code $status" ;;
    */[23]/*) why="ended by signal $status" ;;
    *) why=$result ;;
  esac
  [ "$result" = success ] || systemctl reset-failed "$unit" 2>/dev/null || :
}

# Has this run of the service had no check yet, and is it less than FIRST old? The timer counts from the last check too:
# where that was in the run before, it elapses as soon as the service is started. Both times are the manager's, of one clock.
early() {
  [ ! -e "$state" ] || return 1
  asked=$(systemctl show -P InactiveExitTimestampMonotonic "$self")
  entered=$(systemctl show -P ActiveEnterTimestampMonotonic "$service")
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
  # The service may have been started again while the check was made.
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
  # Without a directory for it the service is on its way out.
  { echo "$since $failures $health" >"$state"; } 2>/dev/null || return 0

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
  if [ "$action" = restart ]; then
    tell 4 "restarting the unhealthy service"
    # Nothing where it is being stopped; not to be waited for, since it ends this unit first.
    systemctl --no-block --job-mode=fail try-restart "$service" || :
  fi
  return 1
}

case ${1-}/$# in
  check/9) shift && check "$@" ;;
  forget/2) systemctl reset-failed "$2" 2>/dev/null || : ;;
  *)
    echo "usage: oci-health check SELF UNIT SERVICE STATE RETRIES START_PERIOD FIRST ACTION | forget UNIT" >&2
    exit 2
    ;;
esac
