/** Layers over names so few that they collide: a, b, c, three deep, with everything that a tar archive can hold. */
import * as fc from "fast-check"
import { LayerEntry, type Metadata } from "../../src/domain/archive/LayerEntry.ts"
import { type ByteString, fromText } from "../../src/domain/text/ByteString.ts"

export type Layer = { readonly entries: ReadonlyArray<LayerEntry> }

/** Few hundred while one works, `PROPERTY_RUNS=20000` when one wants to know. */
export const runs = { numRuns: Number(process.env.PROPERTY_RUNS ?? 300) }

const name = fc.constantFrom("a", "b", "c")

export const names = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"))

/** The same few paths, as archives spell them. */
export const path: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof(
      { weight: 12, arbitrary: fc.constant("") },
      { weight: 2, arbitrary: fc.constantFrom("./", "/", "../", "a/../", ".//") }
    ),
    names,
    fc.oneof(
      { weight: 12, arbitrary: fc.constant("") },
      { weight: 1, arbitrary: fc.constantFrom("/", "/.", "/c/..") }
    )
  )
  .map((parts) => parts.join(""))

const aufsPath = fc.constantFrom(".wh..wh.plnk/1", ".wh..wh.plnk/2", "a/.wh..wh.b")

export const target: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: names },
  { weight: 3, arbitrary: names.map((path) => `/${path}`) },
  { weight: 3, arbitrary: names.map((path) => `../${path}`) },
  { weight: 1, arbitrary: names.map((path) => `../../../${path}/./`) },
  { weight: 1, arbitrary: fc.tuple(names, names).map(([down, path]) => `${down}/../${path}`) },
  { weight: 1, arbitrary: fc.constantFrom("..", ".", "/", "a/..", "../a/../b", "/../c") }
)

export const metadata: fc.Arbitrary<Metadata> = fc.record({
  mode: fc.constantFrom(0o755, 0o644, 0o4755, 0o1777, 0),
  uid: fc.constantFrom(0, 1000),
  gid: fc.constantFrom(0, 100),
  mtime: fc.record({ seconds: fc.constantFrom(-1, 0, 1700000000), nanoseconds: fc.constantFrom(0, 5) }),
  xattrs: fc.constantFrom<ReadonlyMap<ByteString, Uint8Array>>(
    new Map(),
    new Map([[fromText("security.capability"), new Uint8Array([1, 2])]])
  )
})

/** An entry that does not know yet where it is, nor, a hardlink, what there is to link. */
interface Draft {
  readonly linkable: string | undefined
  readonly make: (layer: number, entry: number, linkable: ReadonlyArray<string>) => LayerEntry
}

const leafAt = <A>(
  at: fc.Arbitrary<string>,
  more: fc.Arbitrary<A>,
  make: (path: ByteString, metadata: Metadata, more: A, layer: number, entry: number) => LayerEntry
): fc.Arbitrary<Draft> =>
  fc.tuple(at, metadata, more).map(([path, metadata, more]) => ({
    linkable: path,
    make: (layer, entry) => make(fromText(path), metadata, more, layer, entry)
  }))

const nothing = fc.constant(undefined)

const fileAt = (at: fc.Arbitrary<string>) =>
  leafAt(at, nothing, (path, metadata, _, layer, entry) =>
    LayerEntry.File({ path, metadata, size: 1, content: { layer, offset: entry } })
  )

const symlinkAt = (at: fc.Arbitrary<string>) =>
  leafAt(at, target, (path, metadata, target) =>
    LayerEntry.Symlink({ path, metadata, target: fromText(target) })
  )

const device = fc.tuple(
  fc.constantFrom("CharacterDevice" as const, "BlockDevice" as const),
  fc.constantFrom(0, 1)
)

const deviceAt = (at: fc.Arbitrary<string>) =>
  leafAt(at, device, (path, metadata, [kind, number]) =>
    LayerEntry[kind]({ path, metadata, major: number, minor: number })
  )

const fifoAt = (at: fc.Arbitrary<string>) =>
  leafAt(at, nothing, (path, metadata) => LayerEntry.Fifo({ path, metadata }))

const directoryAt = (at: fc.Arbitrary<string>): fc.Arbitrary<Draft> =>
  fc.tuple(at, metadata).map(([path, metadata]) => ({
    linkable: undefined,
    make: () => LayerEntry.Directory({ path: fromText(path), metadata })
  }))

/** Mostly to something that the layer or a lower one has: a dangling link refuses the whole image. */
const hardlinkAt = (at: fc.Arbitrary<string>, to: fc.Arbitrary<string>): fc.Arbitrary<Draft> =>
  fc.tuple(at, to, fc.nat(20)).map(([path, to, pick]) => ({
    linkable: path,
    make: (_layer, _entry, linkable) => {
      const target = pick === 0 ? to : (linkable[pick % linkable.length] ?? to)
      return LayerEntry.Hardlink({ path: fromText(path), target: fromText(target) })
    }
  }))

const directoryOr = fc.oneof(
  { weight: 2, arbitrary: fc.constant("") },
  names.map((path) => `${path}/`)
)

const whiteoutPath = fc.tuple(directoryOr, name).map(([directory, name]) => `${directory}.wh.${name}`)
const opaquePath = directoryOr.map((directory) => `${directory}.wh..wh..opq`)

/** Nobody promises that a whiteout is an empty file. */
const whiteout: fc.Arbitrary<Draft> = fc
  .oneof({ weight: 3, arbitrary: whiteoutPath }, { weight: 2, arbitrary: opaquePath })
  .chain((path) => {
    const at = fc.constant(path)
    return fc.oneof(
      { weight: 6, arbitrary: fileAt(at) },
      directoryAt(at),
      symlinkAt(at),
      hardlinkAt(at, names)
    )
  })

const ordinary: fc.Arbitrary<Draft> = fc.oneof(
  { weight: 6, arbitrary: fileAt(path) },
  { weight: 5, arbitrary: directoryAt(fc.oneof({ weight: 9, arbitrary: path }, fc.constant("./"))) },
  { weight: 5, arbitrary: symlinkAt(path) },
  { weight: 1, arbitrary: deviceAt(path) },
  { weight: 1, arbitrary: fifoAt(path) },
  { weight: 1, arbitrary: fileAt(aufsPath) }
)

const hardlink: fc.Arbitrary<Draft> = hardlinkAt(
  fc.oneof({ weight: 9, arbitrary: path }, aufsPath),
  fc.oneof({ weight: 9, arbitrary: path }, aufsPath)
)

const numbered = (drafts: ReadonlyArray<ReadonlyArray<Draft>>, first: number): ReadonlyArray<Layer> =>
  drafts.map((layer, number) => {
    const paths = drafts
      .slice(0, number + 1)
      .flatMap((layer) => layer.flatMap(({ linkable }) => linkable ?? []))
    const linkable = paths.filter((path) => !path.includes(".wh.") || path.includes(".wh..wh."))
    return { entries: layer.map(({ make }, entry) => make(first + number, entry, linkable)) }
  })

/** One layer with this number. */
const one = (number: number, draft: fc.Arbitrary<Draft>, maxLength: number) =>
  fc.array(draft, { maxLength }).map((drafts) => numbered([drafts], number)[0]?.entries ?? [])

/** Layers from number 0; `hardlinks` because one dangling link refuses the whole image. */
export const layers = (options: { readonly max?: number; readonly hardlinks?: boolean } = {}) =>
  fc
    .array(
      fc.array(
        fc.oneof(
          { weight: 8, arbitrary: ordinary },
          { weight: 3, arbitrary: whiteout },
          ...(options.hardlinks === false ? [] : [{ weight: 2, arbitrary: hardlink }])
        ),
        { maxLength: 8 }
      ),
      { minLength: 1, maxLength: options.max ?? 4 }
    )
    .map((drafts) => numbered(drafts, 0))

/** A layer with this number, of whiteouts and opaque markers alone. */
export const whiteoutLayer = (number: number) => one(number, whiteout, 5)

/** A layer with this number, without whiteouts and hardlinks. */
export const ordinaryLayer = (number: number) => one(number, ordinary, 6)

/** A layer with this number and everything. */
export const anyLayer = (number: number) =>
  one(number, fc.oneof({ weight: 4, arbitrary: ordinary }, whiteout, hardlink), 8)
