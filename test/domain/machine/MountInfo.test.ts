import { assert, describe, it } from "vitest"
import * as MountInfo from "../../../src/domain/machine/MountInfo.ts"

const TABLE = `21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
22 21 0:20 / /srv rw,nosuid - tmpfs tmpfs rw
23 22 8:2 /a\\040b /srv/with\\040blank ro,nodev,noexec master:2 propagate_from:3 - xfs /dev/s\\134db rw
24 21 0:21 / /srv rw,noexec - tmpfs tmpfs rw
`

describe("MountInfo.parse", () => {
  it("reads point, options and kind, with optional fields or without", () =>
    assert.deepStrictEqual(MountInfo.parse(TABLE)[2], {
      root: "/a b",
      escapedPoint: "/srv/with\\040blank",
      point: "/srv/with blank",
      options: ["ro", "nodev", "noexec"],
      kind: "xfs",
      source: "/dev/s\\db",
      fileSystemOptions: "rw"
    }))

  it("reads nothing from nothing", () => assert.deepStrictEqual(MountInfo.parse(""), []))
})

describe("MountInfo.around", () => {
  for (const [path, point, option] of [
    ["/", "/", "relatime"],
    ["/srvx", "/", "relatime"],
    ["/srv", "/srv", "noexec"],
    ["/srv/x", "/srv", "noexec"],
    ["/srv/with blank", "/srv/with blank", "nodev"],
    ["/srv/with blank/x", "/srv/with blank", "nodev"]
  ] as const) {
    it(`${path} is on ${point}, of two mounts there on the later one`, () => {
      const mount = MountInfo.around(MountInfo.parse(TABLE), path)
      assert.strictEqual(mount?.point, point)
      assert.include(mount?.options ?? [], option)
    })
  }
})

describe("MountInfo.optionOf", () => {
  const overlay =
    "30 21 0:40 / /run/oci/roots/app rw - overlay overlay rw,lowerdir=/srv/with\\040blank\\054comma,upperdir=/srv/upper,uuid=on"
  for (const [name, value] of [
    ["lowerdir", "/srv/with blank,comma"],
    ["upperdir", "/srv/upper"],
    ["dir", undefined],
    ["workdir", undefined],
    ["rw", undefined]
  ] as const) {
    it(`${name} is ${value}`, () => {
      const [mount] = MountInfo.parse(overlay)
      assert.strictEqual(mount && MountInfo.optionOf(mount, name), value)
    })
  }
})
