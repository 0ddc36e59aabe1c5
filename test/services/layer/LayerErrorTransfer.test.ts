import { assert, describe, it } from "vitest"
import { TarHeaderInvalid } from "../../../src/domain/archive/TarHeader.ts"
import { TarStructureInvalid } from "../../../src/domain/archive/TarStructureInvalid.ts"
import { CompressionInvalid } from "../../../src/services/layer/CompressionInvalid.ts"
import * as LayerError from "../../../src/services/layer/LayerError.ts"
import * as LayerErrorTransfer from "../../../src/services/layer/LayerErrorTransfer.ts"
import { TarInvalid } from "../../../src/services/layer/TarReader.ts"
import { ZstdDecoderUnavailable } from "../../../src/services/layer/ZstdDecoder.ts"

const layer = `sha256:${"0".repeat(64)}`
const refused = Object.assign(new Error("EACCES: permission denied"), { code: "EACCES", errno: -13 })
const archive = new LayerError.LayerArchiveInvalid({
  layer,
  cause: new TarInvalid({
    offset: 512,
    entry: "etc/passwd",
    cause: new TarHeaderInvalid({ offset: 520, field: "size", value: "x", problem: "is no number" })
  })
})

const ERRORS: ReadonlyArray<LayerError.LayerError> = [
  new LayerError.LayerUnreadable({ layer, path: "/p", reason: "is a fifo, not a file" }),
  new LayerError.LayerUnreadable({ layer, path: "/p", reason: "cannot be read", cause: refused }),
  new LayerError.LayerSizeMismatch({ layer, expected: 1, actual: 2 }),
  new LayerError.LayerDigestMismatch({ layer, actual: layer, cause: archive }),
  new LayerError.DiffIdMismatch({ layer, expected: layer, actual: layer }),
  new LayerError.LayerCompressionInvalid({
    layer,
    cause: new CompressionInvalid({ compression: "gzip", problem: "is damaged", cause: new Error("data") })
  }),
  new LayerError.LayerDecoderMissing({ layer, cause: new ZstdDecoderUnavailable({ decoder: undefined }) }),
  archive,
  new LayerError.LayerArchiveInvalid({
    layer,
    cause: new TarInvalid({
      offset: 0,
      entry: null,
      cause: new TarStructureInvalid({ problem: "is cut off" })
    })
  }),
  new LayerError.LayerLimitExceeded({ layer, limit: "ratio", allowed: 500 }),
  new LayerError.LayerUnwritable({ layer, entry: null, code: "ENOSPC", cause: refused })
]

/** The classes, tags and messages of an error and its causes. */
const chain = (error: unknown): ReadonlyArray<unknown> =>
  error instanceof Error
    ? [[error.constructor, Reflect.get(error, "_tag"), error.message], ...chain(error.cause)]
    : []

describe("an error of a layer", () => {
  it.each(ERRORS.map((error) => [error._tag, error] as const))(
    "comes from a thread as what it was: %s",
    (_, error) => {
      const back = LayerErrorTransfer.received(structuredClone(LayerErrorTransfer.sent(error)))
      assert.isTrue(LayerError.isLayerError(back))
      assert.deepEqual(chain(back), chain(error))
      assert.deepEqual({ ...back }, { ...error })
    }
  )

  it("keeps the system's code, which says whether a permission was lacking", () => {
    const error = new LayerError.LayerUnreadable({
      layer,
      path: "/p",
      reason: "cannot be read",
      cause: refused
    })
    const back = LayerErrorTransfer.received(structuredClone(LayerErrorTransfer.sent(error)))
    assert.propertyVal(back.cause as object, "code", "EACCES")
  })
})
