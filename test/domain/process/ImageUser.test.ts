import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import type { Account, Group } from "../../../src/domain/process/AccountFiles.ts"
import * as ImageUser from "../../../src/domain/process/ImageUser.ts"

const accounts: readonly Account[] = [
  { name: "root", uid: 0, gid: 0, home: "/root" },
  { name: "app", uid: 1000, gid: 1001, home: "/home/app" },
  { name: "app", uid: 2000, gid: 2000, home: "/second" },
  { name: "0x10", uid: 16, gid: 16, home: "/hex" }
]
const groups: readonly Group[] = [
  { name: "root", gid: 0, members: [] },
  { name: "app", gid: 1001, members: ["app"] },
  { name: "video", gid: 44, members: ["other", "app"] },
  { name: "audio", gid: 29, members: ["app"] },
  { name: "audio2", gid: 29, members: ["app"] },
  { name: "other", gid: 7, members: ["apple"] }
]

const identity = (uid: number, gid: number, home: string, supplementaryGids: readonly number[] = []) => ({
  uid,
  gid,
  supplementaryGids,
  home
})

/** Parses the user, and looks it up. */
const resolve = (user: string, known: typeof accounts, knownGroups: typeof groups) =>
  Either.flatMap(ImageUser.parse(user), (parsed) => ImageUser.resolve(parsed, known, knownGroups))

const guess = (user: string) => Either.map(ImageUser.parse(user), ImageUser.guess)

describe("ImageUser.resolve", () => {
  for (const [user, expected] of [
    ["", identity(0, 0, "/root")],
    ["root", identity(0, 0, "/root")],
    ["app", identity(1000, 1001, "/home/app", [29, 44])],
    ["app:", identity(1000, 1001, "/home/app", [29, 44])],
    ["app:video", identity(1000, 44, "/home/app")],
    ["app:7", identity(1000, 7, "/home/app")],
    ["app:12345", identity(1000, 12345, "/home/app")],
    ["1000", identity(1000, 1001, "/home/app")],
    ["1000:video", identity(1000, 44, "/home/app")],
    ["01000", identity(1000, 1001, "/home/app")],
    ["5000", identity(5000, 0, "/")],
    ["5000:6000", identity(5000, 6000, "/")],
    [":video", identity(0, 44, "/root")],
    ["0x10", identity(16, 16, "/hex")],
    ["4294967294", identity(4294967294, 0, "/")]
  ] as const) {
    it(`${JSON.stringify(user)} → ${expected.uid}:${expected.gid}`, () =>
      assert.deepStrictEqual(Either.getOrThrow(resolve(user, accounts, groups)), expected))
  }

  for (const [user, message] of [
    ["nobody", /"nobody" is not in the image's \/etc\/passwd/],
    ["APP", /is not in/],
    ["app:nogroup", /has the group "nogroup", which is not in/],
    ["4294967295", /names a uid above 4294967294/],
    ["4294967296", /names a uid above/],
    ["99999999999999999999", /names a uid above/],
    ["app:4294967295", /names a gid above/],
    ["app:video:audio", /is malformed/],
    ["a\0b", /is malformed/],
    ["-1", /is not in/],
    ["app\nUser=0", /is not in/],
    [" app", /is not in/],
    ["1e3", /is not in/]
  ] as const) {
    it(`refuses ${JSON.stringify(user)}: nobody else takes its place`, () => {
      const resolved = resolve(user, accounts, groups)
      if (Either.isRight(resolved)) assert.fail(JSON.stringify(resolved.right))
      assert.match(resolved.left.message, message)
    })
  }

  it("refuses a user with more groups than a host should keep records of", () => {
    const many = (count: number) =>
      resolve(
        "app",
        accounts,
        Array.from({ length: count }, (_, gid) => ({ name: `g${gid}`, gid, members: ["app"] }))
      )
    assert.lengthOf(Either.getOrThrow(many(1000)).supplementaryGids, 1000)
    assert.match(Either.getOrThrow(Either.flip(many(1001))).message, /is in 1001 groups/)
  })

  it("takes numbers without any accounts, and no names", () => {
    assert.deepStrictEqual(Either.getOrThrow(resolve("12:34", [], [])), identity(12, 34, "/"))
    assert.isTrue(Either.isLeft(resolve("root", [], [])))
  })
})

describe("ImageUser.guess", () => {
  for (const [user, expected] of [
    ["", identity(0, 0, "/root")],
    ["0", identity(0, 0, "/root")],
    ["0:0", identity(0, 0, "/root")],
    ["1000:1000", identity(1000, 1000, "/")],
    ["1000", undefined],
    ["app", undefined],
    ["1000:app", undefined],
    ["1000:", undefined],
    [":1000", undefined]
  ] as const) {
    it(`${JSON.stringify(user)} → ${expected === undefined ? "not known" : `${expected.uid}:${expected.gid}`}`, () =>
      assert.deepStrictEqual(guess(user), Either.right(expected)))
  }

  for (const user of ["1000:1000:1000", "4294967295:0", "0:4294967295"]) {
    it(`does not guess who ${JSON.stringify(user)} is, which is refused before`, () =>
      assert.isTrue(Either.isLeft(guess(user))))
  }
})
