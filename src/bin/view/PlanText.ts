/** Prints units, or their differences. Colours are used on a terminal; elsewhere the output is exact to the byte. */
import * as Printable from "../../domain/text/Printable.ts"
import * as TextDiff from "../../domain/text/TextDiff.ts"
import type { Difference, UnitEntry } from "../../domain/unit/UnitEntry.ts"
import type { Plan } from "../../program/DryRun.ts"
import * as Style from "../text/Style.ts"

export const units = ({ entries }: Plan, onTerminal: boolean): string =>
  [...entries]
    .map(([path, { content, kind }]) =>
      kind === "file"
        ? `${heading(`# ${path}`)}\n${onTerminal ? content.split("\n").map(unitLine).join("\n") : content}\n`
        : `${heading(`# ${path} -> ${content}`)}\n\n`
    )
    .join("")

export const diff = (differences: readonly Difference[], onTerminal: boolean): string =>
  differences
    .flatMap(({ after, before, path }) => [
      heading(`--- ${before === undefined ? "/dev/null" : `now/${path}`}`),
      heading(`+++ ${after === undefined ? "/dev/null" : `then/${path}`}`),
      ...TextDiff.unified(textOf(before), textOf(after)).map((line) =>
        onTerminal ? Style.paint(STYLES[line.charAt(0)] ?? "plain", Printable.line(line)) : line
      )
    ])
    .map((line) => `${line}\n`)
    .join("")

const textOf = (entry: UnitEntry | undefined): string =>
  entry === undefined ? "" : entry.kind === "file" ? entry.content : `-> ${entry.content}\n`

const heading = (text: string): string => Style.paint("bold", Printable.line(text))

const unitLine = (source: string): string => {
  const line = Printable.line(source)
  if (line.startsWith("#")) return Style.paint("dim", line)
  if (line.startsWith("[")) return Style.paint("cyan", line)
  const end = line.indexOf("=") + 1
  return end === 0 ? line : `${Style.paint("bold", line.slice(0, end))}${line.slice(end)}`
}

const STYLES: Readonly<Record<string, Style.Style>> = { "-": "red", "+": "green", "@": "cyan" }
