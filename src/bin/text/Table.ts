/**
 * Prints rows in columns that fit a width. If they do not fit, columns that may be cut are cut in the middle, and if
 * that is not enough, the least important columns are left out. Without a width (a file, a pipe) everything is
 * printed whole.
 */
import * as DisplayWidth from "./DisplayWidth.ts"
import * as Style from "./Style.ts"

export interface Column {
  readonly title: string
  readonly align?: "left" | "right"
  /** The column may be cut down to this many terminal columns. */
  readonly shrinksTo?: number
  /** The column is left out before those with a smaller number; without a number, it always stays. */
  readonly spare?: number
}

export interface Cell {
  readonly text: string
  readonly style?: Style.Style
}

/** A cell for each column. */
export type Row = readonly Cell[]

/** Returns lines without trailing spaces, the titles first. The text of cells must be printable. */
export const render = (
  columns: readonly Column[],
  rows: readonly Row[],
  width = Number.POSITIVE_INFINITY
): readonly string[] => {
  const titles: Row = columns.map(({ title }) => ({ text: title, style: "bold" as const }))
  const all = [titles, ...rows]
  const natural = columns.map((_, index) =>
    Math.max(0, ...all.map((row) => DisplayWidth.of(row[index]?.text ?? "")))
  )
  const kept = fitting(columns, natural, width)
  const widths = shrunk(columns, natural, kept, width)
  return all.map((row) => {
    const cells = kept.map((index, position) => {
      const { style = "plain", text } = row[index] ?? { text: "" }
      const room = widths[index] ?? 0
      const shown = DisplayWidth.shorten(text, room)
      const padding = " ".repeat(Math.max(0, room - DisplayWidth.of(shown)))
      const painted = Style.paint(style, shown)
      if (columns[index]?.align === "right") return padding + painted
      return position === kept.length - 1 ? painted : painted + padding
    })
    return cells.join(GAP).trimEnd()
  })
}

const GAP = "  "

/** Returns the least width of a table with these columns. */
const total = (columns: readonly Column[], natural: readonly number[], kept: readonly number[]): number =>
  kept.reduce((sum, index) => sum + least(columns[index], natural[index] ?? 0), 0) +
  GAP.length * Math.max(0, kept.length - 1)

const least = (column: Column | undefined, natural: number): number =>
  Math.min(natural, column?.shrinksTo ?? natural)

/** Returns the indexes of the columns that stay. */
const fitting = (
  columns: readonly Column[],
  natural: readonly number[],
  width: number
): readonly number[] => {
  let kept = columns.map((_, index) => index)
  while (total(columns, natural, kept) > width) {
    const spare = kept.filter((index) => columns[index]?.spare !== undefined)
    const [next] = spare.sort((a, b) => (columns[b]?.spare ?? 0) - (columns[a]?.spare ?? 0))
    if (next === undefined) break
    kept = kept.filter((index) => index !== next)
  }
  return kept
}

/** Cuts columns, the widest first, each as far as it may be. */
const shrunk = (
  columns: readonly Column[],
  natural: readonly number[],
  kept: readonly number[],
  width: number
): readonly number[] => {
  const widths = [...natural]
  let over =
    kept.reduce((sum, index) => sum + (natural[index] ?? 0), 0) +
    GAP.length * Math.max(0, kept.length - 1) -
    width
  while (over > 0) {
    const [widest] = kept
      .filter((index) => (widths[index] ?? 0) > least(columns[index], natural[index] ?? 0))
      .sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))
    if (widest === undefined) break
    widths[widest] = (widths[widest] ?? 0) - 1
    over--
  }
  return widths
}
