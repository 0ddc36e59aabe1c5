/** A preparation that nobody waits for ends, and no other one does. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as StartWatch from "../../src/program/StartWatch.ts"

const jobs = (...answers: readonly boolean[]) => {
  const left = [...answers]
  return Effect.sync(() => left.shift() ?? false)
}

it.effect("ends when the job of the service is gone", () =>
  Effect.gen(function* () {
    const watch = yield* Effect.fork(StartWatch.untilStopped("a.service", jobs(true, true, true, false)))
    yield* TestClock.adjust("2 seconds")
    assert.isNull(
      yield* Fiber.poll(watch).pipe(Effect.map((found) => (found._tag === "None" ? null : found)))
    )
    yield* TestClock.adjust("1 second")
    yield* Fiber.join(watch)
  })
)

it.effect("does not end where the unit was started by itself, without its service", () =>
  Effect.gen(function* () {
    const watch = yield* Effect.fork(StartWatch.untilStopped("a.service", jobs()))
    yield* TestClock.adjust("1 hour")
    assert.strictEqual((yield* Fiber.poll(watch))._tag, "None")
    yield* Fiber.interrupt(watch)
  })
)
