#!/bin/sh
# oci-output PIPE: copies what a service writes to its output, which is a pipe, to this unit's own output, which is the journal.
#
# It ends after SIGTERM, when nobody can write to the pipe any more and everything in it has been copied: the last lines of a
# service that failed are those that say why.
set -u
[ $# -eq 1 ] || { echo "usage: oci-output PIPE" >&2; exit 2; }
trap 'exec 9>&-' TERM
# The pipe is opened for writing too. So it has a reader from the start, and does not end when the service's processes
# close it.
exec 9<>"$1"
cat <"$1" 9>&- &
# The signal ends the first wait, and the second one waits for the last lines.
wait $!
wait $!
exit 0
