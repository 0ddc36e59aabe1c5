/** What this machine is, found without running anything. */
import * as fs from "node:fs"
import * as Either from "effect/Either"
import type { UnitHost } from "../../domain/unit/ImageContext.ts"
import * as InstallTree from "../../domain/machine/InstallTree.ts"
import * as Platform from "../../domain/image/Platform.ts"
import * as SystemdVersion from "../../domain/systemd/SystemdVersion.ts"
import type { SystemSettings } from "../../domain/settings/SystemSettings.ts"
import * as UserRecord from "../../domain/unit/UserRecord.ts"
import * as BoundedFile from "../files/BoundedFile.ts"
import { namesIn } from "../files/DirectoryNames.ts"

/** Go's names of architectures, as image-spec uses them, for Node's. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: "amd64",
  ia32: "386",
  ppc64: "ppc64le",
  loong64: "loong64",
  mipsel: "mipsle"
}

/** What each level of x86-64 adds over the one before (the x86-64 psABI), as /proc/cpuinfo calls it. */
const X86_LEVELS: ReadonlyArray<readonly [string, readonly string[]]> = [
  ["v2", ["cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"]],
  ["v3", ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"]],
  ["v4", ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]]
]

/** What this machine runs, the best variant of its processor first. */
export const platform = (): Platform.HostPlatform => {
  const architecture = ARCHITECTURES[process.arch] ?? process.arch
  return {
    os: process.platform,
    architecture,
    variants: Platform.compatibleVariants(architecture, variant(architecture))
  }
}

const variant = (architecture: string): string | undefined => {
  switch (architecture) {
    case "amd64":
      return x86Level()
    case "arm64":
      return "v8"
    case "arm":
      return `v${(process.config.variables as { arm_version?: string }).arm_version ?? "7"}`
    default:
      return undefined
  }
}

const x86Level = (): string => {
  let flags: ReadonlySet<string>
  try {
    const line = /^flags\s*:(.*)\n/m.exec(firstProcessor())?.[1] ?? ""
    flags = new Set(line.split(" "))
  } catch {
    return "v1"
  }
  let level = "v1"
  for (const [name, needed] of X86_LEVELS) {
    if (!needed.every((flag) => flags.has(flag))) break
    level = name
  }
  return level
}

/** The kernel writes a block of lines for each processor, as far as it is read: the first has what counts. */
const firstProcessor = (): string => {
  const fd = fs.openSync("/proc/cpuinfo", fs.constants.O_RDONLY)
  try {
    const head = Buffer.alloc(ONE_PROCESSOR)
    return head.toString("latin1", 0, fs.readSync(fd, head))
  } finally {
    fs.closeSync(fd)
  }
}

/** A block has some two thousand bytes. */
const ONE_PROCESSOR = 16 * 1024

/** The second is where distributions keep what /etc may replace. */
const NSSWITCH = ["/etc/nsswitch.conf", "/usr/etc/nsswitch.conf"]
const MAX_NSSWITCH = 1024 * 1024

/** Does the host look users up in the records of /run/userdb? */
export const servesRecords = (): boolean => {
  const [text] = NSSWITCH.map((file) => BoundedFile.read(file, MAX_NSSWITCH)).filter(Either.isRight)
  return text !== undefined && UserRecord.areServed(text.right.toString("utf8"))
}

/**
 * What units need to know of this machine. `cli` is how they run `oci-systemd`, from absolute paths; where it is left
 * out, as it is installed.
 */
export const unitHost = (
  { systemdversion }: Pick<SystemSettings, "systemdversion">,
  {
    cli = installed(),
    configFile
  }: { readonly cli?: UnitHost["cli"]; readonly configFile?: string | undefined } = {}
): UnitHost => ({
  systemdVersion: systemdversion ?? systemdVersion(),
  cli,
  configFile,
  servesRecords: servesRecords()
})

/** Where `oci-systemd install` and packages put it: a program with Node inside, or one for the host's. */
const installed = (): UnitHost["cli"] => {
  const places = InstallTree.PREFIXES.flatMap((prefix) =>
    ["oci-systemd", "oci-systemd.cjs"].map((name) => `${InstallTree.programs(prefix)}/${name}`)
  )
  const [first = ""] = places
  return [places.find((place) => fs.existsSync(place)) ?? first]
}

/** systemd.generator(7) tells its generators from 251 on. */
export const inInitrd = (): boolean => process.env.SYSTEMD_IN_INITRD === "1"

const LIBRARY_DIRECTORIES = ["/usr/lib/systemd", "/lib/systemd", "/usr/lib64/systemd"]

/** The version of the host's systemd, or the oldest supported where it cannot be told. */
export const systemdVersion = (): number =>
  versionIn(LIBRARY_DIRECTORIES) ?? versionIn(multiarchDirectories()) ?? SystemdVersion.OLDEST

const versionIn = (directories: readonly string[]): number | undefined => {
  for (const directory of directories) {
    for (const name of namesIn(directory)) {
      const version = SystemdVersion.fromLibraryName(name)
      if (version !== undefined) return version
    }
  }
  return undefined
}

/** Debian keeps the library in a directory of the architecture: `/usr/lib/x86_64-linux-gnu/systemd`. */
const multiarchDirectories = (): readonly string[] =>
  ["/usr/lib", "/lib"].flatMap((parent) =>
    namesIn(parent)
      .filter((name) => name.includes("-linux-"))
      .map((name) => `${parent}/${name}/systemd`)
  )
