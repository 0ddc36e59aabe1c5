/**
 * Computes how much disk space removing trees frees. A file with several names only counts if all of them are
 * removed.
 */
import { type BigIntStats, lstatSync } from "node:fs"
import { basename, dirname } from "node:path"
import * as Effect from "effect/Effect"
import * as CooperativeLoop from "../files/CooperativeLoop.ts"
import { DirectoryDescent } from "../files/DirectoryDescent.ts"

/** Returns the bytes that removing all these trees frees. Unreadable files do not count. */
export const of = (tops: readonly string[]): Effect.Effect<number> =>
  Effect.suspend(() => {
    let blocks = 0n
    /** How many names were seen of each file with several names. */
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

const walk = (top: string, count: (stats: BigIntStats) => void): Effect.Effect<void> =>
  Effect.suspend(() => {
    let descent: DirectoryDescent | undefined
    const pending: string[][] = [[Buffer.from(basename(top)).toString("latin1")]]
    const advance = (): boolean => {
      try {
        descent ??= new DirectoryDescent(dirname(top))
      } catch {
        return false
      }
      const name = pending[pending.length - 1]?.pop()
      if (name === undefined) {
        pending.pop()
        if (pending.length === 0) return false
        descent.leave()
        return true
      }
      try {
        const stats = lstatSync(descent.at(name), { bigint: true })
        count(stats)
        if (stats.isDirectory() && descent.enter(name) !== undefined) {
          pending.push([])
          pending[pending.length - 1] = descent.list().map((entry) => entry.name)
        }
      } catch {
        // The file is gone, or cannot be read.
      }
      return true
    }
    return CooperativeLoop.run(advance, (cause) => cause).pipe(
      // A tree that was moved elsewhere meanwhile is only counted in part.
      Effect.ignore,
      Effect.ensuring(Effect.sync(() => descent?.close()))
    )
  })

/** The unit of blocks in stat(2), whatever the file system's own is. */
const BLOCK = 512
