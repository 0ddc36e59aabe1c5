/** What is mounted where, as proc_pid_mountinfo(5) tells. */
import * as fs from "node:fs"
import * as Schema from "effect/Schema"

export class StillMounted extends Schema.TaggedError<StillMounted>()("StillMounted", {
  path: Schema.String
}) {
  override get message(): string {
    return `${this.path} is mounted still, so what was written to it cannot be cleared: umount it, and start again`
  }
}

/** `path` holds no character that the table would escape. */
export const isMounted = (path: string): boolean =>
  fs.readFileSync("/proc/self/mountinfo", "latin1").includes(` ${path} `)
