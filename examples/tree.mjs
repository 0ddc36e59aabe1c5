// @ts-check
/**
 * Task: merges the layers of an image in memory, and lists the tree: no file is written.
 *
 *     node examples/tree.mjs LAYOUT REF
 */
import { createReadStream } from "node:fs"
import { Blobs, ByteString, Layer, LayerMerge, Layouts, RootWalk, Session } from "oci-systemd-generator"

const [directory = "", ref = ""] = process.argv.slice(2)
const session = Session.open()
try {
  const image = await session.run(Layouts.open(directory, ref))
  const { config, manifest } = await session.run(image.resolve())
  /** @type {Array<{ entries: Array<import("oci-systemd-generator").LayerEntry.LayerEntry> }>} */
  const layers = []
  for (const [number, { digest, mediaType }] of manifest.layers.entries()) {
    const entries = []
    const diffId = config.rootfs.diff_ids[number]
    const options = { mediaType, digest, ...(diffId === undefined ? {} : { diffId }) }
    for await (const { entry } of Layer.read(createReadStream(Blobs.path(directory, digest)), options))
      entries.push(entry)
    layers.push({ entries })
  }
  const { tree } = await session.run(LayerMerge.merge(layers))
  for (const { kind, layer, metadata, path } of RootWalk.walk(tree)) {
    const { gid, mode, uid } = metadata
    console.log(
      `${kind} ${mode.toString(8)} ${uid}:${gid} /${ByteString.display(path)} (layer ${layer ?? "none"})`
    )
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  await session.close()
}
