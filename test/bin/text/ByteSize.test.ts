import { assert, describe, it } from "vitest"
import * as ByteSize from "../../../src/bin/text/ByteSize.ts"

describe("ByteSize", () => {
  it.each([
    [0, "0 B"],
    [812, "812 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1536, "1.5 KiB"],
    [102_400, "100 KiB"],
    [1024 * 1024 - 1, "1.0 MiB"],
    [312 * 2 ** 20, "312 MiB"],
    [5 * 2 ** 40, "5.0 TiB"],
    [2 ** 62, "4096 PiB"]
  ])("%d is %s", (bytes, text) => assert.equal(ByteSize.render(bytes), text))
})
