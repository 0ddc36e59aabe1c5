/**
 * What the image executes: `Entrypoint` followed by `Cmd` (image-spec config.md), and where its program is.
 *
 * A program named with a `/` is at that path, relative to the working directory; a bare name is looked for along the
 * image's `PATH`, inside its root filesystem.
 */
import * as Either from "effect/Either"
import type { Assignment } from "../systemd/EnvironmentLine.ts"
import type { ProcessConfig } from "../image/ImageConfig.ts"
import { TaggedError } from "../text/TaggedError.ts"

export class CommandError extends TaggedError("CommandError")<{
  readonly reason: string
  /** There is no command at all: an image to make others from. */
  readonly isBase?: boolean
}> {
  override get message(): string {
    return this.reason
  }
}

export interface ImageCommand {
  readonly argv: readonly [string, ...string[]]
  /** Where the program is, when that can be told without the root filesystem. */
  readonly path: string | undefined
  /** Where to look for a bare name: absolute directories, in order. */
  readonly searchPath: readonly string[]
}

/** What an image without `PATH` gets, as from other tools that run images. */
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

export const fromConfig = (
  config: Pick<ProcessConfig, "Entrypoint" | "Cmd">,
  workingDirectory: string,
  environment: readonly Assignment[]
): Either.Either<ImageCommand, CommandError> => {
  const [program, ...rest] = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])]
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

/** `path` seen from `directory`, without `.`, empty components and `..`; never above `/`. */
export const absolute = (directory: string, path: string): string => {
  if (ABSOLUTE.test(path)) return path
  const components: string[] = []
  for (const component of `${path.startsWith("/") ? "" : directory}/${path}`.split("/")) {
    if (component === "..") components.pop()
    else if (component !== "" && component !== ".") components.push(component)
  }
  return `/${components.join("/")}`
}

/** There is nothing to be taken out of it: no component is empty or begins with a dot. */
const ABSOLUTE = /^(?:\/[^/.][^/]*)+$/
