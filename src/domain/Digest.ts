/**
 * A content digest (image-spec descriptor.md): `algorithm ":" encoded`.
 *
 *     digest = "sha256:" 64 hex | "sha512:" 128 hex        (hex: lower case)
 *
 * Only the two registered algorithms are taken: what cannot be checked must not be trusted. Since nothing but hex can
 * follow the colon, a digest is safe as a file name.
 */
import * as Schema from "effect/Schema"

const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/

/** The schema. */
export const Digest = Schema.String.pipe(
  Schema.pattern(DIGEST, {
    message: (issue) => `${JSON.stringify(issue.actual)} is not a sha256 or sha512 digest`
  }),
  Schema.brand("Digest")
)
/** A checked digest: `sha256:` and 64, or `sha512:` and 128 hex digits. */
export type Digest = typeof Digest.Type

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
