#!/bin/sh
# oci-health: what a health unit runs after each check, on the host. Counts failures in a row, tells every change in
# the journal of the service (so that `systemctl status` shows it), and restarts the service where that is wanted.
#
#   oci-health count STATE SERVICE RETRIES START_PERIOD FIRST ACTION
#       STATE         a file that lives as long as the service runs
#       START_PERIOD  seconds from the start in which failures do not count, until a check has succeeded
#       FIRST         seconds from the start to the first check
#       ACTION        log or restart
#   oci-health forget UNIT
#       the service has stopped: how its last check ended is no failed unit of the host's any more
#
# systemd.exec(5) gives SERVICE_RESULT, EXIT_CODE and EXIT_STATUS. Ends with 1 while the service is unhealthy, so that
# `systemctl --failed` names the health unit.
set -u

tell() { # PRIORITY MESSAGE
  # Shown with the service's own lines because root says it (journalctl(1), "OBJECT_SYSTEMD_UNIT").
  printf 'MESSAGE=%s\nPRIORITY=%s\nSYSLOG_IDENTIFIER=oci-health\nOBJECT_SYSTEMD_UNIT=%s\n' "$2" "$1" "$service" |
    logger --journald 2>/dev/null || printf '<%s>%s: %s\n' "$1" "$service" "$2"
}

count() {
  state=$1 service=$2 retries=$3 period=$4 first=$5 action=$6
  result=${SERVICE_RESULT:-success} code=${EXIT_CODE:-} status=${EXIT_STATUS:-}

  # The check was ended because the service is: that says nothing of its health.
  [ "$result/$code/$status" != success/killed/KILL ] || return 0

  read -r now _ </proc/uptime
  now=${now%.*}
  since= failures= health=
  [ ! -r "$state" ] || read -r since failures health <"$state" || :
  case $since/$failures/$health in
    [0-9]*/[0-9]*/starting | [0-9]*/[0-9]*/healthy | [0-9]*/[0-9]*/unhealthy) ;;
    *) since=$((now - first)) failures=0 health=starting ;;
  esac
  before=$health

  if [ "$result/$code/$status" = success/exited/0 ]; then
    failures=0 health=healthy
    [ "$before" = healthy ] || tell 5 "healthy"
  else
    case $result/$code in
      timeout/*) why="it took too long" ;;
      */exited) why="exit code $status" ;;
      */killed | */dumped) why="ended by SIG$status" ;;
      *) why=$result ;;
    esac
    if [ "$health" = starting ] && [ $((now - since)) -lt "$period" ]; then
      tell 6 "health check failed while starting, which does not count: $why"
    else
      failures=$((failures + 1))
      if [ "$failures" -ge "$retries" ]; then
        health=unhealthy
        [ "$before" = unhealthy ] || tell 4 "unhealthy: $failures failed health checks in a row, the last: $why"
      else
        tell 5 "health check failed, $failures of $retries: $why"
      fi
    fi
  fi
  # Without a directory for it the service is on its way out.
  { echo "$since $failures $health" >"$state"; } 2>/dev/null || return 0

  [ "$health" = unhealthy ] || return 0
  if [ "$action" = restart ]; then
    tell 4 "restarting the unhealthy service"
    # Nothing where it is being stopped; not to be waited for, since it ends this unit first.
    systemctl --no-block --job-mode=fail try-restart "$service" || :
  fi
  return 1
}

case ${1-}/$# in
  count/7) shift && count "$@" ;;
  forget/2) systemctl reset-failed "$2" 2>/dev/null || : ;;
  *)
    echo "usage: oci-health count STATE SERVICE RETRIES START_PERIOD FIRST ACTION | forget UNIT" >&2
    exit 2
    ;;
esac
