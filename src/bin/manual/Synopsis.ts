/** The synopsis of a command in one line, with the markup of manual pages. */
import * as CommandLine from "./CommandLine.ts"

export const option = ({ names, takes }: CommandLine.Option): string =>
  names.map((name) => `\`${name}\``).join(", ") + (takes === undefined ? "" : ` ${value(takes)}`)

export const value = ({ kind, word }: CommandLine.Value): string =>
  kind._tag === "Choice" && word === kind.words.join("|")
    ? kind.words.map((choice) => `\`${choice}\``).join("|")
    : `*${word}*`

/** Prints the synopsis without the program's name, which the caller adds. */
export const command = (program: CommandLine.Program, own: CommandLine.Command): string =>
  [
    `\`${own.name}\``,
    ...CommandLine.ownOptions(program, own).map((each) =>
      brackets(option({ ...each, names: [each.names[0]] }), each.required, each.repeated)
    ),
    ...own.arguments.map((each) => brackets(value(each.takes), each.required, each.repeated))
  ].join(" ")

const brackets = (text: string, isRequired: boolean, isRepeated: boolean): string => {
  const repeated = isRepeated ? `${text} ...` : text
  return isRequired ? repeated : `[${repeated}]`
}
