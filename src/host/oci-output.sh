#!/bin/sh
# oci-output PIPE: copies what a service writes to its output, which is a pipe, to this unit's own output, which is the journal.
#
# It ends after SIGTERM, when nobody can write to the pipe any more and everything in it has been copied: the last lines of a
# service that failed are those that say why.
set -u
[ $# -eq 1 ] || { echo "usage: oci-output PIPE" >&2; exit 2; }
trap 'exec 9>&-' TERM
# Opened for writing too, the pipe has a reader from the start, and no end while the service's processes open and close it.
exec 9<>"$1"
cat <"$1" 9>&- &
# The first is ended by the signal.
wait $!
wait $!
exit 0
