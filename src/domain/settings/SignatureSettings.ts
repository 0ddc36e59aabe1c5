/** Whose signature an image must have to run. */
import * as Either from "effect/Either"
import * as SignedName from "../signature/SignedName.ts"
import { refuse } from "../text/ValueRefused.ts"
import { oneOf, pathFault, type SettingKeys } from "./SettingKey.ts"

/** Settings of an image's signatures. */
export interface SignatureSettings {
  /** Files with the public keys of which one must have signed the image; empty: it needs no signature. */
  readonly signedby: readonly string[]
  /** How much of the image's name the signature has to contain. */
  readonly signedidentity: SignedName.Rule
}

/** Whether a key of the configuration is one of these. */
export const isKey = (key: string): boolean => Object.hasOwn(KEYS, key)

/** Each key costs a computation for each signature. */
const MAX_KEYS = 16

/** @internal */
export const KEYS: SettingKeys<SignatureSettings> = {
  signedby: {
    takes: "PATH …",
    default: [],
    help: "Files with public keys (PEM): the image runs only if one of them has signed it, by cosign; empty: it needs no signature.",
    parse: (value) => {
      const paths = [...new Set(value.split(/\s+/).filter((path) => path !== ""))]
      if (paths.length > MAX_KEYS) return refuse(`at most ${MAX_KEYS} keys are expected`)
      for (const path of paths) {
        const fault = pathFault(path)
        if (fault !== undefined) return refuse(`${JSON.stringify(path)}: ${fault}`)
      }
      return Either.right(paths)
    },
    print: (paths) => paths.join(" ")
  },
  signedidentity: oneOf(
    SignedName.RULES,
    "Whether the signature must be for the image's name: for any, for its layout as the repository, or exactly for layout and reference."
  )
}
