/**
 * Runs OCI images as native systemd services, as a library: layouts to images, images to root filesystems and units.
 *
 * Each module is a namespace. Pure modules return values, or an `Either` where they can fail: `{ _tag: "Right", right }`
 * or `{ _tag: "Left", left }`. What reads or writes is an Effect; `Session` runs those for programs that use promises.
 * What the generator runs (`Catalog`, `Render`, `Generate`, `Layouts`, `SettingsFile`) does so when it is called, and gives
 * an `Either`, which an Effect takes as one of its own.
 * Every error is an instance of a class with a `_tag`, facts as fields, and a message for people.
 *
 * @module
 */

/** Names as layers have them, which need not be UTF-8: one character a byte. */
export * as ByteString from "./domain/text/ByteString.ts"
/** The name of what layers make together (image-spec config.md). */
export * as ChainId from "./domain/image/ChainId.ts"
/** Content digests, and what computes them (image-spec descriptor.md). */
export * as Digest from "./domain/document/Digest.ts"
/** What an extraction says of itself while it runs, for who shows progress. */
export * as ExtractionEvent from "./domain/extracts/ExtractionEvent.ts"
/** What `Verify` finds. */
export * as Finding from "./domain/verify/Finding.ts"
/** How an image's process runs, and which layers it has (image-spec config.md). */
export * as ImageConfig from "./domain/image/ImageConfig.ts"
/** What an image's units are made from besides the image: its names, its settings, the machine. */
export * as ImageContext from "./domain/unit/ImageContext.ts"
/** An image for one platform (image-spec manifest.md). */
export * as ImageManifest from "./domain/image/ImageManifest.ts"
/** An image's name: the layout's path below the layouts directory, and a reference. */
export * as ImageName from "./domain/naming/ImageName.ts"
/** How one image is run: the keys of `[image PATTERN]`. */
export * as ImageSettings from "./domain/settings/ImageSettings.ts"
/** Conversion of an image to units. */
export * as ImageUnits from "./domain/unit/ImageUnits.ts"
/** One member of a layer archive, as data (image-spec layer.md). */
export * as LayerEntry from "./domain/archive/LayerEntry.ts"
/** Layers become one tree: whiteouts, links and all (image-spec layer.md, "Applying Changesets"). */
export * as LayerMerge from "./domain/layer/LayerMerge.ts"
/** What is odd in layers, and goes on all the same. */
export * as LayerNotice from "./domain/layer/LayerNotice.ts"
/** Which of an image's manifests a machine runs (image-spec image-index.md). */
export * as Platform from "./domain/image/Platform.ts"
/** An image as its layout describes it. */
export * as ResolvedImage from "./domain/image/ResolvedImage.ts"
/** What only an extracted root can tell, and units must say. */
export * as RootFacts from "./domain/process/RootFacts.ts"
/** The steps that write a tree into an empty directory. */
export * as RootPlan from "./domain/root/RootPlan.ts"
/** One step of a plan. */
export * as RootStep from "./domain/root/RootStep.ts"
/** A root filesystem in memory: what is at a path, through which symlinks. */
export * as RootTree from "./domain/root/RootTree.ts"
/** The whole configuration, and what counts for one image. */
export * as Settings from "./domain/settings/Settings.ts"
/** Where things are, and limits: the keys of `[system]`. */
export * as SystemSettings from "./domain/settings/SystemSettings.ts"
/** A unit file as data, and its text (systemd.syntax(7)). */
export * as UnitFile from "./domain/unit/UnitFile.ts"
/** Unit names of images, all different (systemd.unit(5)). */
export * as UnitName from "./domain/naming/UnitName.ts"
/** What came of verifying an image. */
export * as Verification from "./domain/verify/Verification.ts"
/** Every image below a layouts directory. */
export * as Catalog from "./program/Catalog.ts"
/** Makes an image's root filesystem. */
export * as Extract from "./program/Extract.ts"
/** Writes the units of all images, as the generator does (systemd.generator(7)). */
export * as Generate from "./program/Generate.ts"
/** The units of one image, from its layout or from its configuration alone. */
export * as Render from "./program/Render.ts"
/** Finds images of a catalogue by name. */
export * as Selection from "./program/Selection.ts"
/** Whether images, and roots made from them, are still what they are called by. */
export * as Verify from "./program/Verify.ts"
/** Runs all of this for programs that use promises. */
export * as Session from "./Session.ts"
/** The content-addressed blobs of a layout, checked by digest and size. */
export * as Blobs from "./services/layout/Blobs.ts"
export { FileRefused } from "./services/files/BoundedFile.ts"
/** The layer that `Extract` and `Verify` ask for. Native code is loaded with it, and not before. */
export * as ExtractionServices from "./services/ExtractionServices.ts"
export { ExtractsError } from "./services/Extracts.ts"
/** What this machine is, found without running anything. */
export * as HostFacts from "./services/host/HostFacts.ts"
/** From a reference to the image that it means on a machine. */
export * as ImageResolution from "./services/layout/ImageResolution.ts"
/** Why a layer cannot be taken apart. */
export * as LayerError from "./services/layer/LayerError.ts"
/** Image layouts below a directory (image-spec image-layout.md). */
export * as LayoutSearch from "./services/layout/LayoutSearch.ts"
/** The names in a layout. */
export * as Layouts from "./services/layout/Layouts.ts"
export { NativeCallsUnavailable } from "./services/files/NativeCalls.ts"
export { RootWriteError } from "./services/root/RootWriter.ts"
/** Reads the configuration file and its drop-ins. */
export * as SettingsFile from "./services/host/SettingsFile.ts"
