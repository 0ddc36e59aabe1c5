/** Debian's packages, installed into a tree that no system runs in. */
import { proxies } from "./BaseRoot.ts"
import { run } from "./Command.ts"

/** A slow mirror is no reason to fail a test. */
export const INSTALL_TIMEOUT = 15 * 60_000

/** `$1` is the tree. No service is started in it, and what apt downloaded is removed. */
const INSTALL = `
set -e
root=$1; shift
printf '#!/bin/sh\\nexit 101\\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || :
unshare --mount --propagation private sh -ec '
  mount -t proc proc "$0/proc"
  export DEBIAN_FRONTEND=noninteractive
  chroot "$0" apt-get -q update
  chroot "$0" apt-get -q -y --no-install-recommends install "$@"
' "$root" "$@"
rm -rf "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* \\
  "$root"/etc/resolv.conf "$root"/usr/sbin/policy-rc.d
`

export const installPackages = async (root: string, packages: readonly string[]): Promise<void> => {
  await run(["sh", "-c", INSTALL, "install", root, ...packages], { timeout: INSTALL_TIMEOUT, env: proxies() })
}
