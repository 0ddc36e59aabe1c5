/** What oci-systemd(1) says of a command besides its own one sentence: why and when, with the same markup as `Roff`. */
import type { Block } from "./Roff.ts"

/** A command that is not here has its sentence alone. */
export const NOTES: Readonly<Record<string, readonly Block[]>> = {
  list: [
    "An image whose manifest or configuration cannot be used is listed with the reason. Its service exists, and fails with that reason when it is started."
  ],
  inspect: [
    "Each directive of the units is shown with what it comes from: the image, the configuration, or this program."
  ],
  "dry-run": [
    "Facts that only an extracted root can tell, such as the number of a named user, are in the units of images that are extracted."
  ],
  extract: [
    "Without it, the first start of a service extracts its image. Layers and roots that are there already are not made again."
  ],
  verify: [
    "Without `--deep`, only blobs are read. With it, every path of an extracted root is compared with what the layers say: type, mode, owner, times, links, extended attributes and content. The exit status is 1 where anything differs."
  ],
  prepare: ["Not for people: `oci-prepare@`*UNIT* runs it before each start of a service."]
}
