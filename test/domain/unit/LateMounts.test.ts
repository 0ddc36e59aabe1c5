import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import * as LateMounts from "../../../src/domain/unit/LateMounts.ts"
import { render } from "../../../src/domain/unit/UnitFile.ts"

const HOST = { cli: ["/usr/bin/node", "/usr/lib/oci/oci-systemd.cjs"] } as const

const units = (...sightings: readonly LateMounts.DirectorySighting[]) =>
  Either.getOrThrow(LateMounts.units(HOST, sightings))
const saw = (directory: string, seen: string, realPath = directory) => ({ directory, seen, realPath })

describe("LateMounts.units", () => {
  it("hand over what was seen, look before sysinit.target, and wait for no mount", () => {
    const { files, links } = units(saw("/a", "5:6:0"), saw("/a/100%", "missing"))
    const [first, ...others] = files
    if (first === undefined) return assert.fail("no unit")
    assert.strictEqual(
      render(first),
      `# Made by oci-systemd-generator, and made anew at every daemon-reload. See docs/late-mounts.md.

[Unit]
Description=Look for OCI images after file systems are mounted
DefaultDependencies=no
After=local-fs.target systemd-tmpfiles-setup.service
Before=sysinit.target
Conflicts=shutdown.target
Before=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
Slice=system.slice
ExecStart=@:/usr/lib/oci/oci-layouts "/usr/lib/oci/oci-layouts" "/a" "5:6:0" "/a/100%%" "missing"
TimeoutStartSec=180s
SyslogIdentifier=oci-layouts
`
    )
    assert.deepStrictEqual(
      others.map(({ name }) => name),
      ["oci-layouts-automounted.service", "oci-layouts@a.service", "oci-layouts@a-100\\x25.service"]
    )
    assert.deepStrictEqual(links, [
      { path: "sysinit.target.wants/oci-layouts.service", target: "../oci-layouts.service" },
      { path: "a.mount.wants/oci-layouts@a.service", target: "../oci-layouts@a.service" },
      {
        path: "a.automount.wants/oci-layouts-automounted.service",
        target: "../oci-layouts-automounted.service"
      },
      {
        path: "a-100\\x25.mount.wants/oci-layouts@a-100\\x25.service",
        target: "../oci-layouts@a-100\\x25.service"
      },
      {
        path: "a-100\\x25.automount.wants/oci-layouts-automounted.service",
        target: "../oci-layouts-automounted.service"
      }
    ])
  })

  it("come and go with each mount on the way, by either name, and look after the boot's own look", () => {
    const { files } = units(saw("/var/lib/oci", "1:2:0", "/data/oci"), saw("/var/lib", "3:4:0"))
    assert.deepStrictEqual(
      files.slice(2).map(({ name }) => name),
      ["data", "data-oci", "var", "var-lib", "var-lib-oci"].map((path) => `oci-layouts@${path}.service`)
    )
    for (const file of files.slice(2)) {
      const mount = file.name.replace("oci-layouts@", "").replace(".service", ".mount")
      const text = render(file)
      assert.include(text, `\nBindsTo=${mount}\n`)
      assert.include(text, `\nAfter=${mount} oci-layouts.service\n`)
      assert.notInclude(text, "sysinit.target")
    }
  })

  it("leave out what is too deep to be the name of a unit", () => {
    const long = `/${"x".repeat(300)}`
    assert.lengthOf(units(saw(`/a${long}/b`, "missing")).files, 3)
  })
})
