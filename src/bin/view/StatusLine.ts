/** Lines at the bottom of the terminal that say how far things are, and give way to whatever else is printed. */
import * as Style from "../text/Style.ts"

const stream = process.stderr
/** Only where somebody sees them move. */
export const isShown = stream.isTTY === true && process.env.TERM !== "dumb"
const hasColours = !process.env.NO_COLOR
let shown = 0
let lastAt = 0

/** Shows lines that fit, or not yet: a terminal need not be repainted more often than an eye can follow. */
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

/** Takes the lines away, before something else is printed. */
export const clear = (): void => {
  if (shown > 0) stream.write(home() + CLEAR_BELOW)
  shown = 0
}

/** To the beginning of the first line that is shown. */
const home = (): string => `\r${shown > 1 ? `\u001b[${shown - 1}A` : ""}`

/** Milliseconds. */
const PAUSE = 80
/** Erase to the end of the line, and of the screen (console_codes(4)). */
const CLEAR_LINE = "\u001b[K"
const CLEAR_BELOW = "\u001b[J"
