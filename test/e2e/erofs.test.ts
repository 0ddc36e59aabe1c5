/** Images of layers before other judges: Debian 13's fsck.erofs and dump.erofs, and a peer, its mkfs.erofs --tar=i. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, beforeAll, describe, it } from "vitest"
import { layouts } from "../support/ErofsLayouts.ts"
import * as Place from "../support/ErofsPlace.ts"
import { baseRoot } from "./support/BaseRoot.ts"
import { run } from "./support/Command.ts"
import { erofs, tree } from "./support/ErofsUtils.ts"
import { skipReason } from "./support/Requirements.ts"

const skipped = skipReason() !== undefined
/** The kernel is the host's: a run that requires end-to-end tests can install packages, but no kernel. */
const noMounts = await Place.whyNoMounts()
if (noMounts !== undefined) console.error(`skipped: ${noMounts}`)

const devices = (place: Place.ErofsPlace) => place.devices.map((device) => `--device=${device}`)

/**
 * fsck.erofs 1.8.6 ends by a segmentation fault where an image of 512-byte blocks says that it has a checksum, and
 * mkfs.erofs writes none. The kernel checks ours; for fsck.erofs a copy does not mention it.
 */
const withoutChecksum = (place: Place.ErofsPlace): string => {
  const image = readFileSync(place.image)
  image.writeUInt32LE(image.readUInt32LE(FEATURE_COMPAT) & ~SB_CHKSUM, FEATURE_COMPAT)
  writeFileSync(join(place.directory, "plain.erofs"), image)
  return "plain.erofs"
}
const FEATURE_COMPAT = 1024 + 8
const SB_CHKSUM = 1

describe.skipIf(skipped)("EROFS images", () => {
  beforeAll(async () => void (await tree()))

  describe("fsck.erofs finds nothing wrong with", () => {
    it.each(Object.entries(layouts))("%s", async (_, archives) => {
      using place = Place.write(archives)
      const { stdout } = await erofs(place.directory, [
        "fsck.erofs",
        ...devices(place),
        withoutChecksum(place)
      ])
      assert.strictEqual(stdout, "")
    })
  })

  it("dump.erofs reads what was written", async () => {
    using place = Place.write(layouts["one of each type"] ?? [])
    const said = (await erofs(place.directory, ["dump.erofs", "-s", "image.erofs"])).stdout
    assert.match(said, /blocksize: +512$/m)
    assert.match(said, /inode count: +8$/m)
    assert.match(said, /features: +sb_csum mtime chunked_file device_table *$/m)
    const file = (await erofs(place.directory, ["dump.erofs", "--path=/hardlink", "image.erofs"])).stdout
    assert.match(file, /Size: 4 .*regular file$/m)
    assert.match(file, /Links: 2 /)
    assert.match(file, /Access: 0755/)
  })

  describe.skipIf(noMounts !== undefined)("of a real system", () => {
    it("is mounted as the image that mkfs.erofs --tar=i makes of the same layer", async () => {
      const root = await baseRoot("trixie")
      // Whole seconds: mkfs.erofs 1.8.6 reads the fraction .5 of a time as five nanoseconds.
      const pax = "--pax-option=delete=atime,delete=ctime,delete=mtime"
      const options = ["--create", "--format=pax", pax, "--xattrs"]
      // What differs from run to run, and what is too much to read twice, stays away.
      const without = ["proc", "sys", "dev", "usr/share/locale", "usr/lib/x86_64-linux-gnu"]
      using empty = Place.write([])
      const archive = join(empty.directory, "layer.tar")
      await run([
        "tar",
        ...options,
        ...without.map((path) => `--exclude=./${path}`),
        ...["--file", archive, "--directory", root, "."]
      ])
      const layer = readFileSync(archive)
      using place = Place.write([layer])
      await erofs(place.directory, ["mkfs.erofs", "--tar=i", "--quiet", "peer.erofs", "0"])
      using ours = await Place.mount(place)
      using theirs = await Place.mount({ ...place, image: join(place.directory, "peer.erofs") })
      const found = Place.pictureAt(ours.path)
      assert.isAbove(Object.keys(found).length, 1000)
      assert.deepStrictEqual(found, Place.pictureAt(theirs.path))
      const fsck = await erofs(place.directory, ["fsck.erofs", ...devices(place), withoutChecksum(place)])
      assert.strictEqual(fsck.stdout, "")
    })
  })
})
