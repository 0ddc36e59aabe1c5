/**
 * Text that compresses as source code does, the same on every run: for files of which only size and compressibility matter.
 */

/** More than the window of `zstd -3` (2 MiB): what is cut out of the pool must not find itself there. */
const POOL = 2 ** 25
const SYLLABLES =
  "re con ex port im get set val ue ro ot no de pa th fi le en try map ar ray str ing num is has to from".split(
    " "
  )
const WORDS = 3000

/** mulberry32: numbers in [0, 1), determined by the seed. */
export const random = (seed) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const LINES = [
  (word) => `const ${word()} = require("./${word()}")\n`,
  (word) => `  if (${word()}.${word()} === undefined) return ${word()}(${word()}, ${word()})\n`,
  (word) => `export function ${word()}(${word()}, options = {}) {\n`,
  (word) => `  // ${word()} ${word()} the ${word()} of ${word()} when ${word()} is ${word()}\n`,
  (word, number) => `    ${word()}.${word()}(${number()}, "${word()} ${word()}")\n`,
  () => "  }\n}\n\n",
  (word) => `  "${word()}": { "type": "${word()}", "default": "${word()}" },\n`,
  (word, number) =>
    `  for (let index = ${number()}; index < ${word()}.length; index++) ${word()}[index] = ${word()}\n`,
  (word) => `declare const ${word()}: (${word()}: ${word()}, ${word()}?: string) => Promise<${word()}>\n`
]

let pool

const makePool = () => {
  const next = random(1)
  const words = Array.from({ length: WORDS }, () =>
    Array.from({ length: 2 + Math.floor(next() * 3) }, (_, index) => {
      const syllable = SYLLABLES[Math.floor(next() * SYLLABLES.length)]
      return index === 0 ? syllable : syllable[0].toUpperCase() + syllable.slice(1)
    }).join("")
  )
  // Few words are frequent, as in any text.
  const word = () => words[Math.floor(next() ** 3 * WORDS)]
  const number = () => Math.floor(next() * 1000)
  const buffer = Buffer.allocUnsafe(POOL)
  let used = 0
  while (used < POOL) {
    const line = LINES[Math.floor(next() * LINES.length)](word, number)
    used += buffer.write(line, used, "latin1")
  }
  return buffer
}

/** `size` bytes from a random place of the pool; at most half of the pool. */
export const text = (size, next) => {
  pool ??= makePool()
  const start = Math.floor(next() * (POOL / 2))
  return pool.subarray(start, start + size)
}
