/**
 * Looks at the directories of layouts, extracts and volumes, and tries on the file system of the extracts what roots need
 * of it, in a temporary directory there.
 */
import * as fs from "node:fs"
import { dirname } from "node:path"
import * as Effect from "effect/Effect"
import type { ByteString } from "../../domain/text/ByteString.ts"
import * as Diagnosis from "../../domain/machine/Diagnosis.ts"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import type { SystemSettings } from "../../domain/settings/SystemSettings.ts"
import * as Claim from "../files/FileLock.ts"
import * as HostProgram from "../host/HostProgram.ts"
import { type Calls, NativeCalls } from "../files/NativeCalls.ts"
import * as Privileges from "../files/Privileges.ts"

export const examine = (
  system: SystemSettings
): Effect.Effect<readonly Diagnosis.Diagnosis[], never, NativeCalls> =>
  Effect.gen(function* () {
    const { extractsdir, imagelayoutdir, volumesdir } = system
    const calls = yield* NativeCalls
    return [
      layouts(imagelayoutdir),
      extracts(extractsdir),
      ...(yield* features(calls, extractsdir)),
      mountOptions(extractsdir),
      space(extractsdir),
      volumes(volumesdir)
    ]
  })

const layouts = (directory: string): Diagnosis.Diagnosis => {
  const code = codeOf(() => fs.readdirSync(directory))
  if (Privileges.isDenied({ code }))
    return Diagnosis.skipped("layouts", `${directory}: only root may read it`)
  if (code === undefined) return Diagnosis.ok("layouts", directory)
  return code === "ENOENT"
    ? Diagnosis.warning(
        "layouts",
        `${directory} is missing`,
        `mkdir -p ${directory}, and copy an image into it: skopeo copy docker://IMAGE oci:${directory}/LAYOUT:REF`
      )
    : Diagnosis.problem(
        "layouts",
        `${directory} cannot be read: ${code}`,
        "mend its permissions, or its disk"
      )
}

const extracts = (directory: string): Diagnosis.Diagnosis => {
  const isThere = lstat(directory) !== undefined
  const writable = existing(directory)
  if (codeOf(() => fs.accessSync(writable, fs.constants.W_OK)) !== undefined) {
    if (!Privileges.isRoot()) return Diagnosis.skipped("extracts", `${directory}: only root may write there`)
    const found = isThere
      ? `${directory} cannot be written`
      : `${directory} is missing, and ${writable} cannot be written`
    return Diagnosis.problem("extracts", found, WRITABLE)
  }
  if (!isThere) return Diagnosis.ok("extracts", `${directory}, which the first extraction makes`)
  const open = PRIVATE.filter((name) => ((lstat(`${directory}/${name}`)?.mode ?? 0) & 0o077) !== 0).map(
    (name) => `${directory}/${name}`
  )
  return open.length === 0
    ? Diagnosis.ok("extracts", directory)
    : Diagnosis.warning(
        "extracts",
        `others may enter ${open.join(", ")}`,
        `chmod 700 ${open.join(" ")}: setuid files of images lie there`
      )
}

/** What a root needs of its file system, each tried. */
const features = (calls: Calls, directory: string): Effect.Effect<readonly Diagnosis.Diagnosis[]> => {
  if (!Privileges.isRoot()) {
    return Effect.succeed(["file system", "overlay"].map((check) => Diagnosis.skipped(check, NEEDS_ROOT)))
  }
  return Effect.gen(function* () {
    const { path } = yield* Claim.temporaryDirectory(calls, existing(`${directory}/${ExtractsTree.TMP}`))
    const lacking = FEATURES.flatMap(([name, attempt]) => {
      const code = codeOf(() => attempt(calls, path))
      return code === undefined ? [] : [`${name} (${code})`]
    })
    return [
      lacking.length === 0
        ? Diagnosis.ok("file system", "takes links, owners, devices and extended attributes")
        : Diagnosis.problem(
            "file system",
            `that of ${directory} does not take ${lacking.join(", ")}`,
            "have extractsdir on ext4, xfs or btrfs"
          ),
      yield* overlay(path, directory)
    ]
  }).pipe(
    Effect.scoped,
    Effect.catchAll((cause) =>
      Effect.succeed([
        Diagnosis.problem("file system", `nothing can be written below ${directory}: ${cause.code}`, WRITABLE)
      ])
    )
  )
}

/** Mounts one, in a namespace that ends with the attempt. */
const overlay = (path: string, directory: string): Effect.Effect<Diagnosis.Diagnosis> =>
  Effect.gen(function* () {
    for (const name of ["lower", "upper", "work", "root"]) fs.mkdirSync(`${path}/${name}`)
    const options = `lowerdir=${path}/lower,upperdir=${path}/upper,workdir=${path}/work`
    const script =
      'mount -t overlay overlay -o "$1" "$2" && touch "$2/file" && mkdir "$2/directory" && rm "$2/file"'
    yield* HostProgram.run(
      "unshare",
      "--mount",
      "--propagation=private",
      "sh",
      "-c",
      script,
      "sh",
      options,
      `${path}/root`
    )
    return Diagnosis.ok("overlay", "a root can be mounted over the extracts")
  }).pipe(
    Effect.catchAll(({ message }) =>
      Effect.succeed(
        Diagnosis.problem(
          "overlay",
          `a root cannot be mounted over ${directory}: ${message.split("\n")[0]}`,
          "have extractsdir on ext4, xfs (with ftype=1) or btrfs, not on another overlay or a network file system"
        )
      )
    )
  )

const mountOptions = (directory: string): Diagnosis.Diagnosis => {
  const at = existing(directory)
  const table = fs
    .readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
  const real = fs.realpathSync(at)
  const mount = table
    .filter(([, , , , point = ""]) => point === "/" || real === point || real.startsWith(`${point}/`))
    .sort(([, , , , a = ""], [, , , , b = ""]) => b.length - a.length)[0]
  const options = (mount?.[5] ?? "").split(",")
  const forbidden = ["noexec", "nosuid", "nodev"].filter((option) => options.includes(option))
  const where = mount?.[4] ?? "/"
  if (options.includes("ro"))
    return Diagnosis.problem("mount", `${where} is mounted read-only`, `mount -o remount,rw ${where}`)
  if (forbidden.length === 0) return Diagnosis.ok("mount", `${where} lets programs run`)
  const advice = `mount -o remount,${forbidden.map((option) => option.slice(2)).join(",")} ${where}, and in fstab(5)`
  return forbidden.includes("noexec")
    ? Diagnosis.problem(
        "mount",
        `${where} is mounted ${forbidden.join(", ")}: no program of an image can run`,
        advice
      )
    : Diagnosis.warning("mount", `${where} is mounted ${forbidden.join(", ")}`, advice)
}

const space = (directory: string): Diagnosis.Diagnosis => {
  const { bavail, bsize, ffree, files } = fs.statfsSync(existing(directory))
  const gigabytes = (bavail * bsize) / 2 ** 30
  const found = `${gigabytes.toFixed(1)} GiB free for ${directory}`
  if (gigabytes < LEAST_GIGABYTES)
    return Diagnosis.warning("space", found, "oci-systemd gc, or a larger disk")
  return files > 0 && ffree < LEAST_INODES
    ? Diagnosis.warning(
        "space",
        `${ffree} inodes free for ${directory}`,
        "oci-systemd gc, or a file system with more inodes"
      )
    : Diagnosis.ok("space", found)
}

const volumes = (directory: string): Diagnosis.Diagnosis => {
  const stats = lstat(directory)
  if (stats === undefined) return Diagnosis.ok("volumes", `${directory}, which the first volume makes`)
  return fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory()
    ? Diagnosis.ok("volumes", directory)
    : Diagnosis.problem("volumes", `${directory} is no directory`, "volumesdir must lead to a directory")
}

/** The path, or the nearest parent that is there. */
const existing = (path: string): string =>
  fs.existsSync(path) || path === "/" ? path : existing(dirname(path))

const lstat = (path: string): fs.Stats | undefined => {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

const codeOf = (body: () => void): string | undefined => {
  try {
    body()
    return undefined
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code ?? "unknown"
  }
}

const fail = (code: string): never => {
  throw Object.assign(new Error(code), { code })
}

/** On a temporary directory. */
const FEATURES: ReadonlyArray<readonly [name: string, attempt: (calls: Calls, path: string) => void]> = [
  [
    "hard links",
    (_, path) => {
      fs.writeFileSync(`${path}/file`, "")
      fs.linkSync(`${path}/file`, `${path}/same`)
    }
  ],
  ["symbolic links", (_, path) => fs.symlinkSync("file", `${path}/link`)],
  [
    "two names that differ in case alone",
    (_, path) => {
      fs.writeFileSync(`${path}/FILE`, "upper", { flag: "wx" })
    }
  ],
  [
    "owners",
    (_, path) => {
      fs.chownSync(`${path}/file`, 1234, 1234)
      if (fs.statSync(`${path}/file`).uid !== 1234) fail("not kept")
    }
  ],
  [
    "setuid",
    (_, path) => {
      fs.chmodSync(`${path}/file`, 0o4755)
      if ((fs.statSync(`${path}/file`).mode & 0o7777) !== 0o4755) fail("not kept")
    }
  ],
  ["device nodes", (calls, path) => calls.makeNode(Buffer.from(`${path}/device`), "character", 0o600, 1, 3)],
  ["pipes", (calls, path) => calls.makeNode(Buffer.from(`${path}/pipe`), "fifo", 0o600, 0, 0)],
  [
    "extended attributes",
    (calls, path) => {
      for (const name of ["user.oci", "trusted.oci"]) {
        calls.setXattr(Buffer.from(`${path}/file`), name as ByteString, Buffer.from("x"))
      }
    }
  ],
  [
    "types of names in its directories",
    (_, path) => {
      if (fs.readdirSync(path, { withFileTypes: true }).some((entry) => !isTyped(entry))) fail("unknown")
    }
  ]
]

const isTyped = (entry: fs.Dirent): boolean =>
  entry.isFile() ||
  entry.isDirectory() ||
  entry.isSymbolicLink() ||
  entry.isCharacterDevice() ||
  entry.isFIFO()

const PRIVATE = [ExtractsTree.DIRS, ExtractsTree.LAYERS, ExtractsTree.SCRATCH]
const NEEDS_ROOT = "only root can try it"
const WRITABLE = "extraction writes there: mend its permissions, or set extractsdir elsewhere"
const LEAST_GIGABYTES = 1
const LEAST_INODES = 10_000
