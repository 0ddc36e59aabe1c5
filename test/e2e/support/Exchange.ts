/** A process of the machine that holds a directory open and goes on exchanging two names in it, as an accomplice of an image does. */
import type { Machine } from "./Machine.ts"

const PROGRAM = `
const koffi = require("/usr/lib/oci-systemd-generator/node_modules/koffi")
const renameat2 = koffi.load(null).func("int renameat2(int from, const char *a, int to, const char *b, unsigned int flags)")
const RENAME_EXCHANGE = 2
const [directory, a, b] = process.argv.slice(2)
const fd = require("node:fs").openSync(directory, "r")
let goes = true, made = 0
process.on("SIGTERM", () => { goes = false })
const turn = () => {
  for (let i = 0; i < 200; i++) if (renameat2(fd, a, fd, b, RENAME_EXCHANGE) === 0) made++
  // The kernel makes all who ask for a path wait while names are exchanged: without a pause, a start takes seconds.
  if (goes) setTimeout(turn, 1)
  else console.log("exchanged " + made)
}
turn()
require("node:child_process").execFileSync("systemd-notify", ["--ready"])
`

const UNIT = "accomplice.service"

/** It has begun when this returns; `stop` ends it, and tells how many exchanges it made. */
export const start = async (machine: Machine, directory: string, a: string, b: string) => {
  await machine.write("/root/exchange.cjs", PROGRAM)
  const run = [
    "systemd-run",
    "--quiet",
    "--collect",
    "--unit",
    UNIT,
    "--property=Type=notify",
    "--property=NotifyAccess=all"
  ]
  await machine.run([...run, "node", "/root/exchange.cjs", directory, a, b])
  return {
    stop: async (): Promise<number> => {
      await machine.run(["systemctl", "stop", UNIT])
      const said = [...(await machine.journal(UNIT)).matchAll(/^exchanged ([0-9]+)$/gm)]
      return Number(said.at(-1)?.[1])
    }
  }
}
