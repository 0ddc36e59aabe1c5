/**
 * Drives one of Node's zlib streams, which work on the thread pool: always with input available, and with a few
 * chunks ahead of the consumer.
 *
 * Chunks are taken at each `data` event, because `read()` and iteration would copy accumulated chunks into one.
 */
import type { Transform } from "node:stream"
import type { Compression } from "../../domain/image/MediaType.ts"
import { Backlog } from "./Backlog.ts"
import { CompressionInvalid } from "./CompressionInvalid.ts"
import type { Pull } from "./Pull.ts"

/** Inflating into 1 MiB at a time is nearly three times as fast as into zlib's 16 KiB. */
export const BUFFERS = { chunkSize: 1 << 20, highWaterMark: 1 << 20 }

/** Yields the output. zlib streams end at the first zero after a gzip member, and the rest must then be zeros. */
export async function* through(
  stream: Transform,
  compression: Compression,
  pull: Pull
): AsyncGenerator<Uint8Array, void> {
  const backlog = new Backlog(AHEAD)
  const waiting = new Set<() => void>()
  const awaken = () => {
    for (const wake of waiting) wake()
    waiting.clear()
  }
  stream
    .on("data", (chunk: Uint8Array) => {
      backlog.put(chunk)
      if (backlog.full) stream.pause()
    })
    .once("end", awaken)
    .once("close", awaken)
    .once("error", (cause) => {
      backlog.fail(new CompressionInvalid({ compression, problem: "is damaged or cut off", cause }))
      awaken()
    })
  const closed = new Promise<void>((resolve) => {
    stream.once("close", resolve)
  })
  /** Settles when `done` is called, and also when the stream ends or fails before. */
  const settled = (begin: (done: () => void) => void): Promise<void> =>
    new Promise((resolve) => {
      const done = () => {
        waiting.delete(done)
        resolve()
      }
      waiting.add(done)
      begin(done)
    })
  const failed = () => stream.destroyed && !stream.readableEnded
  const feed = async (): Promise<void> => {
    let given = 0
    let last: Uint8Array = new Uint8Array(0)
    let written = Promise.resolve()
    // Without waiting, the next chunk is read while the last one is inflated.
    for (let chunk = await pull(); chunk !== undefined; chunk = await pull()) {
      const ended = stream.readableEnded
      const writing = ended || stream.destroyed ? written : settled((done) => stream.write(chunk, done))
      await written
      if (failed()) return closed
      given += chunk.length
      if (ended) zeros([chunk])
      else if (stream.readableEnded) {
        await writing
        zeros(tail([last, chunk], given - consumedBy(stream)))
      }
      last = chunk
      written = writing
    }
    await written
    if (failed()) return closed
    if (stream.readableEnded) zeros(tail([last], given - consumedBy(stream)))
    else await settled(() => stream.end())
    if (failed()) return closed
  }
  const zeros = (chunks: ReadonlyArray<Uint8Array>) => {
    if (chunks.some((chunk) => chunk.some((byte) => byte !== 0))) {
      throw new CompressionInvalid({ compression, problem: "is followed by garbage" })
    }
  }
  const feeding = feed().then(
    () => backlog.end(),
    (cause: unknown) => backlog.fail(cause)
  )
  try {
    yield* backlog.take(() => {
      if (stream.isPaused() && !backlog.full) stream.resume()
    })
  } finally {
    stream.destroy()
    await feeding
  }
}

/** Returns the last `bytes` bytes of the chunks. */
const tail = (chunks: ReadonlyArray<Uint8Array>, bytes: number): ReadonlyArray<Uint8Array> => {
  let left = bytes
  return [...chunks].reverse().map((chunk) => {
    const part = chunk.subarray(Math.max(chunk.length - left, 0))
    left -= part.length
    return part
  })
}

/** Returns how many compressed bytes the decoder used. */
const consumedBy = (stream: Transform): number =>
  (stream as Transform & { readonly bytesWritten: number }).bytesWritten

/** Chunks in the backlog. The stream itself holds one more, and makes another. */
const AHEAD = 3
