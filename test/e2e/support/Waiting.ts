/** What a machine comes to by itself, waited for within bounds. */
import { setTimeout as sleep } from "node:timers/promises"
import type { Machine } from "./Machine.ts"

/** Longer than anything takes, shorter than a test may. */
const PATIENCE = 60_000
const PAUSE = 20

export const until = async (
  machine: Machine,
  what: string,
  condition: () => Promise<boolean>
): Promise<void> => {
  const deadline = Date.now() + PATIENCE
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${what} did not come to pass\n${await machine.console()}`)
    await sleep(PAUSE)
  }
}

/** systemd has nothing left to do. */
export const settled = (machine: Machine): Promise<void> =>
  until(machine, "an end of all jobs", async () => {
    const { stdout } = await machine.run(["systemctl", "list-jobs"], { check: false })
    return stdout.trim() === "No jobs running."
  })
