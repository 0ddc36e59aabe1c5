/** The table of images: whatever the width, what is copied from it is there whole. */
import { assert, describe, it } from "vitest"
import * as Style from "../../../src/bin/text/Style.ts"
import * as SummaryTable from "../../../src/bin/view/SummaryTable.ts"
import type { Digest } from "../../../src/domain/document/Digest.ts"
import type { ServiceState } from "../../../src/domain/unit/ServiceState.ts"
import type { Summary } from "../../../src/program/Summary.ts"

const DIGEST = `sha256:${"ab".repeat(32)}` as Digest
const summary = (image: string, unit: string): Summary => ({
  image,
  unit,
  platform: "linux/amd64",
  size: 123456789,
  manifest: null,
  extracted: true,
  ports: ["80/tcp"] as readonly string[] | null,
  enabled: false,
  enabledBy: [],
  state: null,
  signedBy: null,
  problem: null,
  artifact: null
})
const RUNNING: ServiceState = {
  active: "active",
  sub: "running",
  since: "1970-01-01T00:00:00.000Z",
  restarts: 0,
  memory: 1_234_567,
  health: null
}
const ROWS = [
  {
    ...summary("library.debian.org/trixie:trixie", "org.debian.library.trixie.ref.trixie.service"),
    state: RUNNING
  },
  summary("myorg.com/myapp:v1-rc.1", "com.myorg.myapp.ref.v1-rc.1.service")
]

const lines = (width: number) => SummaryTable.render(ROWS, { width, now: 0 }).map(Style.strip)

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
    assert.deepEqual(titles(95), ["IMAGE", "UNIT", "STATE"])
    assert.deepEqual(titles(120), ["IMAGE", "UNIT", "STATE", "MEMORY", "PORTS", "ENABLED"])
    assert.deepEqual(titles(200), [
      "IMAGE",
      "UNIT",
      "STATE",
      "MEMORY",
      "PLATFORM",
      "PORTS",
      "SIZE",
      "MANIFEST",
      "EXTRACTED",
      "ENABLED"
    ])
  })

  it("has no columns of what is unknown of all, but on a terminal alone", () => {
    const titles = (width: number, more: Partial<Summary> = {}) =>
      SummaryTable.render([{ ...summary("a:v1", "a.service"), ...more }], { width, now: 0 }).map(
        Style.strip
      )[0]
    assert.notMatch(titles(200) ?? "", /STATE|MEMORY|SIGNED/)
    assert.match(titles(200, { signedBy: "/etc/key.pub" }) ?? "", /ENABLED +SIGNED BY$/)
    assert.match(titles(Number.POSITIVE_INFINITY) ?? "", /STATE +MEMORY .* SIGNED BY/)
  })

  const signature: Summary = {
    ...summary("myorg.com/myapp:sha256-ab.sig", ""),
    unit: null,
    artifact: { kind: "cosign signature", type: "application/x", subject: DIGEST }
  }
  it("says below what an artifact is, on a terminal", () => {
    const [, , ...said] = SummaryTable.render([signature], { width: 120, now: 0, hasArtifacts: true }).map(
      Style.strip
    )
    assert.deepEqual(said, [`  a cosign signature of ${DIGEST}, not an image`])
  })

  it("says in the last column what an artifact is, elsewhere", () => {
    const [titles, image, artifact] = SummaryTable.render([...ROWS.slice(0, 1), signature], {
      width: Number.POSITIVE_INFINITY,
      now: 0,
      hasArtifacts: true
    })
      .map(Style.strip)
      .map((line) => line.trim())
    assert.match(titles ?? "", /PROBLEM +ARTIFACT$/)
    assert.notInclude(image, "signature")
    assert.match(
      artifact ?? "",
      new RegExp(`^myorg.com/myapp:sha256-ab.sig +- .* a cosign signature of ${DIGEST}$`)
    )
    assert.notInclude(lines(Number.POSITIVE_INFINITY)[0], "ARTIFACT")
  })

  it("shows the first ports on which an image says that it listens", () => {
    const shown = (ports: readonly string[] | null) =>
      SummaryTable.render([{ ...summary("a:v1", "a.service"), ports }], {
        width: Number.POSITIVE_INFINITY,
        now: 0
      })
        .map(Style.strip)[1]
        ?.split(/ {2,}/)[5]
    assert.strictEqual(shown(["443/tcp", "443/udp"]), "443/tcp 443/udp")
    assert.strictEqual(shown(["1/tcp", "2/tcp", "3/tcp", "4/tcp", "5/tcp"]), "1/tcp 2/tcp 3/tcp …")
    assert.strictEqual(shown([]), "-")
    assert.strictEqual(shown(null), "-")
  })
})
