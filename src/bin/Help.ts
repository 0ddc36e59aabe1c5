/** What `--help` prints, of the program and of each command: all that it says comes from the definitions. */
import type { AnyCommand, CommandHelp, Described } from "./CommandHelp.ts"
import * as Help from "./CommandHelp.ts"
import { ON_SIGNALS, STATUSES } from "./ExitStatus.ts"
import * as Paragraph from "./text/Paragraph.ts"
import * as Style from "./text/Style.ts"

/** Commands that belong together, with what they have in common. */
export interface Group {
  readonly title: string
  readonly commands: ReadonlyArray<readonly [name: string, command: AnyCommand]>
}

export const PROGRAM = "oci-systemd"

export const ofProgram = (root: AnyCommand, groups: readonly Group[], width: number): string => {
  const { options, summary } = Help.of(root)
  const name = Math.max(...groups.flatMap(({ commands }) => commands.map(([name]) => name.length)))
  return [
    ...Paragraph.wrap(summary, fitted(width)),
    "",
    `${title("Usage")} ${PROGRAM} [OPTION…] COMMAND …`,
    ...groups.flatMap(({ commands, title: group }) => [
      "",
      title(group),
      ...commands.flatMap(([command, definition]) =>
        entry(command.padEnd(name), Help.of(definition).summary, width)
      )
    ]),
    "",
    title("Options"),
    ...list([...options, HELP, VERSION], width),
    "",
    ...Paragraph.wrap(
      `An image is named LAYOUT:REF (myorg.com/myapp:stable), or by its unit. ${PROGRAM} COMMAND --help says more of a command.`,
      fitted(width)
    ),
    "",
    title("Exit status"),
    ...Object.values(STATUSES).flatMap(({ code, means }) => entry(`${code}`, means, width)),
    ...Paragraph.wrap(`  or ${ON_SIGNALS}`, fitted(width), "     ")
  ].join("\n")
}

export const ofCommand = (name: string, command: AnyCommand, width: number): string => {
  const help = Help.of(command)
  return [
    ...Paragraph.wrap(help.summary, fitted(width)),
    "",
    ...usage(name, help, width),
    ...help.details.flatMap((text) => ["", ...Paragraph.wrap(text, fitted(width))]),
    ...(help.arguments.length === 0 ? [] : ["", title("Arguments"), ...list(help.arguments, width)]),
    "",
    title("Options"),
    ...list([...help.options, HELP], width)
  ].join("\n")
}

const usage = (name: string, help: CommandHelp, width: number): readonly string[] => {
  const words = [
    PROGRAM,
    name,
    ...(help.options.length > 0 ? ["[OPTION…]"] : []),
    ...help.arguments.map(({ name, optional }) => {
      const shown = name.replace("...", "…")
      return optional ? `[${shown}]` : shown
    })
  ]
  const [first = "", ...rest] = Paragraph.wrap(words.join(" "), fitted(width) - "Usage: ".length, "    ")
  return [`${title("Usage")} ${first}`, ...rest]
}

const HELP: Described = { name: "-h, --help", help: "Show help, and do nothing", optional: true }
const VERSION: Described = { name: "--version", help: "Show the version, and do nothing", optional: true }

const title = (text: string): string => Style.paint("bold", `${text}:`)

const list = (described: readonly Described[], width: number): readonly string[] => {
  const longest = Math.max(...described.map(({ name }) => name.length))
  return described.flatMap(({ help, name }) =>
    entry(name.padEnd(Math.min(longest, WIDEST_NAME)), help, width)
  )
}

/** `  NAME  what it is`, the rest below what it is. */
const entry = (name: string, text: string, width: number): readonly string[] => {
  const indent = " ".repeat(Math.min(name.length, WIDEST_NAME) + 4)
  const [first = "", ...rest] = Paragraph.wrap(text, fitted(width) - indent.length)
  const lines = name.length > WIDEST_NAME ? [indent + first] : []
  const head = `  ${Style.paint("cyan", name)}${lines.length === 0 ? `  ${first}` : ""}`
  return [head, ...lines, ...rest.map((line) => indent + line)]
}

/** Longer lines are hard to read, however wide the terminal is. */
const fitted = (width: number): number => Math.min(width, 100)
const WIDEST_NAME = 24
