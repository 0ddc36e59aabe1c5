/** A command line as data, from which manual pages and shell completions are made. */

export interface Program extends Command {
  readonly commands: readonly Command[]
  /** The options that `@effect/cli` accepts for every command, of which help and manual show those in `BUILT_IN`. */
  readonly library: readonly Option[]
}

export interface Command {
  readonly name: string
  /** One sentence without a full stop. */
  readonly summary: string
  readonly options: readonly Option[]
  readonly arguments: readonly Argument[]
}

export interface Option {
  /** The names with their dashes, the longest first. */
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
  /** The placeholder in a synopsis: `FILE`. */
  readonly word: string
  readonly kind: Kind
}

export type Kind =
  | { readonly _tag: "File" }
  | { readonly _tag: "Directory" }
  /** An image of this machine, or its unit. */
  | { readonly _tag: "Image" }
  | { readonly _tag: "Choice"; readonly words: readonly string[] }
  /** Any other text, which a shell cannot complete. */
  | { readonly _tag: "Text" }

/** The options that each program and each command has, in our words. `@effect/cli` carries them out. */
export const BUILT_IN: readonly Option[] = [
  { names: ["--help", "-h"], takes: undefined, required: false, repeated: false, summary: "Show help" },
  { names: ["--version"], takes: undefined, required: false, repeated: false, summary: "Show the version" }
]

/** Adds `help` as a command, for completions. The program defines no such command. */
export const withHelp = (program: Program): Program => ({
  ...program,
  commands: [
    ...program.commands,
    {
      name: "help",
      summary: "Show help for the program or for a command",
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

/** Returns the options of a command without those that all commands have. */
export const ownOptions = (program: Program, command: Command): readonly Option[] => {
  const common = new Set(program.options.map(({ names: [name] }) => name))
  return command.options.filter(({ names: [name] }) => !common.has(name))
}

/** Returns all options that may follow a command's name, without repetitions, the built-in ones last. */
export const allOptions = (program: Program, command: Command): readonly Option[] => [
  ...ownOptions(program, command),
  ...program.options,
  ...BUILT_IN
]
