/** docs/configuration.md has the keys, values, defaults and help of the table that the programs read. */
import { readFileSync } from "node:fs"
import { assert, it } from "vitest"
import { TEXT } from "../../src/domain/settings/DefaultConfiguration.ts"
import * as ImageSettings from "../../src/domain/settings/ImageSettings.ts"
import * as SystemSettings from "../../src/domain/settings/SystemSettings.ts"
import * as Reference from "../support/Reference.ts"

const document = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8")

/** Without the padding that a formatter gives to tables. */
const plain = (text: string): string => text.replace(/ +/g, " ").replace(/-{3,}/g, "---")

it("the reference has both tables, as they are now", () => {
  for (const table of [Reference.system, Reference.image]) assert.include(plain(document), plain(table))
})

it("each key has one line of help, in the reference and in what -generate prints", () => {
  for (const { help } of [...Object.values(ImageSettings.KEYS), ...Object.values(SystemSettings.KEYS)]) {
    assert.match(help, /^\S[^\n|]*[.?]$/)
    assert.include(TEXT, `# ${help}\n`)
  }
})
