/** A unit file as data, and its text (systemd.syntax(7)). */
import * as DirectiveSource from "./DirectiveSource.ts"
import type { UnitValue } from "../systemd/UnitValue.ts"
import { comment } from "../systemd/UnitValue.ts"

/** One `KEY=VALUE`, the value quoted and escaped already. */
export interface Directive {
  readonly key: string
  readonly value: UnitValue
  /** For people: it is not part of the file. */
  readonly source: DirectiveSource.DirectiveSource
}

/** A section with its directives, in order. */
export interface Section {
  readonly name: "Unit" | "Service" | "Timer"
  readonly directives: readonly Directive[]
}

/** One file of a unit, or a drop-in. */
export interface UnitFile {
  /** With its type: `com.myorg.myapp.ref.stable.service`. */
  readonly name: string
  /** Lines for whoever opens the file. */
  readonly comments: readonly string[]
  readonly sections: readonly Section[]
}

/** @internal */
export const directive = (
  key: string,
  value: UnitValue,
  source: DirectiveSource.DirectiveSource = DirectiveSource.byDefault
): Directive => ({ key, value, source })

/** Ends in a newline. */
export const render = (file: UnitFile): string => {
  let text = ""
  for (const line of file.comments) text += `# ${comment(line)}\n`
  for (const section of file.sections) {
    text += `\n[${section.name}]\n`
    for (const { key, value } of section.directives) text += `${key}=${value}\n`
  }
  return text
}
