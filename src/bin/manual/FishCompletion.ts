/** The completion for fish: one line for each word that may be completed. */
import * as CommandLine from "./CommandLine.ts"
import * as ImageNames from "./ImageNames.ts"

export const render = (program: CommandLine.Program): string => {
  const names = program.commands.map(({ name }) => name).join(" ")
  const before = `not __fish_seen_subcommand_from ${names}`
  return `# fish completion for oci-systemd(1), made by scripts/manual.mjs
${IMAGES}
complete -c oci-systemd -f
${[
  ...[...program.options, ...CommandLine.BUILT_IN].map((option) => complete(option)),
  ...program.commands.map(
    ({ name, summary }) => `complete -c oci-systemd -n ${quote(before)} -a ${name} -d ${quote(summary)}`
  ),
  ...program.commands.flatMap((command) => {
    const condition = `__fish_seen_subcommand_from ${command.name}`
    return [
      ...CommandLine.ownOptions(program, command).map((option) => complete(option, condition)),
      ...command.arguments.flatMap(({ takes }) => {
        const offered = values(takes)
        return offered === "-x"
          ? []
          : [`complete -c oci-systemd -n ${quote(condition)} ${offered.replace(/^-r |^-x /, "")}`]
      })
    ]
  })
].join("\n")}
`
}

const complete = ({ names, summary, takes }: CommandLine.Option, condition?: string): string =>
  [
    "complete -c oci-systemd",
    ...(condition === undefined ? [] : [`-n ${quote(condition)}`]),
    ...names.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)),
    ...(takes === undefined ? [] : [values(takes)]),
    `-d ${quote(summary)}`
  ].join(" ")

/** Returns the flags for a value: `-r` and `-x` say that there is one, `-F` that it may be a file. */
const values = ({ kind }: CommandLine.Value): string => {
  switch (kind._tag) {
    case "File":
      return "-r -F"
    case "Directory":
      return "-x -a '(__fish_complete_directories)'"
    case "Image":
      return "-x -a '(__oci_systemd_images)'"
    case "Choice":
      return `-x -a ${quote(kind.words.join(" "))}`
    case "Text":
      return "-x"
  }
}

const quote = (text: string): string => `'${text.replace(/['\\]/g, "\\$&")}'`

const IMAGES = `
function __oci_systemd_images
    set -l config
    set -l words (commandline -opc)
    for index in (seq (count $words))
        if test $words[$index] = --config; and test $index -lt (count $words)
            set config --config $words[(math $index + 1)]
        else if string match -q -- '--config=*' $words[$index]
            set config $words[$index]
        end
    end
    oci-systemd list --json $config 2>/dev/null </dev/null |
        sed -n '${ImageNames.SED}'
end
`
