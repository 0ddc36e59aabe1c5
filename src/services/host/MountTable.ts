/** What is mounted where, as proc_pid_mountinfo(5) tells. */
import * as fs from "node:fs"

/** `path` holds no character that the table would escape. */
export const isMounted = (path: string): boolean =>
  fs.readFileSync("/proc/self/mountinfo", "latin1").includes(` ${path} `)
