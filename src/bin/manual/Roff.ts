/**
 * Manual pages as data, printed for groff_man(7) and mandoc(1). In text, backticks enclose what is typed as it is,
 * and asterisks enclose placeholders; there is no other markup.
 */

export interface Page {
  readonly name: string
  readonly section: 1 | 5 | 8
  /** The summary for `apropos`, without a full stop. */
  readonly summary: string
  readonly sections: readonly Section[]
}

export interface Section {
  readonly title: string
  readonly blocks: readonly Block[]
}

export type Block =
  | string
  | { readonly _tag: "Term"; readonly term: string; readonly meaning: readonly Block[] }
  | { readonly _tag: "Example"; readonly lines: string }
  | { readonly _tag: "Heading"; readonly text: string }
  /** A command's name and its parameters, in a paragraph of its own with further lines indented. */
  | { readonly _tag: "Synopsis"; readonly text: string }

export const term = (words: string, ...meaning: readonly Block[]): Block => ({
  _tag: "Term",
  term: words,
  meaning
})
export const example = (lines: string): Block => ({ _tag: "Example", lines })
export const heading = (text: string): Block => ({ _tag: "Heading", text })
export const synopsis = (text: string): Block => ({ _tag: "Synopsis", text })

export interface Edition {
  readonly version: string
  /** A date as `YYYY-MM-DD`. */
  readonly date: string
}

export const render = (page: Page, { date, version }: Edition): string =>
  [
    '.\\" Made by scripts/manual.mjs from the commands and settings of the program.',
    `.TH ${page.name.toUpperCase().replaceAll("-", "\\-")} ${page.section} ${date} "oci\\-systemd\\-generator ${version}"`,
    // Left-aligned and without hyphenation, so that names of files and options can be copied.
    ".nh",
    ".ad l",
    ".SH NAME",
    `${escape(page.name)} \\- ${escape(page.summary)}`,
    ...page.sections.flatMap(({ blocks, title }) => [
      `.SH ${quoted(title.toUpperCase())}`,
      ...renderAll(blocks)
    ]),
    ""
  ].join("\n")

const renderAll = (blocks: readonly Block[]): readonly string[] =>
  blocks.flatMap((block, index) => renderBlock(block, blocks[index - 1]))

const renderBlock = (block: Block, before: Block | undefined): readonly string[] => {
  // A heading starts a paragraph by itself.
  const isFirst = before === undefined || (typeof before !== "string" && before._tag === "Heading")
  if (typeof block === "string") return [...(isFirst ? [] : [".PP"]), ...wrap(line(block))]
  switch (block._tag) {
    case "Heading":
      return [`.SS ${quoted(block.text)}`]
    case "Synopsis":
      return [".HP", ...wrap(line(block.text))]
    case "Example":
      return [
        ...(isFirst ? [] : [".PP"]),
        ".RS 4",
        ".nf",
        ...block.lines.split("\n").map(verbatim),
        ".fi",
        ".RE"
      ]
    case "Term": {
      const [first, ...rest] = block.meaning
      return [
        ".TP",
        line(block.term),
        ...(first === undefined ? [] : renderBlock(first, undefined)),
        ...(rest.length === 0 ? [] : [".RS", ...rest.flatMap((more) => renderBlock(more, first)), ".RE"])
      ]
    }
  }
}

/** Prints a line of text with its markup. */
const line = (text: string): string =>
  guarded(
    text
      .split(/(`[^`]*`|\*[^*\s][^*]*\*)/)
      .map((part, index) =>
        index % 2 === 0
          ? escape(part)
          : `\\f${part.startsWith("`") ? "B" : "I"}${escape(part.slice(1, -1))}\\fR`
      )
      .join("")
  )

/** Breaks lines at spaces, where groff may break them as well. */
const wrap = (text: string): readonly string[] => {
  const lines: string[] = []
  for (const word of text.split(" ")) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length >= MAX_LINE) lines.push(guarded(word))
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}

const MAX_LINE = 80

const verbatim = (text: string): string => guarded(escape(text))

const quoted = (text: string): string => `"${escape(text)}"`

/** Escapes by groff_char(7): hyphens that can be copied, backslashes, quotes, and accents that are letters. */
const escape = (text: string): string =>
  Array.from(text, (character) => {
    const code = character.codePointAt(0) ?? 0
    return (
      SPECIAL[character] ??
      (code < 0x80 ? character : `\\[u${code.toString(16).toUpperCase().padStart(4, "0")}]`)
    )
  }).join("")

const SPECIAL: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  '"': "\\(dq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti"
}

/** Escapes a full stop or an apostrophe at the beginning of a line, where it would be a request. */
const guarded = (text: string): string => (/^[.']/.test(text) ? `\\&${text}` : text)
