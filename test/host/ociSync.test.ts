/** The example that follows a registry, with a skopeo, an oci-systemd and a systemctl of the test's own. */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, it } from "vitest"
import { temporary } from "../support/LayoutWriter.ts"

const SCRIPT = fileURLToPath(new URL("../../examples/many-machines/oci-sync", import.meta.url))

/** Writes down whether another run could fetch at the same time. */
const SKOPEO = `#!/bin/sh
case $1 in
  inspect) echo manifest ;;
  copy)
    if flock --nonblock "$OCI_SYNCED/.lock" true; then echo free; else echo held; fi >>"$CALLS"
    for last; do :; done
    place=\${last#oci:}
    mkdir -p "\${place%:*}/blobs/sha256"
    echo '{}' >"\${place%:*}/index.json"
    ;;
esac
`

it("only one run at a time fetches", () => {
  using directory = temporary()
  const at = (name: string) => join(directory.path, name)
  fs.mkdirSync(at("bin"))
  fs.writeFileSync(at("bin/skopeo"), SKOPEO, { mode: 0o755 })
  for (const name of ["oci-systemd", "systemctl"])
    fs.writeFileSync(at(`bin/${name}`), "#!/bin/sh\n", { mode: 0o755 })
  fs.mkdirSync(at("layouts"))
  fs.writeFileSync(at("list"), "myorg.com/app stable registry.example.org/app:stable\n")
  const { status, stderr } = spawnSync("sh", [SCRIPT, at("list")], {
    encoding: "utf8",
    env: {
      PATH: `${at("bin")}:${process.env.PATH}`,
      CALLS: at("calls"),
      OCI_LAYOUTS: at("layouts"),
      OCI_SYNCED: at("synced")
    }
  })
  assert.strictEqual(status, 0, stderr)
  assert.strictEqual(fs.readFileSync(at("calls"), "utf8"), "held\n")
  assert.isTrue(fs.statSync(at("layouts/myorg.com/app")).isDirectory())
})
