/**
 * Reads the definitions that `@effect/cli` runs. Their inner structure is not part of its public interface, so
 * unknown parts are errors.
 */
import * as BuiltInOptions from "@effect/cli/BuiltInOptions"
import type * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import type * as Span from "@effect/cli/HelpDoc/Span"
import * as Usage from "@effect/cli/Usage"
import * as Option from "effect/Option"
import type * as CommandLine from "./CommandLine.ts"

interface Descriptor {
  readonly _tag: string
  readonly name: string
  readonly description: HelpDoc.HelpDoc
  readonly options: Parameter
  readonly args: Parameter
  readonly command: Descriptor
  readonly parent: Descriptor
  readonly children: readonly Descriptor[]
}

/** An option or an argument, or a combination of several. */
interface Parameter {
  readonly _tag: string
  readonly name: string
  readonly aliases?: readonly string[]
  readonly description: HelpDoc.HelpDoc
  readonly primitiveType: Primitive
  /** The placeholder in a synopsis, if it is not the name of the type. */
  readonly pseudoName: Option.Option<string>
  readonly left: Parameter
  readonly right: Parameter
  readonly options?: Parameter
  readonly args?: Parameter
  readonly argumentOption?: Parameter
  readonly min?: { readonly _tag: string; readonly value?: number }
}

interface Primitive {
  readonly _tag: string
  readonly alternatives: ReadonlyArray<readonly [string, unknown]>
  readonly pathType: "file" | "directory" | "either"
}

/** Reads a command made by `Command.withSubcommands`. */
export const read = <Name extends string, R, E, A>(
  command: Command.Command<Name, R, E, A>
): CommandLine.Program => {
  const descriptor = standing(command.descriptor as unknown as Descriptor)
  if (descriptor._tag !== "Subcommands") throw unknown("command", descriptor._tag)
  const library = BuiltInOptions.builtInOptions(command.descriptor, Usage.empty, HelpDoc.empty)
  return {
    ...readCommand(descriptor.parent),
    commands: descriptor.children.map(readCommand),
    library: parameters(library as unknown as Parameter).map(option)
  }
}

const readCommand = (node: Descriptor): CommandLine.Command => {
  const descriptor = standing(node)
  if (descriptor._tag !== "Standard") throw unknown("command", descriptor._tag)
  return {
    name: descriptor.name,
    summary: plain(descriptor.description),
    options: parameters(descriptor.options).map(option),
    arguments: parameters(descriptor.args).map(argument)
  }
}

const standing = (descriptor: Descriptor): Descriptor =>
  descriptor._tag === "Map" ? standing(descriptor.command) : descriptor

interface Found {
  readonly single: Parameter
  readonly required: boolean
  readonly repeated: boolean
}

const parameters = (parameter: Parameter): readonly Found[] => {
  const inner = parameter.options ?? parameter.args ?? parameter.argumentOption
  switch (parameter._tag) {
    case "Empty":
      return []
    case "Single":
      return [{ single: parameter, required: true, repeated: false }]
    case "Both":
    case "OrElse":
      return [...parameters(parameter.left), ...parameters(parameter.right)]
    case "Map":
      if (inner !== undefined) return parameters(inner)
      break
    case "WithDefault":
    case "WithFallback":
    case "WithFallbackConfig":
      if (inner !== undefined) return parameters(inner).map((found) => ({ ...found, required: false }))
      break
    case "Variadic":
      if (inner !== undefined) {
        const required = (parameter.min?.value ?? 0) > 0
        return parameters(inner).map((found) => ({ ...found, required, repeated: true }))
      }
  }
  throw unknown("parameter", parameter._tag)
}

const option = ({ single, required, repeated }: Found): CommandLine.Option => {
  const isFlag = single.primitiveType._tag === "Bool"
  return {
    names: [dashed(single.name), ...(single.aliases ?? []).map(dashed)],
    takes: isFlag ? undefined : value(single),
    required: required && !isFlag,
    repeated,
    summary: plain(single.description)
  }
}

const argument = ({ single, required, repeated }: Found): CommandLine.Argument => ({
  takes: value(single),
  required,
  repeated,
  summary: plain(single.description)
})

const dashed = (name: string): string => (name.length === 1 ? `-${name}` : `--${name}`)

const value = (parameter: Parameter): CommandLine.Value => {
  const { name, primitiveType, pseudoName } = parameter
  // Arguments are named as in a synopsis, options as they are typed.
  const shown = name === name.toUpperCase() ? name : undefined
  const word = (byDefault: string) => Option.getOrElse(pseudoName, () => shown ?? byDefault)
  switch (primitiveType._tag) {
    case "Path":
      return primitiveType.pathType === "directory"
        ? { word: word("DIRECTORY"), kind: { _tag: "Directory" } }
        : { word: word("FILE"), kind: { _tag: "File" } }
    case "Choice": {
      const words = primitiveType.alternatives.map(([alternative]) => alternative)
      return { word: word(words.join("|")), kind: { _tag: "Choice", words } }
    }
    case "Integer":
    case "Float":
      return { word: word("NUMBER"), kind: { _tag: "Text" } }
    case "Text":
      return { word: word("TEXT"), kind: { _tag: word("TEXT") === "IMAGE" ? "Image" : "Text" } }
  }
  throw unknown("value", primitiveType._tag)
}

/** Returns the text of a description. */
export const plain = (doc: HelpDoc.HelpDoc): string => {
  switch (doc._tag) {
    case "Empty":
      return ""
    case "Header":
    case "Paragraph":
      return spanText(doc.value)
    case "Sequence":
      return [plain(doc.left), plain(doc.right)].filter((text) => text !== "").join("\n")
    case "Enumeration":
      return doc.elements.map(plain).join("\n")
    case "DescriptionList":
      return doc.definitions.map(([term, meaning]) => `${spanText(term)}: ${plain(meaning)}`).join("\n")
  }
}

const spanText = (span: Span.Span): string => {
  switch (span._tag) {
    case "Text":
      return span.value
    case "Sequence":
      return spanText(span.left) + spanText(span.right)
    case "Highlight":
    case "Strong":
    case "Weak":
      return spanText(span.value)
    case "URI":
      return span.value
  }
}

const unknown = (what: string, tag: string): Error =>
  new Error(`@effect/cli has a kind of ${what} that manual pages do not support: ${tag}`)
