/**
 * Reports an error to people on standard error, and sets the matching exit status:
 *
 *     error: what went wrong
 *       caused by: why
 *       hint: what to do about it
 */
import * as ValidationError from "@effect/cli/ValidationError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Printable from "../domain/text/Printable.ts"
import * as Privileges from "../services/files/Privileges.ts"
import { ProgramFailed } from "../services/host/HostProgram.ts"
import * as ExitStatus from "./ExitStatus.ts"
import * as Hints from "./Hints.ts"
import { plain } from "./manual/CommandTree.ts"
import * as Output from "./Output.ts"
import * as Paragraph from "./text/Paragraph.ts"
import * as Style from "./text/Style.ts"

/** Logs to standard error as `warning: …`, since standard output is for data. */
export const logger = Logger.make(({ annotations, logLevel, message }) => {
  const image = Option.match(HashMap.get(annotations, ABOUT), {
    onNone: () => "",
    onSome: (name) => `${name}: `
  })
  const text = Array.isArray(message) ? message.map(String).join(" ") : String(message)
  const label = LABELS[logLevel._tag] ?? logLevel.label.toLowerCase()
  Output.tell(labelled(STYLES[label] ?? "plain", "", `${label}:`, Printable.line(image + text)))
})

/** The log annotation that names the image a message is about. */
export const ABOUT = "image"

const LABELS: Readonly<Record<string, string>> = {
  Warning: "warning",
  Error: "error",
  Fatal: "error",
  Info: "info"
}
const STYLES: Readonly<Record<string, Style.Style>> = { warning: "yellow", error: "red" }

/** Reports a failure and sets the exit status. Interruption is left to the runtime. */
export const report = <A, E extends ExitStatus.Mapped | ValidationError.ValidationError, R>(
  effect: Effect.Effect<A, E, R>,
  called?: string
): Effect.Effect<void, never, R> =>
  effect.pipe(
    Effect.asVoid,
    Effect.catchAllCause((cause) =>
      Cause.isInterruptedOnly(cause)
        ? Effect.interrupt
        : Effect.sync(() =>
            Option.match(Cause.failureOption(cause), {
              // A defect is a bug, and its stack helps to fix it.
              onNone: () => {
                const defect = Cause.squash(cause)
                tell(
                  [defect],
                  "this is a bug of oci-systemd: please report it with the lines above",
                  "failed"
                )
                if (defect instanceof Error && defect.stack !== undefined) Output.tell(defect.stack)
              },
              onSome: (error) => {
                if (ValidationError.isValidationError(error)) misused(plain(error.error), called)
                else tell(causes(error), Hints.of(error), statusOf(error as ExitStatus.Mapped))
              }
            })
          )
    )
  )

/** Reports a wrong command line. */
const misused = (reason: string, called: string | undefined): void =>
  tell([new Error(decapitalised(reason))], `see ${helpOf(called)}`, "misused")

/** Reports an option that the command does not have. */
export const unknownOption = (called: string | undefined, option: string, near: readonly string[]): void => {
  const meant =
    near.length > 0 ? `did you mean ${list(near)}? See ${helpOf(called)}` : `see ${helpOf(called)}`
  tell([new Error(`${called ?? PROGRAM} has no option ${option}`)], meant, "misused")
}

/** Reports an option without its value. */
export const missingValue = (called: string | undefined, option: string, value: string): void =>
  tell([new Error(`${option} needs ${value}`)], `see ${helpOf(called)}`, "misused")

const helpOf = (called: string | undefined): string =>
  called === undefined ? `${PROGRAM} --help` : `${PROGRAM} ${called} --help`

/** Reports an unknown command. `instead` is a command of other programs that does it here. */
export const unknownCommand = (name: string, near: readonly string[], instead?: string): void => {
  const meant =
    instead ?? (near.length > 0 ? `did you mean ${list(near)}?` : `${PROGRAM} --help lists the commands`)
  tell([new Error(`there is no command ${JSON.stringify(name)}`)], meant, "misused")
}

/** Starts in lower case, as all other error messages do. */
const decapitalised = (text: string): string =>
  text
    .replace(/^Received unknown argument/, "unknown argument")
    .replace(/^[A-Z](?=[a-z])/, (c) => c.toLowerCase())

const tell = (errors: readonly unknown[], hint: string | undefined, status: ExitStatus.Status): void => {
  const said: Array<readonly string[]> = []
  for (const error of errors) {
    const message = messageOf(error)
    if (!said.some((lines) => lines.join("\n").includes(message))) said.push(linesOf(error))
  }
  const lines = said.flatMap((each, index) => {
    const [first = "", ...rest] = each.map(Printable.line)
    return [
      index === 0 ? labelled("red", "", "error:", first) : labelled("dim", "  ", "caused by:", first),
      ...rest.map((line) => `    ${wrap(line, 4)}`)
    ]
  })
  if (hint !== undefined) lines.push(labelled("cyan", "  ", "hint:", Printable.line(hint)))
  Output.tell(lines.join("\n"))
  process.exitCode = ExitStatus.STATUSES[status].code
}

/** Returns a message behind its label, in lines that fit the terminal. */
const labelled = (style: Style.Style, indent: string, label: string, text: string): string => {
  const lines = wrap(`${label} ${text}`, indent.length)
  return `${indent}${Style.paint(style, label)}${lines.slice(label.length)}`
}

/** Breaks a printable line at its spaces. All further lines are indented by four columns more than the first. */
const wrap = (line: string, indent: number): string =>
  Paragraph.wrap(line, Output.widthOfErrors() - indent, "    ").join(`\n${" ".repeat(indent)}`)

/** Returns the error, its cause, the cause of that, and so on. */
const causes = (error: unknown): readonly unknown[] =>
  error instanceof Error && error.cause !== undefined && !AFTERTHOUGHT.test(messageOf(error.cause))
    ? [error, ...causes(error.cause)]
    : [error]

/** The message that Effect uses in place of a missing cause. */
const AFTERTHOUGHT = /^An error has occurred$/

/**
 * Splits the output of a program of the host into lines. A message about an image stays one line, since the image
 * could make further lines look like other messages.
 */
const linesOf = (error: unknown): readonly string[] =>
  error instanceof ProgramFailed ? error.lines : [messageOf(error)]

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const statusOf = (error: ExitStatus.Mapped): ExitStatus.Status =>
  Privileges.isDenied(error) ? "notPermitted" : ExitStatus.ofError(error)

const list = (names: readonly string[]): string =>
  names.length <= 1 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names[names.length - 1]}`

const PROGRAM = "oci-systemd"
