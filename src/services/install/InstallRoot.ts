/**
 * The file system tree to install into: the machine's own, or one below a directory, whose links are resolved inside
 * it. Files are replaced by renaming, so a running program keeps the files that it began with.
 */

import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import * as AtomicReplace from "../files/AtomicReplace.ts"
import * as SystemCall from "../files/SystemCall.ts"
import * as RootLookup from "../root/RootLookup.ts"

export class InstallFailed extends Data.TaggedError("InstallFailed")<{
  readonly path: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `${this.path} cannot be changed: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

export interface InstallRoot {
  /** Returns the content; undefined if there is no such file. */
  readonly read: (file: string) => Effect.Effect<Buffer | undefined, InstallFailed>
  readonly exists: (file: string) => Effect.Effect<boolean, InstallFailed>
  readonly write: (
    file: string,
    content: Uint8Array | string,
    mode: number
  ) => Effect.Effect<void, InstallFailed>
  readonly copy: (file: string, source: string, mode: number) => Effect.Effect<void, InstallFailed>
  /** Gives a file of the tree a second name. */
  readonly hardLink: (file: string, other: string) => Effect.Effect<void, InstallFailed>
  readonly link: (file: string, target: string) => Effect.Effect<void, InstallFailed>
  /** Removes a file or link, if it exists. */
  readonly remove: (file: string) => Effect.Effect<void, InstallFailed>
  /** Removes a directory, unless it contains something. */
  readonly removeDirectory: (directory: string) => Effect.Effect<void, InstallFailed>
  /** Returns the directories on the way to a file that do not exist. */
  readonly missingDirectories: (file: string) => Effect.Effect<readonly string[], InstallFailed>
  /** Makes a directory that everybody can read, whatever the umask is. */
  readonly makeDirectory: (directory: string) => Effect.Effect<void, InstallFailed>
  readonly list: (directory: string) => Effect.Effect<readonly string[], InstallFailed>
}

/** Opens a tree. `root` is empty for the machine's own. */
export const make = (root: string): InstallRoot => {
  const attempt = <A>(file: string, act: (place: string) => A, find = placeOf) =>
    SystemCall.attempt(
      () => act(find(root, file)),
      (cause) => new InstallFailed({ path: `${root}${file}`, cause })
    )
  const inDirectory = <A>(directory: string, act: (place: string) => A) =>
    attempt(directory, act, directoryOf)

  /**
   * Replaces a file or link. A file is flushed, because a generator that is empty after a power cut would hide every
   * image.
   */
  const replace = (file: string, make: (temporary: string) => void) =>
    attempt(file, (place) =>
      AtomicReplace.replace(place, (temporary) => {
        make(temporary)
        if (fs.lstatSync(temporary).isFile()) flush(temporary)
      })
    )

  return {
    read: (file) => attempt(file, (place) => (fs.existsSync(place) ? fs.readFileSync(place) : undefined)),
    exists: (file) => attempt(file, (place) => fs.lstatSync(place, { throwIfNoEntry: false }) !== undefined),
    write: (file, content, mode) =>
      replace(file, (temporary) => {
        fs.writeFileSync(temporary, content, { flag: "wx" })
        fs.chmodSync(temporary, mode)
      }),
    copy: (file, source, mode) =>
      replace(file, (temporary) => {
        fs.copyFileSync(source, temporary, fs.constants.COPYFILE_EXCL)
        fs.chmodSync(temporary, mode)
      }),
    hardLink: (file, other) => replace(file, (temporary) => fs.linkSync(placeOf(root, other), temporary)),
    link: (file, target) => replace(file, (temporary) => fs.symlinkSync(target, temporary)),
    remove: (file) => attempt(file, (place) => fs.rmSync(place, { force: true })),
    removeDirectory: (directory) =>
      inDirectory(directory, (place) => {
        if (fs.existsSync(place) && fs.readdirSync(place).length === 0) fs.rmdirSync(place)
      }),
    missingDirectories: (file) =>
      attempt(file, () => parents(file).filter((directory) => !fs.existsSync(directoryOf(root, directory)))),
    makeDirectory: (directory) =>
      inDirectory(directory, (place) => {
        fs.mkdirSync(place)
        fs.chmodSync(place, 0o755)
      }),
    list: (directory) =>
      inDirectory(directory, (place) => (fs.existsSync(place) ? fs.readdirSync(place).sort() : []))
  }
}

const flush = (file: string): void => {
  const descriptor = fs.openSync(file, "r")
  try {
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}

export const digest = (content: Uint8Array | string): string =>
  createHash("sha256").update(content).digest("hex")

/**
 * Finds the place of a file. Directories are resolved in the tree; a link as the last name is replaced, not followed.
 */
const placeOf = (root: string, file: string): string =>
  path.join(directoryOf(root, path.dirname(file)), path.basename(file))

const directoryOf = (root: string, directory: string): string => {
  if (root === "") return directory
  const found = RootLookup.destination(root, directory)
  if (found === undefined) throw new Error("its links lead nowhere")
  return path.join(root, found)
}

/** Lists the parents: `/a/b/c` has `/a` and `/a/b`. */
const parents = (file: string): readonly string[] => {
  const components = path.dirname(file).split("/").slice(1)
  return components.map((_, index) => `/${components.slice(0, index + 1).join("/")}`)
}
