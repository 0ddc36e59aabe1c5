/**
 * An argument vector as `ExecStart=` (systemd.service(5), "Command lines").
 *
 *     ExecStart = "@:" path 1*( " " word )      "@": the next word is argv[0]; ":" no $ expansion
 *
 * Every argument is quoted, so that a bare `;` does not separate commands.
 */
import * as Either from "effect/Either"
import { join, type UnitValue, Unwritable, word } from "./UnitValue.ts"

/**
 * Renders a command. `path` is the file to execute inside the root; `argv` is what the process sees, `argv[0]`
 * included.
 */
export const render = (path: string, argv: readonly string[]): Either.Either<UnitValue, Unwritable> => {
  const executable = renderPath(path)
  if (Either.isLeft(executable)) return executable
  const words = [executable.right]
  for (let index = 0; index < argv.length; index++) {
    const rendered = word(`argument ${index}`, argv[index] ?? "")
    if (Either.isLeft(rendered)) return rendered
    words.push(rendered.right)
  }
  const line = join(words)
  return line.length <= MAX_LINE
    ? Either.right(line)
    : refuse("the command", path, `has more than ${MAX_LINE} characters of arguments`)
}

const renderPath = (path: string): Either.Either<UnitValue, Unwritable> => {
  const what = "the executable"
  if (!path.startsWith("/")) return refuse(what, path, "is not an absolute path")
  if (path.endsWith("/")) return refuse(what, path, "is a directory")
  if (UNSAFE.test(path)) {
    return refuse(
      what,
      path,
      "holds a quote, a backslash or a control character, which systemd does not accept here"
    )
  }
  const quoted = word(what, `@:${path}`)
  return SIMPLE.test(path) ? Either.map(quoted, (text) => text.slice(1, -1) as UnitValue) : quoted
}

const refuse = (what: string, value: string, reason: string) =>
  Either.left(new Unwritable({ what, value, reason }))

/** The longest line in bytes, below systemd's LONG_LINE_MAX of 1 MiB for any script. */
const MAX_LINE = 256 * 1024
// biome-ignore lint/suspicious/noControlCharactersInRegex: systemd's string_is_safe() refuses them
const UNSAFE = /["'\\\u0000-\u001f\u007f]/
const SIMPLE = /^[A-Za-z0-9/_.+@%:-]+$/
