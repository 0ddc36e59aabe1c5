/**
 * Notices that a preparation is not needed any more, because the service was stopped meanwhile.
 *
 * No dependency of systemd can do this: `PartOf=` and `StopPropagatedFrom=` would stop the preparation together with its
 * service, but since the service requires it, systemd from 254 on would also take each restart of the service for a new
 * start, and no limit and no growing delay of restarts would ever hold.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HostProgram from "../services/host/HostProgram.ts"

/** Ends once the unit has no job any more. It never ends if the unit has none to begin with. */
export const untilStopped = (
  unit: string,
  hasJob: Effect.Effect<boolean> = jobOf(unit),
  pause: Duration.DurationInput = PAUSE
): Effect.Effect<void> =>
  Effect.flatMap(hasJob, (isWaiting) =>
    isWaiting
      ? hasJob.pipe(
          Effect.delay(pause),
          Effect.repeat({ while: (still) => still }),
          Effect.zipRight(Effect.logInfo(`${unit} was stopped: its root is not prepared any further`))
        )
      : Effect.never
  )

/** Whether the unit has a job, to start it or otherwise. It counts as having one if systemd does not answer. */
const jobOf = (unit: string): Effect.Effect<boolean> =>
  HostProgram.hasSystemd()
    ? HostProgram.run("systemctl", "show", "-P", "Job", "--", unit).pipe(
        Effect.map((job) => !/^0?\s*$/.test(job)),
        Effect.orElseSucceed(() => true)
      )
    : Effect.succeed(false)

const PAUSE = Duration.seconds(1)
