/** What must never change while a hostile layer is extracted: a tree beside the root that it would like to reach. */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import * as RealTree from "./RealTree.ts"

type Snapshot = ReadonlyMap<string, string>

export class Canary {
  /** Absolute, and without a link in it. */
  readonly path: string
  readonly #watched: ReadonlyArray<string>
  readonly #listed: ReadonlyArray<string>
  readonly #before: Snapshot

  /** Plants it at `path`. What is in `watched` must not change either; of `listed`, the names in it must not. */
  constructor(
    path: string,
    also: { readonly watched?: readonly string[]; readonly listed?: readonly string[] }
  ) {
    this.path = path
    plant(path)
    this.#watched = [path, ...(also.watched ?? [])]
    this.#listed = also.listed ?? []
    this.#before = this.#look()
  }

  /** A line for each thing that is not as it was; none when all is well. */
  changes(): readonly string[] {
    const after = this.#look()
    return [...new Set([...this.#before.keys(), ...after.keys()])].flatMap((name) => {
      const [was, is] = [this.#before.get(name), after.get(name)]
      return was === is ? [] : [`${name}: was ${was ?? "not there"}, is ${is ?? "gone"}`]
    })
  }

  #look(): Snapshot {
    return new Map([
      ...this.#watched.flatMap((top) =>
        RealTree.read(top).map((node) => [join(top, node.path), portrait(node)] as const)
      ),
      ...this.#listed.map(
        (directory) => [`names in ${directory}`, readdirSync(directory).sort().join(" ")] as const
      )
    ])
  }
}

/** One of each, with modes, owners, times and attributes that would show a change. */
const plant = (path: string): void => {
  mkdirSync(join(path, "dir/inner"), { recursive: true })
  mkdirSync(join(path, "empty"))
  // The names that random layers have.
  mkdirSync(join(path, "b/b"), { recursive: true })
  for (const name of ["a", "b/a", "b/b/c"]) writeFileSync(join(path, name), "alive")
  symlinkSync("b", join(path, "c"))
  writeFileSync(join(path, "file"), "alive")
  writeFileSync(join(path, "dir/inner/file"), "alive as well")
  writeFileSync(join(path, "secret"), "secret", { mode: 0o600 })
  writeFileSync(join(path, "setuid"), "program")
  linkSync(join(path, "file"), join(path, "hard"))
  symlinkSync("file", join(path, "link"))
  symlinkSync(join(path, "dir"), join(path, "dirlink"))
  symlinkSync("nowhere", join(path, "dangling"))
  execFileSync("mkfifo", [join(path, "fifo")])
  if (process.geteuid?.() === 0) chownSync(join(path, "setuid"), 1234, 2345)
  chmodSync(join(path, "setuid"), 0o4711)
  chmodSync(join(path, "empty"), 0o1777)
  chmodSync(join(path, "dir"), 0o750)
  for (const name of ["file", "secret", "setuid", "dir", "empty", "."]) utimesSync(join(path, name), 1, 123.5)
}

/** The time of change shows what was done and undone; the time of access is nobody's business. */
const portrait = ({ content, kind, stat, target, xattrs }: RealTree.RealNode): string =>
  [
    kind,
    (stat.mode & 0o7777n).toString(8),
    `${stat.uid}:${stat.gid}`,
    `inode ${stat.ino}`,
    `${stat.nlink} names`,
    `${stat.size} bytes`,
    `modified ${stat.mtimeNs}`,
    `changed ${stat.ctimeNs}`,
    ...(target === undefined ? [] : [`-> ${target}`]),
    ...(content === undefined ? [] : [createHash("sha256").update(content, "latin1").digest("hex")]),
    ...[...xattrs].map(([name, value]) => `${name}=${Buffer.from(value).toString("hex")}`)
  ].join(", ")
