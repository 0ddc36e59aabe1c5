import { assert, describe, it } from "@effect/vitest"
import * as UnitName from "../../../src/domain/naming/UnitName.ts"
import * as ImageSettings from "../../../src/domain/settings/ImageSettings.ts"
import * as Enabling from "../../../src/domain/unit/Enabling.ts"
import * as UnitFile from "../../../src/domain/unit/UnitFile.ts"
import { sha256 } from "../../../src/services/layout/Blobs.ts"

const image = (name: string, settings: Partial<ImageSettings.ImageSettings>) => ({
  name: { layout: name, ref: "v1" },
  stem: `${name}.ref.v1`,
  host: { systemdVersion: 254 },
  units: UnitName.all(`${name}.ref.v1`, sha256),
  origins: {},
  settings: { ...ImageSettings.DEFAULTS, ...settings }
})

describe("Enabling.links", () => {
  it("are relative, each from where it lies", () =>
    assert.deepStrictEqual(
      Enabling.links(
        image("app", {
          wantedby: ["multi-user.target", "a@b.service"],
          requiredby: ["c.target"],
          upheldby: ["d.target"],
          alias: ["web.service"]
        })
      ),
      [
        { path: "multi-user.target.wants/app.ref.v1.service", target: "../app.ref.v1.service" },
        { path: "a@b.service.wants/app.ref.v1.service", target: "../app.ref.v1.service" },
        { path: "c.target.requires/app.ref.v1.service", target: "../app.ref.v1.service" },
        { path: "d.target.upholds/app.ref.v1.service", target: "../app.ref.v1.service" },
        { path: "web.service", target: "app.ref.v1.service" }
      ]
    ))

  it("what no link can say before 254 is a drop-in", () => {
    const old = { ...image("app", { upheldby: ["d.target"] }), host: { systemdVersion: 253 } }
    assert.deepStrictEqual(Enabling.links(old), [])
    const [dropIn, ...others] = Enabling.dropIns(old)
    assert.deepStrictEqual(others, [])
    if (dropIn === undefined) return assert.fail("no drop-in")
    assert.strictEqual(dropIn.name, "d.target.d/app.ref.v1.conf")
    assert.strictEqual(UnitFile.render(dropIn), "\n[Unit]\nUpholds=app.ref.v1.service\n")
    assert.deepStrictEqual(Enabling.dropIns(image("app", { upheldby: ["d.target"] })), [])
  })

  it("none where nothing is said", () => assert.deepStrictEqual(Enabling.links(image("app", {})), []))

  it("its own name as an alias is no link", () =>
    assert.deepStrictEqual(Enabling.links(image("app", { alias: ["app.ref.v1.service"] })), []))
})

describe("Enabling.clashes", () => {
  const clashing = (...images: ReadonlyArray<ReturnType<typeof image>>) => [...Enabling.clashes(images)]

  it("different aliases, and an image's own name, are none", () =>
    assert.deepStrictEqual(
      clashing(
        image("a", { alias: ["x.service", "a.ref.v1.service"] }),
        image("b", { alias: ["y.service"] })
      ),
      []
    ))

  it("an alias that two want nobody gets", () =>
    assert.deepStrictEqual(
      clashing(image("a", { alias: ["x.service"] }), image("b", { alias: ["x.service"] })),
      [["x.service", "the alias x.service is set for a:v1, b:v1: none of them gets it"]]
    ))

  it("nobody gets the name of another image", () =>
    assert.deepStrictEqual(clashing(image("a", {}), image("b", { alias: ["a.ref.v1.service"] })), [
      ["a.ref.v1.service", "the alias a.ref.v1.service is the name of a:v1: no other image gets it"]
    ]))
})
