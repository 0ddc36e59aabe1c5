/**
 * libzstd as the system has it (dpkg, rpm and systemd need it), through koffi: for a Node that has no zstd itself.
 *
 * Only functions of its stable interface, the same in every 1.x; `ZSTD_decompressStream_simpleArgs` would take no
 * structures, but is of the experimental one. Calls that decompress run on the thread pool.
 */
import { promisify } from "node:util"

export interface ZstdLibrary {
  /** A stream of frames, to be closed. */
  readonly open: () => ZstdStream
}

/** Its memory is the library's, and is freed by `close` alone. One call at a time. */
export interface ZstdStream {
  /** What to decompress next, when all of the last is. It is left as it is until then. */
  readonly feed: (input: Uint8Array) => void
  /** All of the input is decompressed, and all of the output was given out. */
  readonly hungry: () => boolean
  /** Decompresses, until `output` is full or the input is at its end: so many bytes are in it. */
  readonly decompress: (output: Uint8Array) => Promise<number>
  readonly close: () => void
}

/** `undefined` where koffi or the library cannot be loaded. The same for every call. */
export const load = (): Promise<ZstdLibrary | undefined> => {
  loading ??= import("koffi").then(({ default: koffi }) => bind(koffi)).catch(() => undefined)
  return loading
}

let loading: Promise<ZstdLibrary | undefined> | undefined

type Koffi = typeof import("koffi").default

const bind = (koffi: Koffi): ZstdLibrary => {
  const library = koffi.load("libzstd.so.1")
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
    // koffi hands over addresses, and keeps nothing alive: what the library may touch is held here.
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

/** `ZSTD_inBuffer` and `ZSTD_outBuffer`: address, size and position, a word each. The memory of neither moves. */
class Span {
  readonly words: Words
  readonly #koffi: Koffi
  #bytes: Uint8Array = new Uint8Array(0)

  constructor(koffi: Koffi, wide: boolean) {
    this.#koffi = koffi
    // A small typed array without a buffer of its own may lie where the garbage collector moves it.
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

  /** Read or filled up to its end. */
  get done(): boolean {
    return this.position === this.#bytes.length
  }
}
