/** Layouts and extracts of one image on a disk that the kernel mounts images from, or on another file system. */
import * as fs from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Logger from "effect/Logger"
import * as SystemSettings from "../../src/domain/settings/SystemSettings.ts"
import * as Finding from "../../src/domain/verify/Finding.ts"
import type { Verification } from "../../src/domain/verify/Verification.ts"
import * as Catalog from "../../src/program/Catalog.ts"
import * as Extract from "../../src/program/Extract.ts"
import * as Garbage from "../../src/program/garbage/Garbage.ts"
import * as MountRoot from "../../src/program/MountRoot.ts"
import * as Verify from "../../src/program/Verify.ts"
import * as ExtractionServices from "../../src/services/ExtractionServices.ts"
import { NativeCalls } from "../../src/services/files/NativeCalls.ts"
import * as RootMount from "../../src/services/files/RootMount.ts"
import { MountedRoots } from "../../src/services/root/MountedRoots.ts"
import { HOST, PLATFORM } from "./Host.ts"
import { LayoutWriter, sha256 } from "./LayoutWriter.ts"

/** The kernel mounts no file of a tmpfs, which /tmp may be. */
export const PLACES = fileURLToPath(new URL("../../.cache/erofs/", import.meta.url))

export const calls = await Effect.runPromise(NativeCalls.pipe(Effect.provide(NativeCalls.layer)))

export interface Place {
  readonly extracts: string
  readonly layout: LayoutWriter
  /** Extracts the image, which mounts nothing. Returns the root. */
  readonly extract: (roots: SystemSettings.RootsKind) => Promise<string>
  /** Extracts the image, and mounts its root as a start does. */
  readonly start: (roots: SystemSettings.RootsKind) => Promise<string>
  /** Mounts the root at a directory, for people. */
  readonly mount: (
    roots: SystemSettings.RootsKind,
    directory: string
  ) => Promise<Either.Either<unknown, Error>>
  readonly collect: () => Promise<Garbage.Outcome>
  readonly verify: (options?: Verify.VerifyOptions) => Promise<{
    readonly verification: Verification | undefined
    readonly lines: ReadonlyArray<string>
  }>
}

/** `layers` are archives, the lowest first. */
export const withPlace = async (
  layers: ReadonlyArray<Uint8Array>,
  test: (place: Place) => Promise<void>,
  parent = PLACES
): Promise<void> => {
  fs.mkdirSync(parent, { recursive: true })
  const directory = fs.mkdtempSync(join(parent, "roots-"))
  const [layouts, extracts] = [join(directory, "layouts"), join(directory, "extracts")]
  const layout = new LayoutWriter(join(layouts, "example.org/app"))
  const settings = (roots: SystemSettings.RootsKind) => ({
    system: {
      ...SystemSettings.DEFAULTS,
      imagelayoutdir: layouts,
      extractsdir: extracts,
      volumesdir: join(directory, "volumes"),
      roots
    },
    rules: []
  })
  const services = ExtractionServices.layer(extracts)
  const load = (roots: SystemSettings.RootsKind) => Catalog.load(settings(roots), HOST, PLATFORM)
  const one = (roots: SystemSettings.RootsKind) => {
    const [image] = load(roots).images
    if (image === undefined) throw new Error("there is no image")
    return image
  }
  const run = <A, E>(effect: Effect.Effect<A, E, ExtractionServices.ExtractionServices>): Promise<A> =>
    Effect.runPromise(
      effect.pipe(Effect.provide(services), Effect.provide(Logger.remove(Logger.defaultLogger)))
    )
  const descriptors = layers.map((layer) => layout.blob("application/vnd.oci.image.layer.v1.tar", layer))
  const config = { rootfs: { type: "layers", diff_ids: layers.map(sha256) } }
  layout.index(layout.named("1", layout.image(config, { layers: descriptors })))
  try {
    await test({
      extracts,
      layout,
      extract: async (roots) => (await run(Extract.extract(one(roots)))).root,
      start: (roots) =>
        run(
          Effect.gen(function* () {
            const { resolved, root } = yield* Extract.extract(one(roots))
            yield* (yield* MountedRoots).ensure(resolved.chainId)
            return root
          })
        ),
      mount: (roots, directory) => run(Effect.either(MountRoot.mount(one(roots), directory))),
      collect: () =>
        run(
          Garbage.collect(
            settings("auto"),
            Effect.sync(() => load("auto")),
            { allowEmpty: true }
          )
        ),
      verify: async (options) => {
        const lines: Array<string> = []
        const onFinding = (_: unknown, finding: Finding.Finding) => lines.push(Finding.render(finding))
        const [verification] = await run(Verify.verify([one("auto")], { ...options, onFinding }))
        return { verification, lines }
      }
    })
  } finally {
    for (const image of imagesIn(extracts)) RootMount.detach(calls.mounts, join(image, "root"))
    fs.rmSync(directory, { recursive: true })
  }
}

const below = (directory: string): ReadonlyArray<string> =>
  fs.existsSync(directory) ? fs.readdirSync(directory).map((name) => join(directory, name)) : []

export const rootsIn = (extracts: string) => below(join(extracts, "roots/sha256")).flatMap(below)
export const imagesIn = (extracts: string) => below(join(extracts, "images/sha256")).flatMap(below)

export const isMounted = (root: string) => fs.existsSync(root) && RootMount.isMounted(fs.realpathSync(root))

export const unmount = (root: string) => RootMount.detach(calls.mounts, fs.realpathSync(root))
