import { execFileSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as UnitName from "../../../src/domain/naming/UnitName.ts"
import { sha256 } from "../../support/unitArbitraries.ts"

const name = (layout: string, ref = "stable") => UnitName.fromImage({ layout, ref }, sha256)

describe("UnitName.fromImage", () => {
  for (const [layout, ref, expected] of [
    ["myorg.com/myapp", "stable", "com.myorg.myapp.ref.stable"],
    ["myorg.com/team/myapp", "stable", "com.myorg.team.myapp.ref.stable"],
    ["myapp", "latest", "myapp.ref.latest"],
    ["localhost:5000/app", "v1", "localhost:5000.app.ref.v1"],
    ["registry.myorg.com:5000/app", "v1", "com.myorg.registry:5000.app.ref.v1"],
    ["myorg.com/my-app_x", "1.2.3-rc.1", "com.myorg.my-app_x.ref.1.2.3-rc.1"],
    ["myorg.com/a@b", "stable", "com.myorg.a\\x40b.ref.stable"],
    ["a@b.com/app", "@", "com.a\\x40b.app.ref.\\x40"],
    ["myorg.com/naïve", "é", "com.myorg.na\\xc3\\xafve.ref.\\xc3\\xa9"],
    ["my org/a b", "c d", "my\\x20org.a\\x20b.ref.c\\x20d"],
    ["myorg.com./app", "x", "\\x2ecom.myorg.app.ref.x"],
    [".hidden/app", "x", "hidden..app.ref.x"],
    [".", "x", "\\x2e.ref.x"],
    ["myorg.com/.app", "x", "com.myorg..app.ref.x"],
    ["myorg.com/a%b\\c\n", "sha256:aa", "com.myorg.a\\x25b\\x5cc\\x0a.ref.sha256:aa"],
    ["myorg.com/app", "feature/x", "com.myorg.app.ref.feature\\x2fx"]
  ] as const) {
    it(`${JSON.stringify(`${layout}:${ref}`)} → ${expected}`, () =>
      assert.strictEqual(name(layout, ref), expected))
  }

  it("keeps a readable head of a long name, and ends in a hash", () => {
    const stem = name(`myorg.com/${"a".repeat(300)}`)
    assert.match(stem, /^com\.myorg\.a+-[0-9a-f]{16}$/)
    assert.strictEqual(`${stem}.service`.length, 253)
    assert.notStrictEqual(stem, name(`myorg.com/${"a".repeat(301)}`))
  })

  it("does not cut an escape in two", () => {
    for (let length = 200; length < 260; length++) {
      const stem = name(`${"a".repeat(length)}éééééééééééé`)
      assert.match(stem, /^(?:[a-z0-9.-]|\\x[0-9a-f]{2})+$/)
    }
  })
})

describe("UnitName.assign", () => {
  it("tells images apart that would share a name, and says which", () => {
    const images = [
      { layout: "a/b", ref: "x" },
      { layout: "a/b.ref.x", ref: "x" },
      { layout: "b.a", ref: "x" },
      { layout: "a.b", ref: "x" },
      { layout: "b/a", ref: "x" }
    ]
    const names = UnitName.assign(images, sha256)
    const stems = names.map(({ stem }) => stem)
    assert.strictEqual(new Set(stems).size, images.length)
    assert.match(stems[0] ?? "", /^a\.b\.ref\.x-[0-9a-f]{16}$/)
    assert.strictEqual(stems[1], "a.b.ref.x.ref.x")
    assert.deepStrictEqual(names[0]?.collidesWith, [{ layout: "b.a", ref: "x" }])
    assert.deepStrictEqual(names[1]?.collidesWith, [])
    assert.deepStrictEqual(names[3]?.collidesWith, [{ layout: "b/a", ref: "x" }])
  })
})

describe("the units beside a service", () => {
  const { prepare, scratch, output, check } = UnitName
  for (const [kind, unitOf] of Object.entries({ prepare, scratch, output, check })) {
    it(`no reference is chosen so that two images share one: ${kind}`, () => {
      const layout = "myorg.com/myapp"
      const stem = name(layout, "a".repeat(218))
      const [, instance = ""] = /@(.*)\.service$/.exec(unitOf(stem, sha256)) ?? []
      assert.isBelow(instance.length, stem.length)
      const other = name(layout, instance.slice("com.myorg.myapp.ref.".length))
      assert.notStrictEqual(unitOf(other, sha256), unitOf(stem, sha256))
    })
  }

  it("have the service's name where that is short, whatever it ends in", () =>
    assert.strictEqual(
      UnitName.prepare("a.ref.b-0123456789abcdef", sha256),
      "oci-prepare@a.ref.b-0123456789abcdef.service"
    ))
})

describe("UnitName.mount", () => {
  for (const [path, expected] of [
    ["/", "-.mount"],
    ["/run/oci/roots/x", "run-oci-roots-x.mount"],
    ["//run//x/", "run-x.mount"],
    ["/a-b/c", "a\\x2db-c.mount"],
    ["/.a/.b", "\\x2ea-.b.mount"],
    ["/a@é", "a\\x40\\xc3\\xa9.mount"]
  ] as const) {
    it(`${path} → ${expected}`, () => assert.strictEqual(UnitName.mount(path), expected))
  }

  it("agrees with systemd-escape --path", ({ skip }) => {
    const paths = [
      "/",
      "/a",
      "//a//b/",
      "/.a/.b",
      "/a-b/c_d",
      "/a:b@c",
      "/é/ü ß",
      "/a\\b",
      "/%/$/'\"",
      "/a.b/..c",
      "/\t/\n"
    ]
    let printed: string
    try {
      printed = execFileSync("systemd-escape", ["--path", "--suffix=mount", "--", ...paths], {
        encoding: "utf8"
      })
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return skip("systemd-escape is not installed")
      throw cause
    }
    assert.deepStrictEqual(paths.map(UnitName.mount), printed.trim().split(" "))
  })
})
