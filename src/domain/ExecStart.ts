/**
 * An argument vector as `ExecStart=` (systemd.service(5), "Command lines").
 *
 *     ExecStart = "@:" path 1*( " " word )      "@": the next word is argv[0]; ":" no $ expansion
 *
 * Every argument is quoted, so that a bare `;` separates nothing.
 */
import * as Either from "effect/Either"
import { join, type UnitValue, Unwritable, word } from "./UnitValue.ts"

/** `path` is what is executed, inside the root; `argv` what the process sees, `argv[0]` included. */
export const render = (path: string, argv: readonly string[]): Either.Either<UnitValue, Unwritable> =>
  Either.gen(function* () {
    const executable = yield* renderPath(path)
    const words = yield* Either.all(argv.map((argument, index) => word(`argument ${index}`, argument)))
    const line = join([executable, ...words])
    if (line.length > MAX_LINE) {
      return yield* Either.left(
        new Unwritable({
          what: "the command",
          value: path,
          reason: `has more than ${MAX_LINE} characters of arguments`
        })
      )
    }
    return line
  })

const renderPath = (path: string): Either.Either<UnitValue, Unwritable> =>
  Either.gen(function* () {
    const refuse = (reason: string) =>
      Either.left(new Unwritable({ what: "the executable", value: path, reason }))
    if (!path.startsWith("/")) return yield* refuse("is not an absolute path")
    if (path.endsWith("/")) return yield* refuse("is a directory")
    if (UNSAFE.test(path))
      return yield* refuse(
        "holds a quote, a backslash or a control character, which systemd does not take here"
      )
    const quoted = yield* word("the executable", `@:${path}`)
    return SIMPLE.test(path) ? (quoted.slice(1, -1) as UnitValue) : quoted
  })

/** Below systemd's LONG_LINE_MAX of 1 MiB, in bytes whatever the script. */
const MAX_LINE = 256 * 1024
// biome-ignore lint/suspicious/noControlCharactersInRegex: systemd's string_is_safe() refuses them
const UNSAFE = /["'\\\u0000-\u001f\u007f]/
const SIMPLE = /^[A-Za-z0-9/_.+@%:-]+$/
