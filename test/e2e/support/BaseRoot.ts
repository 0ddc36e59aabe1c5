/** The pristine trees that machines are booted from: one debootstrapped root a release, never written again. */
import { access, chmod, copyFile, mkdir, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { cleanEnvironment, run } from "./Command.ts"

/** Debian 12, 13 and unstable carry systemd 252, 257 and 262 (as seen when this was written). */
export const allReleases = ["bookworm", "trixie", "sid"] as const
export type Release = (typeof allReleases)[number]

/** Where everything that can be made again is kept: git ignores it. */
export const cacheDirectory = fileURLToPath(new URL("../../../.cache/", import.meta.url))
const machinesDirectory = join(cacheDirectory, "machines")

/** Makes what a machine needs to boot, to be spoken to, and to resolve the users in /run/userdb. */
const MAKE_ROOT = fileURLToPath(new URL("../../../scripts/debian-root.sh", import.meta.url))

/** A slow mirror is no reason to fail a test. */
const BOOTSTRAP_TIMEOUT = 15 * 60_000

export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false
  )

export const baseRootPath = (release: Release): string => join(machinesDirectory, release)

/** The pristine tree of `release`; made when it is missing, from debootstrap's own mirror or `$DEBOOTSTRAP_MIRROR`. */
export const baseRoot = (release: Release): Promise<string> => bootstrap(release, baseRootPath(release))

/** `baseRoot` with a place of the caller's choice. */
export const bootstrap = async (release: Release, directory: string): Promise<string> => {
  if (await exists(directory)) return directory
  await mkdir(join(directory, ".."), { recursive: true })
  const mirror = process.env.DEBOOTSTRAP_MIRROR ?? ""
  await run(["sh", MAKE_ROOT, release, directory, mirror], { timeout: BOOTSTRAP_TIMEOUT, env: proxies() })
  return directory
}

/** A tree that holds only the running node as /usr/bin/node: a layer that all machines share, so none copies 100 MB. */
export const nodeRoot = async (): Promise<string> => {
  const directory = join(machinesDirectory, `node-${process.version}-${process.arch}`)
  if (await exists(directory)) return directory
  const partial = `${directory}.partial-${process.pid}`
  await mkdir(join(partial, "usr/bin"), { recursive: true })
  await copyFile(process.execPath, join(partial, "usr/bin/node"))
  await chmod(join(partial, "usr/bin/node"), 0o755)
  // The process that renames first wins; the copy of the other is the same.
  await rename(partial, directory).catch(() => rm(partial, { recursive: true }))
  return directory
}

/** debootstrap and apt download through what the caller's environment names, which `run` would not pass on. */
export const proxies = (): Record<string, string> => {
  const found: Record<string, string> = { ...cleanEnvironment }
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && /^(https?|ftp|no)_proxy$/i.test(name)) found[name] = value
  }
  return found
}
