/** Laws of what is removed. Paths are few, so that pieces belong to one another. */
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as GarbagePlan from "../../../src/domain/extracts/GarbagePlan.ts"

const path = fc.constantFrom(..."abcdefgh")

const examined: fc.Arbitrary<GarbagePlan.ExaminedPiece> = fc.record({
  piece: fc.record({ kind: fc.constantFrom("root", "record", "scratch", "volumes"), path }),
  isNeeded: fc.boolean(),
  user: fc.option(fc.constant("app.service"), { nil: undefined }),
  isData: fc.boolean(),
  belongsTo: fc.array(path, { maxLength: 2 })
})

const pieces = fc.uniqueArray(examined, { selector: ({ piece }) => piece.path, maxLength: 8 })
const options = fc.record({ volumes: fc.boolean() })

const law = (
  what: string,
  holds: (
    pieces: readonly GarbagePlan.ExaminedPiece[],
    plan: GarbagePlan.GarbagePlan,
    options: { readonly volumes: boolean }
  ) => void
) =>
  it(what, () =>
    fc.assert(
      fc.property(pieces, options, (pieces, options) =>
        holds(pieces, GarbagePlan.plan(pieces, options), options)
      )
    )
  )

const pathsOf = (pieces: ReadonlyArray<{ readonly path: string }>) => pieces.map(({ path }) => path)
const those = (
  pieces: readonly GarbagePlan.ExaminedPiece[],
  which: (examined: GarbagePlan.ExaminedPiece) => boolean
) => pathsOf(pieces.filter(which).map(({ piece }) => piece))

describe("GarbagePlan.plan", () => {
  law("what an image needs is neither removed nor spoken of", (pieces, { doomed, kept }) => {
    const needed = those(pieces, ({ isNeeded }) => isNeeded)
    for (const path of pathsOf([...doomed, ...kept])) assert.notInclude(needed, path)
  })

  law("what is in use is not removed", (pieces, { doomed }) => {
    const used = those(pieces, ({ user }) => user !== undefined)
    for (const path of pathsOf(doomed)) assert.notInclude(used, path)
  })

  law("data is removed only when that is asked for", (pieces, { doomed }, { volumes }) => {
    fc.pre(!volumes)
    const data = those(pieces, ({ isData }) => isData)
    for (const path of pathsOf(doomed)) assert.notInclude(data, path)
  })

  law(
    "what belongs to a piece that stays for its user or its data stays with it",
    (pieces, { doomed, kept }) => {
      const staying = pathsOf(kept)
      const belonging = those(pieces, ({ belongsTo }) => belongsTo.some((path) => staying.includes(path)))
      for (const path of pathsOf(doomed)) assert.notInclude(belonging, path)
    }
  )

  law("what nothing speaks for is removed", (pieces, { doomed }) => {
    const idle = those(
      pieces,
      ({ belongsTo, isData, isNeeded, user }) =>
        !isNeeded && user === undefined && !isData && belongsTo.length === 0
    )
    assert.includeMembers(pathsOf(doomed), idle)
  })

  law("no piece is both removed and kept, and none is made up", (pieces, { doomed, kept }) => {
    const named = pathsOf([...doomed, ...kept])
    assert.strictEqual(new Set(named).size, named.length)
    assert.includeMembers(
      those(pieces, () => true),
      named
    )
  })

  it("says who uses a piece before it says that it is data", () =>
    assert.deepStrictEqual(
      GarbagePlan.plan(
        [
          {
            piece: { kind: "volumes", path: "/v" },
            isNeeded: false,
            user: "app.service",
            isData: true,
            belongsTo: []
          }
        ],
        {}
      ).kept,
      [{ kind: "volumes", path: "/v", reason: "in use by app.service" }]
    ))
})
