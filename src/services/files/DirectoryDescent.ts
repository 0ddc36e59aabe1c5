/**
 * Walks down a tree that other processes may be changing. The current directory is held by a descriptor, and
 * everything in it is named by one component below that descriptor, as `/proc/self/fd/N/NAME`. No path that other
 * processes could change is resolved, so exchanging a directory for a link leads nowhere.
 *
 * Names are bytes, kept as latin1 text. The depth is unlimited: only the deepest directories stay open, and the
 * others are found again by `..`, which must be the same directory as before.
 */
import { Buffer } from "node:buffer"
import {
  type BigIntStats,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  type Stats,
  utimesSync
} from "node:fs"
import { PRIVATE } from "./DirectoryMode.ts"

export interface Entry {
  /** The name's bytes as latin1 text. */
  readonly name: string
  readonly isDirectory: boolean
}

interface Level {
  /** The name in the directory above; empty for the first directory. */
  readonly name: string
  /** The descriptor; −1 while the directory is closed. */
  fd: number
  /** The directory's identity when it was closed. */
  identity?: BigIntStats
}

export class DirectoryDescent {
  readonly #path: string
  readonly #levels: Level[]

  /**
   * Begins in an existing directory. Its own path is resolved as usual, so only root may be able to change it. It may
   * be a link, unless `isLink` forbids that.
   */
  constructor(path: string, { isLink = true }: { readonly isLink?: boolean } = {}) {
    this.#path = path
    this.#levels = [{ name: "", fd: openSync(path, isLink ? FIRST : DIRECTORY) }]
  }

  /** How many directories the current one is below the first. */
  get depth(): number {
    return this.#levels.length - 1
  }

  /** The descriptor of the current directory. */
  get fd(): number {
    return this.#current.fd
  }

  /** Returns a path of one entry of the current directory, for system calls that do not follow a link there. */
  at(name: string): Buffer {
    return Buffer.from(`/proc/self/fd/${this.fd}/${name}`, "latin1")
  }

  /** A path of the current directory. */
  get here(): string {
    return `/proc/self/fd/${this.fd}`
  }

  /** Replaces descriptors in an error by paths that people know. */
  explained(cause: unknown): unknown {
    const error = cause as NodeJS.ErrnoException
    const fd = Number(HELD.exec(error.path ?? "")?.[1] ?? -1)
    const depth = this.#levels.findIndex((level) => level.fd === fd)
    if (error.path === undefined || depth < 0) return cause
    const names = this.#levels.slice(1, depth + 1).map(({ name }) => Buffer.from(name, "latin1").toString())
    const place = [this.#path, ...names].join("/")
    return Object.assign(error, {
      message: error.message.replace(`/proc/self/fd/${fd}`, () => place),
      path: error.path.replace(HELD, () => place)
    })
  }

  /** Enters a directory in the current one; undefined if the name is something else, for example a link. */
  enter(name: string): Stats | undefined {
    let fd: number
    try {
      fd = openSync(this.at(name), DIRECTORY)
    } catch (cause) {
      if (NO_DIRECTORY.has((cause as NodeJS.ErrnoException).code ?? "")) return undefined
      throw cause
    }
    this.#levels.push({ name, fd })
    const surplus = this.#levels[this.#levels.length - 1 - MAX_OPEN]
    if (surplus !== undefined && surplus.fd >= 0 && surplus !== this.#levels[0]) {
      surplus.identity = fstatSync(surplus.fd, { bigint: true })
      closeSync(surplus.fd)
      surplus.fd = -1
    }
    return fstatSync(fd)
  }

  /**
   * Makes a directory in the current one, private at first, unless it exists, and enters it. It is new if it is still
   * as it was made: empty, and of the same owner and mode. A process that can write to the current directory may have
   * put another one in its place. Undefined if the name is something else than a directory.
   */
  make(name: string): "new" | "existing" | undefined {
    let isMade = true
    try {
      mkdirSync(this.at(name), PRIVATE)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause
      isMade = false
    }
    const stats = this.enter(name)
    if (stats === undefined) return undefined
    const isNew =
      isMade &&
      stats.uid === process.geteuid?.() &&
      (stats.mode & 0o1777) === PRIVATE &&
      this.list().length === 0
    return isNew ? "new" : "existing"
  }

  /** Gives the current directory the owner, mode and times of `model`, or else only a mode. */
  dress(model: Stats | undefined, mode: number): void {
    if (model !== undefined) chownSync(this.here, model.uid, model.gid)
    chmodSync(this.here, model === undefined ? mode : model.mode & 0o7777)
    if (model !== undefined) utimesSync(this.here, model.atime, model.mtime)
  }

  /** Lists the current directory. */
  list(): Entry[] {
    // Node's types do not describe a `Dirent` with bytes.
    const entries = readdirSync(this.here, { withFileTypes: true, encoding: "buffer" }) as unknown as Array<
      Omit<Dirent, "name"> & { readonly name: Buffer }
    >
    return entries.map((entry) => ({
      name: entry.name.toString("latin1"),
      isDirectory: entry.isDirectory()
    }))
  }

  /** Returns to the directory above. The result is the name under which this one was entered. */
  leave(): string {
    const { fd, name } = this.#current
    const above = this.#levels[this.#levels.length - 2]
    if (above === undefined) throw new Error("the first directory has none above it")
    if (above.fd < 0) {
      const again = openSync(`/proc/self/fd/${fd}/..`, DIRECTORY)
      const now = fstatSync(again, { bigint: true })
      if (now.ino !== above.identity?.ino || now.dev !== above.identity.dev) {
        closeSync(again)
        throw moved(name)
      }
      above.fd = again
    }
    closeSync(fd)
    this.#levels.pop()
    return name
  }

  close(): void {
    for (const level of this.#levels) {
      if (level.fd >= 0) closeSync(level.fd)
      level.fd = -1
    }
  }

  get #current(): Level {
    return this.#levels[this.#levels.length - 1] as Level
  }
}

export interface ChainOptions {
  /** What the last component is. The others are directories. */
  readonly last?: "directory" | "file"
  /** Returns the directory that a new one at this depth gets its owner, mode and times from; 0755 without one. */
  readonly modelOf?: (depth: number) => Stats | undefined
  /** Whether the path of `directory` itself may be a link. */
  readonly isLink?: boolean
}

/**
 * Makes what is missing of `components` below `directory`, each in the one before. Returns whether everything exists:
 * false if something else is in the way, for example a link. A file is empty. A model that is not a directory is in
 * the way as well.
 */
export const makeChain = (
  directory: string,
  components: readonly string[],
  { last = "directory", modelOf = () => undefined, isLink = true }: ChainOptions = {}
): boolean => {
  const descent = new DirectoryDescent(directory, { isLink })
  try {
    for (const [depth, component] of components.entries()) {
      const name = Buffer.from(component).toString("latin1")
      if (last === "file" && depth === components.length - 1) {
        makeFile(descent.at(name))
        return true
      }
      const model = modelOf(depth)
      const isInTheWay =
        model?.isDirectory() === false && lstatSync(descent.at(name), { throwIfNoEntry: false }) === undefined
      const made = isInTheWay ? undefined : descent.make(name)
      if (made === undefined) return false
      if (made === "new") descent.dress(model, 0o755)
    }
    return true
  } catch (cause) {
    throw descent.explained(cause)
  } finally {
    descent.close()
  }
}

const makeFile = (path: Buffer): void => {
  try {
    closeSync(openSync(path, "wx", 0o644))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause
  }
}

/** An error in the form of Node's own. */
const moved = (name: string): NodeJS.ErrnoException =>
  Object.assign(
    new Error(
      `ESTALE: the directory ${Buffer.from(name, "latin1").toString()} was moved elsewhere meanwhile`
    ),
    { code: "ESTALE", syscall: "openat" }
  )

/** Node's errors contain a path of bytes as text. */
const HELD = /^\/proc\/self\/fd\/([0-9]+)/
/** O_PATH, for which Node has no name: the descriptor needs no permission on the directory, and opens nothing. */
const O_PATH = 0o10000000
const FIRST = O_PATH | constants.O_DIRECTORY
const DIRECTORY = FIRST | constants.O_NOFOLLOW
/** Errors for a file, and with O_DIRECTORY also for a link. */
const NO_DIRECTORY: ReadonlySet<string> = new Set(["ENOTDIR", "ELOOP"])
/** How many directories may be open at once. A process has at least 1,024 descriptors. */
const MAX_OPEN = 64
