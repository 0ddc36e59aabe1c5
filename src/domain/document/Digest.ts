/**
 * A content digest (image-spec descriptor.md): `algorithm ":" encoded`.
 *
 *     digest = "sha256:" 64 hex | "sha512:" 128 hex        (hex: lower case)
 *
 * Only the two registered algorithms are taken: what cannot be checked must not be trusted. Since nothing but hex can
 * follow the colon, a digest is safe as a file name.
 */
import * as Schema from "effect/Schema"
import * as Form from "./JsonDecoder.ts"

const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/

const problem = (text: string): string => `${Form.show(text)} is not a sha256 or sha512 digest`

/** The schema. For the records that Effect's Schema reads; marked as pure, so that it is left out where nobody does. */
export const Digest = /* @__PURE__ */ Schema.String.pipe(
  /* @__PURE__ */ Schema.pattern(DIGEST, { message: ({ actual }) => problem(String(actual)) }),
  /* @__PURE__ */ Schema.brand("Digest")
)
/** A checked digest: `sha256:` and 64, or `sha512:` and 128 hex digits. */
export type Digest = typeof Digest.Type

/** The form, for JSON documents. */
export const digest: Form.Form<Digest> = Form.where(
  Form.string,
  (text): text is Digest => DIGEST.test(text),
  problem
)

/** What a digest was made with. */
export type Algorithm = "sha256" | "sha512"

/** What the digest was made with. */
export const algorithm = (digest: Digest): Algorithm => (digest.startsWith("sha256:") ? "sha256" : "sha512")

/** The hex part. */
export const encoded = (digest: Digest): string => digest.slice(digest.indexOf(":") + 1)

/** Enough of the hex part for people: 12 digits, as other tools show. */
export const short = (digest: Digest): string => encoded(digest).slice(0, 12)

/** Hex SHA-256 of a text's UTF-8 bytes: the shell passes it in, the domain loads no crypto. */
export type Sha256 = (text: string) => string
