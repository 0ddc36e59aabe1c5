/** What a command line takes, as data: what manual pages and shell completions are made of. */

export interface Program extends Command {
  readonly commands: readonly Command[]
}

export interface Command {
  readonly name: string
  /** One sentence without a full stop. */
  readonly summary: string
  readonly options: readonly Option[]
  readonly arguments: readonly Argument[]
}

export interface Option {
  /** With their dashes, the longest first. */
  readonly names: readonly [string, ...string[]]
  /** `undefined` for a flag. */
  readonly takes: Value | undefined
  readonly required: boolean
  readonly repeated: boolean
  readonly summary: string
}

export interface Argument {
  readonly takes: Value
  readonly required: boolean
  readonly repeated: boolean
  readonly summary: string
}

export interface Value {
  /** What stands for it in a synopsis: `FILE`. */
  readonly word: string
  readonly kind: Kind
}

export type Kind =
  | { readonly _tag: "File" }
  | { readonly _tag: "Directory" }
  /** An image of this machine, or its unit. */
  | { readonly _tag: "Image" }
  | { readonly _tag: "Choice"; readonly words: readonly string[] }
  /** Anything, of which a shell knows nothing. */
  | { readonly _tag: "Text" }

/** Each program and command has them. */
export const BUILT_IN: readonly Option[] = [
  { names: ["--help", "-h"], takes: undefined, required: false, repeated: false, summary: "Show help" },
  { names: ["--version"], takes: undefined, required: false, repeated: false, summary: "Show the version" }
]

/** For completions: `help` is no command of its own. */
export const withHelp = (program: Program): Program => ({
  ...program,
  commands: [
    ...program.commands,
    {
      name: "help",
      summary: "Show help, of a command where one is named",
      options: [],
      arguments: [
        {
          takes: {
            word: "COMMAND",
            kind: { _tag: "Choice", words: program.commands.map(({ name }) => name) }
          },
          required: false,
          repeated: false,
          summary: "A command"
        }
      ]
    }
  ]
})

/** What a command takes besides what each takes. */
export const ownOptions = (program: Program, command: Command): readonly Option[] => {
  const common = new Set(program.options.map(({ names: [name] }) => name))
  return command.options.filter(({ names: [name] }) => !common.has(name))
}

/** All that may stand behind a command's name, the built-in ones last, none twice. */
export const allOptions = (program: Program, command: Command): readonly Option[] => [
  ...ownOptions(program, command),
  ...program.options,
  ...BUILT_IN
]
