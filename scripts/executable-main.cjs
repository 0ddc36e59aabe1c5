/**
 * What the single executable begins with: the code of the program whose name it has, with V8's code cache, both inside it.
 * As scripts/loader.cjs; here the cache always fits, since it was made by this very Node.
 */
"use strict"
const { basename, dirname } = require("node:path")
const { createRequire } = require("node:module")
const { getRawAsset } = require("node:sea")
const { Script } = require("node:vm")

/** As in scripts/loader.cjs. */
const HASH = 32

const program =
  basename(process.execPath) === "oci-systemd-generator" ? "oci-systemd-generator" : "oci-systemd"
const directory = dirname(process.execPath)
const builtIn = require
// Packages with native code lie beside the executable, or above.
const requireFrom = (id) => (id.startsWith("node:") ? builtIn(id) : createRequire(`${directory}/`)(id))

new Script(Buffer.from(getRawAsset(`${program}.js`)).latin1Slice(), {
  filename: `${program}.js`,
  cachedData: Buffer.from(getRawAsset(`${program}.cache`)).subarray(HASH)
}).runInThisContext()(requireFrom, process.execPath, directory)
