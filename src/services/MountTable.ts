/** What is mounted where, as proc_pid_mountinfo(5) tells. */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"

export class StillMounted extends Schema.TaggedError<StillMounted>()("StillMounted", {
  path: Schema.String
}) {
  override get message(): string {
    return `${this.path} is mounted still, so what was written to it cannot be cleared: umount it, and start again`
  }
}

/** An unmount that systemd has begun takes milliseconds, or a second where there are many. */
const ATTEMPTS = 100
const PAUSE = "20 millis"

/** A service that is started while its last root is on its way out waits for that to be gone. */
export const untilUnmounted = (path: string): Effect.Effect<void, StillMounted> =>
  Effect.suspend(() => (isMounted(path) ? Effect.fail(new StillMounted({ path })) : Effect.void)).pipe(
    Effect.retry(Schedule.intersect(Schedule.spaced(PAUSE), Schedule.recurs(ATTEMPTS)))
  )

/** `path` holds no character that the table would escape. */
export const isMounted = (path: string): boolean =>
  fs.readFileSync("/proc/self/mountinfo", "latin1").includes(` ${path} `)
