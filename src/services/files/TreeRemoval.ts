/**
 * Removes a tree that others made and may still be changing. The walk uses descriptors (`DirectoryDescent`), so
 * nothing outside the tree is ever removed or changed, whatever replaces a directory meanwhile. Directories without
 * permissions are made accessible. A file system that is mounted below the tree is not removed, and neither are the
 * directories that contain its mount point. (`fs.rm` works by path, stops at PATH_MAX and, for an ordinary user, at a
 * directory of mode 0555.)
 */
import { chmodSync, lstatSync, rmdirSync, unlinkSync } from "node:fs"
import { basename, dirname } from "node:path"
import * as Effect from "effect/Effect"
import * as CooperativeLoop from "./CooperativeLoop.ts"
import { DirectoryDescent, type Entry } from "./DirectoryDescent.ts"
import { PRIVATE } from "./DirectoryMode.ts"

/**
 * Removes whatever is at `top`, whose parent must be a directory that only root can change. It is no error if nothing
 * is there.
 */
export const remove = <E>(top: string, failed: (cause: unknown) => E): Effect.Effect<void, E> =>
  Effect.suspend(() => {
    let removal: Removal | undefined
    const advance = (): boolean => {
      if (removal === undefined && !isThere(top)) return false
      removal ??= new Removal(top)
      return removal.advance()
    }
    return CooperativeLoop.run(advance, failed).pipe(Effect.ensuring(Effect.sync(() => removal?.close())))
  })

const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined

class Removal {
  readonly #descent: DirectoryDescent
  /** What remains to be removed of each directory on the way down. */
  readonly #pending: Entry[][]
  /** The file system of the top. */
  #device: number | undefined
  #changes = 0

  constructor(top: string) {
    this.#descent = new DirectoryDescent(dirname(top))
    this.#pending = [[{ name: Buffer.from(basename(top)).toString("latin1"), isDirectory: true }]]
  }

  /** Removes one entry. Returns false when everything is removed. */
  advance(): boolean {
    const descent = this.#descent
    const entry = this.#last.pop()
    if (entry === undefined) {
      if (descent.depth === 0) return false
      const name = descent.leave()
      this.#pending.pop()
      this.#attempt(name, () => rmdirSync(descent.at(name)))
    } else if (entry.isDirectory) this.#attempt(entry.name, () => this.#enter(entry.name))
    else this.#attempt(entry.name, () => unlinkSync(descent.at(entry.name)))
    return true
  }

  close(): void {
    this.#descent.close()
  }

  #enter(name: string): void {
    const descent = this.#descent
    const stats = descent.enter(name)
    if (stats === undefined) {
      this.#last.push({ name, isDirectory: false })
      return
    }
    this.#pending.push([])
    this.#device ??= stats.dev
    if (stats.dev !== this.#device) throw otherFileSystem(descent.here)
    if ((stats.mode & PRIVATE) !== PRIVATE) chmodSync(descent.here, PRIVATE)
    this.#pending[this.#pending.length - 1] = descent.list()
  }

  /** Tries an action, and looks at the entry again if another process has replaced it meanwhile. */
  #attempt(name: string, body: () => void): void {
    try {
      body()
    } catch (cause) {
      const { code = "" } = cause as NodeJS.ErrnoException
      if (code === "ENOENT") return
      if (!CHANGED.has(code) || this.#changes++ >= MAX_CHANGES) throw this.#descent.explained(cause)
      this.#last.push({ name, isDirectory: code !== "ENOTDIR" })
    }
  }

  get #last(): Entry[] {
    return this.#pending[this.#pending.length - 1] as Entry[]
  }
}

/** An error in the form of Node's own. */
const otherFileSystem = (path: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`EXDEV: another file system is mounted at ${path}`), {
    code: "EXDEV",
    syscall: "rmdir",
    path
  })

/** Errors of unlink(2) and rmdir(2) for an entry that changed after it was seen. */
const CHANGED: ReadonlySet<string> = new Set(["EISDIR", "ENOTDIR", "ENOTEMPTY", "EEXIST"])
/**
 * How many changes one removal tolerates, so that a process that keeps changing the tree cannot keep it busy for
 * ever.
 */
const MAX_CHANGES = 1000
