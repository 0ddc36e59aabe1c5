// @ts-check
/**
 * Task: makes an image of a binary, as a layout that this program and skopeo read.
 *
 *     node examples/make.mjs LAYOUT REF BINARY
 */
import { readFile } from "node:fs/promises"
import { Layer, LayoutWriter } from "oci-systemd-generator"

const [directory = "", ref = "", binary = ""] = process.argv.slice(2)
const layout = await LayoutWriter.open(directory)
const members = [Layer.directory("bin"), Layer.file("bin/app", await readFile(binary), { mode: 0o755 })]
const { digest } = await layout.image({ ref, layers: [members], config: { Entrypoint: ["/bin/app"] } })
console.log(digest)
