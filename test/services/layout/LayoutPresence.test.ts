/** Gone, or only not to be seen. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "vitest"
import * as LayoutPresence from "../../../src/services/layout/LayoutPresence.ts"
import { LayoutWriter, temporary } from "../../support/LayoutWriter.ts"

const LAYOUT = "example.org/app"

it.each<[what: string, gone: boolean, prepare: (root: string) => void]>([
  ["nothing is there", true, (root) => rmSync(join(root, LAYOUT), { recursive: true })],
  ["nothing is left of its parent", true, (root) => rmSync(join(root, "example.org"), { recursive: true })],
  ["it is read, and has lost a reference", true, () => {}],
  [
    "its directory holds nothing that makes a layout",
    true,
    (root) => {
      rmSync(join(root, LAYOUT), { recursive: true })
      mkdirSync(join(root, LAYOUT))
    }
  ],
  ["its index cannot be read", false, (root) => writeFileSync(join(root, LAYOUT, "index.json"), "{")],
  ["its index is missing", false, (root) => rmSync(join(root, LAYOUT, "index.json"))],
  [
    "it is a link that leads nowhere",
    false,
    (root) => {
      rmSync(join(root, LAYOUT), { recursive: true })
      symlinkSync("/nonexistent", join(root, LAYOUT))
    }
  ],
  [
    "its parent is such a link",
    false,
    (root) => {
      rmSync(join(root, "example.org"), { recursive: true })
      symlinkSync("/nonexistent", join(root, "example.org"))
    }
  ]
])("where %s, a layout that is gone: %s", (_, gone, prepare) => {
  using directory = temporary()
  const layout = new LayoutWriter(join(directory.path, LAYOUT))
  layout.index(layout.named("v1", layout.image()))
  prepare(directory.path)
  assert.equal(LayoutPresence.isGone(directory.path, LAYOUT), gone)
})

it("what belongs on a file system that is not mounted is not gone", () => {
  using directory = temporary()
  mkdirSync(join(directory.path, "example.org"))
  const fstab = join(directory.path, "fstab")
  writeFileSync(fstab, `# a comment\n/dev/sdb ${directory.path}/example.org ext4 defaults 0 2\n`)
  assert.isFalse(LayoutPresence.isGone(directory.path, LAYOUT, fstab))
  assert.isTrue(LayoutPresence.isGone(directory.path, "other.org/app", fstab))
})
