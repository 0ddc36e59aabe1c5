import { assert, describe, it } from "@effect/vitest"
import * as AccountFiles from "../../../src/domain/process/AccountFiles.ts"

describe("AccountFiles.parsePasswd", () => {
  for (const [line, expected] of [
    ["root:x:0:0:root:/root:/bin/sh", { name: "root", uid: 0, gid: 0, home: "/root" }],
    ["app:x:1000:1001::/home/app:", { name: "app", uid: 1000, gid: 1001, home: "/home/app" }],
    ["app:x:1000:1001:", { name: "app", uid: 1000, gid: 1001, home: "/" }],
    ["app::4294967294:7:::", { name: "app", uid: 4294967294, gid: 7, home: "/" }],
    ["é:x:1:1::/é:/x", { name: "é", uid: 1, gid: 1, home: "/é" }],
    ["", undefined],
    ["# app:x:1:1::/:/", undefined],
    [":x:1:1::/:/", undefined],
    ["app", undefined],
    ["app:x", undefined],
    ["app:x::1::/:/", undefined],
    ["app:x:1:::/:/", undefined],
    ["app:x:-1:1::/:/", undefined],
    ["app:x:0x1:1::/:/", undefined],
    ["app:x:1e3:1::/:/", undefined],
    ["app:x: 1:1::/:/", undefined],
    ["app:x:4294967295:1::/:/", undefined],
    ["app:x:1:99999999999::/:/", undefined],
    ["app:x:1:1::/:/bin/sh:more", undefined],
    ["+::::::", undefined]
  ] as const) {
    it(`${JSON.stringify(line)} → ${expected?.name ?? "ignored"}`, () =>
      assert.deepStrictEqual(AccountFiles.parsePasswd(`${line}\n`), expected === undefined ? [] : [expected]))
  }

  it("reads on after a line that does not belong in a passwd file", () => {
    const text = `\0\u0001garbage\n${"x".repeat(100_000)}:x:1:1::/:/\na:x:1:1::/a:/\na:x:2:2::/b:/`
    assert.deepStrictEqual(AccountFiles.parsePasswd(text), [
      { name: "a", uid: 1, gid: 1, home: "/a" },
      { name: "a", uid: 2, gid: 2, home: "/b" }
    ])
  })
})

describe("AccountFiles.parseGroup", () => {
  for (const [line, expected] of [
    ["video:x:44:", { name: "video", gid: 44, members: [] }],
    ["video:x:44", { name: "video", gid: 44, members: [] }],
    ["video:x:44:a,b", { name: "video", gid: 44, members: ["a", "b"] }],
    ["video:x:44:,a,,", { name: "video", gid: 44, members: ["a"] }],
    ["", undefined],
    ["# video:x:44:", undefined],
    [":x:44:a", undefined],
    ["video:x::a", undefined],
    ["video:x:4294967295:a", undefined],
    ["video:x:44:a:b", undefined]
  ] as const) {
    it(`${JSON.stringify(line)} → ${expected?.name ?? "ignored"}`, () =>
      assert.deepStrictEqual(AccountFiles.parseGroup(`${line}\n`), expected === undefined ? [] : [expected]))
  }

  it("a group of thousands still counts", () => {
    const members = Array.from({ length: 5000 }, (_, index) => `user${index}`)
    assert.strictEqual(AccountFiles.parseGroup(`g:x:1:${members.join(",")}`)[0]?.members.length, 5000)
  })
})

describe("AccountFiles.parseId", () => {
  for (const [text, expected] of [
    ["0", 0],
    ["007", 7],
    ["4294967294", 4294967294],
    ["4294967295", undefined],
    ["00000000001", undefined],
    ["", undefined],
    ["-0", undefined],
    ["1\n", undefined],
    ["１", undefined],
    [undefined, undefined]
  ] as const) {
    it(`${JSON.stringify(text)} → ${expected}`, () =>
      assert.strictEqual(AccountFiles.parseId(text), expected))
  }
})
