/**
 * Removes a tree that others made: links are never followed, directories without permissions are opened up, names
 * are bytes and paths of any depth. (`fs.rm` stops at PATH_MAX and, for an ordinary user, at a 0555 directory.) What is
 * mounted below it from another file system is not removed, and neither is what it is mounted in.
 */

import type { Buffer } from "node:buffer"
import { chmodSync, type Dirent, lstatSync, readdirSync, rmdirSync, unlinkSync } from "node:fs"
import type * as Effect from "effect/Effect"
import * as DeepPath from "./DeepPath.ts"
import * as Slices from "./CooperativeLoop.ts"

type Item = { readonly path: string; readonly kind: "directory" | "emptied" | "other" }

/** Removes whatever is at `top`; nothing being there is fine. */
export const remove = <E>(top: string, failed: (cause: unknown) => E): Effect.Effect<void, E> => {
  const tree = DeepPath.under(top)
  const pending: Array<Item> = []
  let begun = false
  let device: number | undefined

  const advance = (): boolean => {
    if (!begun) {
      begun = true
      const stats = lstatSync(top, { throwIfNoEntry: false })
      device = stats?.dev
      if (stats !== undefined) pending.push({ path: "", kind: stats.isDirectory() ? "directory" : "other" })
    }
    const item = pending.pop()
    if (item === undefined) {
      tree.close()
      return false
    }
    const { kind, path } = item
    if (kind === "other") unlessGone(() => unlinkSync(tree.at(path)))
    else if (kind === "emptied") unlessGone(() => rmdirSync(tree.at(path)))
    else {
      pending.push({ path, kind: "emptied" })
      unlessGone(() => {
        if (lstatSync(tree.at(path)).dev !== device) throw otherFileSystem(tree.at(path))
        chmodSync(tree.at(path), 0o700)
        for (const child of list(tree.at(path))) {
          const name = child.name.toString("latin1")
          pending.push({
            path: path === "" ? name : `${path}/${name}`,
            kind: child.isDirectory() ? "directory" : "other"
          })
        }
      })
    }
    return true
  }

  return Slices.run(advance, (cause) => {
    tree.close()
    return failed(cause)
  })
}

/** Shaped as Node's own errors are. */
const otherFileSystem = (path: Buffer): NodeJS.ErrnoException =>
  Object.assign(new Error(`EXDEV: another file system is mounted at ${path.toString()}`), {
    code: "EXDEV",
    syscall: "rmdir",
    path: path.toString()
  })

/** Node's types know no `Dirent` of bytes. */
const list = (path: Buffer): ReadonlyArray<Omit<Dirent, "name"> & { readonly name: Buffer }> =>
  readdirSync(path, { withFileTypes: true, encoding: "buffer" }) as never

const unlessGone = (body: () => void): void => {
  try {
    body()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause
  }
}
