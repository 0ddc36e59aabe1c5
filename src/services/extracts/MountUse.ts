/**
 * Finds what the mounts of all processes are made of (proc_pid_mountinfo(5)). Each mount namespace is read once.
 *
 * The names of units are no proof: a service may run with the root of an image that was replaced since, and a root
 * may be mounted by hand. The kernel's table names what each mount uses: the lower directories of an overlay, the
 * source of a bind mount.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import * as MountInfo from "../../domain/machine/MountInfo.ts"

export interface MountUse {
  /**
   * Returns what uses the files at a path that ends with `path`; `undefined` if nothing does. An EROFS image that is
   * mounted at a path that ends with `but` does not count: a root that is an image is mounted there for all services.
   */
  readonly of: (path: string, but?: string) => string | undefined
  /**
   * Returns a mount point at or below an absolute path in this process's namespace. An EROFS image at `but` does not
   * count.
   */
  readonly mountedBelow: (path: string, but?: string) => string | undefined
  /** Whether every process could be examined. Only root can examine the processes of other users. */
  readonly isComplete: boolean
}

/** Examines all processes. `proc` is the directory in which the kernel shows them. */
export const look = (proc = "/proc"): MountUse => {
  const namespaces = new Map<string, { readonly pid: string; readonly table: string }>()
  const places: Array<readonly [pid: string, path: string]> = []
  let isComplete = true
  for (const pid of readdirSync(proc)) {
    if (!/^[0-9]+$/.test(pid)) continue
    try {
      const namespace = readlinkSync(`${proc}/${pid}/ns/mnt`)
      if (!namespaces.has(namespace)) {
        namespaces.set(namespace, { pid, table: readFileSync(`${proc}/${pid}/mountinfo`, "latin1") })
      }
      for (const link of ["root", "cwd"]) places.push([pid, readlinkSync(`${proc}/${pid}/${link}`, "latin1")])
    } catch (cause) {
      // Otherwise the process has ended meanwhile, or belongs to the kernel. The first process has the mounts of the
      // machine, which this process sees in its own table.
      if ((cause as NodeJS.ErrnoException).code === "EACCES" && pid !== "1") isComplete = false
    }
  }
  const own = readFileSync(`${proc}/self/mountinfo`, "latin1")
  return {
    isComplete,
    of: (path, but) => {
      const wanted = encoded(path)
      const except = but === undefined ? undefined : encoded(but)
      const mount = mountWith(own, wanted, except)
      if (mount !== undefined) return `what is mounted at ${decoded(mount.point)}`
      for (const { pid, table } of namespaces.values()) {
        const mount = mountWith(table, wanted, except)
        if (mount !== undefined) return `${described(proc, pid)}, mounted at ${decoded(mount.point)}`
      }
      const [place] = places.filter(([, at]) => `${at}/`.includes(`${path}/`))
      return place === undefined ? undefined : described(proc, place[0])
    },
    mountedBelow: (path, but) => {
      const wanted = encoded(path)
      const except = but === undefined ? undefined : encoded(but)
      const mount = MountInfo.parse(own).find(
        (each) =>
          `${each.escapedPoint}/`.startsWith(`${wanted}/`) &&
          (except === undefined || !isImageAt(each, except))
      )
      return mount === undefined ? undefined : decoded(mount.point)
    }
  }
}

/** Returns a mount whose line contains the path as a whole, and not as the beginning of a longer name. */
const mountWith = (table: string, path: string, except?: string): MountInfo.Mount | undefined => {
  for (let at = table.indexOf(path); at >= 0; at = table.indexOf(path, at + 1)) {
    const next = table.charAt(at + path.length)
    if (next === "" || ENDS.has(next)) {
      const mount = MountInfo.parseLine(table.slice(table.lastIndexOf("\n", at) + 1, indexOrEnd(table, at)))
      if (mount !== undefined && (except === undefined || !isImageAt(mount, except))) return mount
    }
  }
  return undefined
}

/**
 * Whether an EROFS image is mounted whose mount point ends with a path. A namespace that no unmounting reaches keeps the
 * mount, and sees it move with the image when that is removed.
 */
const isImageAt = ({ escapedPoint, kind }: MountInfo.Mount, path: string): boolean =>
  kind === "erofs" && (escapedPoint.endsWith(path) || MOVED.test(escapedPoint))

const indexOrEnd = (table: string, from: number): number => {
  const end = table.indexOf("\n", from)
  return end < 0 ? table.length : end
}

/** Returns the unit of a process, or its process id. */
const described = (proc: string, pid: string): string => {
  try {
    const group = readFileSync(`${proc}/${pid}/cgroup`, "utf8").split("\n")[0] ?? ""
    const unit = /([^/]+\.(?:service|scope))(?:\/[^/]*)?$/.exec(group)?.[1]
    return unit ?? `process ${pid}`
  } catch {
    return `process ${pid}`
  }
}

/** Writes a path as the kernel does in its table: as bytes, some of them as octal escapes. */
const encoded = (path: string): string =>
  Buffer.from(path)
    .toString("latin1")
    .replace(/[ \t\n\\]/g, (byte) => `\\${byte.charCodeAt(0).toString(8).padStart(3, "0")}`)

/** Returns the text of bytes. */
const decoded = (bytes: string): string => Buffer.from(bytes, "latin1").toString()

/** Matches the mount points of images that are being removed (`GarbageRemoval`). */
const MOVED = /\/tmp\/[0-9a-f]{24}\/[0-9]+\/root$/

/** The characters after a path among mount options: the next path, the next option or the next field follows. */
const ENDS: ReadonlySet<string> = new Set(["/", ":", ",", " ", "\n", "\\"])
