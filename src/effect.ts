/**
 * The library for programs that use Effect: everything of the main module, with effects where that has tasks, and the
 * services that these need.
 *
 * @module
 */

export * from "./index.ts"
/** Makes root filesystems of images, as effects. */
export * as Extract from "./library/ExtractEffects.ts"
/** Lists what services have written to their roots, as effects. */
export * as RootDiff from "./library/RootDiffEffects.ts"
/** The services as tags, to be replaced by a program or stubbed by a test. */
export * as Services from "./library/Services.ts"
/** Verifies images, and roots made from them, as effects. */
export * as Verify from "./library/VerifyEffects.ts"
/** The layer that `Extract` and `Verify` need. Native code is loaded with it, and not before. */
export * as ExtractionServices from "./services/ExtractionServices.ts"
export { ExtractsError } from "./services/extracts/ExtractsError.ts"
export { NativeCallsUnavailable } from "./services/files/NativeCalls.ts"
export { ImageNotMounted } from "./services/root/MountedRoots.ts"
export { RootWriteError } from "./services/root/RootWriter.ts"
