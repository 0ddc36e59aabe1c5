/** Nothing is made behind a link, no matter which process puts it there and when. */
import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Worker } from "node:worker_threads"
import { assert, it } from "vitest"
import { makeChain } from "../../../src/services/files/DirectoryDescent.ts"
import { temporary } from "../../support/LayoutWriter.ts"

it("makes what is missing, and leaves what is there", () => {
  using directory = temporary()
  const at = (path: string) => join(directory.path, path)
  mkdirSync(at("a"), { mode: 0o700 })
  assert.isTrue(makeChain(directory.path, ["a", "b", "c"]))
  assert.isTrue(makeChain(directory.path, ["a", "f"], { last: "file" }))
  writeFileSync(at("a/f"), "kept")
  assert.isTrue(makeChain(directory.path, ["a", "f"], { last: "file" }))
  assert.strictEqual(lstatSync(at("a")).mode & 0o777, 0o700)
  assert.strictEqual(lstatSync(at("a/b/c")).mode & 0o777, 0o755)
  assert.strictEqual(lstatSync(at("a/f")).size, 4)
})

it("follows the links to the directory itself alone", () => {
  using directory = temporary()
  const at = (path: string) => join(directory.path, path)
  mkdirSync(at("volume"))
  mkdirSync(at("outside"))
  symlinkSync("volume", at("moved"))
  symlinkSync(at("outside"), at("volume/link"))
  symlinkSync(at("outside/new"), at("volume/dangling"))
  assert.isTrue(makeChain(at("moved"), ["made"]))
  assert.isFalse(makeChain(at("moved"), ["link", "x"]))
  assert.isFalse(makeChain(at("moved"), ["link", "x"], { last: "file" }))
  assert.isFalse(makeChain(at("moved"), ["made", "..", "link"]))
  makeChain(at("moved"), ["dangling"], { last: "file" })
  assert.deepStrictEqual(readdirSync(at("outside")), [])
  assert.isTrue(existsSync(at("volume/made")))
})

/** Puts a link in the place of a directory, and a directory in the place of the link, until it is told to stop. */
const RACER = `
const fs = require("node:fs")
const { workerData: [path, target, flag] } = require("node:worker_threads")
const steps = [
  () => fs.rmSync(path, { recursive: true }),
  () => fs.symlinkSync(target, path),
  () => fs.unlinkSync(path),
  () => fs.mkdirSync(path)
]
while (Atomics.load(flag, 0) === 0) {
  for (const step of steps) { try { step() } catch {} }
}
`

it("makes nothing elsewhere while a directory is exchanged for a link", async () => {
  using directory = temporary()
  const at = (path: string) => join(directory.path, path)
  for (const path of ["volume", "outside"]) mkdirSync(at(path))
  const flag = new Int32Array(new SharedArrayBuffer(4))
  const racer = new Worker(RACER, { eval: true, workerData: [at("volume/x"), at("outside"), flag] })
  await new Promise((resolve) => racer.once("online", resolve))
  const seen = { made: 0, refused: 0 }
  try {
    while (seen.made < 100 || seen.refused < 100) {
      try {
        if (makeChain(at("volume"), ["x", "y", "z"])) seen.made++
        else seen.refused++
      } catch (cause) {
        // The directory was removed meanwhile.
        assert.strictEqual((cause as NodeJS.ErrnoException).code, "ENOENT")
      }
    }
  } finally {
    Atomics.store(flag, 0, 1)
    await new Promise((resolve) => racer.once("exit", resolve))
  }
  assert.deepStrictEqual(readdirSync(at("outside")), [])
})
