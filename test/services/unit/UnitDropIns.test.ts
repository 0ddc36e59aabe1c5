/** What administrators say of a unit is found where systemd finds it. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, it } from "vitest"
import * as UnitDropIns from "../../../src/services/unit/UnitDropIns.ts"
import { temporary } from "../../support/LayoutWriter.ts"

it("drop-ins are listed as systemd reads them, and what stands instead of the unit is named", () => {
  using directory = temporary()
  const root = directory.path
  const write = (path: string): string => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), "[Service]\n")
    return join(root, path)
  }
  const unit = "org.my-example.app.ref.v1.service"
  assert.deepEqual(UnitDropIns.of(unit, root), { dropIns: [], instead: undefined })
  const own = write(`/etc/systemd/system/${unit}.d/20-own.conf`)
  const all = write("/etc/systemd/system/service.d/10-all.conf")
  const some = write("/run/systemd/system/org.my-.service.d/30-some.conf")
  write(`/run/systemd/system/${unit}.d/20-own.conf`)
  write("/etc/systemd/system/service.d/30-some.conf")
  write(`/etc/systemd/system/${unit}.d/README`)
  write("/run/systemd/system/service.d/40-masked.conf")
  symlinkSync("/dev/null", join(root, `/etc/systemd/system/${unit}.d/40-masked.conf`))
  assert.deepEqual(UnitDropIns.of(unit, root).dropIns, [all, own, some])
  const instead = write(`/run/systemd/system/${unit}`)
  assert.equal(UnitDropIns.of(unit, root).instead, instead)
})
