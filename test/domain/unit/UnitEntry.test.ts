import { assert, describe, it } from "vitest"
import { MADE_BY } from "../../../src/domain/unit/ImageContext.ts"
import { differences, type UnitEntry } from "../../../src/domain/unit/UnitEntry.ts"

const file = (content: string): UnitEntry => ({ kind: "file", content })
const link = (content: string): UnitEntry => ({ kind: "link", content })
const ours = file(`# ${MADE_BY} from an image\n`)

const changes = (before: Record<string, UnitEntry>, after: Record<string, UnitEntry>) =>
  differences(new Map(Object.entries(before)), new Map(Object.entries(after))).map(
    ({ after, before, path }) => `${before === undefined ? "+" : after === undefined ? "-" : "~"} ${path}`
  )

describe("UnitEntry.differences", () => {
  it("reports nothing about unchanged entries", () =>
    assert.deepEqual(changes({ "a.service": ours }, { "a.service": ours }), []))

  it("names what is added, changed and removed, in the order of their paths", () =>
    assert.deepEqual(
      changes(
        { "b.service": ours, "c.service": ours },
        { "a.service": ours, "b.service": file(`${ours.content}[Service]\n`) }
      ),
      ["+ a.service", "~ b.service", "- c.service"]
    ))

  it("tells a link from a file of the same content", () =>
    assert.deepEqual(changes({ a: file("x") }, { a: link("x") }), ["~ a"]))

  it("removes links and drop-ins of units that are ours, and nothing of other generators", () =>
    assert.deepEqual(
      changes(
        {
          "a.service": ours,
          "a.service.d/a.conf": file("[Unit]\n"),
          "multi-user.target.wants/a.service": link("../a.service"),
          "alias.service": link("a.service"),
          "theirs.service": file("# Made by systemd-fstab-generator\n"),
          "multi-user.target.wants/theirs.service": link("../theirs.service")
        },
        {}
      ),
      ["- a.service", "- a.service.d/a.conf", "- alias.service", "- multi-user.target.wants/a.service"]
    ))
})
