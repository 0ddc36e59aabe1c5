/** What this process has open: nothing may stay so behind an extraction, however it ended. */
import * as fs from "node:fs"

/** The paths below a directory. */
export const openBelow = (directory: string): ReadonlyArray<string> =>
  fs.readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = fs.readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith(directory) ? [target] : []
    } catch {
      // The one that lists the others.
      return []
    }
  })
