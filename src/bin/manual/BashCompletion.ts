/**
 * The completion for bash: a table of the commands, and the code that reads it. It works with and without the package
 * bash-completion.
 */
import * as CommandLine from "./CommandLine.ts"
import * as ImageNames from "./ImageNames.ts"

export const render = (program: CommandLine.Program): string => {
  const commands = program.commands.map((command) =>
    row(command.name, CommandLine.allOptions(program, command), command)
  )
  const own = row("''", [...program.options, ...CommandLine.BUILT_IN], program)
  return `# bash completion for oci-systemd(1), made by scripts/manual.mjs

# What a command takes: its options, those with a value and its kind, and the kinds of its arguments ("+": any number).
_oci_systemd_table() {
  options='' values='' arguments=''
  case $1 in
${[own, ...commands].join("\n")}
  esac
}

_oci_systemd_commands='${program.commands.map(({ name }) => name).join(" ")}'
${ENGINE}`
}

const row = (name: string, options: readonly CommandLine.Option[], command: CommandLine.Command): string => {
  const words = options.flatMap(({ names }) => names).join(" ")
  const values = options
    .flatMap(({ names, takes }) => (takes === undefined ? [] : names.map((each) => `${each}:${kind(takes)}`)))
    .join(" ")
  const given = command.arguments
    .map(({ repeated, takes }) => `${kind(takes)}${repeated ? "+" : ""}`)
    .join(" ")
  return `    ${name}) options='${words}' values='${values}' arguments='${given}' ;;`
}

const kind = ({ kind: each }: CommandLine.Value): string =>
  each._tag === "Choice" ? each.words.join(",") : each._tag.toLowerCase()

const ENGINE = `
_oci_systemd_complete() { # KIND
  case $1 in
    # readline's own, which knows "~" and quotes what needs it
    file) compopt -o default ;;
    directory) compopt -o dirnames ;;
    image) _oci_systemd_images ;;
    text | '') ;;
    *) mapfile -t COMPREPLY < <(compgen -W "\${1//,/ }" -- "$current") ;;
  esac
}

_oci_systemd_images() {
  # "a:b" is three words to bash, which completes the last of them.
  local line=\${COMP_LINE:0:COMP_POINT} typed names
  typed=\${line##*[[:space:]]}
  names=$(oci-systemd list --json \${config:+--config "$config"} 2>/dev/null </dev/null |
    sed -n '${ImageNames.SED}')
  mapfile -t COMPREPLY < <(compgen -W "$names" -- "$typed")
  if [[ $typed == *:* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("\${COMPREPLY[@]#"\${typed%:*}:"}")
  fi
}

_oci_systemd() {
  local options values arguments command='' config='' word wanted current=''
  local -a words given=()
  # Options and names with "=" and ":" in them are words again.
  local line=\${COMP_LINE:0:COMP_POINT}
  COMPREPLY=()
  read -ra words <<<"$line"
  if [[ $line != *[[:space:]] ]]; then unset 'words[-1]'; fi
  current=\${COMP_WORDS[COMP_CWORD]}
  [[ $current != [=:] ]] || current=''

  wanted=''
  _oci_systemd_table ''
  for word in "\${words[@]:1}"; do
    if [[ -n $wanted ]]; then
      [[ $wanted != --config ]] || config=$word
      wanted=''
    elif [[ $word == --config=* ]]; then config=\${word#*=}
    elif [[ $word == -* ]]; then
      if [[ " $values" == *" $word:"* ]]; then wanted=$word; fi
    elif [[ -z $command ]]; then
      command=$word
      _oci_systemd_table "$command"
    else given+=("$word"); fi
  done
  # --option=VALUE
  word=\${line##*[[:space:]]}
  if [[ -z $wanted && $word == --*=* ]]; then wanted=\${word%%=*}; fi

  if [[ -n $wanted ]]; then
    [[ " $values " =~ " $wanted:"([^ ]*)" " ]] && _oci_systemd_complete "\${BASH_REMATCH[1]}"
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  elif [[ -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$_oci_systemd_commands" -- "$current")
  else
    local -a kinds
    read -ra kinds <<<"$arguments"
    local index=\${#given[@]} last=$((\${#kinds[@]} - 1))
    if [[ $index -gt $last && $arguments == *+ ]]; then index=$last; fi
    word=\${kinds[index]-}
    _oci_systemd_complete "\${word%+}"
  fi
}

complete -F _oci_systemd oci-systemd
`
