// @ts-check
/**
 * Task: lists the images of a layouts directory with their units, and what is wrong with them.
 *
 *     node examples/list.mjs LAYOUTS
 */
import { resolve } from "node:path"
import { Catalog, ImageName, Render, Settings, UnitName } from "oci-systemd-generator"

// Directories of settings are absolute paths.
const imagelayoutdir = resolve(process.argv[2] ?? "")
const { images, warnings } = Catalog.load(Settings.make({ system: { imagelayoutdir } }))
for (const image of images.filter(Catalog.isImage)) {
  const { name, stem } = image.context
  const { problem } = Render.image(image)
  console.log(ImageName.display(name), UnitName.service(stem), problem ?? "can run")
}
for (const warning of warnings) console.error(warning)
