/** A process that goes on exchanging pairs of names by renameat2(2), as an attacker does who holds the directory they lie in. */
import { spawn } from "node:child_process"
import * as Effect from "effect/Effect"

export interface Exchanger {
  /** Ends it, and tells how many exchanges it made. */
  readonly stop: Effect.Effect<number>
}

/** Both names of a pair have to be there. It has begun when this returns, and ends with the scope at the latest. */
export const start = (pairs: ReadonlyArray<readonly [string, string]>) =>
  Effect.acquireRelease(
    Effect.promise(async (): Promise<Exchanger & { readonly kill: () => void }> => {
      const child = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM, JSON.stringify(pairs)], {
        stdio: ["pipe", "pipe", "inherit"]
      })
      let said = ""
      const begun = new Promise<void>((resolve, reject) => {
        child.stdout.on("data", (text) => {
          said += text
          resolve()
        })
        child.on("exit", () => reject(new Error(`the exchanger ended: ${said}`)))
      })
      const ended = new Promise<void>((resolve) => child.on("close", () => resolve()))
      await begun
      const stop = async () => {
        child.stdin.end()
        await ended
        return Number(said.trim().split("\n").pop())
      }
      return { stop: Effect.promise(stop), kill: () => child.kill("SIGKILL") }
    }),
    (exchanger) => Effect.sync(exchanger.kill)
  )

/** Ends when its standard input does. What is gone is not exchanged any more. */
const PROGRAM = `
  import { createRequire } from "node:module"
  const koffi = createRequire(${JSON.stringify(import.meta.url)})("koffi")
  const renameat2 = koffi.load(null).func("int renameat2(int from, const char *a, int to, const char *b, unsigned int flags)")
  const AT_FDCWD = -100, RENAME_EXCHANGE = 2
  const pairs = JSON.parse(process.argv[1])
  let made = 0, goes = true
  process.stdin.on("end", () => { goes = false; console.log(made) }).resume()
  const turn = () => {
    for (let i = 0; i < 200; i++) {
      for (const [a, b] of pairs) if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) === 0) made++
    }
    if (goes) setImmediate(turn)
  }
  turn()
  console.log("begun")
`
