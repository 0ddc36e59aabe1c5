import * as Option from "effect/Option"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as ImageName from "../../src/domain/naming/ImageName.ts"

describe("ImageName", () => {
  it.each([
    ["myorg.com/myapp:stable", "myorg.com/myapp", "stable"],
    ["localhost:5000/app:v1", "localhost:5000/app", "v1"],
    ["app:v1", "app", "v1"]
  ])("%s", (text, layout, ref) => assert.deepEqual(ImageName.parse(text), Option.some({ layout, ref })))

  it.each(["", "app", "app:", ":v1", "localhost:5000/app", "a//b:v1", "../a:v1", "/a:v1"])("not %j", (text) =>
    assert.isTrue(Option.isNone(ImageName.parse(text)))
  )

  it("what is displayed is parsed back", () => {
    const part = fc.string({ unit: fc.constantFrom("a", "b", ".", "-", ":"), minLength: 1 })
    const layout = fc.array(part, { minLength: 1 }).map((parts) => parts.join("/"))
    const ref = fc.string({ unit: fc.constantFrom("a", "1", ".", "-"), minLength: 1 })
    fc.assert(
      fc.property(layout.filter(ImageName.isLayout), ref, (layout, ref) =>
        assert.deepEqual(ImageName.parse(ImageName.display({ layout, ref })), Option.some({ layout, ref }))
      )
    )
  })
})
