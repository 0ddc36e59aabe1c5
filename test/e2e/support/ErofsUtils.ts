/** Debian 13's erofs-utils on hosts of any release: in a tree of their own, entered by chroot. */
import { mkdir, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { baseRoot, cacheDirectory, exists } from "./BaseRoot.ts"
import { type CommandResult, run } from "./Command.ts"
import { installPackages } from "./Packages.ts"

/** The tree; made when it is missing. */
export const tree = async (): Promise<string> => {
  const directory = join(cacheDirectory, "erofs-utils")
  if (await exists(directory)) return directory
  const partial = `${directory}.partial-${process.pid}`
  await run(["cp", "--archive", "--reflink=auto", await baseRoot("trixie"), partial], { timeout: 600_000 })
  await installPackages(partial, ["erofs-utils"])
  await mkdir(join(partial, "place"))
  // Another test process may have been faster: its tree is the same.
  await rename(partial, directory).catch(() => rm(partial, { recursive: true }))
  return directory
}

/** The place is bound into the tree in a mount namespace that ends with the command. */
const ENTER = `
set -eu
tree=$1
mount --bind "$2" "$tree/place"
shift 2
exec chroot "$tree" sh -euc 'cd /place; exec "$@"' sh "$@"
`

const IN_NAMESPACE = ["unshare", "--mount", "--propagation", "private", "sh", "-c"]

/** Runs a program of the tree in a directory of the host. */
export const erofs = async (
  directory: string,
  argv: readonly string[],
  options: { readonly check?: boolean } = {}
): Promise<CommandResult> => run([...IN_NAMESPACE, ENTER, "enter", await tree(), directory, ...argv], options)
