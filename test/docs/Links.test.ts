/** Links of the documents lead somewhere: to files that are there, and to headings in them. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"

const TOP = fileURLToPath(new URL("../../", import.meta.url))
const DOCUMENTS = [
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md"],
  ...readdirSync(join(TOP, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`)
]

const read = (document: string): string => readFileSync(join(TOP, document), "utf8")
const withoutCode = (text: string): string => text.replaceAll(/^```.*?^```$/gms, "")

/** As GitHub makes them of headings. */
const anchors = (document: string): readonly string[] =>
  [...withoutCode(read(document)).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-")
  )

/** What is wrong with a link, seen from a document; nothing where it leads somewhere. */
const fault = (document: string, link: string): string | undefined => {
  const [path = "", anchor] = link.split("#")
  const target = path === "" ? document : relative(TOP, join(TOP, dirname(document), path))
  if (!existsSync(join(TOP, target))) return `${link}: there is no ${target}`
  if (anchor === undefined || anchors(target).includes(anchor)) return undefined
  return `${link}: ${target} has no such heading`
}

describe("links", () => {
  it.each(DOCUMENTS)("of %s lead somewhere", (document) => {
    const links = [...withoutCode(read(document)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link)
    const own = links.filter((link) => !/^https?:/.test(link))
    assert.deepEqual(
      own.flatMap((link) => fault(document, link) ?? []),
      []
    )
  })

  it("lead to every document from the README", () => {
    const text = read("README.md")
    const missing = DOCUMENTS.filter((name) => name !== "README.md" && !text.includes(`](${name})`))
    assert.deepEqual(missing, [])
  })
})
