/** The content-addressed blobs of layouts: what is read is what its digest names (image-spec image-layout.md). */
import { isUtf8 } from "node:buffer"
import * as crypto from "node:crypto"
import * as Either from "effect/Either"
import type { Descriptor } from "../../domain/image/Descriptor.ts"
import { type Algorithm, algorithm, type Digest, encoded, type Sha256 } from "../../domain/document/Digest.ts"
import * as Form from "../../domain/document/JsonDecoder.ts"
import type { BrokenEntry } from "../../domain/image/ImageIndex.ts"
import * as StrictJson from "../../domain/document/StrictJson.ts"
import { TaggedError } from "../../domain/text/TaggedError.ts"
import * as BoundedFile from "../files/BoundedFile.ts"

/** A blob, or another JSON document of a layout, that cannot be used. */
export class DocumentRefused extends TaggedError("DocumentRefused")<{
  /** What it is: "manifest", "image configuration", "index". */
  readonly what: string
  /** Its file. */
  readonly path: string
  readonly reason: string
  /** The system's error name, `ENOENT`, where it was a system call that failed. */
  readonly code?: string
}> {
  override get message(): string {
    return `the ${this.what} ${this.path} ${this.reason}`
  }
}

/** image-spec: implementations should refuse manifests over 4 MiB; the same does for the other JSON documents. */
const MAX_DOCUMENT = 4 * 1024 * 1024

/** Hex, as the pure modules want it passed in. */
export const sha256: Sha256 = (text) => hash("sha256", text)

/** In hex. Node has a faster way from 20.12 on. */
const hash: (algorithm: Algorithm, data: string | Buffer) => string =
  crypto.hash ?? ((algorithm, data) => crypto.createHash(algorithm).update(data).digest("hex"))

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
): Either.Either<Buffer, DocumentRefused> => {
  const file = path(layout, descriptor.digest)
  const refuse = (reason: string) => Either.left(new DocumentRefused({ what, path: file, reason }))
  if (descriptor.size > MAX_DOCUMENT) {
    return refuse(`is said to have ${descriptor.size} bytes, more than the ${MAX_DOCUMENT} allowed`)
  }
  const from = source(layout, descriptor)
  const content = "bytes" in from ? Either.right(from.bytes) : BoundedFile.read(file, MAX_DOCUMENT)
  if (Either.isLeft(content)) return Either.left(unread(what, content.left))
  const bytes = content.right
  if (bytes.length !== descriptor.size) {
    return refuse(`has ${bytes.length} bytes, and its descriptor says ${descriptor.size}`)
  }
  const actual = hash(algorithm(descriptor.digest), bytes)
  return actual === encoded(descriptor.digest)
    ? Either.right(bytes)
    : refuse(`is damaged: its ${algorithm(descriptor.digest)} is ${actual}`)
}

/** A JSON file of a layout that no digest vouches for: `index.json`, `refs/NAME`. */
export const readDocument = <A>(
  file: string,
  what: string,
  form: Form.Form<A>
): Either.Either<A, DocumentRefused> => {
  const bytes = BoundedFile.read(file, MAX_DOCUMENT)
  return Either.isLeft(bytes) ? Either.left(unread(what, bytes.left)) : parse(file, what, form, bytes.right)
}

const unread = (what: string, { code, path, reason }: BoundedFile.FileRefused): DocumentRefused =>
  new DocumentRefused({ what, path, reason, ...(code === undefined ? {} : { code }) })

/** A JSON blob. */
export const readJson = <A>(
  layout: string,
  what: string,
  descriptor: Descriptor,
  form: Form.Form<A>
): Either.Either<A, DocumentRefused> => {
  const bytes = read(layout, what, descriptor)
  return Either.isLeft(bytes)
    ? Either.left(bytes.left)
    : parse(path(layout, descriptor.digest), what, form, bytes.right)
}

const parse = <A>(
  file: string,
  what: string,
  form: Form.Form<A>,
  bytes: Buffer
): Either.Either<A, DocumentRefused> => {
  const refuse = (reason: string) => new DocumentRefused({ what, path: file, reason })
  if (!isUtf8(bytes)) return Either.left(refuse("is not UTF-8 text"))
  // As TextDecoder does: a mark of the byte order is no part of the text.
  const isMarked = BYTE_ORDER_MARK.every((byte, at) => bytes[at] === byte)
  const text = bytes.toString("utf8", isMarked ? BYTE_ORDER_MARK.length : 0)
  const value = StrictJson.parse(text)
  if (Either.isLeft(value)) return Either.left(refuse(`cannot be used: ${value.left.message}`))
  const checked = form(value.right)
  return Either.isLeft(checked)
    ? Either.left(refuse(`is not of its form: ${summary(checked.left)}`))
    : Either.right(checked.right)
}

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

/** An index whose entry of an image is no descriptor. @internal */
export const brokenEntry = (file: string, { cause, position }: BrokenEntry): DocumentRefused =>
  new DocumentRefused({
    what: "index",
    path: file,
    reason: `is not of its form: ${summary({ ...cause, path: ["manifests", position, ...cause.path] })}`
  })

/** One line: where, and what is wrong there. @internal */
export const summary = (error: Form.FormError): string =>
  Form.describe(error).replace(/\s+/g, " ").slice(0, MAX_SUMMARY)

const MAX_SUMMARY = 300
