/** The attack that removal has to withstand: a process that exchanges a directory of the tree for a link to what must stay. */
import * as fs from "node:fs"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as TemporaryDirectory from "../../src/services/files/TemporaryDirectory.ts"
import * as TreeRemoval from "../../src/services/files/TreeRemoval.ts"
import * as Exchanger from "./Exchanger.ts"

/** Removes a tree so attacked, as often as `goesOn` says, and asserts each time that the tree is gone and that nothing else is. */
export const run = (goesOn: (round: number) => boolean) =>
  Effect.gen(function* () {
    const place = yield* TemporaryDirectory.make(fs.existsSync(MEMORY) ? MEMORY : undefined)
    const names = Array.from({ length: FILES }, (_, index) => `file${index}`)
    fs.mkdirSync(`${place}/precious`)
    for (const name of names) fs.writeFileSync(`${place}/precious/${name}`, "")
    fs.mkdirSync(`${place}/precious/inner`, 0o500)
    let exchanges = 0
    for (let round = 0; goesOn(round); round++) {
      const tree = `${place}/tree`
      fs.mkdirSync(`${tree}/swapped/inner`, { recursive: true })
      for (const name of names) fs.writeFileSync(`${tree}/swapped/${name}`, "")
      fs.symlinkSync(`${place}/precious`, `${tree}/link`)
      const outcome = yield* Effect.scoped(
        Effect.gen(function* () {
          const exchanger = yield* Exchanger.start([[`${tree}/swapped`, `${tree}/link`]])
          const outcome = yield* Effect.either(TreeRemoval.remove(tree, (cause) => cause))
          exchanges += yield* exchanger.stop
          return outcome
        })
      )
      assert.sameMembers(fs.readdirSync(`${place}/precious`), [...names, "inner"])
      assert.strictEqual(fs.statSync(`${place}/precious/inner`).mode & 0o777, 0o500)
      assert.deepStrictEqual(outcome, Either.right(undefined))
      assert.isFalse(fs.existsSync(tree))
    }
    assert.isAbove(exchanges, 0)
    return exchanges
  }).pipe(Effect.scoped)

/** In memory a name is exchanged a hundred thousand times a second. */
const MEMORY = "/dev/shm"
const FILES = 3000
