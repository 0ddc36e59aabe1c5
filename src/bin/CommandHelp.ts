/** What a command's definition says of it, taken out of the documents that `@effect/cli` makes of definitions. */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import type { HelpDoc } from "@effect/cli/HelpDoc"
import type { Span } from "@effect/cli/HelpDoc/Span"

export interface CommandHelp {
  /** One sentence without its full stop. */
  readonly summary: string
  /** What there is to say besides, a paragraph each. */
  readonly details: readonly string[]
  readonly arguments: readonly Described[]
  readonly options: readonly Described[]
}

export interface Described {
  /** As it is written: `--config FILE`, `IMAGE...`. */
  readonly name: string
  readonly help: string
  /** May be left out. Every option may. */
  readonly optional: boolean
}

// biome-ignore lint/suspicious/noExplicitAny: whatever it needs and does
export type AnyCommand = Command.Command<any, any, any, any>

/** For the description of a command: a summary, and paragraphs. */
export const of = (command: AnyCommand): CommandHelp => {
  const blocks = flatten(Command.getHelp(command, { ...CliConfig.defaultConfig, showBuiltIns: false }))
  let section = ""
  const paragraphs: string[] = []
  const described: Record<string, Described[]> = {}
  for (const block of blocks) {
    if (block._tag === "Header") section = textOf(block.value)
    else if (block._tag === "Paragraph" && section === "DESCRIPTION") paragraphs.push(textOf(block.value))
    else if (block._tag === "DescriptionList" && section !== "COMMANDS") {
      for (const [name, about] of block.definitions) {
        described[section] = [...(described[section] ?? []), entry(textOf(name), flatten(about))]
      }
    }
  }
  const [summary = "", ...details] = paragraphs
  return {
    summary,
    details,
    arguments: described.ARGUMENTS ?? [],
    options: described.OPTIONS ?? []
  }
}

/** The first paragraph is on the type, which the name tells already; so is what is on whether it may be left out. */
const entry = (name: string, blocks: readonly HelpDoc[]): Described => {
  const paragraphs = blocks.flatMap((block) => (block._tag === "Paragraph" ? [textOf(block.value)] : []))
  return {
    name: name.replace(/^\((.*)\)/, "$1").replace(/<([^>]*)>/g, "$1"),
    help: paragraphs
      .slice(1)
      .filter((text) => !ON_PRESENCE.test(text))
      .join(" "),
    optional: paragraphs.some((text) => /^This setting is optional|zero or more times/.test(text))
  }
}

const ON_PRESENCE = /^This (?:setting|option|argument) (?:is|may|must)/

const flatten = (document: HelpDoc): readonly HelpDoc[] =>
  document._tag === "Sequence"
    ? [...flatten(document.left), ...flatten(document.right)]
    : document._tag === "Empty"
      ? []
      : [document]

/** All text of a document. */
export const plain = (document: HelpDoc): string =>
  flatten(document)
    .flatMap((block) => (block._tag === "Paragraph" || block._tag === "Header" ? [textOf(block.value)] : []))
    .join(" ")

const textOf = (span: Span): string => {
  switch (span._tag) {
    case "Sequence":
      return textOf(span.left) + textOf(span.right)
    case "Text":
    case "URI":
      return span.value
    case "Highlight":
    case "Strong":
    case "Weak":
      return textOf(span.value)
  }
}
