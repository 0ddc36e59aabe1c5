/** The generator's command line: `[-config FILE] [-debug] [-generate] NORMAL [EARLY [LATE]]`, flags with one dash or two. */
import * as Either from "effect/Either"
import { TaggedError } from "../domain/text/TaggedError.ts"

export interface GeneratorArguments {
  readonly config: string | undefined
  readonly debug: boolean
  readonly generate: boolean
  readonly directories: readonly string[]
}

export class UsageError extends TaggedError("UsageError")<{ readonly reason: string }> {
  override get message(): string {
    return `${this.reason}\nusage: oci-systemd-generator [-config FILE] [-debug] [-generate] NORMAL [EARLY [LATE]]`
  }
}

export const parse = (argv: readonly string[]): Either.Either<GeneratorArguments, UsageError> => {
  const refuse = (reason: string) => Either.left(new UsageError({ reason }))
  let config: string | undefined
  const given = new Set<string>()
  const directories: string[] = []
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? ""
    const [, flag, value] = /^--?([a-z]+)(?:=(.*))?$/s.exec(argument) ?? []
    if (flag === undefined) directories.push(argument)
    else if (flag === "config") {
      config = value ?? argv[++index]
      if (config === undefined || config === "") return refuse("-config needs a file")
    } else if (flag === "debug" || flag === "generate") given.add(flag)
    else return refuse(`unknown flag ${argument}`)
  }
  const generate = given.has("generate")
  if (!generate && (directories.length < 1 || directories.length > 3)) {
    return refuse(`expected one to three directories, see systemd.generator(7), got ${directories.length}`)
  }
  return Either.right({ config, debug: given.has("debug"), generate, directories })
}
