/** An error in the sequence of an archive's blocks. */
import { TaggedError } from "../text/TaggedError.ts"

/** Blocks that do not follow one another. */
export class TarStructureInvalid extends TaggedError("TarStructureInvalid")<{
  readonly problem: string
}> {
  override get message() {
    return this.problem
  }
}

export const structure = (problem: string): TarStructureInvalid => new TarStructureInvalid({ problem })
