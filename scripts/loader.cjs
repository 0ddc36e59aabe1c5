/**
 * The beginning of each program of dist/: runs its code with V8's code cache, which scripts/code-cache.cjs
 * makes.
 *
 * Compiling takes most of a script's start. A cache is only read if its owner is the owner of the code, and
 * only used if it is complete and made from this code; V8 refuses caches of other versions or flags. The code
 * is then compiled as without a cache, and nothing is printed. Nothing is ever written here.
 */
"use strict"
const { createHash } = require("node:crypto")
const fs = require("node:fs")
const { basename } = require("node:path")
const { Script } = require("node:vm")

/** Bytes of the hash at the beginning of a cache. */
const HASH = 32

// The build sets V8's flags for the program here (scripts/v8Flags.mjs):
// v8Flags

const base = `${__dirname}/code/${basename(__filename, ".cjs")}`
const source = fs.readFileSync(`${base}.js`)

/**
 * Reads the cache and checks it: V8 itself only compares the length of the code, and accepts a damaged cache.
 */
const cachedData = (() => {
  try {
    const file = `${base}.${process.version}-${process.arch}.cache`
    const cache = fs.readFileSync(file)
    const isOurs = fs.statSync(file).uid === fs.statSync(`${base}.js`).uid
    const hash = createHash("sha256").update(source).update(cache.subarray(HASH)).digest()
    return isOurs && cache.subarray(0, HASH).equals(hash) ? cache.subarray(HASH) : undefined
  } catch {
    return undefined
  }
})()

new Script(source.latin1Slice(), { filename: `${base}.js`, cachedData }).runInThisContext()(
  require,
  __filename,
  __dirname
)
