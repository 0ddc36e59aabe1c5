/**
 * The command of an image: `Entrypoint` followed by `Cmd` (image-spec config.md), and where its program is.
 *
 * A program whose name contains a `/` is at that path, relative to the working directory. A bare name is looked up
 * along the image's `PATH`, inside its root filesystem.
 */
import * as Either from "effect/Either"
import type { ProcessConfig } from "../image/ImageConfig.ts"
import type { Assignment } from "../systemd/EnvironmentLine.ts"
import { TaggedError } from "../text/TaggedError.ts"

/** The image has no command that can run. */
export class CommandError extends TaggedError("CommandError")<{
  readonly reason: string
  /** Whether the image has no command at all, as base images for building others. */
  readonly isBase?: boolean
}> {
  override get message(): string {
    return this.reason
  }
}

export interface ImageCommand {
  readonly argv: readonly [string, ...string[]]
  /** Path of the program, if it can be known without the root filesystem. */
  readonly path: string | undefined
  /** Absolute directories in which to look up a bare name, in order. */
  readonly searchPath: readonly string[]
}

/** The search path of an image without `PATH`, as in other tools that run images. */
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

export const fromConfig = (
  config: Pick<ProcessConfig, "Entrypoint" | "Cmd">,
  workingDirectory: string,
  environment: readonly Assignment[]
): Either.Either<ImageCommand, CommandError> => {
  const [program, ...rest] = [...entrypoint(config), ...(config.Cmd ?? [])]
  if (program === undefined) {
    return Either.left(
      new CommandError({ reason: "the image has neither an entrypoint nor a command", isBase: true })
    )
  }
  if (program === "")
    return Either.left(new CommandError({ reason: "the image's command is an empty string" }))
  const path = environment.find(({ name }) => name === "PATH")?.value ?? DEFAULT_PATH
  return Either.right({
    argv: [program, ...rest],
    path: program.includes("/") ? absolute(workingDirectory, program) : undefined,
    searchPath: path.split(":").map((directory) => absolute(workingDirectory, directory))
  })
}

/** An entrypoint of one empty string is how Docker's command line takes away an image's own: there is no entrypoint. */
const entrypoint = ({ Entrypoint }: Pick<ProcessConfig, "Entrypoint">): readonly string[] =>
  Entrypoint?.length === 1 && Entrypoint[0] === "" ? [] : (Entrypoint ?? [])

/** Resolves `path` relative to `directory`, without `.`, empty components and `..`. The result never leaves `/`. */
export const absolute = (directory: string, path: string): string => {
  if (ABSOLUTE.test(path)) return path
  const components: string[] = []
  for (const component of `${path.startsWith("/") ? "" : directory}/${path}`.split("/")) {
    if (component === "..") components.pop()
    else if (component !== "" && component !== ".") components.push(component)
  }
  return `/${components.join("/")}`
}

/** A path that is normalized already: no component is empty or begins with a dot. */
const ABSOLUTE = /^(?:\/[^/.][^/]*)+$/
