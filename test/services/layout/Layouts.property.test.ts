/** Laws of reading layouts: whatever the documents hold, each name has an image or a reason, and nothing is thrown. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import { assert, it } from "vitest"
import type { HostPlatform } from "../../../src/domain/image/Platform.ts"
import * as ImageResolution from "../../../src/services/layout/ImageResolution.ts"
import * as Layouts from "../../../src/services/layout/Layouts.ts"
import { INDEX, LayoutWriter, MANIFEST, sha256, temporary } from "../../support/LayoutWriter.ts"
import { runs } from "../../support/layerArbitraries.ts"

/** Files are written for each run. */
const numRuns = Math.min(runs.numRuns, 3000)
const PATIENCE = 600_000
/** However many runs: the worker must answer vitest now and then. */
const breathe = () => new Promise((resolve) => setImmediate(resolve))

const HOST: HostPlatform = { os: "linux", architecture: "amd64", variants: ["v1"] }
const OCI = "application/vnd.oci.image"
const REF = "org.opencontainers.image.ref.name"

/** Text in place of a document, or a document with any values in its fields; of few digests, so that they meet. */
type Document = fc.Arbitrary<unknown>

const junk: Document = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(null, -1, 2 ** 53, "", "../..", "\u0000", "sha256:", [], {}, [[]], { a: null })
)
/** Mostly what belongs there. */
const field = (right: fc.Arbitrary<unknown>, wrong = 1): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 12, arbitrary: right }, { weight: wrong, arbitrary: junk })
const object = (fields: Record<string, fc.Arbitrary<unknown>>): Document =>
  fc.record(fields, { requiredKeys: [] }).map((made) => Object.fromEntries(Object.entries(made)))

const digest = fc.constantFrom("0", "1", "2", "3").map((name) => `blob ${name}`)
const platform = object({
  os: field(fc.constantFrom("linux", "unknown", "windows")),
  architecture: field(fc.constantFrom("amd64", "arm64")),
  variant: field(fc.constantFrom("v1", "v2"))
})
const descriptor = object({
  mediaType: field(
    fc.constantFrom(INDEX, MANIFEST, `${OCI}.config.v1+json`, `${OCI}.layer.v1.tar`, "text/plain")
  ),
  digest: field(digest),
  size: field(fc.constant("size")),
  platform: field(platform),
  data: field(fc.constantFrom("e30=", "?"), 3),
  annotations: field(fc.record({ [REF]: field(fc.constantFrom("a", "b", "")) }))
})
const index = object({
  schemaVersion: field(fc.constant(2)),
  mediaType: field(fc.constantFrom(INDEX, MANIFEST)),
  manifests: field(fc.array(field(descriptor), { maxLength: 4 }))
})
const manifest = object({
  schemaVersion: field(fc.constant(2)),
  mediaType: field(fc.constant(MANIFEST)),
  config: field(descriptor),
  layers: field(fc.array(field(descriptor), { maxLength: 2 }))
})
const config = object({
  os: field(fc.constant("linux")),
  architecture: field(fc.constant("amd64")),
  config: field(object({ Cmd: field(fc.array(fc.string())), User: field(fc.string()), Env: junk })),
  rootfs: field(
    object({ type: field(fc.constant("layers")), diff_ids: field(fc.array(digest, { maxLength: 2 })) })
  )
})
const document = fc.oneof(index, manifest, config, junk)

/** Later documents may name earlier ones, with their right digests and sizes, and nothing can name a later one. */
const write = (layout: LayoutWriter, documents: ReadonlyArray<unknown>, top: unknown): void => {
  const known = new Map<string, { readonly digest: string; readonly size: number }>()
  const filled = (value: unknown): unknown => {
    if (typeof value === "string")
      return known.get(value)?.digest ?? (value.startsWith("blob ") ? sha256(value) : value)
    if (Array.isArray(value)) return value.map(filled)
    if (typeof value !== "object" || value === null) return value
    const size = known.get((value as { readonly digest?: string }).digest ?? "")?.size ?? 7
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        key === "size" && inner === "size" ? size : filled(inner)
      ])
    )
  }
  documents.forEach((document, number) => {
    known.set(`blob ${number}`, layout.blob("", filled(document)))
  })
  layout.write("index.json", JSON.stringify(filled(top)))
}

const outcomes = (layout: string): ReadonlyArray<readonly [ref: string, message: string | undefined]> => {
  const references = Effect.runSync(Effect.either(Layouts.references(layout)))
  if (Either.isLeft(references)) return [["", references.left.message]]
  return references.right.map((reference) => {
    if ("error" in reference) return [reference.ref, reference.error.message]
    const image = Effect.runSync(Effect.either(ImageResolution.resolve(layout, reference, HOST)))
    return [
      reference.ref,
      Either.match(image, { onLeft: ({ message }) => message, onRight: () => undefined })
    ]
  })
}

it(
  "whatever a layout's documents hold, each name is there once, with an image or a line that says why not",
  async () => {
    using directory = temporary()
    const [found, refused] = [new Set<string>(), new Set<string>()]
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(config, manifest, index, document),
        fc.oneof({ weight: 9, arbitrary: index }, junk),
        async (documents, top) => {
          await breathe()
          const path = join(directory.path, "layout")
          rmSync(path, { recursive: true, force: true })
          mkdirSync(path)
          write(new LayoutWriter(path), documents, top)
          const names = outcomes(path)
          assert.lengthOf(new Set(names.map(([ref]) => ref)), names.length)
          for (const [ref, message] of names) {
            if (message === undefined) found.add(ref)
            else refused.add(message.replaceAll(/[0-9a-f]{64}|\d+/g, ""))
            assert.match(message ?? "fine", /^.+$/u)
          }
        }
      ),
      { numRuns, examples: [[[WORKING_CONFIG, WORKING_MANIFEST, {}, {}], WORKING_INDEX]] }
    )
    assert.isAbove(found.size, 0)
    assert.isAbove(refused.size, 10)
  },
  PATIENCE
)

const at = (number: number, mediaType: string) => ({ mediaType, digest: `blob ${number}`, size: "size" })
const WORKING_CONFIG = {
  os: "linux",
  architecture: "amd64",
  rootfs: { type: "layers", diff_ids: ["blob 3"] }
}
const WORKING_MANIFEST = { config: at(0, `${OCI}.config.v1+json`), layers: [at(3, `${OCI}.layer.v1.tar`)] }
const WORKING_INDEX = { manifests: [at(1, MANIFEST)] }

it(
  "no bytes in place of a layout's documents make it throw",
  async () => {
    using directory = temporary()
    const layout = new LayoutWriter(directory.path)
    const good = layout.image({ architecture: "amd64" })
    layout.index(layout.named("v1", good))
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 40 }),
        fc.nat(3000),
        fc.nat(2),
        async (bytes, position, which) => {
          await breathe()
          layout.index(layout.named("v1", good))
          const text = Buffer.from(
            JSON.stringify({
              manifests: [layout.named("v1", good), { mediaType: INDEX, digest: good.digest, size: 1 }]
            })
          )
          const places = [bytes, Buffer.concat([text.subarray(0, position % text.length), bytes])]
          const content =
            places[which] ?? Buffer.concat([text.subarray(0, position % text.length), bytes, text])
          writeFileSync(join(layout.path, "index.json"), content)
          for (const [, message] of outcomes(layout.path)) assert.match(message ?? "fine", /^.+$/u)
        }
      ),
      { numRuns }
    )
  },
  PATIENCE
)
