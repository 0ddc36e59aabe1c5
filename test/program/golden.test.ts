/** Images and their units, side by side in test/fixtures/images: see the README there. */
import { readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { FIXTURES, generate, INPUTS, images, input } from "../support/GoldenImages.ts"
import * as Systemd from "../support/SystemdSyntax.ts"

const isAssertion = (line: string): boolean => line.startsWith("##")

const split = (golden: string): { readonly assertions: readonly string[]; readonly unit: string } => {
  const lines = golden.split("\n")
  return {
    assertions: lines.filter(isAssertion),
    unit: lines.filter((line) => !isAssertion(line)).join("\n")
  }
}

/** One `##` line. */
const check = (assertion: string, unit: string): void => {
  const text = assertion.slice(2).trim()
  const [, section = "", rest] = /^\[(\w+)\] (.*)$/.exec(text) ?? []
  if (rest === undefined) {
    const comments = unit.split("\n").filter((line) => line.startsWith("#"))
    assert.isTrue(
      comments.some((line) => line.slice(2).startsWith(text)),
      `no comment begins with ${text}`
    )
    return
  }
  const entries = Systemd.readUnit(unit)
    .filter(({ name }) => name === section)
    .flatMap(({ entries }) => entries)
  const absent = /^(\w+) is not there$/.exec(rest)?.[1]
  if (absent !== undefined) {
    assert.notInclude(
      entries.map(([key]) => key),
      absent
    )
  } else {
    const lines = entries.map((entry) => entry.join("="))
    assert.lengthOf(
      lines.filter((line) => line === rest),
      1,
      `[${section}] has\n${lines.join("\n")}\n, not once ${rest}`
    )
  }
}

const links = (made: ReadonlyMap<string, string>): string =>
  [...made]
    .filter(([, text]) => text.startsWith("-> "))
    .map(([path, text]) => `${path} ${text}\n`)
    .sort()
    .join("")

describe.each(images)("golden: %s", (image) => {
  const made = generate(image)
  const units = [...made].filter(([, text]) => !text.startsWith("-> "))

  if (process.env.UPDATE_GOLDEN === "1") {
    for (const [name, text] of units) {
      const { assertions } = split(input(image, name) ?? "")
      writeFileSync(join(FIXTURES, image, name), [...assertions, text].join("\n"))
    }
    if (links(made) !== "") writeFileSync(join(FIXTURES, image, "links"), links(made))
  }

  it("has these files, and these links", () => {
    const expected = readdirSync(join(FIXTURES, image)).filter((name) => !INPUTS.includes(name))
    assert.sameMembers(expected, [...units.map(([name]) => name), ...(links(made) === "" ? [] : ["links"])])
    assert.equal(links(made), input(image, "links") ?? "")
  })

  it.each(units)("%s", (name, text) => {
    const { assertions, unit } = split(input(image, name) ?? "")
    assert.equal(text, unit)
    for (const assertion of assertions) check(assertion, unit)
  })
})
