/** The process of an image as its configuration describes it, checked and converted for use in a unit. */
import * as Either from "effect/Either"
import type { ImageConfig } from "../image/ImageConfig.ts"
import * as EnvironmentLine from "../systemd/EnvironmentLine.ts"
import * as HealthCheck from "./HealthCheck.ts"
import * as ImageCommand from "./ImageCommand.ts"
import * as ImageUser from "./ImageUser.ts"
import type { RootFacts } from "./RootFacts.ts"
import * as StopSignal from "./StopSignal.ts"

export interface ImageProcess {
  readonly command: ImageCommand.ImageCommand
  readonly user: ImageUser.ImageUser
  readonly workingDirectory: string
  readonly environment: readonly EnvironmentLine.Assignment[]
  readonly stopSignal: string
  readonly health: HealthCheck.HealthCheck | undefined
  /** What the image asks for and does not get, one sentence for each. */
  readonly notes: readonly string[]
}

export const fromConfig = (
  image: ImageConfig
): Either.Either<
  ImageProcess,
  ImageCommand.CommandError | StopSignal.UnknownSignal | ImageUser.UserError
> => {
  const config = image.config ?? {}
  const workingDirectory = ImageCommand.absolute("/", config.WorkingDir ?? "")
  const { assignments, refused } = EnvironmentLine.parse(config.Env ?? [])
  const health = HealthCheck.fromConfig(config, workingDirectory, assignments)
  const command = ImageCommand.fromConfig(config, workingDirectory, assignments)
  if (Either.isLeft(command)) return Either.left(command.left)
  const stopSignal = config.StopSignal ? StopSignal.parse(config.StopSignal) : Either.right("SIGTERM")
  if (Either.isLeft(stopSignal)) return Either.left(stopSignal.left)
  const user = ImageUser.parse(config.User ?? "")
  if (Either.isLeft(user)) return Either.left(user.left)
  return Either.right({
    command: command.right,
    user: user.right,
    workingDirectory,
    environment: assignments,
    stopSignal: stopSignal.right,
    health: Either.isRight(health) ? health.right : undefined,
    notes: [
      ...refused.map((error) => error.message),
      ...(Either.isLeft(health) ? [`${health.left.message}: no checks are made`] : [])
    ]
  })
}

/** Returns the path of the program: from the configuration, else from facts that were found for this very command. */
export const path = (process: ImageProcess, facts: RootFacts): string | undefined =>
  programPath(process.command, facts.command)

/** Returns the path of the health check's program; `""` if it was looked for and is not in the image. */
export const healthPath = (process: ImageProcess, facts: RootFacts): string | undefined =>
  process.health === undefined ? undefined : programPath(process.health.command, facts.health)

const programPath = (command: ImageCommand.ImageCommand, fact: RootFacts["command"]): string | undefined => {
  if (command.path !== undefined) return command.path
  return fact !== undefined &&
    fact.program === command.argv[0] &&
    fact.searchPath.join(":") === command.searchPath.join(":")
    ? fact.path
    : undefined
}

/**
 * Returns the directory that keeps the user from the working directory; `undefined` if none does, or if it is not known.
 */
export const closedDirectory = (process: ImageProcess, facts: RootFacts): string | undefined =>
  facts.user?.user === process.user.text && facts.workingDirectory?.path === process.workingDirectory
    ? facts.workingDirectory.closed || undefined
    : undefined

export const identity = (process: ImageProcess, facts: RootFacts): ImageUser.Identity | undefined =>
  facts.user?.user === process.user.text ? facts.user.identity : ImageUser.guess(process.user)
