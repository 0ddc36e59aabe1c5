/** The script that copies a service's output to the journal: nothing that was written is lost. */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, it } from "vitest"
import { temporary } from "../support/LayoutWriter.ts"

const SCRIPT = fileURLToPath(new URL("../../src/host/oci-output.sh", import.meta.url))

const withReader = async (
  body: (pipe: string, stop: () => void, seen: (text: string) => Promise<void>) => Promise<void>
): Promise<string> => {
  using directory = temporary()
  const pipe = join(directory.path, "output")
  spawnSync("mkfifo", [pipe])
  const reader = spawn("sh", [SCRIPT, pipe], { stdio: ["ignore", "pipe", "inherit"] })
  let text = ""
  const exited = once(reader, "close")
  reader.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk
  })
  const seen = async (wanted: string) => {
    while (!text.includes(wanted)) await once(reader.stdout, "data")
  }
  await body(pipe, () => reader.kill("SIGTERM"), seen)
  const [code] = (await exited) as [number | null]
  assert.strictEqual(code, 0)
  return text
}

it("reads on when a program that had the pipe open ends", async () => {
  const text = await withReader(async (pipe, stop, seen) => {
    for (const word of ["one", "two", "three"]) {
      const fd = openSync(pipe, "w")
      writeSync(fd, `${word}\n`)
      closeSync(fd)
      await seen(word)
    }
    stop()
  })
  assert.strictEqual(text, "one\ntwo\nthree\n")
})

it("ends after SIGTERM only when everything is read and nobody can write any more", async () => {
  const lines = Array.from({ length: 5000 }, (_, index) => `line ${index}\n`).join("")
  const text = await withReader(async (pipe, stop, seen) => {
    const fd = openSync(pipe, "w")
    writeSync(fd, "first\n")
    await seen("first")
    stop()
    let done = 0
    while (done < lines.length) done += writeSync(fd, lines.slice(done, done + 4096))
    closeSync(fd)
  })
  assert.strictEqual(text, `first\n${lines}`)
})
