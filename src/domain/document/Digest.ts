/**
 * A content digest (image-spec descriptor.md): `algorithm ":" encoded`.
 *
 *     digest = "sha256:" 64 hex | "sha512:" 128 hex        (hex: lower case)
 *
 * Only the two registered algorithms are accepted, because content that cannot be checked must not be trusted. Only
 * hex can follow the colon, so a digest is safe as a file name.
 */
import type { Brand } from "effect/Brand"
import * as JsonDecoder from "./JsonDecoder.ts"

const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/

const problem = (text: string): string => `${JsonDecoder.show(text)} is not a sha256 or sha512 digest`

/** A checked digest: `sha256:` and 64, or `sha512:` and 128 hex digits. */
export type Digest = string & Brand<"Digest">

/** Whether a text is a digest. */
export const isDigest = (text: string): text is Digest => DIGEST.test(text)

/** Decodes a digest of a JSON document. */
export const digest: JsonDecoder.JsonDecoder<Digest> = JsonDecoder.where(
  JsonDecoder.string,
  isDigest,
  problem
)

/** The hash algorithm of a digest. */
export type Algorithm = "sha256" | "sha512"

/** Returns the hash algorithm that made the digest. */
export const algorithm = (digest: Digest): Algorithm => (digest.startsWith("sha256:") ? "sha256" : "sha512")

/** Returns the hex part. */
export const encoded = (digest: Digest): string => digest.slice(digest.indexOf(":") + 1)

/** Returns the first 12 hex digits, as other tools show digests to people. */
export const short = (digest: Digest): string => encoded(digest).slice(0, 12)

/**
 * Computes the SHA-256 of a text's UTF-8 bytes in hex. Callers pass it in, because the domain loads no crypto module.
 */
export type Sha256 = (text: string) => string
