/** What booting real machines needs of the host, and what to do where it is missing: skip, or fail when it is asked for. */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { allReleases, baseRootPath, cacheDirectory, type Release } from "./BaseRoot.ts"

const TOOLS = [
  "systemd-nspawn",
  "unshare",
  "nsenter",
  "setpriv",
  "flock",
  "chroot",
  "skopeo",
  "umoci",
  "busybox",
  "zstd",
  "getfattr"
] as const

const succeeds = (argv: readonly string[]): boolean => {
  const [program = "", ...rest] = argv
  return spawnSync(program, rest, { stdio: "ignore", timeout: 10_000 }).status === 0
}

const isOnPath = (tool: string): boolean => succeeds(["sh", "-c", 'command -v "$1"', "sh", tool])

const inMountNamespace = ["unshare", "--mount", "--propagation", "private"] as const

/** Tried where the machines will live, for not every filesystem can hold an upper directory (overlayfs cannot). */
const PROBE_OVERLAY = `
set -e
mkdir -p "$1"
probe=$(mktemp -d "$1/probe.XXXXXX")
trap 'umount "$probe/m" 2>/dev/null || :; rm -rf "$probe"' EXIT
mkdir "$probe/l" "$probe/u" "$probe/w" "$probe/m"
mount -t overlay overlay -o "lowerdir=$probe/l,upperdir=$probe/u,workdir=$probe/w" "$probe/m"`

const canMountOverlay = (): boolean =>
  succeeds([...inMountNamespace, "sh", "-c", PROBE_OVERLAY, "probe", cacheDirectory])

const canMountCgroup2 = (): boolean =>
  succeeds([...inMountNamespace, "mount", "-t", "cgroup2", "cgroup2", "/mnt"])

/** ldd fails on what is no dynamic executable: a rootfs of busybox alone must run. */
const busyboxIsStatic = (): boolean => !succeeds(["sh", "-c", 'ldd "$(command -v busybox)"'])

/** What the host lacks, in words; empty where machines can be booted. */
export const missingTools = (): readonly string[] => {
  const missing: string[] = TOOLS.filter((tool) => !isOnPath(tool))
  const treesMissing = allReleases.some((release) => !existsSync(baseRootPath(release)))
  if (treesMissing && !isOnPath("debootstrap")) missing.push("debootstrap")
  if (!missing.includes("busybox") && !busyboxIsStatic()) missing.push("a static busybox")
  if (process.getuid?.() !== 0) missing.push("root")
  else {
    if (!canMountOverlay()) missing.push("overlayfs mounts")
    if (!canMountCgroup2()) missing.push("cgroup2 mounts")
  }
  return missing
}

/**
 * Why the machine tests cannot run here, or `undefined` where they can. With `OCI_SYSTEMD_E2E=required` it throws
 * instead: a continuous-integration run must not turn green because everything was skipped.
 */
export const skipReason = (): string | undefined => {
  const missing = missingTools()
  if (missing.length === 0) return undefined
  const reason = `missing ${missing.join(", ")}`
  if (process.env.OCI_SYSTEMD_E2E === "required")
    throw new Error(`machine tests are required, but: ${reason}`)
  return reason
}

/** The releases to test on: all, or those that `OCI_SYSTEMD_E2E_RELEASES` names, separated by commas. */
export const releases = (): readonly Release[] => {
  const wanted = process.env.OCI_SYSTEMD_E2E_RELEASES
  if (wanted === undefined || wanted === "") return allReleases
  return wanted.split(",").map((name) => {
    const release = allReleases.find((known) => known === name.trim())
    if (release === undefined) throw new Error(`OCI_SYSTEMD_E2E_RELEASES: no release "${name}"`)
    return release
  })
}

export const whyNoTool = (tool: string): string | undefined =>
  isOnPath(tool) ? undefined : `${tool} is not installed`

/** `describeTree` asks it. */
export const whyNoGetfattr = (): string | undefined =>
  isOnPath("getfattr") ? undefined : "getfattr is not installed"

export const whyNoRegistry = (): string | undefined =>
  isOnPath("docker-registry") ? undefined : "docker-registry is not installed"

export const whyNoStrace = (): string | undefined =>
  succeeds(["strace", "--quiet=all", "--output=/dev/null", "true"])
    ? undefined
    : "strace is not installed or may not trace"

/** Whether to skip for `reason`; throws where end-to-end tests are required. */
export const requireOrSkip = (reason: string | undefined): boolean => {
  if (reason !== undefined && process.env.OCI_SYSTEMD_E2E === "required")
    throw new Error(`end-to-end tests are required, but: ${reason}`)
  if (reason !== undefined) console.error(`skipped: ${reason}`)
  return reason !== undefined
}
