/**
 * What `--help` prints for the program and for each command. All of it comes from the definitions of the commands.
 *
 * The help of `@effect/cli` is not used: it takes six lines for each option ("A true or false value.", "This setting is
 * optional."), breaks no line at the width of the terminal (the list of commands is 208 columns wide), colours what goes to a
 * file, and has no place for notes, groups of commands and exit statuses.
 */
import { ON_SIGNALS, STATUSES } from "./ExitStatus.ts"
import * as CommandLine from "./manual/CommandLine.ts"
import { NOTES } from "./manual/CommandNotes.ts"
import * as Synopsis from "./manual/Synopsis.ts"
import * as Paragraph from "./text/Paragraph.ts"
import * as Style from "./text/Style.ts"

/** Commands of one kind, with the title of their list. */
export interface Group {
  readonly title: string
  readonly commands: readonly string[]
}

export const ofProgram = (program: CommandLine.Program, groups: readonly Group[], width: number): string => {
  const longest = Math.max(...program.commands.map(({ name }) => name.length))
  return [
    ...Paragraph.wrap(program.summary, fitted(width)),
    "",
    `${title("Usage")} ${program.name} [OPTION…] COMMAND …`,
    ...groups.flatMap(({ commands, title: group }) => [
      "",
      title(group),
      ...program.commands
        .filter(({ name }) => commands.includes(name))
        .flatMap(({ name, summary }) => entry(name.padEnd(longest), summary, width))
    ]),
    "",
    title("Options"),
    ...options([...program.options, ...CommandLine.BUILT_IN], width),
    "",
    ...Paragraph.wrap(
      `An image is named LAYOUT:REF (myorg.com/myapp:stable), or by its unit. ${program.name} COMMAND --help describes one command.`,
      fitted(width)
    ),
    "",
    title("Exit status"),
    ...Object.values(STATUSES).flatMap(({ code, means }) => entry(`${code}`, means, width)),
    ...Paragraph.wrap(`  or ${ON_SIGNALS}`, fitted(width), "     ")
  ].join("\n")
}

export const ofCommand = (
  program: CommandLine.Program,
  command: CommandLine.Command,
  width: number
): string => {
  const notes = (NOTES[command.name] ?? []).filter((block) => typeof block === "string")
  return [
    ...Paragraph.wrap(command.summary, fitted(width)),
    "",
    ...usage(program, command, width),
    ...notes.flatMap((text) => ["", ...Paragraph.wrap(withoutMarkup(text), fitted(width))]),
    ...(command.arguments.length === 0
      ? []
      : ["", title("Arguments"), ...list(command.arguments.map(argument), width)]),
    "",
    title("Options"),
    ...options(CommandLine.allOptions(program, command), width)
  ].join("\n")
}

const usage = (
  program: CommandLine.Program,
  command: CommandLine.Command,
  width: number
): readonly string[] => {
  const words = [program.name, command.name, "[OPTION…]", ...command.arguments.map(placed)]
  const [first = "", ...rest] = Paragraph.wrap(words.join(" "), fitted(width) - "Usage: ".length, "    ")
  return [`${title("Usage")} ${first}`, ...rest]
}

const placed = ({ repeated, required, takes }: CommandLine.Argument): string => {
  const shown = `${takes.word}${repeated ? "…" : ""}`
  return required ? shown : `[${shown}]`
}

type Described = readonly [name: string, help: string]

const argument = ({ summary, takes }: CommandLine.Argument): Described => [takes.word, summary]

const options = (all: readonly CommandLine.Option[], width: number): readonly string[] =>
  list(
    all.map((option) => [withoutMarkup(Synopsis.option(option)), option.summary]),
    width
  )

const title = (text: string): string => Style.paint("bold", `${text}:`)

const list = (described: readonly Described[], width: number): readonly string[] => {
  const longest = Math.max(...described.map(([name]) => name.length))
  return described.flatMap(([name, help]) => entry(name.padEnd(Math.min(longest, WIDEST_NAME)), help, width))
}

/** Prints `  NAME  description`, with further lines indented to the description. */
const entry = (name: string, text: string, width: number): readonly string[] => {
  const indent = " ".repeat(Math.min(name.length, WIDEST_NAME) + 4)
  const [first = "", ...rest] = Paragraph.wrap(text, fitted(width) - indent.length)
  const head = `  ${Style.paint("cyan", name)}`
  const lines = name.length > WIDEST_NAME ? [head, indent + first] : [`${head}  ${first}`]
  return [...lines, ...rest.map((line) => indent + line)]
}

/** Removes the markup of manual pages (`Roff`). */
const withoutMarkup = (text: string): string =>
  text.replace(/`([^`]*)`/g, "$1").replace(/\*([^*\s][^*]*)\*/g, "$1")

/** Limits the width, since longer lines are hard to read even on a wide terminal. */
const fitted = (width: number): number => Math.min(width, 100)
const WIDEST_NAME = 24
