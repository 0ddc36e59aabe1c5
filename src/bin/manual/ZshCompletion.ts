/** The completion for zsh, which passes each command's parameters to `_arguments`. */
import * as CommandLine from "./CommandLine.ts"
import * as ImageNames from "./ImageNames.ts"

export const render = (program: CommandLine.Program): string => `#compdef oci-systemd
# zsh completion for oci-systemd(1), made by scripts/manual.mjs
${IMAGES}
_oci_systemd() {
  local curcontext=$curcontext state line config=
  local -a commands
  typeset -A opt_args
  commands=(
${program.commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`).join("\n")}
  )
  # --config counts before the command and after it.
  config=\${\${(M)words:#--config=*}[1]#*=}
  if [[ -z $config ]]; then config=\${words[\${words[(i)--config]}+1]}; fi

  _arguments -C -A '-*' \\
${[...program.options, ...CommandLine.BUILT_IN].map(specification).map(line).join("")}    '1: :->command' \\
    '*:: :->arguments' && return

  case $state in
    command) _describe -t commands command commands ;;
    arguments)
      case $words[1] in
${program.commands
  .map(
    (command) => `        ${command.name})
          _arguments \\
${[...CommandLine.allOptions(program, command).map(specification), ...command.arguments.map(argument)]
  .map(line)
  .join("")
  .replace(/^ {4}/gm, "            ")
  .replace(/ \\\n$/, "\n")}          ;;`
  )
  .join("\n")}
      esac
      ;;
  esac
}

_oci_systemd "$@"
`

const line = (text: string): string => `    ${text} \\\n`

const specification = ({ names, repeated, summary, takes }: CommandLine.Option): string => {
  const about = `[${summary.replace(/[[\]\\:]/g, "\\$&")}]${takes === undefined ? "" : `:${takes.word}:${action(takes)}`}`
  const [name] = names
  if (names.length === 1)
    return quote(`${repeated ? "*" : ""}${name}${takes === undefined ? "" : "="}${about}`)
  return `${repeated ? "'*'" : `'(${names.join(" ")})'`}{${names.join(",")}}${quote(about)}`
}

const argument = ({ repeated, takes }: CommandLine.Argument): string =>
  quote(`${repeated ? "*" : ""}:${takes.word}:${action(takes)}`)

const action = ({ kind }: CommandLine.Value): string => {
  switch (kind._tag) {
    case "File":
      return "_files"
    case "Directory":
      return "_files -/"
    case "Image":
      return "_oci_systemd_images"
    case "Choice":
      return `(${kind.words.join(" ")})`
    case "Text":
      return " "
  }
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

const IMAGES = `
_oci_systemd_images() {
  local -a names
  names=(\${(f)"$(oci-systemd list --json \${config:+--config} $config 2>/dev/null </dev/null |
    sed -n '${ImageNames.SED}')"})
  compadd -a names
}
`
