/**
 * What the mounts of this machine's processes are made of, as proc_pid_mountinfo(5) tells, each mount namespace once.
 *
 * The names of units say nothing certain: a service may run with a root of yesterday's image, and a root may be mounted
 * by hand. What the kernel has mounted, it names here: an overlay its lower directories, a bind its source.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs"

export interface MountUse {
  /** Who uses what lies at a path that ends with this one, or `undefined`. */
  readonly of: (path: string) => string | undefined
  /** What is mounted at or below an absolute path in this process's namespace. */
  readonly mountedBelow: (path: string) => string | undefined
  /** Could every process be looked at? Those of others can by root alone. */
  readonly isComplete: boolean
}

/** `proc` is where the kernel shows processes. */
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
      // Else it has ended meanwhile, or is the kernel's own. What the first process has mounted is what all have.
      if ((cause as NodeJS.ErrnoException).code === "EACCES" && pid !== "1") isComplete = false
    }
  }
  const own = readFileSync(`${proc}/self/mountinfo`, "latin1")
  return {
    isComplete,
    of: (path) => {
      const wanted = encoded(path)
      const line = lineWith(own, wanted)
      if (line !== undefined) return `what is mounted at ${pointOf(line)}`
      for (const { pid, table } of namespaces.values()) {
        const line = lineWith(table, wanted)
        if (line !== undefined) return `${described(proc, pid)}, mounted at ${pointOf(line)}`
      }
      const [place] = places.filter(([, at]) => `${at}/`.includes(`${path}/`))
      return place === undefined ? undefined : described(proc, place[0])
    },
    mountedBelow: (path) => {
      const wanted = encoded(path)
      const point = own
        .split("\n")
        .map((line) => line.split(" ")[4] ?? "")
        .find((at) => at === wanted || at.startsWith(`${wanted}/`))
      return point === undefined ? undefined : decoded(point)
    }
  }
}

/** The line that has the path, whole: no longer name begins with it. */
const lineWith = (table: string, path: string): string | undefined => {
  for (let at = table.indexOf(path); at >= 0; at = table.indexOf(path, at + 1)) {
    const next = table.charAt(at + path.length)
    if (next === "" || ENDS.has(next)) {
      return table.slice(table.lastIndexOf("\n", at) + 1, indexOrEnd(table, at))
    }
  }
  return undefined
}

const pointOf = (line: string): string => decoded(line.split(" ")[4] ?? "")

const indexOrEnd = (table: string, from: number): number => {
  const end = table.indexOf("\n", from)
  return end < 0 ? table.length : end
}

/** The unit of a process, or its number. */
const described = (proc: string, pid: string): string => {
  try {
    const group = readFileSync(`${proc}/${pid}/cgroup`, "utf8").split("\n")[0] ?? ""
    const unit = /([^/]+\.(?:service|scope))(?:\/[^/]*)?$/.exec(group)?.[1]
    return unit ?? `process ${pid}`
  } catch {
    return `process ${pid}`
  }
}

/** As the kernel writes paths in its table: bytes, and these as octal escapes. */
const encoded = (path: string): string =>
  Buffer.from(path)
    .toString("latin1")
    .replace(/[ \t\n\\]/g, (byte) => `\\${byte.charCodeAt(0).toString(8).padStart(3, "0")}`)

const decoded = (text: string): string =>
  Buffer.from(
    text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    "latin1"
  ).toString()

/** Of a path among mount options: the next one, the next option, the next field. */
const ENDS: ReadonlySet<string> = new Set(["/", ":", ",", " ", "\n", "\\"])
