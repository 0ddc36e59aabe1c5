/** Writes units to a generator directory, each in one step, so that no process reads half a unit. */
import * as fs from "node:fs"
import * as Either from "effect/Either"
import { TaggedError } from "../../domain/text/TaggedError.ts"
import type { UnitLink } from "../../domain/unit/Enabling.ts"
import { render, type UnitFile } from "../../domain/unit/UnitFile.ts"
import * as AtomicReplace from "../files/AtomicReplace.ts"

export class UnitNotWritten extends TaggedError("UnitNotWritten")<{
  readonly path: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `the unit ${this.path} cannot be written: ${this.cause instanceof Error ? this.cause.message : this.cause}`
  }
}

/** Writes a unit, without fsync: the directory is in memory, and made again at every boot and reload. */
export const writeFile = (directory: string, file: UnitFile): Either.Either<void, UnitNotWritten> =>
  writeText(directory, file.name, render(file))

/** Does the same for a text. */
export const writeText = (
  directory: string,
  name: string,
  text: string | Uint8Array
): Either.Either<void, UnitNotWritten> =>
  replace(`${directory}/${name}`, (temporary) =>
    fs.writeFileSync(temporary, text, { flag: "wx", mode: 0o644 })
  )

export const writeLink = (directory: string, link: UnitLink): Either.Either<void, UnitNotWritten> =>
  replace(`${directory}/${link.path}`, (temporary) => fs.symlinkSync(link.target, temporary))

const replace = (target: string, make: (temporary: string) => void): Either.Either<void, UnitNotWritten> => {
  try {
    AtomicReplace.replace(target, make)
    return Either.void
  } catch (cause) {
    return Either.left(new UnitNotWritten({ path: target, cause }))
  }
}
