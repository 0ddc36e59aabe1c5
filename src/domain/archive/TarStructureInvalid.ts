/** What is wrong with the sequence of an archive's blocks. */
import * as Schema from "effect/Schema"

export class TarStructureInvalid extends Schema.TaggedError<TarStructureInvalid>()("TarStructureInvalid", {
  problem: Schema.String
}) {
  override get message() {
    return this.problem
  }
}

export const structure = (problem: string): TarStructureInvalid => new TarStructureInvalid({ problem })
