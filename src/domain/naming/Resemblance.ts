/** Suggests known names for a name that was probably mistyped. */

/** Returns at most three known names, the most similar first; an empty list if none is similar. */
export const nearest = (wanted: string, known: readonly string[]): readonly string[] => {
  const target = wanted.toLowerCase().slice(0, LONGEST)
  const limit = Math.max(1, Math.floor(target.length / 3))
  return known
    .map((name) => ({ name, far: distance(target, name.toLowerCase().slice(0, LONGEST)) }))
    .filter(({ far, name }) => target !== "" && (far <= limit || name.toLowerCase().includes(target)))
    .sort((a, b) => a.far - b.far || (a.name < b.name ? -1 : 1))
    .slice(0, MOST)
    .map(({ name }) => name)
}

/**
 * Computes the optimal string alignment distance (Damerau-Levenshtein): insert, delete, replace, or swap two
 * neighbours.
 */
export const distance = (a: string, b: string): number => {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = (last[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      const swapped =
        row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
          ? (beforeLast[column - 2] ?? 0) + 1
          : Number.POSITIVE_INFINITY
      current.push(Math.min(replaced, swapped, (last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    beforeLast = last
    last = current
  }
  return last[b.length] ?? 0
}

const MOST = 3
/** Bounds the time, since a comparison takes the product of both lengths. */
const LONGEST = 300
