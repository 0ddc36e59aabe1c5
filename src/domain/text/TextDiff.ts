/** Compares two texts line by line and prints the difference in the unified format of diff(1). */

export interface Change {
  readonly kind: "same" | "removed" | "added"
  readonly line: string
}

/** Returns a shortest way from one list of lines to the other, computed from their longest common subsequence. */
export const changes = (before: readonly string[], after: readonly string[]): readonly Change[] => {
  let head = 0
  while (head < before.length && head < after.length && before[head] === after[head]) head++
  let tail = 0
  while (
    tail < before.length - head &&
    tail < after.length - head &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  ) {
    tail++
  }
  return [
    ...before.slice(0, head).map(same),
    ...between(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(same)
  ]
}

const between = (before: readonly string[], after: readonly string[]): readonly Change[] => {
  if (before.length * after.length > MOST_WORK) return [...before.map(removed), ...after.map(added)]
  const width = after.length + 1
  // How many lines the rests of both lists have in common, for each pair of starting places.
  const common = new Uint32Array((before.length + 1) * width)
  const at = (row: number, column: number): number => common[row * width + column] ?? 0
  for (let row = before.length - 1; row >= 0; row--) {
    for (let column = after.length - 1; column >= 0; column--) {
      common[row * width + column] =
        before[row] === after[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1))
    }
  }
  const result: Change[] = []
  let [row, column] = [0, 0]
  while (row < before.length || column < after.length) {
    const [old, young] = [before[row], after[column]]
    if (old !== undefined && old === young) {
      result.push(same(old))
      row++
      column++
    } else if (old !== undefined && (young === undefined || at(row + 1, column) >= at(row, column + 1))) {
      result.push(removed(old))
      row++
    } else if (young !== undefined) {
      result.push(added(young))
      column++
    }
  }
  return result
}

/**
 * The changes with three lines of context around each; empty when the texts are equal. Both texts end in a newline.
 */
export const unified = (before: string, after: string): readonly string[] => {
  const all = changes(linesOf(before), linesOf(after))
  const near = all.map((_, index) =>
    all.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ kind }) => kind !== "same")
  )
  const lines: string[] = []
  let [old, young] = [1, 1]
  for (let from = 0; from < all.length; ) {
    let to = from
    while (to < all.length && near[to] === near[from]) to++
    const hunk = all.slice(from, to)
    const count = (other: Change["kind"]): number => hunk.filter(({ kind }) => kind !== other).length
    const [olds, youngs] = [count("added"), count("removed")]
    if (near[from] === true) {
      lines.push(`@@ -${range(old, olds)} +${range(young, youngs)} @@`)
      lines.push(...hunk.map(({ kind, line }) => MARKS[kind] + line))
    }
    old += olds
    young += youngs
    from = to
  }
  return lines
}

/** Prints the range of a hunk. An empty range names the line before it, as diff(1) does. */
const range = (start: number, count: number): string => `${count === 0 ? start - 1 : start},${count}`

const linesOf = (text: string): readonly string[] => (text === "" ? [] : text.replace(/\n$/, "").split("\n"))

const same = (line: string): Change => ({ kind: "same", line })
const removed = (line: string): Change => ({ kind: "removed", line })
const added = (line: string): Change => ({ kind: "added", line })

const MARKS: Readonly<Record<Change["kind"], string>> = { same: " ", removed: "-", added: "+" }
const CONTEXT = 3
/** Above this product of line counts all lines count as different. No unit comes near it. */
const MOST_WORK = 4_000_000
