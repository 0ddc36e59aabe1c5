import * as Either from "effect/Either"
import { assert, it } from "vitest"
import { parse } from "../../src/bin/GeneratorArguments.ts"

const DEFAULTS = { config: undefined, debug: false, generate: false }

const VALID: ReadonlyArray<readonly [string, object]> = [
  ["/n", { directories: ["/n"] }],
  ["/n /e /l", { directories: ["/n", "/e", "/l"] }],
  ["-config /c -debug /n", { config: "/c", debug: true, directories: ["/n"] }],
  ["--config=/c --debug /n /e /l", { config: "/c", debug: true, directories: ["/n", "/e", "/l"] }],
  ["-generate", { generate: true, directories: [] }],
  ["/n -debug", { debug: true, directories: ["/n"] }]
]
for (const [line, expected] of VALID) {
  it(`takes ${line}`, () =>
    assert.deepEqual(parse(line.split(" ")), Either.right({ ...DEFAULTS, ...expected } as never)))
}

const INVALID: ReadonlyArray<readonly [string, RegExp]> = [
  ["-config", /needs a file/],
  ["-x /n", /unknown flag -x/],
  ["-debug", /one to three directories/],
  ["/a /b /c /d", /got 4/]
]
for (const [line, expected] of INVALID) {
  it(`refuses ${line}`, () => {
    const parsed = parse(line.split(" "))
    assert.match(Either.isLeft(parsed) ? parsed.left.message : "", expected)
  })
}
