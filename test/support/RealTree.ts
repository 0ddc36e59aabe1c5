/** What is in a directory, as lstat(2) and the rest tell it: names as bytes, one character each, at any depth. */
import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs"
import * as Effect from "effect/Effect"
import type { ByteString } from "../../src/domain/text/ByteString.ts"
import * as DeepPath from "../../src/services/files/DeepPath.ts"
import { NativeCalls } from "../../src/services/files/NativeCalls.ts"

export interface RealNode {
  /** Relative, without a leading slash; the directory itself is "". */
  readonly path: string
  readonly kind: "directory" | "file" | "symlink" | "fifo" | "character" | "block" | "socket"
  readonly stat: BigIntStats
  /** A symlink's. */
  readonly target?: string
  /** A file's, unless it is large. */
  readonly content?: string
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>
}

/** More than any file that these tests look into; sparse files can be of any size. */
const LARGE = 1n << 20n

const calls = await Effect.runPromise(NativeCalls.pipe(Effect.provide(NativeCalls.layer)))

/** Parents first, and siblings in the order of their bytes. */
export const read = (top: string): ReadonlyArray<RealNode> => {
  const paths = DeepPath.under(top)
  const nodes: Array<RealNode> = []
  const visit = (path: string) => {
    const stat = lstatSync(paths.at(path), { bigint: true })
    const kind = kindOf(stat)
    nodes.push({
      path,
      kind,
      stat,
      ...(kind === "symlink" ? { target: readlinkSync(paths.at(path), { encoding: "latin1" }) } : {}),
      ...(kind === "file" && stat.size < LARGE ? { content: readFileSync(paths.at(path), "latin1") } : {}),
      xattrs: calls.listXattrs(paths.at(path))
    })
    if (kind !== "directory") return
    for (const name of readdirSync(paths.at(path), { encoding: "latin1" }).sort()) {
      visit(path === "" ? name : `${path}/${name}`)
    }
  }
  try {
    visit("")
  } finally {
    paths.close()
  }
  return nodes
}

const kindOf = (stat: BigIntStats): RealNode["kind"] => {
  if (stat.isDirectory()) return "directory"
  if (stat.isFile()) return "file"
  if (stat.isSymbolicLink()) return "symlink"
  if (stat.isFIFO()) return "fifo"
  if (stat.isCharacterDevice()) return "character"
  return stat.isBlockDevice() ? "block" : "socket"
}

/** `major:minor` of a device, from Linux's encoding of it. */
export const device = ({ rdev }: BigIntStats): string => {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn)
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & ~0xffn)
  return `${major}:${minor}`
}

/** Paths of files whose link count is not the number of their names in the tree: they have others elsewhere. */
export const linkedElsewhere = (nodes: ReadonlyArray<RealNode>): ReadonlyArray<string> => {
  const names = new Map<bigint, bigint>()
  for (const { stat } of nodes) names.set(stat.ino, (names.get(stat.ino) ?? 0n) + 1n)
  return nodes
    .filter(({ kind, stat }) => kind !== "directory" && names.get(stat.ino) !== stat.nlink)
    .map(({ path }) => path)
}

/** By node, the first of its names: names that share it are hardlinks of one another. */
export const firstNames = (nodes: ReadonlyArray<RealNode>): ReadonlyMap<RealNode, string> => {
  const byInode = new Map<bigint, string>()
  return new Map(
    nodes.map((node) => {
      const first = byInode.get(node.stat.ino) ?? node.path
      byInode.set(node.stat.ino, first)
      return [node, first]
    })
  )
}
