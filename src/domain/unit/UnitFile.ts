/** A unit file as data, and its text (systemd.syntax(7)). */

import type { UnitValue } from "../systemd/UnitValue.ts"
import { comment } from "../systemd/UnitValue.ts"
import * as DirectiveSource from "./DirectiveSource.ts"

/** One `KEY=VALUE`, with the value already quoted and escaped. */
export interface Directive {
  readonly key: string
  readonly value: UnitValue
  /** The source, for people. It is not part of the file. */
  readonly source: DirectiveSource.DirectiveSource
}

/** A section with its directives, in order. */
export interface Section {
  readonly name: "Unit" | "Service" | "Timer" | "Path"
  readonly directives: readonly Directive[]
}

/** One file of a unit, or a drop-in. */
export interface UnitFile {
  /** The name with its type: `com.myorg.myapp.ref.stable.service`. */
  readonly name: string
  /** Comment lines for people who open the file. */
  readonly comments: readonly string[]
  readonly sections: readonly Section[]
}

/** A unit file with its text, so that it is printed once. */
export interface PrintedUnit extends UnitFile {
  readonly text: string
}

/** @internal */
export const directive = (
  key: string,
  value: UnitValue,
  source: DirectiveSource.DirectiveSource = DirectiveSource.byDefault
): Directive => ({ key, value, source })

/** Adds the text of a file. @internal */
export const printed = (file: UnitFile): PrintedUnit => ({ ...file, text: render(file) })

/** Prints the text of a file, which ends in a newline. */
export const render = (file: UnitFile): string => {
  let text = ""
  for (const line of file.comments) text += `# ${comment(line)}\n`
  for (const section of file.sections) {
    text += `\n[${section.name}]\n`
    for (const { key, value } of section.directives) text += `${key}=${value}\n`
  }
  return text
}
