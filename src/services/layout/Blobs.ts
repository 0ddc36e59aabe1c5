/**
 * Reads the content-addressed blobs of layouts, and checks them against their digests (image-spec image-layout.md).
 */
import { isUtf8 } from "node:buffer"
import * as crypto from "node:crypto"
import * as Either from "effect/Either"
import { type Algorithm, algorithm, type Digest, encoded, type Sha256 } from "../../domain/document/Digest.ts"
import * as JsonDecoder from "../../domain/document/JsonDecoder.ts"
import * as StrictJson from "../../domain/document/StrictJson.ts"
import type { Descriptor } from "../../domain/image/Descriptor.ts"
import type { BrokenEntry } from "../../domain/image/ImageIndex.ts"
import { TaggedError } from "../../domain/text/TaggedError.ts"
import * as BoundedFile from "../files/BoundedFile.ts"

/** A blob, or another JSON document of a layout, that cannot be used. */
export class DocumentRefused extends TaggedError("DocumentRefused")<{
  /** The kind of document: "manifest", "image configuration", "index". */
  readonly what: string
  /** Path of its file. */
  readonly path: string
  readonly reason: string
  /** The system's error name, such as `ENOENT`, if a system call failed. */
  readonly code?: string
}> {
  override get message(): string {
    return `the ${this.what} ${this.path} ${this.reason}`
  }
}

/**
 * The largest manifest: image-spec says that implementations should refuse more than 4 MiB. The same limit applies to the other JSON
 * documents.
 */
const MAX_DOCUMENT = 4 * 1024 * 1024

/** Computes a SHA-256 in hex, for the pure modules. */
export const sha256: Sha256 = (text) => hash("sha256", text)

/** Computes a hash in hex. Node has a faster function from 20.12 on. */
const hash: (algorithm: Algorithm, data: string | Buffer) => string =
  crypto.hash ?? ((algorithm, data) => crypto.createHash(algorithm).update(data).digest("hex"))

/** Returns the file of a blob in its layout. */
export const path = (layout: string, digest: Digest): string =>
  `${layout}/blobs/${algorithm(digest)}/${encoded(digest)}`

/** Returns the place of a layer's bytes: embedded in its descriptor, or in its file. @internal */
export const source = (
  layout: string,
  { data, digest }: Descriptor
): { readonly path: string } | { readonly bytes: Buffer } =>
  data === undefined ? { path: path(layout, digest) } : { bytes: Buffer.from(data, "base64") }

/** Reads a small blob and checks it against its descriptor. */
export const read = (
  layout: string,
  what: string,
  descriptor: Descriptor
): Either.Either<Buffer, DocumentRefused> => {
  const file = path(layout, descriptor.digest)
  const refuse = (reason: string) => Either.left(new DocumentRefused({ what, path: file, reason }))
  if (descriptor.size > MAX_DOCUMENT) {
    return refuse(`has ${descriptor.size} bytes by its descriptor, more than the ${MAX_DOCUMENT} allowed`)
  }
  const from = source(layout, descriptor)
  const content = "bytes" in from ? Either.right(from.bytes) : BoundedFile.read(file, MAX_DOCUMENT)
  if (Either.isLeft(content)) return Either.left(unread(what, content.left))
  const bytes = content.right
  if (bytes.length !== descriptor.size) {
    return refuse(`has ${bytes.length} bytes, but its descriptor says ${descriptor.size}`)
  }
  const actual = hash(algorithm(descriptor.digest), bytes)
  return actual === encoded(descriptor.digest)
    ? Either.right(bytes)
    : refuse(`is damaged: its ${algorithm(descriptor.digest)} is ${actual}`)
}

/** Reads a JSON file of a layout that has no digest: `index.json`, `refs/NAME`. */
export const readDocument = <A>(
  file: string,
  what: string,
  form: JsonDecoder.JsonDecoder<A>
): Either.Either<A, DocumentRefused> => {
  const bytes = BoundedFile.read(file, MAX_DOCUMENT)
  return Either.isLeft(bytes) ? Either.left(unread(what, bytes.left)) : parse(file, what, form, bytes.right)
}

const unread = (what: string, { code, path, reason }: BoundedFile.FileRefused): DocumentRefused =>
  new DocumentRefused({ what, path, reason, ...(code === undefined ? {} : { code }) })

/** Reads a JSON blob. */
export const readJson = <A>(
  layout: string,
  what: string,
  descriptor: Descriptor,
  form: JsonDecoder.JsonDecoder<A>
): Either.Either<A, DocumentRefused> => {
  const bytes = read(layout, what, descriptor)
  return Either.isLeft(bytes)
    ? Either.left(bytes.left)
    : parse(path(layout, descriptor.digest), what, form, bytes.right)
}

const parse = <A>(
  file: string,
  what: string,
  form: JsonDecoder.JsonDecoder<A>,
  bytes: Buffer
): Either.Either<A, DocumentRefused> => {
  const refuse = (reason: string) => new DocumentRefused({ what, path: file, reason })
  if (!isUtf8(bytes)) return Either.left(refuse("is not UTF-8 text"))
  // As for TextDecoder, a byte order mark is not part of the text.
  const isMarked = BYTE_ORDER_MARK.every((byte, at) => bytes[at] === byte)
  const text = bytes.toString("utf8", isMarked ? BYTE_ORDER_MARK.length : 0)
  const value = StrictJson.parse(text)
  if (Either.isLeft(value)) return Either.left(refuse(`cannot be used: ${value.left.message}`))
  const checked = form(value.right)
  return Either.isLeft(checked)
    ? Either.left(refuse(`is malformed: ${summary(checked.left)}`))
    : Either.right(checked.right)
}

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

/** An entry of an index with an image's media type that is not a valid descriptor. @internal */
export const brokenEntry = (file: string, { cause, position }: BrokenEntry): DocumentRefused =>
  new DocumentRefused({
    what: "index",
    path: file,
    reason: `is malformed: ${summary({ ...cause, path: ["manifests", position, ...cause.path] })}`
  })

/** Prints in one line where the document is wrong, and how. @internal */
export const summary = (error: JsonDecoder.JsonMismatch): string =>
  JsonDecoder.describe(error).replace(/\s+/g, " ").slice(0, MAX_SUMMARY)

const MAX_SUMMARY = 300
