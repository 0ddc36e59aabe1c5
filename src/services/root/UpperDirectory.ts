/**
 * Finds what a service has written to its root, in the upper directory of its overlay.
 *
 * The service may be writing at the same moment. The walk goes down by descriptors (`DirectoryDescent`), and what vanishes
 * meanwhile is left out. The lower root and the template change no more, and belong to root, so they are read by paths. Of
 * directories that are new only numbers are collected, unless every path is listed.
 */
import * as fs from "node:fs"
import type { ByteString } from "../../domain/text/ByteString.ts"
import type { PathKind } from "../../domain/verify/PathFacts.ts"
import * as RootChange from "../../domain/verify/RootChange.ts"
import * as DeepPath from "../files/DeepPath.ts"
import { DirectoryDescent } from "../files/DirectoryDescent.ts"
import type { Calls } from "../files/NativeCalls.ts"
import * as FoundPath from "./FoundPath.ts"

export interface Trees {
  /** The upper directory. */
  readonly upper: string
  /** The lower directory. */
  readonly lower: string
  /** What the upper directory was before the service started; `undefined` if that is not known. */
  readonly template: string | undefined
}

/** A directory that was there before, with the names that are still to be looked at, the last one first. */
interface Kept {
  readonly path: ByteString
  /** Whether the lower root has it as well. */
  readonly isLower: boolean
  readonly pending: ByteString[]
}

/** A directory that is new, or lies in a new one. */
interface New {
  /** Whether it is in the upper directory. */
  readonly isUpper: boolean
  /** The directory of the lower root whose entries it has as well: the service has renamed that directory. */
  readonly lower: ByteString | undefined
}

/** An entry of a new directory. */
interface Shown {
  readonly name: ByteString
  readonly kind: PathKind
  readonly size: number
  readonly isUpper: boolean
}

interface Numbers {
  files: number
  size: number
}

/** One walk. Call `close` afterwards, whether it was completed or not. */
export class UpperDirectory {
  readonly #calls: Calls
  readonly #listsAll: boolean
  readonly #upper: DirectoryDescent
  readonly #lower: DeepPath.DeepPath
  readonly #template: DeepPath.DeepPath | undefined

  /** Begins the walk. Paths below new directories are changes as well if `listsAll` is true. */
  constructor({ lower, template, upper }: Trees, calls: Calls, listsAll: boolean) {
    this.#calls = calls
    this.#listsAll = listsAll
    this.#upper = new DirectoryDescent(upper, { isLink: false })
    this.#lower = DeepPath.under(lower)
    this.#template = template === undefined ? undefined : DeepPath.under(template)
  }

  close(): void {
    this.#upper.close()
    this.#lower.close()
    this.#template?.close()
  }

  /** Replaces descriptors in an error by paths that people know. */
  explained(cause: unknown): unknown {
    return this.#upper.explained(cause)
  }

  /**
   * Finds the changes in small steps, many of which yield nothing. A directory comes before what is in it, and the entries
   * of each are sorted. Throws errors of the system.
   */
  *changes(): Generator<RootChange.RootChange | undefined, void, undefined> {
    const own = entryOf(fs.fstatSync(this.#upper.fd))
    const lower = lookAt(this.#lower, TOP)
    const { change } = RootChange.classify({ ...own, ...PLAIN }, { lower, made: undefined })
    if (change !== undefined) yield listed(change, TOP, own, lower)
    const directories: Kept[] = [{ path: TOP, isLower: true, pending: this.#sortedNames() }]
    for (let at = directories.at(-1); at !== undefined; at = directories.at(-1)) {
      const name = at.pending.pop()
      if (name !== undefined) {
        const inner = yield* this.#entry(at, name)
        if (inner !== undefined) directories.push({ ...inner, pending: this.#sortedNames() })
        continue
      }
      directories.pop()
      if (directories.length > 0) this.#upper.leave()
    }
  }

  /** Examines one entry. If it is a directory that was there before, the walk stays in it. */
  *#entry(
    outer: Kept,
    name: ByteString
  ): Generator<RootChange.RootChange | undefined, Omit<Kept, "pending"> | undefined, undefined> {
    yield undefined
    const upper = this.#enterOrLook(name)
    if (upper === undefined) return undefined
    const path = joined(outer.path, name)
    const lower = outer.isLower ? lookAt(this.#lower, path) : undefined
    const made = lower === undefined ? this.#madeAt(path, upper) : undefined
    const { change, isSameDirectory } = RootChange.classify(upper, { lower, made })
    const before = lower ?? made
    if (isSameDirectory) {
      if (change !== undefined) yield listed(change, path, upper, before)
      return { path, isLower: lower !== undefined }
    }
    if (upper.kind === "Directory") {
      const directory: New = {
        isUpper: true,
        lower: this.#lowerOf(outer.isLower ? outer.path : undefined, name)
      }
      const numbers = yield* this.#below(directory, path, false)
      if (change !== undefined) yield { ...listed(change, path, upper, before), ...numbers }
      if (this.#listsAll) yield* this.#below(directory, path, true)
      this.#upper.leave()
    } else if (change !== undefined) {
      yield listed(change, path, change === "removed" && lower !== undefined ? lower : upper, before)
    }
    return undefined
  }

  /** Returns what was made for the service at a path that the lower root does not have: by this program, or by systemd. */
  #madeAt(path: ByteString, upper: RootChange.PathEntry): RootChange.PathEntry | undefined {
    const made = this.#template === undefined ? undefined : lookAt(this.#template, path)
    if (made !== undefined || path.includes("/")) return made
    const target = upper.kind === "Symlink" ? this.#target(path) : undefined
    return RootChange.isMadeBySystemd(path, upper, target) ? upper : undefined
  }

  /** Goes through everything below a new directory, which is the current one, and counts it, or lists it too. */
  *#below(
    top: New,
    path: ByteString,
    isListed: boolean
  ): Generator<RootChange.RootChange | undefined, Numbers, undefined> {
    const numbers: Numbers = { files: 0, size: 0 }
    const directories = [{ ...top, path, pending: yield* this.#content(top, numbers, isListed) }]
    for (let at = directories.at(-1); at !== undefined; at = directories.at(-1)) {
      const shown = at.pending.pop()
      if (shown !== undefined) {
        const inner = isListed ? joined(at.path, shown.name) : TOP
        if (isListed) yield listed("added", inner, shown, undefined)
        const directory = shown.kind === "Directory" ? this.#enterNew(at, shown) : undefined
        if (directory === undefined) continue
        const pending = yield* this.#content(directory, numbers, isListed)
        directories.push({ ...directory, path: inner, pending })
        continue
      }
      directories.pop()
      if (directories.length > 0 && at.isUpper) this.#upper.leave()
    }
    return numbers
  }

  /** Counts the entries of a new directory. Returns its directories, or all entries, the last one first. */
  *#content(
    { isUpper, lower }: New,
    numbers: Numbers,
    isListed: boolean
  ): Generator<undefined, Shown[], undefined> {
    const found: Shown[] = []
    const add = (shown: Shown): void => {
      if (shown.kind !== "Directory") {
        numbers.files++
        numbers.size += shown.kind === "File" ? shown.size : 0
      }
      if (isListed || shown.kind === "Directory") found.push(shown)
    }
    for (const name of isUpper ? namesIn(this.#upper.at(".")) : []) {
      yield undefined
      const entry = this.#look(name)
      if (entry !== undefined && !entry.isWhiteout) add({ name, ...entry, isUpper })
    }
    for (const name of lower === undefined ? [] : namesIn(this.#lower.at(lower))) {
      yield undefined
      const entry =
        isUpper && this.#look(name) !== undefined
          ? undefined
          : lookAt(this.#lower, joined(lower ?? TOP, name))
      if (entry !== undefined) add({ name, ...entry, isUpper: false })
    }
    return found.sort((a, b) => (a.name < b.name ? 1 : -1))
  }

  #enterNew(outer: New, { isUpper, name }: Shown): New | undefined {
    if (!isUpper) return { isUpper, lower: outer.lower === undefined ? undefined : joined(outer.lower, name) }
    return unlessGone(() => this.#upper.enter(name)) === undefined
      ? undefined
      : { isUpper, lower: this.#lowerOf(outer.lower, name) }
  }

  /**
   * Returns the directory of the lower root whose entries are also in the current directory, which has been entered by
   * `name`; `undefined` if that has entries of its own alone.
   */
  #lowerOf(outer: ByteString | undefined, name: ByteString): ByteString | undefined {
    if (this.#isOpaque()) return undefined
    const redirect = this.#redirect() ?? name
    const from = redirect.startsWith("/") ? TOP : outer
    if (from === undefined) return undefined
    let path = from
    for (const component of redirect.split("/") as ByteString[]) {
      if (component === "") continue
      path = joined(path, component)
      // No link is followed on the way.
      if (component === ".." || lookAt(this.#lower, path)?.kind !== "Directory") return undefined
    }
    return path
  }

  /** Examines an entry of the current directory, and enters it if it is a directory. */
  #enterOrLook(name: ByteString): RootChange.UpperEntry | undefined {
    const entry = this.#look(name)
    if (entry?.kind !== "Directory") return entry
    const stats = unlessGone(() => this.#upper.enter(name))
    return stats === undefined
      ? undefined
      : {
          ...entryOf(stats),
          isWhiteout: false,
          isOpaque: this.#isOpaque(),
          isRedirected: this.#redirect() !== undefined
        }
  }

  /** Examines an entry of the current directory; `undefined` if it is gone. */
  #look(name: ByteString): RootChange.UpperEntry | undefined {
    const at = this.#upper.at(name)
    const stats = unlessGone(() => fs.lstatSync(at, { throwIfNoEntry: false }))
    if (stats === undefined) return undefined
    const entry = entryOf(stats)
    const isWhiteout =
      (entry.kind === "CharacterDevice" && stats.rdev === 0) ||
      (entry.kind === "File" && entry.size === 0 && this.#attribute(at, WHITEOUT) !== undefined)
    return { ...entry, ...PLAIN, isWhiteout }
  }

  /** Whether the current directory hides that of the lower root. The value "x" only says that it has whiteouts of the newer kind. */
  #isOpaque(): boolean {
    return this.#attribute(this.#upper.at("."), OPAQUE) === "y"
  }

  #redirect(): ByteString | undefined {
    return this.#attribute(this.#upper.at("."), REDIRECT)
  }

  #attribute(at: Buffer, name: ByteString): ByteString | undefined {
    const value = unlessGone(() => this.#calls.getXattr(at, name))
    return value === undefined ? undefined : (Buffer.from(value).toString("latin1") as ByteString)
  }

  #target(name: ByteString): ByteString | undefined {
    const target = unlessGone(() => fs.readlinkSync(this.#upper.at(name), { encoding: "buffer" }))
    return target?.toString("latin1") as ByteString | undefined
  }

  /** Returns the names in the current directory, the last one first. */
  #sortedNames(): ByteString[] {
    return [...namesIn(this.#upper.at("."))].sort((a, b) => (a < b ? 1 : -1))
  }
}

const listed = (
  change: RootChange.Change,
  path: ByteString,
  { kind, size }: { readonly kind: PathKind; readonly size: number },
  before: RootChange.PathEntry | undefined
): RootChange.RootChange => ({
  change,
  path,
  kind,
  before: before?.kind,
  files: undefined,
  size: kind === "File" && change !== "removed" ? size : undefined
})

const lookAt = (tree: DeepPath.DeepPath, path: ByteString): RootChange.PathEntry | undefined => {
  const stats = unlessGone(() => fs.lstatSync(tree.at(path), { throwIfNoEntry: false }))
  return stats === undefined ? undefined : entryOf(stats)
}

const entryOf = (stats: fs.Stats): RootChange.PathEntry => ({
  kind: FoundPath.kindOf(stats),
  uid: stats.uid,
  gid: stats.gid,
  mode: stats.mode & 0o7777,
  size: stats.size
})

/** Yields the names in a directory; no more of them if it is removed meanwhile. */
function* namesIn(at: Buffer): Generator<ByteString, void, undefined> {
  try {
    yield* FoundPath.namesIn(at)
  } catch (cause) {
    if (!isGone(cause)) throw cause
  }
}

const unlessGone = <A>(look: () => A): A | undefined => {
  try {
    return look()
  } catch (cause) {
    if (isGone(cause)) return undefined
    throw cause
  }
}

/** Whether something vanished, or something else than a directory took the place of one. */
const isGone = (cause: unknown): boolean => GONE.has((cause as NodeJS.ErrnoException).code ?? "")

const joined = (directory: ByteString, name: ByteString): ByteString =>
  (directory === "" ? name : `${directory}/${name}`) as ByteString

const TOP = "" as ByteString
const PLAIN = { isWhiteout: false, isOpaque: false, isRedirected: false }
/** EINVAL: what is no link any more has no target. */
const GONE: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "EINVAL"])
/** The attributes of overlayfs. It keeps services from setting any. */
const [WHITEOUT, OPAQUE, REDIRECT] = ["whiteout", "opaque", "redirect"].map(
  (name) => `trusted.overlay.${name}`
) as [ByteString, ByteString, ByteString]
