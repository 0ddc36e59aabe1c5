/** An image's units as the generator writes them: the real ones, or a stub that says why there are none. */
import * as Effect from "effect/Effect"
import * as Enabling from "../domain/Enabling.ts"
import { display } from "../domain/ImageName.ts"
import * as ImageUnits from "../domain/ImageUnits.ts"
import * as StubUnit from "../domain/StubUnit.ts"
import * as FactsFile from "../services/FactsFile.ts"
import type { CatalogImage } from "./Catalog.ts"

export interface Rendered extends ImageUnits.ImageUnits {
  /** Why the image cannot run; its only unit is then the stub. */
  readonly problem: string | undefined
}

export const image = ({ context, resolve }: CatalogImage): Effect.Effect<Rendered> =>
  Effect.gen(function* () {
    const resolved = yield* resolve
    const facts = yield* FactsFile.read(
      context.system.extractsdir,
      resolved.configDescriptor.digest,
      resolved.config.config?.User ?? ""
    )
    const units = yield* ImageUnits.render(context, resolved, facts)
    return { ...units, problem: undefined }
  }).pipe(
    Effect.catchAll((error) => {
      const problem = `${display(context.name)}: ${error.message}`
      return Effect.succeed({
        files: [StubUnit.render(context, error.message), ...Enabling.dropIns(context)],
        // Whoever wants the image sees it fail.
        links: Enabling.links(context),
        notes: [],
        unmapped: [],
        problem
      })
    })
  )
