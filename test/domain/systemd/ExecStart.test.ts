import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as ExecStart from "../../../src/domain/systemd/ExecStart.ts"

describe("ExecStart.render", () => {
  for (const [path, argv, expected] of [
    ["/bin/app", ["app"], '@:/bin/app "app"'],
    ["/bin/app", ["/bin/app", "-x", "a b"], '@:/bin/app "/bin/app" "-x" "a b"'],
    ["/bin/app", [""], '@:/bin/app ""'],
    ["/bin/app", ["a", ";", "rm"], '@:/bin/app "a" ";" "rm"'],
    ["/bin/app", ["%q $HOME $$A"], '@:/bin/app "%%q $HOME $$A"'],
    ["/bin/app", ['"', "'", "\\"], '@:/bin/app "\\"" "\'" "\\\\"'],
    ["/bin/app", ["a\nb\tc\rd\u0001\u007f"], '@:/bin/app "a\\nb\\tc\\x0dd\\x01\\x7f"'],
    ["/bin/app", ["é😀"], '@:/bin/app "é😀"'],
    ["/opt/100%/app", ["x"], '@:/opt/100%%/app "x"'],
    ["/opt/my app", ["x"], '"@:/opt/my app" "x"'],
    ["/opt/é;", ["x"], '"@:/opt/é;" "x"'],
    ["/opt/$HOME", ["x"], '"@:/opt/$HOME" "x"']
  ] as const) {
    it(`${JSON.stringify([path, ...argv])} → ${expected}`, () =>
      assert.strictEqual<string>(Either.getOrThrow(ExecStart.render(path, argv)), expected))
  }

  for (const [what, path, argv, message] of [
    ["a relative path", "bin/app", ["x"], /"bin\/app" is not an absolute path/],
    ["no path", "", ["x"], /not an absolute path/],
    ["a directory", "/bin/", ["x"], /is a directory/],
    ["a quote in the path", '/bin/"', ["x"], /holds a quote/],
    ["a backslash in the path", "/bin/\\", ["x"], /backslash/],
    ["a newline in the path", "/bin/\n", ["x"], /control character/],
    ["a NUL", "/bin/app", ["x", "a\0b"], /argument 1 "a\\u0000b" holds a NUL byte/],
    ["half a surrogate pair", "/bin/app", ["\ud800"], /argument 0 .* is not Unicode text/],
    ["an endless argument", "/bin/app", ["x".repeat(256 * 1024 + 1)], /is longer than/],
    ["endless arguments", "/bin/app", Array(5).fill("x".repeat(60_000)), /has more than 262144 characters/]
  ] as const) {
    it(`refuses ${what}`, () => {
      const rendered = ExecStart.render(path, argv as readonly string[])
      if (Either.isRight(rendered)) assert.fail(`rendered ${rendered.right.slice(0, 100)}`)
      assert.match(rendered.left.message, message)
      assert.isBelow(rendered.left.message.length, 300)
    })
  }
})
