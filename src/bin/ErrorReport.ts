/**
 * How the CLI tells people what went wrong, on standard error, and the exit status that goes with it:
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
import { ProgramFailed } from "../services/host/HostProgram.ts"
import * as Privileges from "../services/files/Privileges.ts"
import * as ExitStatus from "./ExitStatus.ts"
import { plain } from "./manual/CommandTree.ts"
import * as Output from "./Output.ts"
import * as Style from "./text/Style.ts"

/** `warning: …`, on standard error: standard output is data. */
export const logger = Logger.make(({ annotations, logLevel, message }) => {
  const image = Option.match(HashMap.get(annotations, ABOUT), {
    onNone: () => "",
    onSome: (name) => `${name}: `
  })
  const text = Array.isArray(message) ? message.map(String).join(" ") : String(message)
  const label = LABELS[logLevel._tag] ?? logLevel.label.toLowerCase()
  Output.tell(`${Style.paint(STYLES[label] ?? "plain", `${label}:`)} ${Printable.line(image + text)}`)
})

/** The annotation of logs that names the image which they are about. */
export const ABOUT = "image"

const LABELS: Readonly<Record<string, string>> = {
  Warning: "warning",
  Error: "error",
  Fatal: "error",
  Info: "info"
}
const STYLES: Readonly<Record<string, Style.Style>> = { warning: "yellow", error: "red" }

/** Tells a failure and sets the exit code. Interruption is left to the runtime. */
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
              // A bug: its stack is of use to who mends it.
              onNone: () => {
                const defect = Cause.squash(cause)
                tell([defect], "this is a bug of oci-systemd: please report it, with what is above", "failed")
                if (defect instanceof Error && defect.stack !== undefined) Output.tell(defect.stack)
              },
              onSome: (error) => {
                if (ValidationError.isValidationError(error)) misused(plain(error.error), called)
                else tell(causes(error), hintOf(error), statusOf(error as ExitStatus.Mapped))
              }
            })
          )
    )
  )

/** For who calls a command as it cannot be called. */
const misused = (reason: string, called: string | undefined): void =>
  tell([new Error(decapitalised(reason))], `see ${helpOf(called)}`, "misused")

/** An option that the command does not have. */
export const unknownOption = (called: string | undefined, option: string, near: readonly string[]): void => {
  const meant =
    near.length > 0 ? `did you mean ${list(near)}? See ${helpOf(called)}` : `see ${helpOf(called)}`
  tell([new Error(`${called ?? PROGRAM} has no option ${option}`)], meant, "misused")
}

/** An option without what it takes. */
export const missingValue = (called: string | undefined, option: string, value: string): void =>
  tell([new Error(`${option} needs ${value}`)], `see ${helpOf(called)}`, "misused")

const helpOf = (called: string | undefined): string =>
  called === undefined ? `${PROGRAM} --help` : `${PROGRAM} ${called} --help`

/** The name of a command that there is not. */
export const unknownCommand = (name: string, near: readonly string[]): void => {
  const meant = near.length > 0 ? `did you mean ${list(near)}?` : `${PROGRAM} --help lists the commands`
  tell([new Error(`there is no command ${JSON.stringify(name)}`)], meant, "misused")
}

/** As every other error is written. */
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
    const label = index === 0 ? Style.paint("red", "error:") : `  ${Style.paint("dim", "caused by:")}`
    const [first = "", ...rest] = each.map(Printable.line)
    return [`${label} ${first}`, ...rest.map((line) => `    ${line}`)]
  })
  if (hint !== undefined) lines.push(`  ${Style.paint("cyan", "hint:")} ${Printable.line(hint)}`)
  Output.tell(lines.join("\n"))
  process.exitCode = ExitStatus.STATUSES[status].code
}

/** The error, what caused it, what caused that. */
const causes = (error: unknown): readonly unknown[] =>
  error instanceof Error && error.cause !== undefined && !AFTERTHOUGHT.test(messageOf(error.cause))
    ? [error, ...causes(error.cause)]
    : [error]

/** What Effect puts where there is no cause to speak of. */
const AFTERTHOUGHT = /^An error has occurred$/

/** Of what a program of the host said. The lines of an image stay one: it could make them look like others. */
const linesOf = (error: unknown): readonly string[] =>
  error instanceof ProgramFailed ? error.lines : [messageOf(error)]

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Errors say themselves what is to be done where that depends on them. */
const hintOf = (error: unknown): string | undefined => {
  const own = (error as { readonly hint?: unknown }).hint
  if (typeof own === "string") return own
  return Privileges.isDenied(error) ? Privileges.HINT : undefined
}

const statusOf = (error: ExitStatus.Mapped): ExitStatus.Status =>
  Privileges.isDenied(error) ? "notPermitted" : ExitStatus.ofError(error)

const list = (names: readonly string[]): string =>
  names.length <= 1 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names[names.length - 1]}`

const PROGRAM = "oci-systemd"
