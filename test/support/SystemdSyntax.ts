/**
 * A second reading of unit files, from systemd.syntax(7), systemd.service(5) and systemd.unit(5) alone.
 *
 * It shares nothing with `src`, and throws at whatever systemd would refuse or silently pass over.
 */

export interface ReadSection {
  readonly name: string
  readonly entries: ReadonlyArray<readonly [key: string, value: string]>
}

export interface ReadCommand {
  readonly prefixes: string
  readonly path: string
  readonly argv: readonly string[]
}

/** Sections and assignments, in order. A line ends at any of newline, carriage return and NUL, as in read_line(). */
export const readUnit = (text: string): readonly ReadSection[] => {
  const sections: Array<{ readonly name: string; readonly entries: Array<readonly [string, string]> }> = []
  let pending = ""
  for (const raw of text.split(/[\n\r\0]/)) {
    const line = raw.replace(/^[ \t]+/, "")
    if (line.startsWith("#") || line.startsWith(";")) continue
    const joined = pending + (pending === "" ? line : raw)
    const backslashes = /\\*$/.exec(joined)?.[0].length ?? 0
    if (backslashes % 2 === 1) {
      pending = `${joined.slice(0, -1)} `
      continue
    }
    pending = ""
    readLine(strip(joined), sections)
  }
  if (pending !== "") throw new Error("the file ends in a continuation")
  return sections
}

const readLine = (
  line: string,
  sections: Array<{ readonly name: string; readonly entries: Array<readonly [string, string]> }>
): void => {
  if (line === "") return
  if (Buffer.byteLength(line) >= 1024 * 1024) throw new Error("a line longer than LONG_LINE_MAX")
  if (line.startsWith("[")) {
    if (!line.endsWith("]")) throw new Error(`a broken section: ${line}`)
    sections.push({ name: line.slice(1, -1), entries: [] })
    return
  }
  const equals = line.indexOf("=")
  const section = sections.at(-1)
  if (equals < 1 || section === undefined) throw new Error(`not an assignment in a section: ${line}`)
  section.entries.push([strip(line.slice(0, equals)), strip(line.slice(equals + 1))])
}

/** The words of a value: quotes may stand anywhere in a word, escapes are C's. */
export const words = (value: string): readonly string[] => rawWords(value).map(({ text }) => text)

/** `ExecStart=`: commands separated by a bare `;`, each with the specifiers of its words expanded. */
export const readCommands = (value: string): readonly ReadCommand[] => {
  const commands: string[][] = [[]]
  for (const { text, bare } of rawWords(value)) {
    if (bare && text === ";") commands.push([])
    else commands.at(-1)?.push(specifiers(text))
  }
  return commands.map(([first = "", ...rest]) => {
    const prefixes = /^[-@:+!|]*/.exec(first)?.[0] ?? ""
    const path = first.slice(prefixes.length)
    if (!path.startsWith("/")) throw new Error(`not an absolute path: ${path}`)
    if (!prefixes.includes(":") && rest.some((word) => word.includes("$")))
      throw new Error("$ would be expanded")
    return { prefixes, path, argv: prefixes.includes("@") ? rest : [path, ...rest] }
  })
}

/** `Environment=`: assignments. */
export const readEnvironment = (value: string): ReadonlyArray<readonly [name: string, value: string]> =>
  words(value).map((word) => {
    const assignment = specifiers(word)
    const equals = assignment.indexOf("=")
    if (equals < 1) throw new Error(`not an assignment: ${assignment}`)
    return [assignment.slice(0, equals), assignment.slice(equals + 1)]
  })

/**
 * `BindPaths=`: pairs of paths. A `:` or a blank ends a path, but not between quotes. What versions of systemd have read
 * in different ways is refused: escapes, a quote inside a path, a `:` between quotes.
 */
export const readBinds = (value: string): ReadonlyArray<readonly [source: string, destination: string]> => {
  const pairs: Array<readonly [string, string]> = []
  const path = `"[^"'\\\\:]*"|[^ \\t"'\\\\:]+`
  const pair = new RegExp(`(${path}):(${path})(?:[ \\t]+|$)`, "uy")
  for (let end = 0; end < value.length; end = pair.lastIndex) {
    pair.lastIndex = end
    const [, source, destination] = pair.exec(value) ?? []
    if (source === undefined || destination === undefined) throw new Error(`not a bind: ${value.slice(end)}`)
    const [from = "", to = ""] = [source, destination].map((text) => specifiers(text.replace(/^"|"$/g, "")))
    if (!from.startsWith("/") || !to.startsWith("/")) throw new Error(`not absolute: ${value}`)
    pairs.push([from, to])
  }
  return pairs
}

/** A path: not unquoted, not unescaped. */
export const readPath = (value: string): string => specifiers(value)

/** `%%` is `%`; any other specifier would put in something of the host's. */
export const specifiers = (text: string): string =>
  text.replace(/%(.?)/gsu, (_, after: string) => {
    if (after !== "%") throw new Error(`a specifier: %${after}`)
    return "%"
  })

const rawWords = (value: string): ReadonlyArray<{ readonly text: string; readonly bare: boolean }> => {
  const found: Array<{ readonly text: string; readonly bare: boolean }> = []
  const input = Buffer.from(value)
  const at = (index: number) => String.fromCharCode(input[index] ?? 0)
  let index = 0
  for (;;) {
    while (index < input.length && BLANK.test(at(index))) index++
    if (index >= input.length) return found
    const bytes: number[] = []
    let quote = ""
    let bare = true
    for (; index < input.length; index++) {
      const character = at(index)
      if (character === "\\") {
        bare = false
        const escape = unescape(input, index + 1)
        bytes.push(...escape.bytes)
        index += escape.length
      } else if (quote !== "") {
        if (character === quote) quote = ""
        else bytes.push(input[index] ?? 0)
      } else if (character === '"' || character === "'") {
        quote = character
        bare = false
      } else if (BLANK.test(character)) break
      else bytes.push(input[index] ?? 0)
    }
    if (quote !== "") throw new Error("an unbalanced quote")
    found.push({
      text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(bytes)),
      bare
    })
  }
}

/** The table of systemd.syntax(7), "Quoting". `length` counts what follows the backslash. */
const unescape = (
  input: Buffer,
  start: number
): { readonly bytes: readonly number[]; readonly length: number } => {
  const letter = String.fromCharCode(input[start] ?? 0)
  const simple = SIMPLE_ESCAPES[letter]
  if (simple !== undefined) return { bytes: [simple], length: 1 }
  const digits = (count: number, base: number, from: number): number => {
    const text = input.toString("latin1", from, from + count)
    const allowed = base === 16 ? /^[0-9a-fA-F]+$/ : /^[0-7]+$/
    if (text.length !== count || !allowed.test(text)) throw new Error(`a broken escape: \\${letter}${text}`)
    const code = Number.parseInt(text, base)
    if (code === 0) throw new Error("an escaped NUL")
    return code
  }
  switch (letter) {
    case "x":
      return { bytes: [digits(2, 16, start + 1)], length: 3 }
    case "u":
      return { bytes: [...Buffer.from(String.fromCodePoint(digits(4, 16, start + 1)))], length: 5 }
    case "U":
      return { bytes: [...Buffer.from(String.fromCodePoint(digits(8, 16, start + 1)))], length: 9 }
    default:
      return { bytes: [digits(3, 8, start)], length: 3 }
  }
}

const code = (text: string): number => text.charCodeAt(0)
const SIMPLE_ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  "\\": code("\\"),
  '"': code('"'),
  "'": code("'"),
  s: code(" ")
}

/** WHITESPACE in systemd's sources: not Unicode's. */
const BLANK = /[ \t\n\r]/
const strip = (text: string): string => text.replace(/^[ \t\n\r]+|[ \t\n\r]+$/g, "")
