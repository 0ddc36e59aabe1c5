/** The content-addressed blobs of layouts: what is read is what its digest names (image-spec image-layout.md). */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type { Descriptor } from "../domain/Descriptor.ts"
import { algorithm, type Digest, encoded, type Sha256 } from "../domain/Digest.ts"
import type { BrokenEntry } from "../domain/ImageIndex.ts"
import * as StrictJson from "../domain/StrictJson.ts"
import * as BoundedFile from "./BoundedFile.ts"

/** A blob, or another JSON document of a layout, that cannot be used. */
export class DocumentRefused extends Schema.TaggedError<DocumentRefused>()("DocumentRefused", {
  /** What it is: "manifest", "image configuration", "index". */
  what: Schema.String,
  /** Its file. */
  path: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `the ${this.what} ${this.path} ${this.reason}`
  }
}

/** image-spec: implementations should refuse manifests over 4 MiB; the same does for the other JSON documents. */
const MAX_DOCUMENT = 4 * 1024 * 1024

/** Hex, as the pure modules want it passed in. */
export const sha256: Sha256 = (text) => createHash("sha256").update(text).digest("hex")

/** The file of a blob in its layout. */
export const path = (layout: string, digest: Digest): string =>
  `${layout}/blobs/${algorithm(digest)}/${encoded(digest)}`

/** Where a layer's bytes are: embedded in its descriptor, or in its file. @internal */
export const source = (
  layout: string,
  { data, digest }: Descriptor
): { readonly path: string } | { readonly bytes: Buffer } =>
  data === undefined ? { path: path(layout, digest) } : { bytes: Buffer.from(data, "base64") }

/** The bytes of a small blob, checked against its descriptor. */
export const read = (
  layout: string,
  what: string,
  descriptor: Descriptor
): Effect.Effect<Buffer, DocumentRefused> => {
  const file = path(layout, descriptor.digest)
  const refuse = (reason: string) => new DocumentRefused({ what, path: file, reason })
  const check = (bytes: Buffer): Effect.Effect<Buffer, DocumentRefused> => {
    if (bytes.length !== descriptor.size) {
      return Effect.fail(refuse(`has ${bytes.length} bytes, and its descriptor says ${descriptor.size}`))
    }
    const actual = createHash(algorithm(descriptor.digest)).update(bytes).digest("hex")
    return actual === encoded(descriptor.digest)
      ? Effect.succeed(bytes)
      : Effect.fail(refuse(`is damaged: its ${algorithm(descriptor.digest)} is ${actual}`))
  }
  if (descriptor.size > MAX_DOCUMENT) {
    return Effect.fail(
      refuse(`is said to have ${descriptor.size} bytes, more than the ${MAX_DOCUMENT} allowed`)
    )
  }
  const from = source(layout, descriptor)
  if ("bytes" in from) return check(from.bytes)
  return BoundedFile.read(file, MAX_DOCUMENT).pipe(
    Effect.mapError((error) => refuse(error.reason)),
    Effect.flatMap(check)
  )
}

/** A JSON file of a layout that no digest vouches for: `index.json`, `refs/NAME`. */
export const readDocument = <A, I>(
  file: string,
  what: string,
  schema: Schema.Schema<A, I>
): Effect.Effect<A, DocumentRefused> =>
  BoundedFile.read(file, MAX_DOCUMENT).pipe(
    Effect.mapError((error) => new DocumentRefused({ what, path: file, reason: error.reason })),
    Effect.flatMap((bytes) => decode(file, what, schema, bytes))
  )

/** A JSON blob. */
export const readJson = <A, I>(
  layout: string,
  what: string,
  descriptor: Descriptor,
  schema: Schema.Schema<A, I>
): Effect.Effect<A, DocumentRefused> =>
  read(layout, what, descriptor).pipe(
    Effect.flatMap((bytes) => decode(path(layout, descriptor.digest), what, schema, bytes))
  )

const decode = <A, I>(
  file: string,
  what: string,
  schema: Schema.Schema<A, I>,
  bytes: Buffer
): Effect.Effect<A, DocumentRefused> => {
  const refuse = (reason: string) => new DocumentRefused({ what, path: file, reason })
  let text: string
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    return Effect.fail(refuse("is not UTF-8 text"))
  }
  return StrictJson.parse(text).pipe(
    Either.mapLeft((error) => refuse(`cannot be used: ${error.message}`)),
    Either.flatMap((value) =>
      Either.mapLeft(Schema.decodeUnknownEither(schema)(value), (error) =>
        refuse(`is not of its form: ${summary(error)}`)
      )
    )
  )
}

/** An index whose entry of an image is no descriptor. @internal */
export const brokenEntry = (file: string, { cause, position }: BrokenEntry): DocumentRefused =>
  new DocumentRefused({
    what: "index",
    path: file,
    reason: `is not of its form: manifests.${position}.${summary(cause)}`
  })

/** One line: where, and what is wrong there. @internal */
export const summary = (error: ParseResult.ParseError): string => {
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
  if (issue === undefined) return "unknown reason"
  const where = issue.path.length === 0 ? "" : `${issue.path.map(String).join(".")}: `
  return `${where}${issue.message}`.replace(/\s+/g, " ").slice(0, MAX_SUMMARY)
}

const MAX_SUMMARY = 300
