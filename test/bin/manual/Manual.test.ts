/** Manual pages and completions have every command, option and setting, and are read without a complaint. */
import { spawnSync } from "node:child_process"
import { assert, describe, it } from "vitest"
import { ociSystemd } from "../../../src/bin/commands/OciSystemd.ts"
import { NOTES } from "../../../src/bin/manual/CommandNotes.ts"
import * as CommandTree from "../../../src/bin/manual/CommandTree.ts"
import * as Manual from "../../../src/bin/manual/Manual.ts"
import * as Roff from "../../../src/bin/manual/Roff.ts"
import * as ImageSettings from "../../../src/domain/settings/ImageSettings.ts"
import * as SystemSettings from "../../../src/domain/settings/SystemSettings.ts"
import { requireOrSkip } from "../../e2e/support/Requirements.ts"

const program = CommandTree.read(ociSystemd)
const EDITION = { version: "1.2.3", date: "2026-01-02" }
const files = Manual.files(program, EDITION)
const file = (name: string): string => files.find(([path]) => path === name)?.[1] ?? ""
const pages = files.filter(([path]) => path.startsWith("man/"))

const has = (command: string): boolean => spawnSync(command, ["--version"]).error === undefined
const why = (command: string): string | undefined =>
  has(command) ? undefined : `${command} is not installed`

/** As a reader sees it, without the breaks of lines. */
const shown = (page: string): string => {
  const { stdout } = spawnSync("groff", ["-man", "-Tutf8", "-P-c"], { input: page, encoding: "utf8" })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: how printers make text bold
  return stdout.replace(/.\u0008/gu, "").replace(/\s+/g, " ")
}

it("every command and option is in oci-systemd(1), with what it is for", () => {
  const page = file("man/oci-systemd.1")
    .replaceAll("\\-", "-")
    .replace(/\\f[BIR]/g, "")
    .replace(/\s+/g, " ")
  for (const { name, options, summary } of program.commands) {
    assert.include(page, `.SS "${name}"`)
    assert.include(page, summary.replaceAll("'", "\\(aq"))
    for (const option of options) {
      for (const each of option.names) assert.include(page, each)
      assert.include(page, option.summary.replaceAll("'", "\\(aq"))
    }
  }
})

it("every command and option is in each completion", () => {
  for (const [path, text] of files.filter(([name]) => name.startsWith("completions/"))) {
    for (const { name, options } of program.commands) {
      assert.match(text, new RegExp(`\\b${name}\\b`), path)
      for (const { names } of options) {
        for (const each of names)
          assert.include(text, path.endsWith(".fish") ? each.replace(/^--/, "-l ") : each, path)
      }
    }
  }
})

it("every setting is in oci-generator.conf(5), with its default", () => {
  const page = file("man/oci-generator.conf.5")
  for (const [key, { help }] of [
    ...Object.entries(SystemSettings.KEYS),
    ...Object.entries(ImageSettings.KEYS)
  ]) {
    assert.include(page, `.TP\n\\fB${key} =\\fR `)
    assert.include(page.replace(/\s+/g, " "), help.replaceAll("-", "\\-").replaceAll("'", "\\(aq"))
  }
})

it("each note is about a command that there is", () => {
  const names = program.commands.map(({ name }) => name)
  for (const name of Object.keys(NOTES)) assert.include(names, name)
})

const readers = [
  ["groff", ["-man", "-Tutf8", "-ww", "-b"]],
  ["mandoc", ["-Tlint"]]
] as const
describe.each(readers)("%s", (reader, options) => {
  it.skipIf(!has(reader))(`accepts the pages${has(reader) ? "" : " (not installed)"}`, () => {
    for (const [path, text] of pages) {
      const { stdout, stderr } = spawnSync(reader, options, { input: text, encoding: "utf8" })
      assert.equal(stderr + (reader === "mandoc" ? stdout : ""), "", path)
    }
  })
})

it.skipIf(requireOrSkip(why("groff")))("what stands in a page is what its reader sees", () => {
  const odd = '.TH is no request, nor is \'this, a \\fB b\\ c -- --d "e" ~^ … ö'
  const page: Roff.Page = {
    name: "odd-page",
    section: 5,
    summary: "odd - as can be",
    sections: [
      { title: "Odd", blocks: [odd, Roff.term("`-x` *Y*", odd, odd), Roff.example(`${odd}\n${odd}`)] }
    ]
  }
  const text = shown(Roff.render(page, EDITION))
  assert.lengthOf(text.split(odd), 6)
  assert.include(text, " odd-page - odd - as can be ODD ")
  assert.include(text, " -x Y ")
})
