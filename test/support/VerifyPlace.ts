/** Layouts and extracts below one temporary directory, to extract and to verify, and to do damage to between the two. */
import * as fs from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Logger from "effect/Logger"
import { display } from "../../src/domain/naming/ImageName.ts"
import * as SystemSettings from "../../src/domain/settings/SystemSettings.ts"
import * as Finding from "../../src/domain/verify/Finding.ts"
import type { Verification } from "../../src/domain/verify/Verification.ts"
import * as Catalog from "../../src/program/Catalog.ts"
import * as Extract from "../../src/program/Extract.ts"
import * as Verify from "../../src/program/Verify.ts"
import * as ExtractionServices from "../../src/services/ExtractionServices.ts"
import * as Warning from "../../src/services/files/Warning.ts"
import { HOST, PLATFORM } from "./Host.ts"
import { LayoutWriter, sha256, temporary, type WrittenDescriptor } from "./LayoutWriter.ts"

export interface Place {
  readonly at: string
  readonly layout: LayoutWriter
  readonly extracts: string
  /** Where verifying has its temporary directory. */
  readonly temporary: string
  readonly catalog: Effect.Effect<Catalog.Catalog>
  /** Extracts every image, and returns the roots; throws where one cannot be extracted. */
  readonly extract: () => Promise<ReadonlyArray<string>>
  /** What comes of it, with one line for each finding. */
  readonly verify: (options?: Verify.VerifyOptions) => Promise<Verified>
}

export interface Verified {
  readonly verifications: ReadonlyArray<Verification>
  readonly findings: ReadonlyArray<Finding.Finding>
  /** With the image in front. */
  readonly lines: ReadonlyArray<string>
  readonly warnings: ReadonlyArray<Warning.Warning>
}

/** An image of these archives, gzipped, in the layout. */
export const image = (layout: LayoutWriter, archives: ReadonlyArray<Uint8Array>): WrittenDescriptor =>
  layout.image(
    { rootfs: { type: "layers", diff_ids: archives.map((archive) => sha256(archive)) } },
    {
      layers: archives.map((archive) =>
        layout.blob("application/vnd.oci.image.layer.v1.tar+gzip", gzipSync(archive))
      )
    }
  )

/** Roots are directories, which tests can damage, unless a test asks for others. */
export const withPlace = async <A>(
  test: (place: Place) => Promise<A>,
  roots: SystemSettings.RootsKind = "directories"
): Promise<A> => {
  using directory = temporary()
  const layouts = join(directory.path, "layouts")
  const extracts = join(directory.path, "extracts")
  const scratch = join(directory.path, "tmp")
  fs.mkdirSync(scratch)
  const services = ExtractionServices.layer(extracts)
  const catalog = Effect.sync(() =>
    Catalog.load(
      {
        system: { ...SystemSettings.DEFAULTS, imagelayoutdir: layouts, extractsdir: extracts, roots },
        rules: []
      },
      HOST,
      PLATFORM
    )
  )
  return await test({
    at: directory.path,
    layout: new LayoutWriter(join(layouts, "example.org/app")),
    extracts,
    temporary: scratch,
    catalog,
    extract: () =>
      Effect.runPromise(
        Effect.flatMap(catalog, ({ images }) =>
          Effect.forEach(images, (image) =>
            Effect.map(
              Effect.either(Extract.extract(image)),
              Either.getOrThrowWith((error) => error)
            )
          )
        ).pipe(
          Effect.map((made) => made.map(({ root }) => root)),
          Effect.provide(services),
          // what is odd about a layer is not the matter here
          Effect.provide(Logger.remove(Logger.defaultLogger))
        )
      ),
    verify: async (options = {}) => {
      const findings: Array<Finding.Finding> = []
      const lines: Array<string> = []
      const warnings: Array<Warning.Warning> = []
      const logger = Logger.make<unknown, void>(({ annotations, message }) => {
        warnings.push(Warning.of(message, annotations))
      })
      const verifications = await Effect.runPromise(
        Effect.flatMap(catalog, ({ images }) =>
          Verify.verify(images, {
            temporary: scratch,
            ...options,
            onFinding: (image, finding) => {
              findings.push(finding)
              lines.push(`${display(image.context.name)}: ${Finding.render(finding)}`)
            }
          })
        ).pipe(Effect.provide(services), Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      )
      return { verifications, findings, lines, warnings }
    }
  })
}
