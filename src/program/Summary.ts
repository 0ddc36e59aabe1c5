/** One image in a line. */
import * as Effect from "effect/Effect"
import type { Digest } from "../domain/Digest.ts"
import { display } from "../domain/ImageName.ts"
import * as Platform from "../domain/Platform.ts"
import * as UnitName from "../domain/UnitName.ts"
import * as Extracts from "../services/Extracts.ts"
import type { CatalogImage } from "./Catalog.ts"

export interface Summary {
  readonly image: string
  readonly unit: string
  readonly platform: string | undefined
  readonly manifest: Digest | undefined
  readonly extracted: boolean
  readonly problem: string | undefined
}

export const of = ({ context, resolve }: CatalogImage): Effect.Effect<Summary> => {
  const names = { image: display(context.name), unit: UnitName.service(context.stem) }
  return resolve.pipe(
    Effect.match({
      onSuccess: ({ config, manifestDigest, chainId }): Summary => ({
        ...names,
        platform: Platform.display(config),
        manifest: manifestDigest,
        extracted: Extracts.isExtracted(context.system.extractsdir, chainId),
        problem: undefined
      }),
      onFailure: (error): Summary => ({
        ...names,
        platform: undefined,
        manifest: undefined,
        extracted: false,
        problem: error.message
      })
    })
  )
}
