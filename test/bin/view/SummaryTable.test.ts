/** The table of images: whatever the width, what is copied from it is there whole. */
import { assert, describe, it } from "vitest"
import * as SummaryTable from "../../../src/bin/view/SummaryTable.ts"
import * as Style from "../../../src/bin/text/Style.ts"

const summary = (image: string, unit: string) => ({
  image,
  unit,
  platform: "linux/amd64",
  size: 123456789,
  manifest: null,
  extracted: true,
  enabled: false,
  enabledBy: [],
  problem: null
})
const ROWS = [
  summary("library.debian.org/trixie:trixie", "org.debian.library.trixie.ref.trixie.service"),
  summary("myorg.com/myapp:v1-rc.1", "com.myorg.myapp.ref.v1-rc.1.service")
]

const lines = (width: number) => SummaryTable.render(ROWS, width).map(Style.strip)

describe("the table of images", () => {
  it.each([20, 40, 80, 90, 100, 200, Number.POSITIVE_INFINITY])(
    "has images and units whole in %d columns",
    (width) => {
      for (const [index, { image, unit }] of ROWS.entries()) {
        const line = lines(width)[index + 1] ?? ""
        assert.deepEqual(line.split(/ {2,}/).slice(0, 2), [image, unit])
      }
    }
  )

  it("leaves out other columns, those that matter least first", () => {
    const titles = (width: number) => (lines(width)[0] ?? "").trim().split(/ +/)
    assert.deepEqual(titles(80), ["IMAGE", "UNIT"])
    assert.deepEqual(titles(90), ["IMAGE", "UNIT", "ENABLED"])
    assert.deepEqual(titles(110), ["IMAGE", "UNIT", "SIZE", "EXTRACTED", "ENABLED"])
    assert.deepEqual(titles(200), ["IMAGE", "UNIT", "PLATFORM", "SIZE", "MANIFEST", "EXTRACTED", "ENABLED"])
  })
})
