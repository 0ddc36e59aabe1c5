/** The source's directories import one another as docs/architecture.md says they may, and as far as it says so. */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"

const TOP = fileURLToPath(new URL("../../", import.meta.url))
const ARCHITECTURE = readFileSync(join(TOP, "docs/architecture.md"), "utf8")

/** Rooms of `domain` or `services`, with the rooms that each may import, as the table says. */
const allowed = (layer: string): ReadonlyMap<string, readonly string[]> => {
  const [, table = ""] =
    new RegExp(`^\\| room of \`${layer}\`.*\\n\\|[ -|]*\\n((?:\\|.*\\n)*)`, "m").exec(ARCHITECTURE) ?? []
  return new Map(
    table
      .trimEnd()
      .split("\n")
      .map((row) => {
        const [, room = "", , imports = ""] = row.split("|").map((cell) => cell.trim())
        return [room, imports.split(", ").filter(Boolean)]
      })
  )
}

const sources = readdirSync(join(TOP, "src"), { encoding: "utf8", recursive: true })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => `src/${name}`)

/** The files of this project that a source names, types included. */
const imports = (source: string): readonly string[] =>
  [...readFileSync(join(TOP, source), "utf8").matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map(
    ([, path = ""]) => relative(TOP, join(TOP, dirname(source), path))
  )

/** `domain/text` of `src/domain/text/Printable.ts`; `services` of what lies in none of its rooms. */
const roomOf = (path: string): string => dirname(path).split("/").slice(1, 3).join("/")

const actual = (layer: string): ReadonlyMap<string, ReadonlySet<string>> => {
  const rooms = new Map<string, Set<string>>()
  for (const source of sources) {
    const room = roomOf(source)
    if (!room.startsWith(`${layer}/`)) continue
    const found = rooms.get(room) ?? new Set()
    rooms.set(room, found)
    for (const path of imports(source)) if (roomOf(path) !== room) found.add(roomOf(path))
  }
  return rooms
}

describe("rooms", () => {
  for (const layer of ["domain", "services"]) {
    const table = allowed(layer)
    const rooms = actual(layer)

    it(`the table names each room of ${layer}`, () => {
      assert.sameMembers(
        [...table.keys()].map((room) => `${layer}/${room}`),
        [...rooms.keys()]
      )
    })

    for (const [room, may] of table) {
      it(`${layer}/${room} imports ${may.join(", ") || "no other room"}`, () => {
        const found = [...(rooms.get(`${layer}/${room}`) ?? [])].filter(
          (other) => layer === "domain" || !other.startsWith("domain/")
        )
        assert.sameMembers(
          found,
          may.map((other) => `${layer}/${other}`)
        )
      })
    }

    it(`no two rooms of ${layer} import each other, over whatever others`, () => {
      const reach = (room: string, seen: Set<string>): Set<string> => {
        for (const other of table.get(room) ?? []) if (!seen.has(other)) reach(other, seen.add(other))
        return seen
      }
      assert.deepEqual(
        [...table.keys()].filter((room) => reach(room, new Set()).has(room)),
        []
      )
    })
  }
})
