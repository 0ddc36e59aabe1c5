import { createHash } from "node:crypto"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as ImageName from "../../../src/domain/naming/ImageName.ts"
import * as UnitName from "../../../src/domain/naming/UnitName.ts"
import * as UnitParts from "../../../src/domain/naming/UnitParts.ts"

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")

const names = (parts: UnitParts.UnitParts | undefined) => (parts?.candidates ?? []).map(ImageName.display)

describe("the parts of a unit's name", () => {
  it.each([
    ["com.myorg.myapp.ref.stable.service", "myorg.com/myapp", "stable"],
    ["com.myorg.group.my-app.ref.v1.service", "myorg.com/group/my-app", "v1"],
    ["localhost:5000.app.ref.v1.service", "localhost:5000/app", "v1"],
    ["com.myorg.app.ref.a\\x40b.service", "myorg.com/app", "a@b"]
  ])("are those of %s", (unit, layout, ref) => {
    const parts = UnitParts.parse(unit, sha256)
    assert.strictEqual(parts?.role, "service")
    assert.strictEqual(parts?.stem, unit.replace(".service", ""))
    assert.include(names(parts), ImageName.display({ layout, ref }))
  })

  it("are likeliest those of a domain of two labels", () =>
    assert.deepEqual(UnitParts.parse("com.myorg.myapp.ref.stable.service", sha256)?.candidates[0], {
      layout: "myorg.com/myapp",
      ref: "stable"
    }))

  it("tell what the unit does", () => {
    const stem = UnitName.fromImage({ layout: "a.b/c", ref: "d" }, sha256)
    assert.strictEqual(UnitParts.parse(UnitName.prepare(stem, sha256), sha256)?.role, "prepare")
    assert.strictEqual(UnitParts.parse(UnitName.health(stem, "timer", sha256), sha256)?.role, "healthTimer")
  })

  it.each(["ssh.service", "a.ref.b", "oci-prepare@x.service", "x.ref.y.socket", "a.ref.b.timer", ""])(
    "are nothing for %j",
    (unit) => assert.isUndefined(UnitParts.parse(unit, sha256))
  )

  it("have the image among their candidates, whatever its domain", () => {
    const word = fc.constantFrom("a", "bc", "d-e", "x_y", "é")
    const host = fc
      .array(fc.constantFrom("a", "bc", "d"), { minLength: 1, maxLength: 3 })
      .map((labels) => labels.join("."))
    const image = fc.record({
      layout: fc
        .tuple(host, fc.array(word, { maxLength: 3 }))
        .map(([first, path]) => [first, ...path].join("/")),
      ref: word
    })
    fc.assert(
      fc.property(image, (name) =>
        assert.include(
          names(UnitParts.parse(UnitName.service(UnitName.fromImage(name, sha256)), sha256)),
          ImageName.display(name)
        )
      )
    )
  })

  it("never name an image with another unit", () =>
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", ".", ":", "1", "\\x2e", "ref") }), (text) => {
        const parts = UnitParts.parse(`${text}.ref.b.service`, sha256)
        for (const name of parts?.candidates ?? [])
          assert.strictEqual(UnitName.fromImage(name, sha256), parts?.stem)
      })
    ))
})
