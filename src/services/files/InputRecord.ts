/**
 * Everything that a run of the generator read and that decided its units, in a form that a shell can compare
 * later.
 *
 * A path is noted before it is read, so that a change during reading gives it another time. Two changes within
 * one tick of the file system's clock have the same time. Therefore a run that read something just changed is
 * not trusted (git's index has the same rule).
 */
import * as fs from "node:fs"

/** What `stat -c` prints of directories of which only the numbers count. @internal */
export const IDENTITY_FORMAT = "%n %d:%i"
/** What `stat -c` prints of a path. Both coreutils and busybox print nanoseconds. @internal */
export const STAT_FORMAT = "%n %d %i %f %u %s %z"

/** The mounted roots. Only those that belong to no image count. */
export interface MountedRoots {
  readonly directory: string
  readonly usable: readonly string[]
  readonly foreign: readonly string[]
}

export class InputRecord {
  /** The line of `stat` for each path; `undefined` if the path does not exist. */
  readonly paths = new Map<string, string | undefined>()
  /** Directories, and their paths without links. */
  readonly realPaths = new Map<string, string>()
  /** Device and inode numbers of directories that are not read, by their paths without links. */
  readonly identities = new Map<string, string>()
  /** Paths of directories for which the mounts on the way to them and below them count. */
  places: readonly string[] = []
  /** These mounts: mount points, each with the type of its file system. */
  mounts: readonly string[] = []
  /** The line of /proc/cpuinfo that was used. */
  processor: string | undefined
  roots: MountedRoots | undefined
  /** Why the next run must not rely on this record. */
  distrusted: string | undefined
  readonly #start: bigint
  readonly #date = dates()

  /** Begins a record. `start` is when the run began, in milliseconds since 1970. */
  constructor(start: number = Date.now()) {
    this.#start = BigInt(start) * 1_000_000n
  }

  distrust(reason: string): void {
    this.distrusted ??= reason
  }

  noteMounts(places: readonly string[], mounts: readonly string[]): void {
    this.places = places
    this.mounts = mounts
  }

  noteProcessor(line: string): void {
    this.processor = line
  }

  noteRoots(roots: MountedRoots): void {
    this.roots = roots
  }

  noteRealPath(path: string, real: string): void {
    this.realPaths.set(path, real)
  }

  noteIdentity(path: string, identity: string): void {
    this.identities.set(path, identity)
  }

  /** Notes a path, and if it is a symbolic link, each path that it leads to. */
  note(path: string): void {
    let at = path
    for (let links = 0; links <= MAX_LINKS; links++) {
      if (this.paths.has(at)) return
      const target = this.#noteOne(at)
      if (target === undefined) return
      at = target.startsWith("/") ? target : `${at.slice(0, at.lastIndexOf("/") + 1)}${target}`
    }
    this.distrust(`${path} leads through too many symbolic links`)
  }

  /** Notes one path, and returns the target if it is a symbolic link. */
  #noteOne(path: string): string | undefined {
    if (!path.startsWith("/") || path.includes("\0")) {
      this.distrust(`${path} is not an absolute path`)
      return undefined
    }
    try {
      const stats = fs.lstatSync(path, STATS)
      this.paths.set(path, stats === undefined ? undefined : statLine(path, stats, this.#date))
      if (stats === undefined) return undefined
      const { ctimeNs } = stats
      if (ctimeNs >= this.#start - (ctimeNs % SECOND === 0n ? COARSE : FINE))
        this.distrust(`${path} had just been changed when it was read`)
      return stats.isSymbolicLink() ? fs.readlinkSync(path) : undefined
    } catch (cause) {
      this.distrust(`${path} cannot be examined: ${(cause as NodeJS.ErrnoException).code}`)
      return undefined
    }
  }
}

const STATS = { bigint: true, throwIfNoEntry: false } as const

/** Returns a line as `stat -c` prints it in UTC. @internal */
export const statLine = (
  path: string,
  { ctimeNs, dev, ino, mode, size, uid }: fs.BigIntStats,
  date = dates()
): string => {
  const fraction = String(ctimeNs % SECOND).padStart(9, "0")
  return `${path} ${dev} ${ino} ${mode.toString(16)} ${uid} ${size} ${date(ctimeNs / SECOND)}.${fraction} +0000`
}

/** Returns a function that writes a second as a date. It keeps the last one, because most files of a layout were made together. */
const dates = (): ((seconds: bigint) => string) => {
  let last = { seconds: -1n, text: "" }
  return (seconds) => {
    if (seconds !== last.seconds)
      last = { seconds, text: new Date(Number(seconds) * 1000).toISOString().slice(0, 19).replace("T", " ") }
    return last.text
  }
}

const SECOND = 1_000_000_000n
/** The coarsest clock of file systems that store whole seconds: FAT stores every second one. */
const COARSE = 2n * SECOND
/** Five ticks of the slowest clock that Linux gives file systems (CONFIG_HZ=100). */
const FINE = 50_000_000n
/** The most links that are followed, as in the kernel: path_resolution(7). */
const MAX_LINKS = 40
