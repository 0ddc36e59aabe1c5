/** One line at the bottom of the terminal that says how far things are, and gives way to whatever else is printed. */

const stream = process.stderr
/** Only where somebody sees it move. */
const isShown = stream.isTTY === true && process.env.TERM !== "dumb"
let shown = false
let lastAt = 0

/** Shows `text`, or not yet: a terminal need not be repainted more often than an eye can follow. */
export const show = (text: string): void => {
  const now = performance.now()
  if (!isShown || (shown && now - lastAt < PAUSE)) return
  lastAt = now
  shown = true
  stream.write(
    `\r${Array.from(text)
      .slice(0, Math.max(stream.columns - 1, 1))
      .join("")}${CLEAR}`
  )
}

/** Takes the line away, before something else is printed. */
export const clear = (): void => {
  if (shown) stream.write(`\r${CLEAR}`)
  shown = false
}

/** Milliseconds. */
const PAUSE = 80
/** Erases to the end of the line (console_codes(4)). */
const CLEAR = "\u001b[K"
