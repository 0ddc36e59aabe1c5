/** Layers taken apart on worker threads as on this one: with what is built, as the programs do it. */
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import * as zlib from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type { Digest } from "../../../src/domain/document/Digest.ts"
import { NativeCalls } from "../../../src/services/files/NativeCalls.ts"
import * as LayerArchive from "../../../src/services/layer/LayerArchive.ts"
import type * as LayerIntake from "../../../src/services/layer/LayerIntake.ts"
import * as Interruption from "../../support/Interruption.ts"
import * as LayerFiles from "../../support/LayerFiles.ts"
import { openBelow } from "../../support/OpenFiles.ts"
import * as Tar from "../../support/TarWriter.ts"

const WORKER = fileURLToPath(new URL("../../../dist/layer-worker.cjs", import.meta.url))
const lack = !fs.existsSync(WORKER)
  ? " (npm run build makes the worker)"
  : os.availableParallelism() < 2
    ? " (needs two processors)"
    : undefined

const digestOf = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest
/** Nothing compresses it below what is worth a thread. */
const noise = (seed: string) =>
  Buffer.from(
    Array.from({ length: 8000 }, (_, at) => createHash("sha512").update(`${seed}${at}`).digest("hex")).join(
      ""
    ),
    "hex"
  )

const place = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "layer-lanes-"))),
  (at) => Effect.sync(() => fs.rmSync(at, { recursive: true, force: true }))
)

const layer = (at: string, name: string): LayerIntake.Request => {
  const tar = Tar.archive(Tar.member({ name }, noise(name)), Tar.member({ name: `${name}/`, type: "5" }))
  const blob = zlib.gzipSync(tar)
  fs.writeFileSync(`${at}/${name}.blob`, blob)
  fs.mkdirSync(`${at}/${name}`, 0o700)
  return {
    blob: { path: `${at}/${name}.blob`, digest: digestOf(blob), size: blob.length },
    diffId: digestOf(tar),
    compression: "gzip",
    directory: `${at}/${name}`
  }
}

describe.skipIf(lack !== undefined)(`LayerWorkers${lack ?? ""}`, () => {
  const services = Layer.provideMerge(LayerArchive.LayerArchive.layer(WORKER), NativeCalls.layer)

  it.scopedLive("take several layers apart at once, with progress and results of each", () =>
    Effect.gen(function* () {
      const at = yield* place
      const requests = Array.from({ length: 6 }, (_, number) => layer(at, `layer-${number}`))
      const progress = new Map<string, number>()
      const staged = yield* Effect.forEach(
        requests,
        (request) =>
          LayerArchive.stage({
            ...request,
            onProgress: ({ read }) => void progress.set(request.diffId, read)
          }),
        { concurrency: "unbounded" }
      )
      for (const [number, request] of requests.entries()) {
        assert.strictEqual(staged[number]?.entries, 2)
        assert.strictEqual(progress.get(request.diffId), request.blob.size)
        const [file] = LayerFiles.read(`${at}/layer-${number}`)
        assert.isTrue(file?.data?.equals(noise(`layer-${number}`)))
      }
    }).pipe(Effect.provide(services))
  )

  it.scopedLive("say of a damaged layer what this thread would, and go on with the others", () =>
    Effect.gen(function* () {
      const at = yield* place
      const requests = Array.from({ length: 4 }, (_, number) => layer(at, `layer-${number}`))
      for (const { blob } of requests.slice(1)) {
        if ("path" in blob) fs.appendFileSync(blob.path, "x")
      }
      const outcomes = yield* Effect.forEach(
        requests,
        (request) =>
          Effect.either(
            LayerArchive.stage({ ...request, blob: { ...request.blob, size: request.blob.size + 1 } })
          ),
        { concurrency: "unbounded" }
      )
      const tags = outcomes.map((outcome) => (Either.isLeft(outcome) ? outcome.left._tag : "staged"))
      assert.deepStrictEqual(tags, [
        "LayerSizeMismatch",
        "LayerDigestMismatch",
        "LayerDigestMismatch",
        "LayerDigestMismatch"
      ])
      for (const outcome of outcomes) {
        if (Either.isLeft(outcome)) assert.match(outcome.left.message, /^layer sha256:[0-9a-f]{64}: /)
      }
    }).pipe(Effect.provide(services))
  )

  it.scopedLive("close everything when they are interrupted", () =>
    Effect.gen(function* () {
      const at = yield* place
      for (const events of [0, 1, 2]) {
        const requests = Array.from({ length: 3 }, (_, number) => layer(at, `layer-${events}-${number}`))
        const exit = yield* Interruption.afterEvents(events, (tell) =>
          Effect.forEach(requests, (request) => LayerArchive.stage({ ...request, onProgress: tell }), {
            concurrency: "unbounded"
          })
        )
        assert.isTrue(Exit.isInterrupted(exit), `after ${events} events`)
        assert.deepStrictEqual(openBelow(at), [])
      }
    }).pipe(Effect.provide(services))
  )
})
