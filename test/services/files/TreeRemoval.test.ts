/**
 * Laws of removing a tree that others made: all of it goes, at any depth and with any names and modes, and nothing outside
 * of it does, whatever another process puts in the place of its directories meanwhile.
 */
import * as fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as DeepPath from "../../../src/services/files/DeepPath.ts"
import * as TemporaryDirectory from "../../../src/services/files/TemporaryDirectory.ts"
import * as TreeRemoval from "../../../src/services/files/TreeRemoval.ts"
import { asUser, NOBODY } from "../../support/AsUser.ts"
import { openBelow } from "../../support/OpenFiles.ts"
import * as RemovalRace from "../../support/RemovalRace.ts"

const isRoot = process.geteuid?.() === 0
const remove = (path: string) => TreeRemoval.remove(path, (cause) => cause as NodeJS.ErrnoException)

describe("TreeRemoval.remove", () => {
  it.scoped("removes files, links, pipes and directories, and no link's target", () =>
    Effect.gen(function* () {
      const place = yield* TemporaryDirectory.make()
      fs.mkdirSync(`${place}/kept`)
      fs.writeFileSync(`${place}/kept/file`, "kept")
      fs.mkdirSync(`${place}/tree/directory`, { recursive: true })
      fs.writeFileSync(Buffer.from(`${place}/tree/\xff\xfe`, "latin1"), "a name of bytes")
      fs.symlinkSync(`${place}/kept`, `${place}/tree/link`)
      fs.symlinkSync(`${place}/kept`, `${place}/tree/directory/link`)
      yield* remove(`${place}/tree`)
      assert.deepStrictEqual(fs.readdirSync(place), ["kept"])
      assert.deepStrictEqual(fs.readdirSync(`${place}/kept`), ["file"])
    })
  )

  it.scoped("removes a file or a link at the top, and nothing where nothing is", () =>
    Effect.gen(function* () {
      const place = yield* TemporaryDirectory.make()
      fs.writeFileSync(`${place}/file`, "")
      fs.symlinkSync(place, `${place}/link`)
      for (const name of ["file", "link", "missing", "missing/below", "file/below"])
        yield* remove(`${place}/${name}`)
      assert.deepStrictEqual(fs.readdirSync(place), [])
    })
  )

  it.scoped("removes a tree that is deeper than PATH_MAX and than a process may have files open", () =>
    Effect.gen(function* () {
      const place = yield* TemporaryDirectory.make()
      const tree = DeepPath.under(`${place}/tree`)
      fs.mkdirSync(`${place}/tree`)
      let path = ""
      for (let depth = 0; depth < 300; depth++) {
        path += `${depth === 0 ? "" : "/"}${String(depth).padStart(30, "d")}`
        fs.mkdirSync(tree.at(path))
        fs.writeFileSync(tree.at(`${path}/file`), "")
        fs.mkdirSync(tree.at(`${path}/${depth % 2 === 0 ? "a" : "z"}`))
      }
      tree.close()
      yield* remove(`${place}/tree`)
      assert.deepStrictEqual(fs.readdirSync(place), [])
      assert.deepStrictEqual(openBelow(place), [])
    })
  )

  it.scoped.skipIf(!isRoot)("opens up directories without permissions, as an ordinary user too", () =>
    Effect.gen(function* () {
      const place = yield* TemporaryDirectory.make()
      fs.mkdirSync(`${place}/tree/a/b`, { recursive: true })
      fs.writeFileSync(`${place}/tree/a/b/file`, "")
      for (const path of ["tree/a/b/file", "tree/a/b", "tree/a", "tree", "."]) {
        fs.chownSync(`${place}/${path}`, NOBODY, NOBODY)
        if (path !== ".") fs.chmodSync(`${place}/${path}`, 0)
      }
      yield* asUser(NOBODY, remove(`${place}/tree`))
      assert.deepStrictEqual(fs.readdirSync(place), [])
    })
  )

  it.scoped("says which directory it could not remove, by its path", () =>
    Effect.gen(function* () {
      const place = yield* TemporaryDirectory.make()
      const error = yield* Effect.flip(remove("/proc/self/ns/mnt"))
      assert.include(error.message, "'/proc/self/ns/mnt'")
      assert.deepStrictEqual(fs.readdirSync(place), [])
    })
  )

  it.effect("removes nothing outside of a tree whose directories another process exchanges for links", () =>
    RemovalRace.run((round) => round < 5)
  )
})
