/** Laws of what images need. Digests are few, so that images share configurations, roots and layers. */
import { createHash } from "node:crypto"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import type { Digest } from "../../../src/domain/document/Digest.ts"
import * as ExtractsTree from "../../../src/domain/extracts/ExtractsTree.ts"
import * as GarbageNeeds from "../../../src/domain/extracts/GarbageNeeds.ts"
import * as GarbagePlan from "../../../src/domain/extracts/GarbagePlan.ts"
import { display, type ImageName } from "../../../src/domain/naming/ImageName.ts"

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

const digest = fc.constantFrom(..."abcd").map((letter) => `sha256:${letter.repeat(64)}` as Digest)
const digests = fc.array(digest, { maxLength: 3 })
const directories = fc.array(fc.constantFrom("one", "two", "three", "four"), { maxLength: 3 })
const question = fc.constantFrom("", "app", "1000:1000")

const readable: fc.Arbitrary<GarbageNeeds.ReadableImage> = fc.record({
  chainId: digest,
  diffIds: digests,
  config: digest,
  question
})

const root: fc.Arbitrary<GarbageNeeds.LinkedRoot> = fc.oneof(
  fc.record({ chainId: digest, diffIds: digests }).map(({ chainId, diffIds }) => ({
    path: ExtractsTree.rootOf(chainId),
    chainId,
    diffIds
  })),
  fc.constant({ path: "roots/elsewhere", chainId: undefined, diffIds: [] })
)

const links: fc.Arbitrary<GarbageNeeds.NameLinks> = fc.record({
  config: fc.option(digest.map(ExtractsTree.configOf), { nil: undefined }),
  root: fc.option(root, { nil: undefined })
})

const unreadable: fc.Arbitrary<GarbageNeeds.UnreadableImage> = fc.record({
  reason: fc.constantFrom("its index is damaged", "its layout cannot be read"),
  links: fc.option(links, { nil: undefined })
})

const REFS = ["a", "b", "c", "d", "e", "f"]

/** Facts in which each name occurs once, as in a catalog and a directory of links. */
const facts: fc.Arbitrary<GarbageNeeds.NeedFacts> = fc
  .tuple(fc.shuffledSubarray(REFS), fc.nat(REFS.length))
  .chain(([refs, count]) => {
    const names = refs.map((ref): ImageName => ({ layout: "app", ref }))
    const image = (name: ImageName): fc.Arbitrary<GarbageNeeds.ImageFacts> =>
      fc.record({ name: fc.constant(name), directories, content: fc.oneof(readable, unreadable) })
    const other = (name: ImageName): fc.Arbitrary<GarbageNeeds.OtherName> =>
      fc.record({
        path: fc.constant(ExtractsTree.nameOf(name, sha256)),
        name: fc.option(fc.constant(name), { nil: undefined }),
        directories,
        isGone: fc.boolean(),
        links
      })
    return fc.record({
      images: fc.tuple(...names.slice(0, count).map(image)),
      others: fc.tuple(...names.slice(count).map(other))
    })
  })

const law = (
  what: string,
  holds: (facts: GarbageNeeds.NeedFacts, needs: GarbageNeeds.GarbageNeeds) => void
): void =>
  it(what, () => fc.assert(fc.property(facts, (facts) => holds(facts, GarbageNeeds.of(facts, sha256)))))

const isReadable = (content: GarbageNeeds.ImageFacts["content"]): content is GarbageNeeds.ReadableImage =>
  !("reason" in content)

const ofLayers = (diffIds: readonly Digest[]): readonly string[] =>
  diffIds.flatMap((diffId) => [ExtractsTree.layerOf(diffId), ExtractsTree.listingOf(diffId)])

const ofRoot = (chainId: Digest): readonly string[] => [
  ExtractsTree.rootOf(chainId),
  ExtractsTree.rootImageOf(chainId),
  ExtractsTree.recordOf(chainId)
]

const ofLinks = ({ config, root }: GarbageNeeds.NameLinks): readonly string[] => [
  ...(config === undefined ? [] : [config, `${config.replace("configs/", "facts/")}-0123456789abcdef.json`]),
  ...(root === undefined ? [] : [root.path, ...ofLayers(root.diffIds)]),
  ...(root?.chainId === undefined ? [] : ofRoot(root.chainId))
]

/** Every path that an extracts directory could have for these digests and names. */
const ALL: readonly string[] = [
  ...[..."abcd"]
    .map((letter) => `sha256:${letter.repeat(64)}` as Digest)
    .flatMap((digest) => [
      ...ofRoot(digest),
      ...ofLayers([digest]),
      ExtractsTree.configOf(digest),
      ...["", "app", "1000:1000"].map((each) => ExtractsTree.factsOf(digest, each, sha256))
    ]),
  ...REFS.flatMap((ref) => {
    const at = ExtractsTree.nameOf({ layout: "app", ref }, sha256)
    return [`${at}/config`, `${at}/rootfs`]
  }),
  ...["one", "two", "three", "four"].flatMap((name) => [`scratch/${name}`, `templates/${name}`])
]

const assertAll = (needs: GarbageNeeds.GarbageNeeds, paths: readonly string[]): void =>
  assert.deepEqual(
    paths.filter((path) => !needs.has(path)),
    []
  )

describe("GarbageNeeds.of", () => {
  law(
    "an image needs its root with layers and record, its configuration, facts and links",
    (facts, needs) => {
      for (const { content, name } of facts.images) {
        if (!isReadable(content)) continue
        assertAll(needs, [
          ...ofRoot(content.chainId),
          ...ofLayers(content.diffIds),
          ExtractsTree.configOf(content.config),
          ExtractsTree.factsOf(content.config, content.question, sha256),
          `${ExtractsTree.nameOf(name, sha256)}/config`,
          `${ExtractsTree.nameOf(name, sha256)}/rootfs`
        ])
      }
    }
  )

  law("what the links of an image lead to is needed while the image cannot be read", (facts, needs) => {
    for (const { content } of facts.images)
      if (!isReadable(content) && content.links !== undefined) assertAll(needs, ofLinks(content.links))
  })

  law("what the links of an image lead to is needed while its layout is out of sight", (facts, needs) => {
    for (const { isGone, links, path } of facts.others)
      if (!isGone) assertAll(needs, [`${path}/config`, `${path}/rootfs`, ...ofLinks(links)])
  })

  law(
    "directories of all images are needed, read or not, and of all that are out of sight",
    (facts, needs) => {
      const there = [...facts.images, ...facts.others.filter(({ isGone }) => !isGone)]
      const names = there.flatMap(({ directories }) => directories)
      assert.sameMembers([...needs.directories], [...new Set(names)])
      assertAll(
        needs,
        names.flatMap((name) => [`scratch/${name}`, `templates/${name}`])
      )
    }
  )

  law("an image that is gone needs nothing", (facts, needs) => {
    const without = GarbageNeeds.of(
      { ...facts, others: facts.others.filter(({ isGone }) => !isGone) },
      sha256
    )
    assert.deepEqual(ALL.filter(needs.has), ALL.filter(without.has))
    assert.deepEqual([...needs.held], [...without.held])
  })

  law("each need is one of some image: without images and names in sight nothing is needed", (facts) => {
    const images = facts.images.filter(({ content }) => !isReadable(content) && content.links === undefined)
    const others = facts.others.map((other) => ({ ...other, isGone: true }))
    const needs = GarbageNeeds.of({ images, others }, sha256)
    const own = images.flatMap(({ directories }) => directories)
    assert.deepEqual(
      ALL.filter(needs.has),
      ALL.filter((path) => own.some((name) => path === `scratch/${name}` || path === `templates/${name}`))
    )
  })

  law("another image makes nothing unneeded", (facts, needs) => {
    const fewer = GarbageNeeds.of({ ...facts, images: facts.images.slice(1) }, sha256)
    assertAll(needs, ALL.filter(fewer.has))
  })

  law("exactly those images are held that have links and cannot be read or seen", (facts, needs) => {
    assert.sameDeepMembers(
      [...needs.held],
      [
        ...facts.images.flatMap(
          ({ content, name }): ReadonlyArray<[string, string]> =>
            isReadable(content) || content.links === undefined ? [] : [[display(name), content.reason]]
        ),
        ...facts.others
          .filter(({ isGone }) => !isGone)
          .map(({ name, path }): [string, string] => [
            name === undefined ? path : display(name),
            "its layout cannot be seen"
          ])
      ]
    )
  })

  law("no plan removes what an image needs, whatever is asked for", (facts, needs) => {
    const { doomed } = GarbagePlan.plan(
      ALL.map((path) => ({
        piece: { kind: "root", path },
        isNeeded: needs.has(path),
        user: undefined,
        isData: false,
        belongsTo: []
      })),
      { volumes: true }
    )
    const ofImages = facts.images.flatMap(({ content }) =>
      isReadable(content)
        ? [...ofRoot(content.chainId), ...ofLayers(content.diffIds)]
        : content.links === undefined
          ? []
          : ofLinks(content.links)
    )
    for (const { path } of doomed) assert.notInclude(ofImages, path)
  })
})
