/**
 * Runs OCI images as native systemd services, as a library: layouts to images, images to root filesystems and units.
 *
 * Each module is a namespace, and each can be imported alone: `oci-systemd-generator/Platform`. Pure modules and what the
 * generator runs return values, or an `Either` where they can fail: `{ _tag: "Right", right }` or `{ _tag: "Left", left }`.
 * What takes long is a `Task`. `Session` runs all of these for programs that use promises. Programs that use Effect
 * import `oci-systemd-generator/effect`, where the same functions return effects.
 * Every error is an instance of a class with a `_tag`, facts as fields, and a message for people.
 *
 * @module
 */

/** One member of a layer archive, as data (image-spec layer.md). */
export * as LayerEntry from "./domain/archive/LayerEntry.ts"
/** Content digests (image-spec descriptor.md). */
export * as Digest from "./domain/document/Digest.ts"
/** A root filesystem as an EROFS image: the bytes for a tree, whose files' data stays in the layers. */
export * as ErofsImage from "./domain/erofs/ErofsImage.ts"
/** The progress of an extraction, for callers that show it. */
export * as ExtractionEvent from "./domain/extracts/ExtractionEvent.ts"
/** What layouts hold besides images: signatures, attestations, charts. */
export * as Artifact from "./domain/image/Artifact.ts"
/** The name of the result of applying layers (image-spec config.md). */
export * as ChainId from "./domain/image/ChainId.ts"
/** How an image's process runs, and which layers it has (image-spec config.md). */
export * as ImageConfig from "./domain/image/ImageConfig.ts"
/** An image for one platform (image-spec manifest.md). */
export * as ImageManifest from "./domain/image/ImageManifest.ts"
/** Selects the manifest of an index that a machine runs (image-spec image-index.md). */
export * as Platform from "./domain/image/Platform.ts"
/** An image as its layout describes it. */
export * as ResolvedImage from "./domain/image/ResolvedImage.ts"
/** Merges layers to one tree, with whiteouts and links (image-spec layer.md, "Applying Changesets"). */
export * as LayerMerge from "./domain/layer/LayerMerge.ts"
/** Unusual facts about layers that are not errors. */
export * as LayerNotice from "./domain/layer/LayerNotice.ts"
/** An image's name: the layout's path below the layouts directory, and a reference. */
export * as ImageName from "./domain/naming/ImageName.ts"
/** Facts that units need and only an extracted root knows. */
export * as RootFacts from "./domain/process/RootFacts.ts"
/** The steps that write a tree into an empty directory. */
export * as RootPlan from "./domain/root/RootPlan.ts"
/** One step of a plan. */
export * as RootStep from "./domain/root/RootStep.ts"
/** A root filesystem in memory, with lookup through symlinks. */
export * as RootTree from "./domain/root/RootTree.ts"
/** Walks such a tree: each name with its type, attributes and origin. */
export * as RootWalk from "./domain/root/RootWalk.ts"
/** The settings of one image: the keys of `[image PATTERN]`. */
export * as ImageSettings from "./domain/settings/ImageSettings.ts"
/** The whole configuration, and the settings of one image. */
export * as Settings from "./domain/settings/Settings.ts"
/** Where things are, and limits: the keys of `[system]`. */
export * as SystemSettings from "./domain/settings/SystemSettings.ts"
/** Names as layers spell them, which need not be UTF-8: one character for each byte. */
export * as ByteString from "./domain/text/ByteString.ts"
/** What an image's units are made from besides the image: its names, its settings, the machine. */
export * as ImageContext from "./domain/unit/ImageContext.ts"
/** Conversion of an image to units. */
export * as ImageUnits from "./domain/unit/ImageUnits.ts"
/** A unit file as data, and its text (systemd.syntax(7)). */
export * as UnitFile from "./domain/unit/UnitFile.ts"
/** A fault that `Verify` finds. */
export * as Finding from "./domain/verify/Finding.ts"
/** The result of verifying an image. */
export * as Verification from "./domain/verify/Verification.ts"
/** Makes an image's root filesystem: in the extracts, or in a directory of the caller's choice. */
export * as Extract from "./library/Extract.ts"
/** Layers as streams: read with what they hold, and written from members or from a directory. */
export * as Layer from "./library/Layer.ts"
/** The names in a layout. */
export * as Layouts from "./library/Layouts.ts"
/** Writes image layouts, for tools and tests. */
export * as LayoutWriter from "./library/LayoutWriter.ts"
/** What services have written to their roots. */
export * as RootDiff from "./library/RootDiff.ts"
/** Work that a session runs. */
export { Task } from "./library/Task.ts"
/** Types that functions and errors of other modules mention. */
export type * as Types from "./library/Types.ts"
/** Unit names of images, all different (systemd.unit(5)). */
export * as UnitName from "./library/UnitName.ts"
/** Verifies images and the roots made from them. */
export * as Verify from "./library/Verify.ts"
/** Every image below a layouts directory. */
export * as Catalog from "./program/Catalog.ts"
/** Writes the units of all images, as the generator does (systemd.generator(7)). */
export * as Generate from "./program/Generate.ts"
/** The units of one image, from its layout or from its configuration alone. */
export * as Render from "./program/Render.ts"
/** Finds images of a catalog by name. */
export * as Selection from "./program/Selection.ts"
/** Runs tasks for programs that use promises. */
export * as Session from "./Session.ts"
export type { ExtractsError } from "./services/extracts/ExtractsError.ts"
export { FileRefused } from "./services/files/BoundedFile.ts"
export type { NativeCallsUnavailable } from "./services/files/NativeCalls.ts"
/** Facts about this machine, found without running any program. */
export * as HostFacts from "./services/host/HostFacts.ts"
/** Reads the configuration file and its drop-ins. */
export * as SettingsFile from "./services/host/SettingsFile.ts"
/** Why a layer cannot be read. */
export * as LayerError from "./services/layer/LayerError.ts"
/** The content-addressed blobs of a layout, checked by digest and size. */
export * as Blobs from "./services/layout/Blobs.ts"
/** Finds the image that a reference means on a machine. */
export * as ImageResolution from "./services/layout/ImageResolution.ts"
/** Image layouts below a directory (image-spec image-layout.md). */
export * as LayoutSearch from "./services/layout/LayoutSearch.ts"
export type { ImageNotMounted } from "./services/root/MountedRoots.ts"
export type { RootWriteError } from "./services/root/RootWriter.ts"
