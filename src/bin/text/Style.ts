/** Colours and weight of text on a terminal (console_codes(4)): the basic ones, which are readable in every theme. */

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "cyan" | "plain"

/** Styles one text on one line. Styles cannot be nested. */
export const paint = (style: Style, text: string): string =>
  style === "plain" || text === "" ? text : `\u001b[${CODES[style]}m${text}\u001b[0m`

/** Removes the styles. */
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
