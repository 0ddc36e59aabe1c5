// @ts-check
/**
 * Task: compares the units that images have now with those in a directory, for example before a reload.
 *
 *     node examples/compare.mjs LAYOUTS UNITS
 */
import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { Catalog, Render, Settings, UnitFile } from "oci-systemd-generator"

const [layouts = "", directory = ""] = process.argv.slice(2)
const { images } = Catalog.load(Settings.make({ system: { imagelayoutdir: resolve(layouts) } }))
for (const image of images) {
  for (const file of Render.image(image).files) {
    let written
    try {
      written = readFileSync(join(directory, file.name), "utf8")
    } catch {
      console.log(`new: ${file.name}`)
      continue
    }
    console.log(`${written === UnitFile.render(file) ? "same" : "different"}: ${file.name}`)
  }
}
