/** Makes root filesystems of images: in the extracts, with all that services need, or in any directory. */
import type { CatalogImage } from "../program/Catalog.ts"
import type { Extracted, ExtractedImage, ExtractOptions, RootOptions } from "../program/Extract.ts"
import type { ExtractFailed } from "../program/ExtractFailed.ts"
import type { PlaceUnfit } from "../program/MountRoot.ts"
import type { Unpacked } from "../program/Unpack.ts"
import { type Task, task } from "./Task.ts"

export type { Extracted, ExtractedImage, ExtractOptions, RootOptions } from "../program/Extract.ts"
export * from "../program/ExtractFailed.ts"
export type { PlaceUnfit } from "../program/MountRoot.ts"
export type { Unpacked } from "../program/Unpack.ts"
export type { DirectoryUnfit } from "../services/files/GivenDirectory.ts"
export type { MissingPrivilege } from "../services/files/MissingPrivileges.ts"

/**
 * Makes sure that the image's root filesystem exists, and returns its path. Every blob, layer and diff id is verified
 * before the root appears, by one rename. Failure and interruption leave no part of it (image-spec layer.md).
 */
export const extract = (image: CatalogImage, options?: ExtractOptions): Task<ExtractedImage, ExtractFailed> =>
  task(program, ({ extract }) => extract(image, options))

/**
 * Makes sure that the root filesystem of an image exists that need not run here: it may be for another platform, and have
 * no command. Nothing else of such an image is kept, so that `gc` removes the root of another platform as garbage.
 */
export const root = (image: CatalogImage, options?: RootOptions): Task<Extracted, ExtractFailed> =>
  task(program, ({ root }) => root(image, options))

/**
 * Writes the root of an image to `directory`, which is empty or does not exist yet. The image may be for any platform, and
 * need not have a command. All layers are verified before the first name appears in the directory. Failure and
 * interruption leave the directory as it was. The extracts are neither read nor written.
 */
export const into = (
  image: CatalogImage,
  directory: string,
  options?: RootOptions
): Task<Unpacked, ExtractFailed> =>
  task(
    () => import("../program/Unpack.ts"),
    ({ unpack }) => unpack(image, directory, options)
  )

/**
 * Mounts the root of an image, read-only, at a directory that exists and is empty. The image is extracted first if need be.
 * It may be for any platform, and need not have a command. While the root is mounted there, `gc` keeps it. Only root can
 * mount.
 */
export const mount = (
  image: CatalogImage,
  directory: string,
  options?: RootOptions
): Task<Extracted, ExtractFailed | PlaceUnfit> =>
  task(mounts, ({ mount }) => mount(image, directory, options))

/** Unmounts the root of an image at a directory. Fails if something else is mounted there, and if a process uses it. */
export const unmount = (directory: string): Task<void, PlaceUnfit> =>
  task(mounts, ({ unmount }) => unmount(directory))

const program = () => import("../program/Extract.ts")
const mounts = () => import("../program/MountRoot.ts")
