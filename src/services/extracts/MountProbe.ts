/**
 * Tries whether the kernel mounts an EROFS image from a file. This needs Linux 6.12, and a file system from whose
 * files the kernel can mount.
 */
import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import * as Either from "effect/Either"
import * as ErofsImage from "../../domain/erofs/ErofsImage.ts"
import { RootTree } from "../../domain/root/RootTree.ts"
import { type MountCalls, MountRefused } from "../files/MountCalls.ts"
import * as Privileges from "../files/Privileges.ts"

/**
 * Returns why no image can be mounted from a file in a directory, or `undefined` where that is possible. An image of an
 * empty root, with one layer beside it, is written there, mounted at no place, and removed.
 */
export const whyNot = (calls: MountCalls, directory: string): string | undefined =>
  probe(calls, directory).reason

/**
 * Does the same, but tries once: the function that is returned remembers what the kernel said, for directories of one file
 * system. A full disk or another error of the system is not remembered.
 */
export const remembering = (calls: MountCalls): ((directory: string) => string | undefined) => {
  let said: Probed | undefined
  return (directory) => {
    said ??= probe(calls, directory)
    const { isFinal, reason } = said
    if (!isFinal) said = undefined
    return reason
  }
}

/** The result of a try. `reason` says why an image cannot be mounted; `isFinal` is true if another try would end in the same way. */
interface Probed {
  readonly reason: string | undefined
  readonly isFinal: boolean
}

const probe = (calls: MountCalls, directory: string): Probed => {
  if (!Privileges.isRoot()) return { reason: "only root can mount one", isFinal: false }
  const [image, layer] = [`${directory}/probe.erofs`, `${directory}/probe.tar`]
  try {
    fs.writeFileSync(layer, new Uint8Array(EMPTY_ARCHIVE), PRIVATE)
    const made = Either.getOrThrow(ErofsImage.of(new RootTree(), [{ diffId: "", size: EMPTY_ARCHIVE }]))
    fs.writeFileSync(image, Buffer.concat(Array.from(made.pieces(), (piece) => Buffer.from(piece))), PRIVATE)
    fs.closeSync(
      calls.open("erofs", [
        ["source", image],
        ["device", layer]
      ])
    )
    return { reason: undefined, isFinal: true }
  } catch (cause) {
    const reason = `the kernel mounts no EROFS image from a file of this file system: ${(cause as Error).message}`
    return { reason, isFinal: cause instanceof MountRefused }
  } finally {
    for (const path of [image, layer]) fs.rmSync(path, { force: true })
  }
}

/** Two blocks of zeros are an archive without entries. */
const EMPTY_ARCHIVE = 1024
const PRIVATE = { flag: "wx", mode: 0o600 }
