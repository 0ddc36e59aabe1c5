/** Installed scripts are run by a Node that systemd finds. */
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "vitest"
import * as MachineExamination from "../../../src/services/host/MachineExamination.ts"
import * as InstallSource from "../../../src/services/install/InstallSource.ts"
import { temporary } from "../../support/LayoutWriter.ts"

const withScript = (
  firstLine: string,
  test: (file: InstallSource.SourceFile, nodeAtHome: string) => void
): void => {
  using directory = temporary()
  const path = join(directory.path, "oci-systemd.cjs")
  const node = join(directory.path, "node")
  writeFileSync(path, `${firstLine}\ncode()\n`)
  writeFileSync(node, "")
  test({ name: "oci-systemd.cjs", path, isExecutable: true, identity: undefined }, node)
}

it.each([
  ["#!/usr/bin/env node", ""],
  ["#!/usr/bin/env -S node --max-semi-space-size=4", " --max-semi-space-size=4"]
])("%s becomes the Node that installs, where systemd would not find it", (firstLine, flags) =>
  withScript(firstLine, (file, node) => {
    assert.equal(InstallSource.forThisNode(file, node), `#!${node}${flags}\ncode()\n`)
  })
)

it("stays as it is where it is no script that is run", () =>
  withScript("#!/usr/bin/env node", (file, node) => {
    assert.isUndefined(InstallSource.forThisNode({ ...file, isExecutable: false }, node))
    assert.isUndefined(InstallSource.forThisNode({ ...file, name: "oci-health" }, node))
  }))

it("stays as it is where systemd finds that very Node", () => {
  const found = MachineExamination.SYSTEMD_PATH.map((path) => `${path}/node`).find((path) => existsSync(path))
  withScript("#!/usr/bin/env node", (file) => {
    if (found !== undefined) assert.isUndefined(InstallSource.forThisNode(file, found))
  })
})
