/** Random layers that aim at a canary, through the whole extraction: the real root is the naive oracle's, and nothing else changes. */
import * as Either from "effect/Either"
import * as fc from "fast-check"
import { assert, it } from "vitest"
import type { LayerEntry, Metadata } from "../../src/domain/archive/LayerEntry.ts"
import { type ByteString, fromText } from "../../src/domain/text/ByteString.ts"
import * as Privileges from "../../src/services/files/Privileges.ts"
import { withPlace } from "../support/ExtractionPlace.ts"
import { archiveOf, contentOf } from "../support/LayerArchive.ts"
import { type Layer, layers, runs } from "../support/layerArbitraries.ts"
import * as NaiveRoot from "../support/NaiveRoot.ts"
import * as RealTree from "../support/RealTree.ts"

/** An extraction is some hundred times as slow as a merge. */
const numRuns = Math.max(40, Math.floor(runs.numRuns / 20))

/** One out of some of these replaces an entry's name or target; the others leave it as it is. */
const AIMS: ReadonlyArray<(canary: string) => string> = [
  (canary) => canary,
  (canary) => `${canary}/b`,
  (canary) => `${"../".repeat(30)}${canary.slice(1)}`,
  (canary) => `/proc/self/root${canary}`,
  () => "/",
  () => "../../.."
]

const aim = fc.tuple(
  fc.nat(11),
  fc.nat(23),
  fc.constantFrom("a", "b", "c", "b/a", "file", ".wh.a", "b/.wh..wh..opq")
)
type Aim = readonly [target: number, name: number, below: string]

/** Attributes that every kind of node may have, and no mode on links, which have none. */
const settable = (entry: Exclude<LayerEntry, { _tag: "Hardlink" }>): Metadata => {
  const { metadata } = entry
  const xattrs =
    metadata.xattrs.size === 0
      ? metadata.xattrs
      : new Map([[fromText("trusted.test"), new Uint8Array([1, 2])]])
  return { ...metadata, xattrs, ...(entry._tag === "Symlink" ? { mode: 0o777 } : {}) }
}

const aimed = (entry: LayerEntry, [target, name, below]: Aim, canary: string): LayerEntry => {
  const path = AIMS[name] === undefined ? entry.path : (`${AIMS[name](canary)}/${below}` as ByteString)
  const to = AIMS[target]?.(canary) as ByteString | undefined
  switch (entry._tag) {
    case "Hardlink":
      return { ...entry, path }
    case "Symlink":
      return { ...entry, path, target: to ?? entry.target, metadata: settable(entry) }
    default:
      return { ...entry, path, metadata: settable(entry) }
  }
}

const aimedLayers = (
  layers: ReadonlyArray<Layer>,
  aims: ReadonlyArray<Aim>,
  canary: string
): ReadonlyArray<Layer> => {
  let next = 0
  return layers.map(({ entries }) => ({
    entries: entries.map((entry) => aimed(entry, aims[next++ % aims.length] ?? [99, 99, ""], canary))
  }))
}

const naive = (layers: ReadonlyArray<Layer>): NaiveRoot.Picture | undefined => {
  try {
    return Object.fromEntries(
      Object.entries(NaiveRoot.picture(layers)).map(([path, text]) => [path, withoutSize(text)])
    )
  } catch (error) {
    if (error instanceof NaiveRoot.Refused) return undefined
    throw error
  }
}

/** The archives hold the names of their contents, which are not of the sizes that the entries say. */
const withoutSize = (text: string): string => text.replace(/^file (\S+) \S* \d+ /, "file $1 ")

const attributes = ({ stat, xattrs }: RealTree.RealNode): string => {
  const truncated = stat.mtimeNs / 1_000_000_000n
  const floor = truncated * 1_000_000_000n > stat.mtimeNs ? truncated - 1n : truncated
  const kept = [...xattrs]
    .filter(([name]) => name !== "security.selinux")
    .map(([name, value]) => `${name}=${value}`)
  return `${(stat.mode & 0o7777n).toString(8)} ${stat.uid}:${stat.gid} ${floor}.${stat.mtimeNs - floor * 1_000_000_000n} ${kept}`
}

const looks = (node: RealTree.RealNode): string => {
  switch (node.kind) {
    case "file":
      return `file ${node.content} ${attributes(node)}`
    case "symlink":
      return `symlink ${node.target} ${attributes(node)}`
    case "directory":
      return `directory ${attributes(node)}`
    default: {
      const [major, minor] = RealTree.device(node.stat).split(":")
      return `${node.kind} ${major} ${minor} ${attributes(node)}`
    }
  }
}

/** In the oracle's words. */
const pictureOf = (nodes: ReadonlyArray<RealTree.RealNode>): NaiveRoot.Picture => {
  const first = RealTree.firstNames(nodes)
  return Object.fromEntries(nodes.map((node) => [`/${node.path}`, `${looks(node)} as /${first.get(node)}`]))
}

/** The oracle knows files by what they hold alone. */
const fileAttributes = (layers: ReadonlyArray<Layer>): ReadonlyMap<string, string> =>
  new Map(
    layers.flatMap(({ entries }) =>
      entries.flatMap((entry) => {
        if (entry._tag !== "File") return []
        const { gid, mode, mtime, uid, xattrs } = entry.metadata
        const list = [...xattrs].map(([name, value]) => `${name}=${value}`)
        return [
          [
            contentOf(entry),
            `${mode.toString(8)} ${uid}:${gid} ${mtime.seconds}.${mtime.nanoseconds} ${list}`
          ] as const
        ]
      })
    )
  )

it.skipIf(!Privileges.isRoot())(
  "an image that aims at a canary becomes what the naive oracle says, or is refused, and the canary lives",
  async () => {
    let [extracted, refused] = [0, 0]
    await fc.assert(
      fc.asyncProperty(layers({ max: 3 }), fc.array(aim, { minLength: 24, maxLength: 24 }), (random, aims) =>
        withPlace(async ({ canary, extract, image }) => {
          const layers = aimedLayers(random, aims, canary.path)
          image(layers.map(({ entries }) => archiveOf(entries)))
          const outcome = await extract()
          const expected = naive(layers)
          if (Either.isLeft(outcome)) {
            refused++
            assert.isUndefined(expected, outcome.left)
            return
          }
          extracted++
          const nodes = RealTree.read(outcome.right)
          assert.deepEqual(pictureOf(nodes), expected)
          const described = fileAttributes(layers)
          for (const node of nodes) {
            if (node.kind === "file")
              assert.equal(attributes(node), described.get(node.content ?? ""), node.path)
          }
        })
      ),
      { numRuns }
    )
    // Not all of one kind, or the layers say nothing.
    assert.isAbove(extracted, numRuns / 4)
    assert.isAbove(refused, 0)
  },
  1_200_000
)
