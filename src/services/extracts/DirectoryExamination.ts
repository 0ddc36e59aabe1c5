/**
 * Examines the directories of layouts, extracts and volumes, and tries in a temporary directory whether the file
 * system of the extracts has the features that roots need.
 */
import * as fs from "node:fs"
import { dirname } from "node:path"
import * as Effect from "effect/Effect"
import * as ExtractsTree from "../../domain/extracts/ExtractsTree.ts"
import * as Diagnosis from "../../domain/machine/Diagnosis.ts"
import * as MountInfo from "../../domain/machine/MountInfo.ts"
import type { RootsKind, SystemSettings } from "../../domain/settings/SystemSettings.ts"
import type { ByteString } from "../../domain/text/ByteString.ts"
import * as FileLock from "../files/FileLock.ts"
import type { Calls } from "../files/NativeCalls.ts"
import * as Privileges from "../files/Privileges.ts"
import * as HostProgram from "../host/HostProgram.ts"
import * as MountTable from "../host/MountTable.ts"
import * as ExtractsInventory from "./ExtractsInventory.ts"
import * as MountProbe from "./MountProbe.ts"

export const examine = (
  calls: Calls,
  system: SystemSettings
): Effect.Effect<readonly Diagnosis.Diagnosis[]> =>
  Effect.gen(function* () {
    const { extractsdir, imagelayoutdir, volumesdir } = system
    return [
      layouts(imagelayoutdir),
      extracts(extractsdir),
      ...olderForm(extractsdir),
      ...(yield* features(calls, extractsdir, system.roots)),
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
        `mkdir -p ${directory}, then copy an image into it: skopeo copy docker://IMAGE oci:${directory}/LAYOUT:REF`
      )
    : Diagnosis.problem(
        "layouts",
        `${directory} cannot be read: ${code}`,
        "fix its permissions, or check its disk"
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

/** Finds roots of hard links, which an older version of this program made and this one cannot use. */
const olderForm = (directory: string): readonly Diagnosis.Diagnosis[] => {
  try {
    const count = ExtractsInventory.take(directory).pieces.filter(({ path }) =>
      ExtractsTree.isOld(path)
    ).length
    return count === 0
      ? []
      : [
          Diagnosis.warning(
            "older extracts",
            `${count} roots and layers below ${directory} are those of an older version of this program`,
            "oci-systemd gc removes them once no running service uses them"
          )
        ]
  } catch (cause) {
    if (Privileges.isDenied(cause)) return []
    return [
      Diagnosis.problem("older extracts", `${directory} cannot be read`, "fix its permissions, or its disk")
    ]
  }
}

/** Tries each feature that a root needs from its file system. */
const features = (
  calls: Calls,
  directory: string,
  kind: RootsKind
): Effect.Effect<readonly Diagnosis.Diagnosis[]> => {
  if (!Privileges.isRoot()) {
    return Effect.succeed(
      ["file system", "overlay", "roots"].map((check) => Diagnosis.skipped(check, NEEDS_ROOT))
    )
  }
  return Effect.gen(function* () {
    const { path } = yield* FileLock.temporaryDirectory(calls, existing(`${directory}/${ExtractsTree.TMP}`))
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
            "put extractsdir on ext4, xfs or btrfs"
          ),
      yield* overlay(path, directory),
      roots(calls, path, kind)
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

/** Says which kind new roots will be, and why. */
const roots = (calls: Calls, path: string, kind: RootsKind): Diagnosis.Diagnosis => {
  if (kind === "directories")
    return Diagnosis.ok("roots", "written out as directories, as the configuration says")
  const reason = MountProbe.whyNot(calls.mounts, path)
  if (reason === undefined) return Diagnosis.ok("roots", "mounted from images of their layers")
  return kind === "auto"
    ? Diagnosis.ok("roots", `written out as directories: ${reason}`)
    : Diagnosis.problem(
        "roots",
        reason,
        "have Linux 6.12 or later, and extractsdir on ext4, xfs or btrfs; or set roots = auto"
      )
}

/** Mounts an overlay, in a namespace that ends with the attempt. */
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
          "put extractsdir on ext4, xfs (with ftype=1) or btrfs, not on another overlay or a network file system"
        )
      )
    )
  )

const mountOptions = (directory: string): Diagnosis.Diagnosis => {
  const at = existing(directory)
  const mount = MountInfo.around(MountTable.read(), fs.realpathSync(at))
  const options = mount?.options ?? []
  const forbidden = ["noexec", "nosuid", "nodev"].filter((option) => options.includes(option))
  const where = mount?.point ?? "/"
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
    : Diagnosis.problem("volumes", `${directory} is not a directory`, "volumesdir must lead to a directory")
}

/** Returns the path, or its nearest existing parent. */
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

/** The features, each with a function that tries it in a temporary directory. */
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

const PRIVATE = [ExtractsTree.ROOTS, ExtractsTree.IMAGES, ExtractsTree.LAYERS, ExtractsTree.SCRATCH]
const NEEDS_ROOT = "only root can try it"
const WRITABLE = "extraction writes there: fix its permissions, or set extractsdir elsewhere"
const LEAST_GIGABYTES = 1
const LEAST_INODES = 10_000
