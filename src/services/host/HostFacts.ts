/** What this machine is, found without running anything. */
import * as Either from "effect/Either"
import * as Platform from "../../domain/image/Platform.ts"
import * as InstallTree from "../../domain/machine/InstallTree.ts"
import type { SystemSettings } from "../../domain/settings/SystemSettings.ts"
import * as SystemdVersion from "../../domain/systemd/SystemdVersion.ts"
import * as HostAccounts from "../../domain/unit/HostAccounts.ts"
import type { UnitHost } from "../../domain/unit/ImageContext.ts"
import * as UserRecord from "../../domain/unit/UserRecord.ts"
import * as BoundedFile from "../files/BoundedFile.ts"
import { namesIn } from "../files/DirectoryNames.ts"
import * as fs from "../files/RecordedFiles.ts"
import * as GeneratorEnvironment from "./GeneratorEnvironment.ts"

/** Go's names of architectures, which image-spec uses, by Node's names. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: "amd64",
  ia32: "386",
  ppc64: "ppc64le",
  loong64: "loong64",
  mipsel: "mipsle"
}

/**
 * The processor flags that each level of x86-64 adds to the one before (the x86-64 psABI), as /proc/cpuinfo calls
 * them.
 */
const X86_LEVELS: ReadonlyArray<readonly [string, readonly string[]]> = [
  ["v2", ["cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"]],
  ["v3", ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"]],
  ["v4", ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]]
]

/** Returns the platform of this machine, with the best variant of its processor first. */
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
    const [line = "", words = ""] = /^flags\s*:(.*)$/m.exec(firstProcessor()) ?? []
    fs.current()?.noteProcessor(line)
    flags = new Set(words.split(" "))
  } catch {
    fs.current()?.distrust("/proc/cpuinfo cannot be read")
    return "v1"
  }
  let level = "v1"
  for (const [name, needed] of X86_LEVELS) {
    if (!needed.every((flag) => flags.has(flag))) break
    level = name
  }
  return level
}

/**
 * Returns the lines about the first processor. The kernel writes a block of lines for each processor, and only as
 * much as is read.
 */
const firstProcessor = (): string => fs.readKernelFile("/proc/cpuinfo", ONE_PROCESSOR)

/** A block has about two thousand bytes. */
const ONE_PROCESSOR = 16 * 1024

/** The second file is the distribution's, which /etc may replace. */
const NSSWITCH = ["/etc/nsswitch.conf", "/usr/etc/nsswitch.conf"]
const MAX_NSSWITCH = 1024 * 1024

/** Whether the host looks users up in the records of /run/userdb. */
export const servesRecords = (): boolean => {
  const [text] = NSSWITCH.map((file) => BoundedFile.read(file, MAX_NSSWITCH)).filter(Either.isRight)
  return text !== undefined && UserRecord.areServed(text.right.toString("utf8"))
}

const PASSWD = "/etc/passwd"
const MAX_PASSWD = 16 * 1024 * 1024

/** An unreadable list of accounts is as good as an empty one: it only leaves out a note. */
const logins = (): ReadonlyMap<number, string> => {
  const read = BoundedFile.read(PASSWD, MAX_PASSWD)
  return Either.isLeft(read) ? new Map() : HostAccounts.logins(read.right.toString("utf8"))
}

/**
 * Returns the facts that units need. `cli` is the command line with which they run `oci-systemd`, from absolute
 * paths; by default that of the installed program.
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
  servesRecords: servesRecords(),
  logins: logins()
})

/**
 * Finds the program that `oci-systemd install` or a package installed: an executable that contains Node, or a script.
 */
const installed = (): UnitHost["cli"] => {
  const places = InstallTree.PREFIXES.flatMap((prefix) =>
    ["oci-systemd", "oci-systemd.cjs"].map((name) => `${InstallTree.programs(prefix)}/${name}`)
  )
  const [first = ""] = places
  return [places.find((place) => fs.existsSync(place)) ?? first]
}

/** Whether this is an initrd. systemd tells its generators from 251 on (systemd.generator(7)). */
export const inInitrd = (): boolean => GeneratorEnvironment.of().SYSTEMD_IN_INITRD === "1"

const LIBRARY_DIRECTORIES = ["/usr/lib/systemd", "/lib/systemd", "/usr/lib64/systemd"]

/** Returns the version of the host's systemd, or the oldest supported one if it is unknown. */
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

/**
 * Returns the directories of architectures in which Debian keeps the library: `/usr/lib/x86_64-linux-gnu/systemd`.
 */
const multiarchDirectories = (): readonly string[] =>
  ["/usr/lib", "/lib"].flatMap((parent) =>
    namesIn(parent)
      .filter((name) => name.includes("-linux-"))
      .map((name) => `${parent}/${name}/systemd`)
  )
