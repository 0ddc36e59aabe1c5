/** Lines at the bottom of the terminal that show progress, and make room for other output. */
import * as Style from "../text/Style.ts"

const stream = process.stderr
/** Lines are shown only on a terminal that can move the cursor. */
export const isShown = stream.isTTY === true && process.env.TERM !== "dumb"
const hasColours = !process.env.NO_COLOR
let shown = 0
let lastAt = 0

/** Shows lines, though not more often than an eye can follow. */
export const show = (render: (width: number, height: number) => readonly string[]): void => {
  const now = performance.now()
  if (!isShown || (shown > 0 && now - lastAt < PAUSE)) return
  lastAt = now
  // The last column is left free: some terminals break the line there.
  const lines = render(Math.max(stream.columns - 1, 1), Math.max(stream.rows - 1, 1))
  const text = lines.map((line) => (hasColours ? line : Style.strip(line)) + CLEAR_LINE).join("\n")
  stream.write(home() + text + CLEAR_BELOW)
  shown = lines.length
}

/** Erases the lines before other output is printed. */
export const clear = (): void => {
  if (shown > 0) stream.write(home() + CLEAR_BELOW)
  shown = 0
}

/** Moves the cursor to the beginning of the first line. */
const home = (): string => `\r${shown > 1 ? `\u001b[${shown - 1}A` : ""}`

/** Milliseconds between two updates. */
const PAUSE = 80
/** Erases to the end of the line, or of the screen (console_codes(4)). */
const CLEAR_LINE = "\u001b[K"
const CLEAR_BELOW = "\u001b[J"
