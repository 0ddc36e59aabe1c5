/**
 * The image's `Healthcheck`, Docker's extension of the image configuration.
 *
 *     Test = []                            inherited from the base image, which is unknown here: there is no check
 *          | [ "NONE" ]                    no check
 *          | [ "CMD", program, … ]         executed as it is
 *          | [ "CMD-SHELL", script ]       given to the image's shell
 *
 * Times are in nanoseconds; 0 or an absent time means Docker's default.
 */
import * as Either from "effect/Either"
import type { ProcessConfig } from "../image/ImageConfig.ts"
import type { Assignment } from "../systemd/EnvironmentLine.ts"
import * as TimeSpan from "../systemd/TimeSpan.ts"
import { TaggedError } from "../text/TaggedError.ts"
import * as ImageCommand from "./ImageCommand.ts"

export interface HealthCheck {
  readonly command: ImageCommand.ImageCommand
  /** Milliseconds from the end of a check to the next one, and before the first. */
  readonly interval: number
  /** Milliseconds that a check may take. A check that takes longer has failed. */
  readonly timeout: number
  /** Milliseconds after the start in which failures do not count, until a check has succeeded. */
  readonly startPeriod: number
  /** Milliseconds between checks in the start period. */
  readonly startInterval: number
  /** How many failures in a row make the service unhealthy. */
  readonly retries: number
  /** The image's fields that the check was made from. Absent fields have Docker's defaults. */
  readonly declared: NonNullable<ProcessConfig["Healthcheck"]>
}

/** The health check of an image is not understood. */
export class HealthCheckRefused extends TaggedError("HealthCheckRefused")<{ readonly reason: string }> {
  override get message(): string {
    return `the health check ${this.reason}`
  }
}

/** Reads the check; `undefined` if the image has none. */
export const fromConfig = (
  config: Pick<ProcessConfig, "Healthcheck" | "Shell">,
  workingDirectory: string,
  environment: readonly Assignment[]
): Either.Either<HealthCheck | undefined, HealthCheckRefused> => {
  const check = config.Healthcheck
  const [kind, ...test] = check?.Test ?? []
  if (check === undefined || check === null || kind === undefined || kind === "NONE")
    return Either.right(undefined)
  return Either.gen(function* () {
    const argv = kind === "CMD" ? test : kind === "CMD-SHELL" ? shell(config, test) : undefined
    if (argv === undefined) {
      const reason = `${JSON.stringify(kind)} is not NONE, CMD or CMD-SHELL`
      return yield* Either.left(new HealthCheckRefused({ reason }))
    }
    const command = yield* Either.mapLeft(
      ImageCommand.fromConfig({ Entrypoint: argv }, workingDirectory, environment),
      () => new HealthCheckRefused({ reason: "has no command" })
    )
    return {
      command,
      interval: milliseconds(check.Interval, INTERVAL),
      timeout: milliseconds(check.Timeout, TIMEOUT),
      startPeriod: milliseconds(check.StartPeriod, START_PERIOD),
      startInterval: milliseconds(check.StartInterval, START_INTERVAL),
      retries:
        check.Retries !== undefined && check.Retries > 0
          ? Math.min(Math.ceil(check.Retries), MOST_RETRIES)
          : RETRIES,
      declared: check
    }
  })
}

const shell = ({ Shell }: Pick<ProcessConfig, "Shell">, [script]: readonly string[]): readonly string[] =>
  script === undefined ? [] : [...(Shell === undefined || Shell.length === 0 ? SHELL : Shell), script]

/** Rounds up, so that no time becomes 0. */
const milliseconds = (nanoseconds: number | undefined, byDefault: number): number =>
  nanoseconds === undefined || !(nanoseconds > 0)
    ? byDefault
    : Math.min(Math.ceil(nanoseconds / NANOSECONDS), TimeSpan.LONGEST)

/** Docker's defaults in milliseconds. */
const INTERVAL = 30_000
const TIMEOUT = 30_000
const START_PERIOD = 0
const START_INTERVAL = 5_000
const RETRIES = 3
/** The most retries. Every shell can count this far. */
const MOST_RETRIES = 1_000_000
const SHELL = ["/bin/sh", "-c"]
const NANOSECONDS = 1_000_000
