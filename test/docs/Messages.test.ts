/**
 * All messages that a user can meet, in one table to be read as a whole: `test/fixtures/messages.txt`. Its first part
 * prints an error of each class as the program prints it, with its hint and its exit status; the second lists the texts
 * of the source, with the names of the values that they hold. `UPDATE_GOLDEN=1` writes it anew. A message that is new or changed fails
 * here until it was read: it names the thing, the value, and what to do where a user can do something.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import * as Effect from "effect/Effect"
import { transformSync } from "esbuild"
import { afterEach, assert, expect, it, vi } from "vitest"
import { parseAst } from "vitest/node"
import * as ErrorReport from "../../src/bin/ErrorReport.ts"
import * as ExitStatus from "../../src/bin/ExitStatus.ts"
import * as Hints from "../../src/bin/Hints.ts"
import { EXAMPLES } from "../support/MessageExamples.ts"

const SOURCES = new URL("../../src/", import.meta.url)
const TABLE = new URL("../fixtures/messages.txt", import.meta.url)

const sources: readonly string[] = readdirSync(SOURCES, { encoding: "utf8", recursive: true })
  .filter((name) => name.endsWith(".ts"))
  .sort()

const read = (source: string): string => readFileSync(new URL(source, SOURCES), "utf8")

afterEach(() => void vi.restoreAllMocks())

/** What the program prints of an error. One that ends no command is the cause of others, or is the library's alone. */
const printed = async (error: Error & { readonly _tag: string }): Promise<string> => {
  if (!isMapped(error)) {
    const hint = Hints.of(error)
    return `${plain(error.message)}\n${hint === undefined ? "" : `  hint: ${hint}\n`}`
  }
  let text = ""
  vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    text += chunk
    return true
  })
  await Effect.runPromise(ErrorReport.report(Effect.fail(error)))
  vi.restoreAllMocks()
  const status = process.exitCode
  process.exitCode = 0
  return `${plain(text)}status ${status}\n`
}

const isMapped = (error: Error & { readonly _tag: string }): error is Error & ExitStatus.Mapped =>
  ExitStatus.ofError({ _tag: error._tag } as ExitStatus.Mapped) !== undefined

/** Without what differs from one machine to another. */
const plain = (text: string): string => text.replaceAll(process.versions.node, "VERSION")

/** The texts of a source that are sentences or parts of them: two words, one of them in lower case. */
const textsOf = (source: string): readonly string[] => {
  const { code } = transformSync(read(source), { loader: "ts", target: "esnext", format: "esm" })
  const found: Array<string> = []
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return
    if (Array.isArray(node)) {
      for (const each of node) visit(each)
      return
    }
    if (!isNode(node)) return
    if (node.type === "ImportDeclaration") return
    const text = textOf(node, code)
    if (text !== undefined && SENTENCE.test(text.replace(/\{[^}]*\}/g, "X"))) found.push(text)
    for (const value of Object.values(node)) visit(value)
  }
  visit(parseAst(code))
  return [...new Set(found)].map((text) => text.replaceAll("\n", "⏎"))
}

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly value?: unknown
  readonly quasis?: ReadonlyArray<{ readonly value: { readonly cooked: string } }>
  readonly expressions?: ReadonlyArray<Node>
}

const isNode = (value: object): value is Node => typeof (value as { type?: unknown }).type === "string"

const textOf = (node: Node, code: string): string | undefined => {
  if (node.type === "Literal") return typeof node.value === "string" ? node.value : undefined
  if (node.type !== "TemplateLiteral") return undefined
  return node.quasis
    ?.map(({ value }, index) => {
      const inside = node.expressions?.[index]
      return inside === undefined
        ? value.cooked
        : `${value.cooked}{${nameOf(code.slice(inside.start, inside.end))}}`
    })
    .join("")
}

/** The name of what an expression holds. esbuild numbers names that occur twice. */
const nameOf = (expression: string): string =>
  /^(?:[\w#]+\??\.)*#?([a-zA-Z_]*[a-zA-Z])\d*$/.exec(expression)?.[1] ?? "…"

const SENTENCE = /(?:^|[^a-zA-Z])[a-z]{2,},? [a-zX(]|X [a-z]{2,}/

/** Manual pages are read as such, and declarations of functions of C are no messages. */
const isRead = (source: string): boolean => !source.startsWith("bin/manual/") && !FOREIGN.has(source)

const FOREIGN: ReadonlySet<string> = new Set([
  "services/files/AttributeCalls.ts",
  "services/files/DataCalls.ts",
  "services/files/LockCalls.ts",
  "services/files/MountCalls.ts",
  "services/layer/ZstdLibrary.ts"
])

it("each class of errors has an example", () => {
  const classes = sources.flatMap((source) =>
    [...read(source).matchAll(/\bTaggedError\("(\w+)"\)/g)].map(([, tag = ""]) => tag)
  )
  assert.sameMembers([...new Set(EXAMPLES.map(({ _tag }) => _tag))], classes)
})

it("the table has all messages", async () => {
  const errors: Array<string> = []
  for (const error of EXAMPLES) errors.push(`${error._tag}\n${await printed(error)}`)
  const texts = sources.filter(isRead).flatMap((source) => {
    const found = textsOf(source)
    return found.length === 0 ? [] : [[source, ...found.map((text) => `  ${text}`), ""].join("\n")]
  })
  const table = [
    "ERRORS, as they are printed; those without a status are causes of others or errors of the library alone\n",
    ...errors,
    "TEXTS of the source\n",
    ...texts
  ].join("\n")
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(TABLE, table)
  expect(table, "a message is new or changed: read it, and run this with UPDATE_GOLDEN=1").toBe(
    readFileSync(TABLE, "utf8")
  )
})
