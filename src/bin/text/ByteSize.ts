/** Prints numbers of bytes for people: `0 B`, `812 B`, `1.5 KiB`, `312 MiB`. */
export const render = (bytes: number): string => {
  let [size, unit] = [bytes, 0]
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024
    unit++
  }
  // A size that would round up to 1024 is printed in the next unit.
  if (unit > 0 && unit < UNITS.length - 1 && size >= 1023.5) [size, unit] = [1, unit + 1]
  const digits = unit === 0 || size >= 99.95 ? 0 : 1
  return `${size.toFixed(digits)} ${UNITS[unit]}`
}

/** Powers of 1024 as in IEC 80000-13. */
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const
