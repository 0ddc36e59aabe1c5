/** Laws of applying layers, and the naive oracle's word against `LayerMerge` and `RootPlan`. */
import * as Either from "effect/Either"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { EPOCH, LayerEntry, type Metadata } from "../../../src/domain/archive/LayerEntry.ts"
import * as LayerMerge from "../../../src/domain/layer/LayerMerge.ts"
import * as LayerPath from "../../../src/domain/layer/LayerPath.ts"
import * as RootPlan from "../../../src/domain/root/RootPlan.ts"
import type { RootStep } from "../../../src/domain/root/RootStep.ts"
import * as RootTree from "../../../src/domain/root/RootTree.ts"
import { type ByteString, fromText } from "../../../src/domain/text/ByteString.ts"
import {
  anyLayer,
  type Layer,
  layers,
  metadata,
  names,
  ordinaryLayer,
  runs,
  target,
  whiteoutLayer
} from "../../support/layerArbitraries.ts"
import * as NaiveRoot from "../../support/NaiveRoot.ts"

const REFUSED = "refused"

const pictureOf = (tree: RootTree.RootTree): NaiveRoot.Picture => NaiveRoot.carryOut(RootPlan.of(tree))

const merged = (layers: ReadonlyArray<Layer>): NaiveRoot.Picture | typeof REFUSED =>
  Either.match(LayerMerge.merge(layers), { onLeft: () => REFUSED, onRight: ({ tree }) => pictureOf(tree) })

const naive = (layers: ReadonlyArray<Layer>): NaiveRoot.Picture | typeof REFUSED => {
  try {
    return NaiveRoot.picture(layers)
  } catch (error) {
    if (error instanceof NaiveRoot.Refused) return REFUSED
    throw error
  }
}

const treeOf = (layers: ReadonlyArray<Layer>): RootTree.RootTree => {
  const result = LayerMerge.merge(layers)
  fc.pre(Either.isRight(result))
  return Either.getOrThrow(result).tree
}

const plain: Metadata = { mode: 0o644, uid: 0, gid: 0, mtime: EPOCH, xattrs: new Map() }

const entry = (path: string, content = { layer: 99, offset: 0 }) =>
  LayerEntry.File({ path: fromText(path), metadata: plain, size: 0, content })

const law = <A>(name: string, arbitrary: fc.Arbitrary<A>, holds: (value: A) => void) => {
  let run = 0
  const breathing = async (value: A) => {
    // However many runs: the worker must answer vitest now and then.
    if (++run % 1000 === 0) await new Promise((resolve) => setImmediate(resolve))
    holds(value)
  }
  it(name, () => fc.assert(fc.asyncProperty(arbitrary, breathing), runs), 600_000)
}

describe("LayerMerge and RootPlan", () => {
  law("make of any layers what the naive oracle makes, or refuse what it refuses", layers(), (layers) =>
    assert.deepStrictEqual(merged(layers), naive(layers))
  )

  law("need no second look at layers without whiteouts", layers(), (layers) =>
    assert.deepStrictEqual(
      merged(
        layers.map(({ entries }) => ({
          entries,
          mayHide: entries.some(({ path }) => LayerPath.maySpeak(path))
        }))
      ),
      merged(layers)
    )
  )

  law("agree with the oracle on images without hardlinks", layers({ hardlinks: false }), (layers) =>
    assert.deepStrictEqual(merged(layers), naive(layers))
  )

  law("merging is a function of the layers: one merge does not disturb another", layers(), (layers) => {
    const [one, other] = [LayerMerge.stepwise(layers), LayerMerge.stepwise(layers)]
    let [first, second] = [one.next(), other.next()]
    while (first.done !== true) {
      assert.isNotTrue(second.done)
      ;[first, second] = [one.next(), other.next()]
    }
    if (second.done !== true) assert.fail("the second merge takes more steps than the first")
    const of = (result: typeof first.value) =>
      Either.match(result, { onLeft: (error) => error.message, onRight: ({ tree }) => pictureOf(tree) })
    assert.deepStrictEqual(of(first.value), of(second.value))
  })

  law("applying an empty layer changes nothing", fc.tuple(layers(), fc.nat(4)), ([layers, at]) => {
    const empty: Layer = { entries: [] }
    assert.deepStrictEqual(merged([...layers.slice(0, at), empty, ...layers.slice(at)]), merged(layers))
  })

  law(
    "the order of whiteouts in their layer does not matter",
    fc.tuple(layers(), anyLayer(9), whiteoutLayer(8), fc.array(fc.nat(8), { minLength: 5, maxLength: 5 })),
    ([lower, entries, whiteouts, places]) => {
      const scattered = [...entries]
      whiteouts.forEach((whiteout, index) => {
        scattered.splice(places[index] ?? 0, 0, whiteout)
      })
      assert.deepStrictEqual(
        merged([...lower, { entries: scattered }]),
        merged([...lower, { entries: [...whiteouts, ...entries] }])
      )
    }
  )

  law(
    "a whiteout cannot reach what its own layer brings",
    fc.tuple(ordinaryLayer(0), whiteoutLayer(1)),
    (both) => {
      const [entries, whiteouts] = both
      assert.deepStrictEqual(merged([{ entries: [...entries, ...whiteouts] }]), merged([{ entries }]))
    }
  )

  law(
    "an opaque root forgets every lower layer",
    fc.tuple(layers(), ordinaryLayer(9)),
    ([lower, entries]) => {
      treeOf(lower)
      const opaque = merged([...lower, { entries: [...entries, entry(".wh..wh..opq")] }])
      const alone = merged([{ entries }])
      if (opaque === REFUSED || alone === REFUSED) assert.strictEqual(opaque, alone)
      else assert.deepStrictEqual({ ...opaque, "/": "" }, { ...alone, "/": "" })
    }
  )

  law(
    "an opaque directory forgets every lower layer",
    fc.tuple(layers(), names, metadata),
    ([lower, at, metadata]) => {
      const directory = LayerEntry.Directory({ path: fromText(at), metadata })
      fc.pre(RootTree.find(treeOf(lower), directory.path, { followLast: false }).links.length === 0)
      const tree = treeOf([...lower, { entries: [entry(`${at}/.wh..wh..opq`), directory] }])
      const found = RootTree.find(tree, fromText(at), { followLast: false })
      assert.isTrue(found._tag === "Found" && tree.kind(found.node) === "Directory")
      const below = Object.keys(pictureOf(tree)).filter((path) => path.startsWith(`/${at}/`))
      assert.deepStrictEqual(below, [])
    }
  )

  law("a whiteout leaves nothing at its path", fc.tuple(layers(), names), ([lower, at]) => {
    const path = fromText(at)
    const whiteout = entry(at.replace(/[^/]*$/, (name) => `.wh.${name}`))
    const tree = treeOf([...lower, { entries: [whiteout] }])
    assert.notStrictEqual(RootTree.find(tree, path, { followLast: false })._tag, "Found")
  })

  law("a whiteout of what is not there changes nothing", fc.tuple(layers(), names), ([lower, at]) => {
    const tree = treeOf(lower)
    const found = RootTree.find(tree, fromText(at), { followLast: false })
    fc.pre(found._tag !== "Found")
    const whiteout = entry(at.replace(/[^/]*$/, (name) => `.wh.${name}`))
    assert.deepStrictEqual(merged([...lower, { entries: [whiteout] }]), pictureOf(tree))
  })

  law("what a layer puts below any path is found there", fc.tuple(layers(), names), ([lower, at]) => {
    const put = entry(`${at}/new`)
    const tree = treeOf([...lower, { entries: [put] }])
    const found = RootTree.find(tree, put.path, { followLast: false })
    assert.isTrue(found._tag === "Found" && tree.kind(found.node) === "File")
    const content = found._tag === "Found" ? tree.inodes.content(tree.inode(found.node)) : undefined
    assert.deepStrictEqual(content, put._tag === "File" ? put.content : undefined)
  })

  law("no step's path leaves the root", layers(), (layers) => {
    for (const { path } of RootPlan.of(treeOf(layers))) {
      const parsed = Either.getOrThrow(LayerPath.parse(path))
      assert.strictEqual(LayerPath.join(parsed), path)
    }
  })

  law("a plan turned back into a layer makes the same root", layers(), (layers) => {
    const tree = treeOf(layers)
    const entries = [...RootPlan.of(tree)].flatMap(entryOf)
    assert.deepStrictEqual(merged([{ entries }]), pictureOf(tree))
  })
})

describe("RootTree", () => {
  law(
    "a path that is found is found again at its location, through no link",
    fc.tuple(layers(), target),
    (both) => {
      const [layers, path] = both
      const tree = treeOf(layers)
      const found = RootTree.find(tree, fromText(path))
      fc.pre(found._tag === "Found")
      const again = RootTree.find(tree, tree.path(found.node), { followLast: false })
      assert.isTrue(again._tag === "Found" && again.node === found.node && again.links.length === 0)
    }
  )
})

describe("LayerPath", () => {
  const messy = fc
    .array(fc.constantFrom("a", "b", ".", "..", "/", "\xff", "\n", "..."), { maxLength: 12 })
    .map((parts) => parts.join("") as ByteString)

  law("a parsed name is clean, and parsing it again changes nothing", messy, (name) => {
    const path = Either.getOrThrow(LayerPath.parse(name))
    assert.isTrue(path.every((part) => part !== "" && part !== "." && part !== ".." && !part.includes("/")))
    assert.deepStrictEqual(Either.getOrThrow(LayerPath.parse(LayerPath.join(path))), path)
  })

  law("a leading slash means nothing", messy, (name) =>
    assert.deepStrictEqual(LayerPath.parse(`/${name}` as ByteString), LayerPath.parse(name))
  )
})

/** The entry that asks for a step. */
const entryOf = (step: RootStep): ReadonlyArray<LayerEntry> => {
  switch (step._tag) {
    case "MakeDirectory":
      return []
    case "MakeFile":
      return [LayerEntry.File(step)]
    case "MakeSymlink":
      return [LayerEntry.Symlink({ path: step.path, metadata: step.metadata, target: step.target })]
    case "MakeLink":
      return [LayerEntry.Hardlink({ path: step.path, target: step.existing })]
    case "SetDirectory":
      return [LayerEntry.Directory({ path: step.path, metadata: step.metadata })]
    case "MakeNode": {
      const { path, metadata, major, minor } = step
      if (step.kind === "fifo") return [LayerEntry.Fifo({ path, metadata })]
      return [
        LayerEntry[step.kind === "character" ? "CharacterDevice" : "BlockDevice"]({
          path,
          metadata,
          major,
          minor
        })
      ]
    }
  }
}
