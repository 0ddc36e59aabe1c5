import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import type { ImageName } from "../../../src/domain/naming/ImageName.ts"
import * as UnitName from "../../../src/domain/naming/UnitName.ts"
import * as RootPaths from "../../../src/domain/unit/RootPaths.ts"
import { numRuns, sha256 } from "../../support/unitArbitraries.ts"

/** Tiny: `a/b`, `b.a` and `a.ref.b` are where names collide. */
const component = fc
  .array(fc.constantFrom("a", "b", ".", "-", "@", "é", "ref", ":1", "x2e", "\\"), {
    minLength: 1,
    maxLength: 4
  })
  .map((parts) => parts.join(""))
  .filter((text) => text !== "." && text !== "..")

const long = fc
  .tuple(fc.constantFrom("a", "é", "a.", "\\", "-"), fc.integer({ min: 50, max: 255 }))
  .map(([unit, count]) => `${unit.repeat(count)}`.slice(0, 255))

const ref = fc.oneof(
  { weight: 9, arbitrary: fc.oneof(component, fc.constantFrom("a/b", "/", "")) },
  { weight: 1, arbitrary: long }
)

const imageName: fc.Arbitrary<ImageName> = fc.record({
  layout: fc
    .array(fc.oneof({ weight: 9, arbitrary: component }, { weight: 1, arbitrary: long }), {
      minLength: 1,
      maxLength: 3
    })
    .map((components) => components.join("/")),
  ref
})

/** Every image is there once. */
const images = fc.uniqueArray(imageName, {
  maxLength: 12,
  selector: ({ layout, ref }) => JSON.stringify([layout, ref])
})

/** No program takes one for an option. */
const ALLOWED = /^(?![.-])(?:[A-Za-z0-9:_.-]|\\x[0-9a-f]{2})+$/

describe("UnitName.assign", () => {
  it("no two images share a name", () =>
    fc.assert(
      fc.property(images, (set) => {
        const stems = UnitName.assign(set, sha256).map(({ stem }) => stem)
        assert.strictEqual(new Set(stems).size, set.length)
      }),
      { numRuns }
    ))

  it("a service's name has at most 253 bytes and only allowed characters", () =>
    fc.assert(
      fc.property(images, (set) => {
        for (const { stem } of UnitName.assign(set, sha256)) {
          assert.match(stem, ALLOWED)
          assert.isAtMost(Buffer.byteLength(UnitName.service(stem)), 253)
        }
      }),
      { numRuns }
    ))

  it("the prepare and mount units' names have at most 255 bytes, and are as different as the services'", () =>
    fc.assert(
      fc.property(images, (set) => {
        const names = UnitName.assign(set, sha256)
        const prepares = names.map(({ stem }) => UnitName.prepare(stem, sha256))
        const mounts = names.map(({ stem }) => {
          const chainId = `sha256:${"a".repeat(64)}` as Parameters<typeof RootPaths.of>[0]["chainId"]
          return UnitName.mount(RootPaths.of({ extractsdir: "/x", chainId, stem }, sha256).root)
        })
        for (const unit of [...prepares, ...mounts]) assert.isAtMost(Buffer.byteLength(unit), 255)
        for (const unit of prepares)
          assert.match(unit, /^oci-prepare@(?:[A-Za-z0-9:_.-]|\\x[0-9a-f]{2})+\.service$/)
        for (const unit of mounts) assert.match(unit, /^run-oci-roots-[A-Za-z0-9_.]+\.mount$/)
        assert.strictEqual(new Set(prepares).size, set.length)
        assert.strictEqual(new Set(mounts).size, set.length)
      }),
      { numRuns }
    ))

  it("the order of the images does not matter", () => {
    const facts = (set: readonly ImageName[]) =>
      UnitName.assign(set, sha256)
        .map(({ image, stem, collidesWith }) =>
          JSON.stringify([
            image.layout,
            image.ref,
            stem,
            collidesWith.map(({ layout, ref }) => [layout, ref]).sort()
          ])
        )
        .sort()
    fc.assert(
      fc.property(
        images.chain((set) =>
          fc.tuple(fc.constant(set), fc.shuffledSubarray(set, { minLength: set.length }))
        ),
        ([set, shuffled]) => assert.deepStrictEqual(facts(shuffled), facts(set))
      ),
      { numRuns }
    )
  })

  it("an image that is alone has its plain name, and a collision names every other party", () =>
    fc.assert(
      fc.property(images, (set) => {
        const plain = set.map((image) => UnitName.fromImage(image, sha256))
        UnitName.assign(set, sha256).forEach(({ image, stem, collidesWith }, index) => {
          const sharers = set.filter((other, at) => other !== image && plain[at] === plain[index])
          if (sharers.length > 0) assert.includeMembers([...collidesWith], sharers)
          else if (collidesWith.length === 0) assert.strictEqual(stem, plain[index])
        })
      }),
      { numRuns }
    ))
})
