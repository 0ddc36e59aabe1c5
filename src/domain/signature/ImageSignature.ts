/** A signature of an image, read from its document and not yet checked by any key. */
import type { Digest } from "../document/Digest.ts"

/** The statement of a signature, and the bytes that a key is tried on. */
export interface ImageSignature {
  /** The manifests or indexes that the signed text names. */
  readonly digests: readonly Digest[]
  /** The name that the signed text gives the image, as `registry.example/app`; `undefined` if it gives none. */
  readonly name: string | undefined
  /** The bytes that are signed. */
  readonly message: Uint8Array
  readonly signature: Uint8Array
  /** Whether the document has a certificate, as signatures without a key of their own have (Fulcio). */
  readonly isKeyless: boolean
}
