/**
 * What `LayerMerge` and `RootPlan` must come to, the slow and obvious way: an immutable map of path → node, made anew by
 * every entry. Written from the rules of docs/layers.md, and sharing nothing with the implementation but the entries' types.
 */
import type { LayerEntry, Metadata } from "../../src/domain/archive/LayerEntry.ts"
import type { RootStep } from "../../src/domain/root/RootStep.ts"

/** One line a path: what it is, its attributes, and the first of its names. The root is "/". */
export type Picture = Readonly<Record<string, string>>

export class Refused extends Error {}

const refuse = (why: string): never => {
  throw new Refused(why)
}

// ── Applying layers ──────────────────────────────────────────────────────────────────────────────────────────────

type LayerFile = Extract<LayerEntry, { _tag: "File" }>
type Path = ReadonlyArray<string>
type Leaf = {
  readonly kind: "leaf"
  readonly looks: string
  readonly target?: string | undefined
  readonly waits?: number
}
type Dir = { readonly kind: "dir"; readonly looks: string }
type View = ReadonlyMap<string, Leaf | Dir>

/** Two views, that which is extracted and that which AUFS keeps for itself, and the links that wait. */
type State = {
  readonly seen: View
  readonly aufs: View
  readonly waiting: ReadonlyArray<{ readonly number: number; readonly target: Path }>
}

const key = (path: Path) => `/${path.join("/")}`
const set = (view: View, path: Path, node: Leaf | Dir): View => new Map([...view, [key(path), node]])
const without = (view: View, gone: (path: string) => boolean): View =>
  new Map([...view].filter(([path]) => !gone(path)))
const isBelow = (path: string, top: string) => path !== top && path.startsWith(top === "/" ? "/" : `${top}/`)

const attributes = (m: Metadata) =>
  `${m.mode.toString(8)} ${m.uid}:${m.gid} ${m.mtime.seconds}.${m.mtime.nanoseconds} ${[...m.xattrs].map(([k, v]) => `${k}=${v}`)}`
const fileLooks = ({ content, metadata, size }: Pick<LayerFile, "content" | "metadata" | "size">) =>
  `file ${content.layer}.${content.offset} ${content.runs ?? ""} ${size} ${attributes(metadata)}`
const IMPLIED: Dir = { kind: "dir", looks: "directory 755 0:0 0.0 " }

const clean = (name: string): Path =>
  name
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .reduce<Path>((path, part) => (part === ".." ? path.slice(0, -1) : path.concat(part)), [])

const parts = (target: string): Path => target.split("/").filter((part) => part !== "" && part !== ".")

const isLink = (node: Leaf | Dir | undefined): node is Leaf & { target: string } =>
  node?.kind === "leaf" && node.target !== undefined

type Look = { readonly followLast: boolean; readonly stopAt?: ReadonlySet<string>; budget: number }

/** Where a path really is, or nothing if it is not. */
const look = (view: View, done: Path, rest: Path, how: Look): Path | undefined => {
  const [head, ...tail] = rest
  if (head === undefined) return done
  if (view.get(key(done))?.kind !== "dir") return undefined
  if (head === "..") return look(view, done.slice(0, -1), tail, how)
  const here = [...done, head]
  const node = view.get(key(here))
  if (node === undefined) return undefined
  if (!isLink(node) || (tail.length === 0 && !how.followLast)) return look(view, here, tail, how)
  if (how.stopAt?.has(key(here)) || how.budget-- === 0) return undefined
  return look(view, node.target.startsWith("/") ? [] : done, [...parts(node.target), ...tail], how)
}

/** Makes a directory of every component on the way. */
const mkdirs = (view: View, done: Path, rest: Path, budget: number): { view: View; at: Path } => {
  const [head, ...tail] = rest
  if (head === undefined) return { view, at: done }
  if (head === "..") return mkdirs(view, done.slice(0, -1), tail, budget)
  const here = [...done, head]
  const node = view.get(key(here))
  if (node?.kind === "dir") return mkdirs(view, here, tail, budget)
  if (!isLink(node)) return mkdirs(set(view, here, IMPLIED), here, tail, budget)
  if (budget === 0) return refuse("loop")
  return mkdirs(view, node.target.startsWith("/") ? [] : done, [...parts(node.target), ...tail], budget - 1)
}

const isAufs = (part: string) => part.startsWith(".wh..wh.") && part !== ".wh..wh..opq"

const kindOf = (path: Path): "ordinary" | "whiteout" | "opaque" | "aufs" => {
  const at = path.findIndex((part) => part.startsWith(".wh."))
  const part = path[at]
  if (part === undefined) return "ordinary"
  if (isAufs(part)) return "aufs"
  if (at < path.length - 1) return refuse("below a whiteout")
  if (part === ".wh..wh..opq") return "opaque"
  return [".wh.", ".wh..", ".wh..."].includes(part) ? refuse("bad whiteout") : "whiteout"
}

const hiddenPath = (path: Path): Path => [...path.slice(0, -1), (path.at(-1) as string).slice(".wh.".length)]

/** Which paths of the lower view the layer hides. */
const hiddenBy = (lower: View, entries: ReadonlyArray<LayerEntry>): ReadonlySet<string> => {
  const paths = entries.map((entry) => clean(entry.path))
  const named = new Set(
    paths.flatMap((path) => {
      const kind = kindOf(path)
      return kind === "ordinary" ? [key(path)] : kind === "whiteout" ? [key(hiddenPath(path))] : []
    })
  )
  const directory = (path: Path) => look(lower, [], path, { followLast: true, stopAt: named, budget: 40 })
  const hidden = new Set<string>()
  for (const path of paths) {
    const kind = kindOf(path)
    if (kind !== "whiteout" && kind !== "opaque") continue
    const parent = directory(path.slice(0, -1))
    if (parent === undefined || lower.get(key(parent))?.kind !== "dir") continue
    const top = kind === "whiteout" ? key([...parent, hiddenPath(path).at(-1) as string]) : key(parent)
    for (const there of lower.keys()) {
      if (isBelow(there, top) || (kind === "whiteout" && there === top)) hidden.add(there)
    }
  }
  return hidden
}

const leafOf = (entry: Exclude<LayerEntry, { _tag: "Directory" | "Hardlink" }>, id: string): Leaf => {
  switch (entry._tag) {
    case "File":
      return { kind: "leaf", looks: `${id}|${fileLooks(entry)}` }
    case "Symlink":
      return {
        kind: "leaf",
        looks: `${id}|symlink ${entry.target} ${attributes(entry.metadata)}`,
        target: entry.target
      }
    case "Fifo":
      return { kind: "leaf", looks: `${id}|fifo 0 0 ${attributes(entry.metadata)}` }
    case "CharacterDevice":
      return {
        kind: "leaf",
        looks: `${id}|character ${entry.major} ${entry.minor} ${attributes(entry.metadata)}`
      }
    case "BlockDevice":
      return {
        kind: "leaf",
        looks: `${id}|block ${entry.major} ${entry.minor} ${attributes(entry.metadata)}`
      }
  }
}

/** A leaf takes the place of whatever was there, and of all that was below. */
const putLeaf = (view: View, at: Path, leaf: Leaf): View =>
  set(
    without(view, (path) => isBelow(path, key(at))),
    at,
    leaf
  )

const viewOf = (path: Path) => (path.some(isAufs) ? "aufs" : "seen")

const target = (state: State, path: Path): Leaf | Dir | undefined => {
  const view = state[viewOf(path)]
  const at = look(view, [], path, { followLast: false, budget: 40 })
  return at === undefined ? undefined : view.get(key(at))
}

const link = (
  state: State,
  at: Path,
  path: Path,
  to: Path,
  below: (path: Path) => Leaf | undefined,
  number: number
): State => {
  const which = viewOf(path)
  const put = (leaf: Leaf) => ({ ...state, [which]: putLeaf(state[which], at, leaf) })
  if (key(path) === key(to)) return refuse("itself")
  const found = target(state, to)
  const itself = look(state[viewOf(to)], [], to, { followLast: false, budget: 40 })
  if (which === viewOf(to) && itself !== undefined && key(itself) === key(at) && found?.kind === "leaf")
    return refuse("itself")
  if (found?.kind === "leaf" && found.waits === undefined) return put(found)
  const old = found?.kind === "leaf" ? undefined : below(to)
  if (old !== undefined) return put(old)
  const waits: Leaf = { kind: "leaf", looks: "waiting", waits: number }
  return { ...put(waits), waiting: [...state.waiting, { number, target: to }] }
}

/** Fills in what waits until nothing more can be. */
const settle = (state: State): State => {
  for (const { number, target: to } of state.waiting) {
    const found = target(state, to)
    if (found?.kind !== "leaf" || found.waits !== undefined) continue
    const fill = (view: View): View =>
      new Map(
        [...view].map(([path, node]) => [path, node.kind === "leaf" && node.waits === number ? found : node])
      )
    const waiting = state.waiting.filter((other) => other.number !== number)
    return settle({ seen: fill(state.seen), aufs: fill(state.aufs), waiting })
  }
  return state.waiting.length === 0 ? state : refuse("a hardlink without a target")
}

const applyLayer = (lower: View, entries: ReadonlyArray<LayerEntry>, layer: number): View => {
  const hidden = hiddenBy(lower, entries)
  const below = (path: Path): Leaf | undefined => {
    const at = look(lower, [], path, { followLast: false, budget: 40 })
    const node = at !== undefined && hidden.has(key(at)) ? lower.get(key(at)) : undefined
    return node?.kind === "leaf" && !path.some(isAufs) ? node : undefined
  }
  let state: State = {
    seen: without(lower, (path) => hidden.has(path)),
    aufs: new Map([["/", IMPLIED]]),
    waiting: []
  }
  for (const [number, entry] of entries.entries()) {
    const path = clean(entry.path)
    const kind = kindOf(path)
    if (kind === "whiteout" || kind === "opaque") continue
    const which = viewOf(path)
    const name = path.at(-1)
    if (name === undefined) {
      if (entry._tag !== "Directory") return refuse("the root is a directory")
      state = {
        ...state,
        seen: set(state.seen, [], { kind: "dir", looks: `directory ${attributes(entry.metadata)}` })
      }
      continue
    }
    const parent = mkdirs(state[which], [], path.slice(0, -1), 40)
    state = { ...state, [which]: parent.view }
    const at = [...parent.at, name]
    if (entry._tag === "Directory") {
      const made: Dir = { kind: "dir", looks: `directory ${attributes(entry.metadata)}` }
      state = { ...state, [which]: set(state[which], at, made) }
    } else if (entry._tag === "Hardlink") {
      state = link(state, at, path, clean(entry.target), below, number)
    } else {
      state = { ...state, [which]: putLeaf(state[which], at, leafOf(entry, `${layer}.${number}`)) }
    }
  }
  return settle(state).seen
}

/** The picture of all layers applied; throws `Refused`. */
export const picture = (layers: ReadonlyArray<{ readonly entries: ReadonlyArray<LayerEntry> }>): Picture => {
  const empty: View = new Map([["/", IMPLIED]])
  const view = layers.reduce((lower, { entries }, layer) => applyLayer(lower, entries, layer), empty)
  const inodes = [...view].map(([path, node]): readonly [string, string, string] =>
    node.kind === "dir" ? [path, path, node.looks] : [path, node.looks, node.looks.replace(/^[^|]*\|/, "")]
  )
  return drawn(inodes)
}

/** From `[path, inode, looks]`. */
const drawn = (nodes: ReadonlyArray<readonly [path: string, inode: unknown, looks: string]>): Picture => {
  const sorted = [...nodes].sort(([a], [b]) => (a < b ? -1 : 1))
  const first = new Map<unknown, string>()
  for (const [path, inode] of sorted) if (!first.has(inode)) first.set(inode, path)
  return Object.fromEntries(sorted.map(([path, inode, looks]) => [path, `${looks} as ${first.get(inode)}`]))
}

// ── Carrying out a plan ──────────────────────────────────────────────────────────────────────────────────────────

type Made = { readonly kind: "directory" | "symlink" | "other"; looks: string; done: boolean }

const demand = (holds: boolean, what: string, step: RootStep): void => {
  if (!holds) throw new Error(`${what}: ${JSON.stringify(step)}`)
}

/** The order of kinds that `RootPlan` promises. */
const PHASES: Record<RootStep["_tag"], number> = {
  MakeDirectory: 0,
  MakeFile: 1,
  MakeNode: 1,
  MakeLink: 1,
  MakeSymlink: 2,
  SetDirectory: 3
}

/** The picture of a plan carried out; throws where the plan breaks what `RootStep` promises. */
export const carryOut = (plan: Iterable<RootStep>): Picture => {
  const root: Made = { kind: "directory", looks: IMPLIED.looks, done: false }
  const made = new Map<string, Made>([["/", root]])
  let phase = 0
  const place = (step: RootStep, node: Made) => {
    const names = step.path.split("/")
    demand(
      names.every((name) => name !== "" && name !== "." && name !== ".."),
      "a path that is not clean",
      step
    )
    demand(!made.has(key(names)), "made twice", step)
    names.forEach((_, length) => {
      const parent = made.get(key(names.slice(0, length)))
      demand(parent?.kind === "directory", "a parent that is no directory", step)
      demand(parent?.done === false, "a parent that was finished before", step)
    })
    made.set(key(names), node)
  }
  for (const step of plan) {
    demand(!root.done, "after the root was finished", step)
    const isLateLink = step._tag === "MakeLink" && made.get(`/${step.existing}`)?.kind === "symlink"
    demand(PHASES[step._tag] >= phase || isLateLink, "out of order", step)
    phase = Math.max(phase, PHASES[step._tag])
    switch (step._tag) {
      case "MakeDirectory":
        place(step, { kind: "directory", looks: "unfinished", done: false })
        break
      case "MakeFile":
        place(step, { kind: "other", looks: fileLooks(step), done: true })
        break
      case "MakeNode": {
        const looks = `${step.kind} ${step.major} ${step.minor} ${attributes(step.metadata)}`
        place(step, { kind: "other", looks, done: true })
        break
      }
      case "MakeSymlink":
        place(step, {
          kind: "symlink",
          looks: `symlink ${step.target} ${attributes(step.metadata)}`,
          done: true
        })
        break
      case "MakeLink": {
        const existing = made.get(`/${step.existing}`)
        if (existing === undefined || existing.kind === "directory")
          throw new Error(`nothing to link: ${step.existing}`)
        place(step, existing)
        break
      }
      case "SetDirectory": {
        const path = `/${step.path}`
        const directory = made.get(path)
        if (directory?.kind !== "directory") throw new Error(`no directory to finish: ${path}`)
        demand(!directory.done, "finished twice", step)
        for (const [other, node] of made) demand(!isBelow(other, path) || node.done, `before ${other}`, step)
        directory.done = true
        directory.looks = `directory ${attributes(step.metadata)}`
      }
    }
  }
  if ([...made.values()].some((node) => !node.done)) throw new Error("a directory was left unfinished")
  return drawn([...made].map(([path, node]) => [path, node, node.looks]))
}
