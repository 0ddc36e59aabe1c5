import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import type { Digest } from "../../../src/domain/document/Digest.ts"
import * as ChainId from "../../../src/domain/image/ChainId.ts"
import { sha256 } from "../../support/unitArbitraries.ts"

const diffId = (digit: string) => `sha256:${digit.repeat(64)}` as Digest
const hash = (text: string) => `sha256:${createHash("sha256").update(text, "utf8").digest("hex")}`

describe("ChainId.fromDiffIds", () => {
  it("of one layer is its diff id", () => {
    assert.strictEqual(ChainId.fromDiffIds([diffId("a")], sha256), diffId("a"))
    const sha512 = `sha512:${"d".repeat(128)}` as Digest
    assert.strictEqual(ChainId.fromDiffIds([sha512], sha256), sha512)
  })

  it("of several is hashed from the lowest up (image-spec config.md)", () => {
    const two = hash(`${diffId("a")} ${diffId("b")}`)
    const three = hash(`${two} ${diffId("c")}`)
    assert.strictEqual(ChainId.fromDiffIds([diffId("a"), diffId("b")], sha256), two)
    assert.strictEqual(ChainId.fromDiffIds([diffId("a"), diffId("b"), diffId("c")], sha256), three)
  })

  it("is a known value", () =>
    // printf 'sha256:aa… sha256:bb…' | sha256sum
    assert.strictEqual(
      ChainId.fromDiffIds([diffId("a"), diffId("b")], sha256),
      "sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c"
    ))

  it("depends on the order", () =>
    assert.notStrictEqual(
      ChainId.fromDiffIds([diffId("a"), diffId("b")], sha256),
      ChainId.fromDiffIds([diffId("b"), diffId("a")], sha256)
    ))
})
