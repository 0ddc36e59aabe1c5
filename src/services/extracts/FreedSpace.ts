/** How much of the disk trees take up that nothing else does: what is there under several names counts with its last. */
import type { Buffer } from "node:buffer"
import { type BigIntStats, type Dirent, lstatSync, readdirSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as DeepPath from "../files/DeepPath.ts"
import * as Slices from "../files/CooperativeLoop.ts"

/** Bytes that removing all of them frees; what cannot be looked at counts for nothing. */
export const of = (tops: readonly string[]): Effect.Effect<number> =>
  Effect.suspend(() => {
    let blocks = 0n
    /** Names that have been seen, of files that have more. */
    const seen = new Map<string, bigint>()
    const count = (stats: BigIntStats): void => {
      if (stats.isDirectory() || stats.nlink <= 1n) {
        blocks += stats.blocks
        return
      }
      const key = `${stats.dev}:${stats.ino}`
      const names = (seen.get(key) ?? 0n) + 1n
      if (names < stats.nlink) seen.set(key, names)
      else {
        seen.delete(key)
        blocks += stats.blocks
      }
    }
    return Effect.forEach(tops, (top) => walk(top, count), { discard: true }).pipe(
      Effect.map(() => Number(blocks) * BLOCK)
    )
  })

const walk = (top: string, count: (stats: BigIntStats) => void): Effect.Effect<void> => {
  const tree = DeepPath.under(top)
  const pending = [""]
  const advance = (): boolean => {
    const path = pending.pop()
    if (path === undefined) return false
    try {
      const stats = lstatSync(tree.at(path), { bigint: true })
      count(stats)
      if (stats.isDirectory()) {
        for (const name of list(tree.at(path))) pending.push(path === "" ? name : `${path}/${name}`)
      }
    } catch {
      // It is gone, or nobody may know.
    }
    return true
  }
  return Slices.run(advance, (cause) => cause).pipe(
    Effect.ensuring(Effect.sync(() => tree.close())),
    Effect.orDie
  )
}

const list = (path: Buffer): readonly string[] =>
  (
    readdirSync(path, { withFileTypes: true, encoding: "buffer" }) as unknown as Array<
      Omit<Dirent, "name"> & { readonly name: Buffer }
    >
  ).map(({ name }) => name.toString("latin1"))

/** stat(2): blocks are of 512 bytes, whatever the file system's own are. */
const BLOCK = 512
