/**
 * The beginning of a single executable: runs the code of the program whose name it has, with V8's code cache.
 * Both are inside the executable. It does the same as scripts/loader.cjs, but the cache always fits, since this
 * very Node made it.
 */
"use strict"
const { basename, dirname } = require("node:path")
const { createRequire } = require("node:module")
const { getRawAsset } = require("node:sea")
const { Script } = require("node:vm")

/** The same length as in scripts/loader.cjs. */
const HASH = 32

const program =
  basename(process.execPath) === "oci-systemd-generator" ? "oci-systemd-generator" : "oci-systemd"
const directory = dirname(process.execPath)
if (program === "oci-systemd") {
  // The build sets V8's flags here, as in scripts/loader.cjs:
  // v8Flags
}
const builtIn = require
// Packages with native code lie beside the executable, or in a directory above.
const requireFrom = (id) => (id.startsWith("node:") ? builtIn(id) : createRequire(`${directory}/`)(id))

new Script(Buffer.from(getRawAsset(`${program}.js`)).latin1Slice(), {
  filename: `${program}.js`,
  cachedData: Buffer.from(getRawAsset(`${program}.cache`)).subarray(HASH)
}).runInThisContext()(requireFrom, process.execPath, directory)
