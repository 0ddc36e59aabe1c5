/** Units that outlive their image, for as long as its service runs. */
import { mkdirSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "vitest"
import * as RunningUnits from "../../../src/services/unit/RunningUnits.ts"
import { temporary } from "../../support/LayoutWriter.ts"

describe("RunningUnits.of", () => {
  it("has those of roots that no image is there for, and of no others", () => {
    using directory = temporary()
    const { path } = directory
    const service = (name: string, mounted: boolean, units: Readonly<Record<string, string>>) => {
      if (mounted) mkdirSync(`${path}/roots/${name}`, { recursive: true })
      mkdirSync(`${path}/scratch/${name}/units`, { recursive: true })
      for (const [unit, text] of Object.entries(units)) {
        writeFileSync(`${path}/scratch/${name}/units/${unit}`, text)
      }
    }
    service("here", true, { "here.service": "" })
    service("gone", true, { "gone.service": "[Unit]\n", "oci-scratch@gone.service": "x", ".oci-1": "half" })
    service("before", false, { "before.service": "" })
    mkdirSync(`${path}/roots/stopped`)
    mkdirSync(`${path}/scratch/odd/units/odd.service`, { recursive: true })
    mkdirSync(`${path}/roots/odd`)
    const units = RunningUnits.of(path, new Set(["here"]), `${path}/roots`)
    assert.deepStrictEqual(units.map(({ name, text }) => [name, Buffer.from(text).toString()]).sort(), [
      ["gone.service", "[Unit]\n"],
      ["oci-scratch@gone.service", "x"]
    ])
  })

  it("has none where nothing ever ran", () => {
    assert.deepStrictEqual(RunningUnits.of("/nonexistent", new Set(), "/nonexistent"), [])
  })
})
