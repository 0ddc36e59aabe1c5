import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as ImageName from "../../../src/domain/naming/ImageName.ts"

const DIGESTED = `a/b@sha256:${"0".repeat(64)}`

describe("ImageName", () => {
  it.each([
    ["myorg.com/myapp:stable", "myorg.com/myapp", "stable"],
    ["localhost:5000/app:v1", "localhost:5000/app", "v1"],
    ["localhost::5000/app:v1", "localhost", "5000/app:v1"],
    ["localhost:5000:v1", "localhost", "5000:v1"],
    ["app:docker.io/library/app:v1", "app", "docker.io/library/app:v1"],
    ["app:v1", "app", "v1"]
  ])("%s", (text, layout, ref) => assert.deepEqual(ImageName.parse(text), { layout, ref }))

  it.each([
    "",
    "app",
    "app:",
    ":v1",
    "localhost:5000/app",
    "a//b:v1",
    "../a:v1",
    "/a:v1",
    "a\0b:v1",
    DIGESTED
  ])("not %j", (text) => assert.isUndefined(ImageName.parse(text)))

  it("is displayed apart from a name by digest, where it looks like one", () => {
    const name = { layout: "a/b@sha256", ref: "0".repeat(64) }
    assert.notStrictEqual(ImageName.display(name), DIGESTED)
    assert.deepEqual(ImageName.parse(ImageName.display(name)), name)
  })

  it("what is displayed is parsed back", () => {
    const part = fc.string({ unit: fc.constantFrom("a", "1", ".", "-", ":"), minLength: 1 })
    const layout = fc.array(part, { minLength: 1 }).map((parts) => parts.join("/"))
    const ref = fc.string({ unit: fc.constantFrom("a", "1", ".", "-", ":", "/"), minLength: 1 })
    const isTold = (layout: string) =>
      ImageName.isLayout(layout) && !layout.includes("::") && !layout.endsWith(":")
    fc.assert(
      fc.property(layout.filter(isTold), ref, (layout, ref) =>
        assert.deepEqual(ImageName.parse(ImageName.display({ layout, ref })), { layout, ref })
      )
    )
  })
})
