#!/bin/sh
# Makes a minimal Debian with systemd: RELEASE in DIRECTORY, unless it is there; from MIRROR, or debootstrap's own.
# For the end-to-end tests and the benchmarks, which share it. Another process may be in the middle of making the same
# tree, hence the lock and the second look.
#
#   debian-root.sh RELEASE DIRECTORY [MIRROR]
set -eu
exec 9>"$2.lock"
flock 9
[ ! -d "$2" ] || exit 0
rm -rf "$2.partial"
debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,libnss-systemd "$1" "$2.partial" ${3:+"$3"}
rm -rf "$2.partial"/var/cache/apt/archives/*.deb
mv "$2.partial" "$2"
