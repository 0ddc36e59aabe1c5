/** Colours and weight of text on a terminal, as console_codes(4) has them: the basic ones, which every theme can read. */

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "cyan" | "plain"

/** What is styled is one text, on one line. Nesting is not possible. */
export const paint = (style: Style, text: string): string =>
  style === "plain" || text === "" ? text : `\u001b[${CODES[style]}m${text}\u001b[0m`

/** The text alone: for who wants no colours. */
export const strip = (text: string): string => text.replace(SEQUENCE, "")

const CODES: Readonly<Record<Exclude<Style, "plain">, number>> = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  cyan: 36
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is taken out
const SEQUENCE = /\u001b\[[0-9;]*m/g
