import { assert, describe, it } from "vitest"
import { taggedUnion } from "../../../src/domain/text/TaggedUnion.ts"

type Shape = { readonly _tag: "Point" } | { readonly _tag: "Circle"; readonly radius: number }
const Shape = taggedUnion<Shape>()

describe("a tagged union", () => {
  it("has a constructor for each member", () => {
    assert.deepEqual(Shape.Point(), { _tag: "Point" })
    assert.deepEqual(Shape.Circle({ radius: 2 }), { _tag: "Circle", radius: 2 })
    assert.strictEqual(Shape.Circle, Shape.Circle)
  })

  it("tells its members apart", () => {
    assert.isTrue(Shape.$is("Point")(Shape.Point()))
    for (const other of [Shape.Circle({ radius: 1 }), null, undefined, "Point"])
      assert.isFalse(Shape.$is("Point")(other))
  })

  it("calls the function of the member, with the value first or later", () => {
    const cases = { Point: () => 0, Circle: ({ radius }: { readonly radius: number }) => radius }
    assert.strictEqual(Shape.$match(Shape.Circle({ radius: 3 }), cases), 3)
    assert.strictEqual(Shape.$match(cases)(Shape.Point()), 0)
  })
})
