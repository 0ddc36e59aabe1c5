/** An image of three small layers with something of everything: quick to extract, hundreds of times. */
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import type { Digest } from "../../../src/domain/document/Digest.ts"
import { LayoutWriter, MANIFEST, sha256 } from "../../support/LayoutWriter.ts"
import { archive, member } from "../../support/TarWriter.ts"

const DIRECTORIES = 20
const FILES = 15
const LARGE = 2 ** 19

const directory = (name: string, mode = 0o755) => member({ name: `${name}/`, type: "5", mode })
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)
const content = (name: string, size: number) =>
  `${name}\n`.repeat(size / (name.length + 1) + 1).slice(0, size)
const file = (name: string, size: number, mode = 0o644) => member({ name, mode }, content(name, size))

const LOWEST = archive(
  directory("."),
  ...numbers(DIRECTORIES).flatMap((top) => [
    directory(`d${top}`, top === 7 ? 0o555 : 0o755),
    ...numbers(FILES).map((number) => file(`d${top}/f${number}`, 500 * (number + 1)))
  ]),
  ...numbers(4).map((number) => file(`large${number}`, LARGE, 0o4755)),
  member({ name: "link", type: "2", link: "d1" })
)

const MIDDLE = archive(
  ...numbers(FILES).map((number) => file(`d3/f${number}`, 3000, 0o600)),
  ...numbers(FILES).map((number) => member({ name: `d4/hard${number}`, type: "1", link: `d5/f${number}` })),
  file("link/through", 10),
  member({ name: "d6/pipe", type: "6" })
)

const UPPER = archive(
  member({ name: "d8/.wh..wh..opq" }),
  file("d8/only", 100),
  member({ name: ".wh.d11" }),
  member({ name: "d9/.wh.f1" }),
  file("d10", 200)
)

const OTHER = archive(
  directory("other"),
  ...numbers(DIRECTORIES).map((number) => file(`other/f${number}`, 10_000))
)

/** Writes an image below `layouts`, as `example.org/NAME:v1`. Returns the paths of its layers' blobs. */
const write = (layouts: string, name: string, layers: readonly Buffer[]): readonly string[] => {
  const writer = new LayoutWriter(join(layouts, "example.org", name))
  const blobs = layers.map((tar) => writer.blob(`${LAYER}.tar+gzip`, gzipSync(tar)))
  const image = writer.image(
    { rootfs: { type: "layers", diff_ids: layers.map(sha256) } },
    { mediaType: MANIFEST, layers: blobs }
  )
  writer.index(writer.named("v1", image))
  return blobs.map(({ digest }) => join(writer.path, writer.blobPath(digest)))
}

/** `example.org/small:v1` */
export const writeSmallImage = (layouts: string): readonly string[] =>
  write(layouts, "small", [LOWEST, MIDDLE, UPPER])

/** The diff id of its lowest layer. */
export const SMALL_LOWEST = sha256(LOWEST) as Digest

/** Two images of the same two layers, in opposite orders. Returns their names. */
export const writeCrossedImages = (layouts: string): readonly [string, string] => {
  write(layouts, "one", [LOWEST, OTHER])
  write(layouts, "two", [OTHER, LOWEST])
  return ["example.org/one:v1", "example.org/two:v1"]
}

const LAYER = "application/vnd.oci.image.layer.v1"
