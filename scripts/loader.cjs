/**
 * What each program of dist/ begins with: runs its code with V8's code cache, which scripts/code-cache.cjs makes.
 *
 * Compiling is most of what a script's start takes. A cache is read only when it belongs to whom the code belongs to,
 * and used only when it is whole and made of this code; V8 refuses that of another version, or of other flags. The code
 * is then compiled, as without a cache, and nothing is said. Nothing is ever written here.
 */
"use strict"
const { createHash } = require("node:crypto")
const fs = require("node:fs")
const { basename } = require("node:path")
const { Script } = require("node:vm")

/** Bytes of the hash that a cache begins with. */
const HASH = 32

const base = `${__dirname}/code/${basename(__filename, ".cjs")}`
const source = fs.readFileSync(`${base}.js`)

/** V8 itself compares no more of the code than its length, and takes a damaged cache for a good one. */
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
