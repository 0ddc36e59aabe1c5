/**
 * The tree that is installed into: the machine's own, or one below a directory, whose links lead nowhere but into it. Files are
 * replaced by renaming, so that a program that runs goes on with what it began with.
 */
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as AtomicReplace from "../files/AtomicReplace.ts"
import * as RootLookup from "../root/RootLookup.ts"

export class InstallFailed extends Schema.TaggedError<InstallFailed>()("InstallFailed", {
  path: Schema.String,
  cause: Schema.Defect
}) {
  override get message(): string {
    return `${this.path} cannot be changed: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

export interface InstallRoot {
  /** Nothing where no file is. */
  readonly read: (file: string) => Effect.Effect<Buffer | undefined, InstallFailed>
  readonly exists: (file: string) => Effect.Effect<boolean, InstallFailed>
  readonly write: (
    file: string,
    content: Uint8Array | string,
    mode: number
  ) => Effect.Effect<void, InstallFailed>
  readonly copy: (file: string, source: string, mode: number) => Effect.Effect<void, InstallFailed>
  /** A second name of a file of the tree. */
  readonly hardLink: (file: string, other: string) => Effect.Effect<void, InstallFailed>
  readonly link: (file: string, target: string) => Effect.Effect<void, InstallFailed>
  /** A file or link; nothing happens where none is. */
  readonly remove: (file: string) => Effect.Effect<void, InstallFailed>
  /** Unless it has something in it. */
  readonly removeDirectory: (directory: string) => Effect.Effect<void, InstallFailed>
  /** Of the directories that lead to a file, those that are not there. */
  readonly missingDirectories: (file: string) => Effect.Effect<readonly string[], InstallFailed>
  /** For everybody to read, whatever the umask is. */
  readonly makeDirectory: (directory: string) => Effect.Effect<void, InstallFailed>
  readonly list: (directory: string) => Effect.Effect<readonly string[], InstallFailed>
}

/** `root` is empty for the machine's own tree. */
export const make = (root: string): InstallRoot => {
  const attempt = <A>(file: string, act: (place: string) => A, find = placeOf) =>
    Effect.try({
      try: () => act(find(root, file)),
      catch: (cause) => new InstallFailed({ path: `${root}${file}`, cause })
    })
  const inDirectory = <A>(directory: string, act: (place: string) => A) =>
    attempt(directory, act, directoryOf)

  /** Flushed, as far as it is a file: a generator that is empty after a power cut hides every image. */
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

/** Directories are looked up in the tree, the last name is taken as it is: a link there is replaced, not followed. */
const placeOf = (root: string, file: string): string =>
  path.join(directoryOf(root, path.dirname(file)), path.basename(file))

const directoryOf = (root: string, directory: string): string => {
  if (root === "") return directory
  const found = RootLookup.destination(root, directory)
  if (found === undefined) throw new Error("its links lead nowhere")
  return path.join(root, found)
}

/** `/a/b/c` has `/a` and `/a/b`. */
const parents = (file: string): readonly string[] => {
  const components = path.dirname(file).split("/").slice(1)
  return components.map((_, index) => `/${components.slice(0, index + 1).join("/")}`)
}
