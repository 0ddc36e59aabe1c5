// @ts-check
/**
 * Task: reads a layer from a stream, here of a file; `(await fetch(url)).body` would do as well. What it prints is verified
 * only if the program ends without an error: a digest is known at the end.
 *
 *     node examples/layer.mjs BLOB MEDIATYPE [DIGEST]
 */
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { ByteString, Digest, Layer } from "oci-systemd-generator"

const [blob = "", mediaType = "", digest = ""] = process.argv.slice(2)
try {
  const options = Digest.isDigest(digest) ? { mediaType, digest } : { mediaType }
  for await (const { data, entry } of Layer.read(createReadStream(blob), options)) {
    const hash = createHash("sha256")
    for await (const bytes of data) hash.update(bytes)
    console.log(entry._tag, ByteString.display(entry.path), entry._tag === "File" ? hash.digest("hex") : "")
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
