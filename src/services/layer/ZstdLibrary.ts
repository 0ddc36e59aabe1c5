/**
 * The system's libzstd (which dpkg, rpm and systemd need), through koffi, for versions of Node without zstd.
 *
 * Only functions of its stable interface are used, which is the same in every 1.x. `ZSTD_decompressStream_simpleArgs`
 * would need no structures, but is experimental. Decompression runs on the thread pool.
 */
import { promisify } from "node:util"

export interface ZstdLibrary {
  /** Opens a stream of frames, which must be closed. */
  readonly open: () => ZstdStream
}

/** A stream. The library owns its memory, which only `close` frees. Calls must not overlap. */
export interface ZstdStream {
  /** Sets the next input, once the last one is decompressed. It must not be changed until then. */
  readonly feed: (input: Uint8Array) => void
  /** Whether all input is decompressed and all output returned. */
  readonly hungry: () => boolean
  /** Decompresses until `output` is full or the input ends, and returns the number of bytes in `output`. */
  readonly decompress: (output: Uint8Array) => Promise<number>
  readonly close: () => void
}

/** Loads the library; `undefined` if koffi or the library cannot be loaded. Every call returns the same. */
export const load = (): Promise<ZstdLibrary | undefined> => {
  loading ??= import("koffi").then(({ default: koffi }) => bind(koffi)).catch(() => undefined)
  return loading
}

/** The name by which the system's loader knows the library. */
export const NAME = "libzstd.so.1"

let loading: Promise<ZstdLibrary | undefined> | undefined

type Koffi = typeof import("koffi").default

const bind = (koffi: Koffi): ZstdLibrary => {
  const library = koffi.load(NAME)
  const create = library.func("void *ZSTD_createDStream()")
  const initialise = library.func("size_t ZSTD_initDStream(void *stream)")
  const free = library.func("size_t ZSTD_freeDStream(void *stream)")
  const isError = library.func("unsigned int ZSTD_isError(size_t code)")
  const errorName = library.func("const char *ZSTD_getErrorName(size_t code)")
  const decompressStream = library.func(
    "size_t ZSTD_decompressStream(void *stream, void *output, void *input)"
  )
  const decompressing = promisify(decompressStream.async) as (
    stream: unknown,
    output: Words,
    input: Words
  ) => Promise<number | bigint>
  const wide = koffi.sizeof("size_t") === 8
  const checked = (code: unknown) => {
    if (isError(code) !== 0) throw new Error(`libzstd: ${errorName(code)}`)
  }

  const open = (): ZstdStream => {
    const stream = create()
    if (stream === null) throw new Error("libzstd: no memory for a stream")
    checked(initialise(stream))
    // koffi passes addresses and keeps nothing alive, so everything that the library may use is referenced here.
    const from = new Span(koffi, wide)
    const to = new Span(koffi, wide)
    let state: "idle" | "running" | "closed" = "idle"
    return {
      feed: (input) => from.set(input),
      hungry: () => from.done && !(to.done && to.position > 0),
      decompress: async (output) => {
        if (state !== "idle") throw new Error(`the zstd stream is ${state}`)
        state = "running"
        try {
          to.set(output)
          checked(await decompressing(stream, to.words, from.words))
          return to.position
        } finally {
          state = "idle"
        }
      },
      close: () => {
        if (state === "running") throw new Error("the zstd stream is running")
        if (state === "idle") free(stream)
        state = "closed"
      }
    }
  }
  return { open }
}

type Words = BigUint64Array | Uint32Array

/** `ZSTD_inBuffer` or `ZSTD_outBuffer`: address, size and position, one word each. Their memory does not move. */
class Span {
  readonly words: Words
  readonly #koffi: Koffi
  #bytes: Uint8Array = new Uint8Array(0)

  constructor(koffi: Koffi, wide: boolean) {
    this.#koffi = koffi
    // The garbage collector may move a small typed array without its own buffer.
    this.words = wide ? new BigUint64Array(new ArrayBuffer(24)) : new Uint32Array(new ArrayBuffer(12))
  }

  set(bytes: Uint8Array): void {
    this.#bytes = bytes
    const fields = [this.#koffi.address(bytes), BigInt(bytes.length), 0n]
    fields.forEach((value, index) => {
      if (this.words instanceof BigUint64Array) this.words[index] = value
      else this.words[index] = Number(value)
    })
  }

  get position(): number {
    return Number(this.words[2])
  }

  /** Whether it was read or filled to its end. */
  get done(): boolean {
    return this.position === this.#bytes.length
  }
}
