/**
 * The words of comments, messages and documents: plain English that is understood at the first reading. These are the
 * expressions of a dialect that was here before, of which each needed a second reading.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"

const TOP = fileURLToPath(new URL("../../", import.meta.url))

const filesIn = (directory: string, pattern: RegExp): readonly string[] =>
  readdirSync(join(TOP, directory), { encoding: "utf8", recursive: true })
    .filter((name) => pattern.test(name))
    .map((name) => join(directory, name))

const SOURCES = [
  ...filesIn("src", /\.(?:ts|sh|pl)$/),
  ...filesIn("scripts", /\.(?:mjs|cjs|sh)$/),
  ...filesIn("test", /\.(?:ts|sh)$/),
  ...filesIn("bench", /\.(?:ts|mjs|md|sh)$/)
].filter((path) => path !== "test/docs/Words.test.ts")
const DOCUMENTS = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...filesIn("docs", /\.md$/),
  ...filesIn("examples", /\.md$/)
]

/** Each expression, and what to write instead. */
const WORDS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\bwhoever\b/i, "the user, the process, every caller"],
  [/\bwhom\b/i, "the user, the process"],
  [/\bwho asks\b/i, "the caller"],
  [/\bfor who\b/i, "for callers that"],
  [/\bpassed over\b/i, "ignored, skipped"],
  [/\bmend(?:s|ed|ing)?\b/i, "fix"],
  [/\bso many\b/i, "this many, this number"],
  [/\bwhat is of\b/i, "the part that belongs to"],
  [/\bnot of its form\b/i, "malformed"],
  [/\bfor want of\b/i, "for lack of, because … is missing"],
  [/\bnothing to say\b/i, "accepts, reports nothing"],
  [/\bas it stands\b/i, "unchanged"],
  [/\b(?:failure|it|this|that|which|what) is none\b/i, "is not …, does not count"],
  [/\bare several images\b/i, "matches several images"]
]

/**
 * Beginnings of a doc comment that make it a fragment: it then has neither a subject nor a verb. A comment begins with
 * a noun ("The highest id that …"), with a verb ("Returns …") or with "Whether".
 */
const FRAGMENT = /\/\*\*\s*(?:\* )?(?:Of|By|For|With|As|Is|Not|Those|To|Like|But|And|Or|Than|Behind|From) /

const lineOf = (text: string, index: number): number => text.slice(0, index).split("\n").length

describe("words", () => {
  for (const [word, better] of WORDS) {
    it(`no file says ${word.source}, but: ${better}`, () => {
      const found = [...SOURCES, ...DOCUMENTS].flatMap((path) => {
        const text = readFileSync(join(TOP, path), "utf8")
        return [...text.matchAll(new RegExp(word, "gi"))].map(({ index }) => `${path}:${lineOf(text, index)}`)
      })
      assert.deepEqual(found, [])
    })
  }

  it("no doc comment of the sources begins as a fragment", () => {
    const found = filesIn("src", /\.ts$/).flatMap((path) => {
      const text = readFileSync(join(TOP, path), "utf8")
      return [...text.matchAll(new RegExp(FRAGMENT, "g"))].map(
        ({ index }) => `${path}:${lineOf(text, index)}`
      )
    })
    assert.deepEqual(found, [])
  })
})
