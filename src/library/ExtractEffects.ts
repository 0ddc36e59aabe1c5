/** Makes root filesystems of images, as effects: in the extracts, with all that services need, or in any directory. */
export * from "../program/Extract.ts"
export * from "../program/ExtractFailed.ts"
export { mount, PlaceUnfit, unmount } from "../program/MountRoot.ts"
export { DirectoryUnfit, type Unpacked, unpack as into } from "../program/Unpack.ts"
export type { MissingPrivilege } from "../services/files/MissingPrivileges.ts"
