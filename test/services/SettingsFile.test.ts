import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { assert, it } from "vitest"
import { TEXT } from "../../src/domain/DefaultConfiguration.ts"
import { DEFAULTS, forImage } from "../../src/domain/Settings.ts"
import * as SettingsFile from "../../src/services/SettingsFile.ts"
import { temporary } from "../support/LayoutWriter.ts"

const load = (text: string) => {
  using directory = temporary()
  const file = join(directory.path, "oci.conf")
  writeFileSync(file, text)
  const loaded = Effect.runSync(SettingsFile.load(file))
  return { ...loaded, warnings: loaded.warnings.map((warning) => warning.replace(directory.path, "")) }
}

it("reads the given form", () => {
  const { settings, warnings } = load(
    "[system]\nimagelayoutdir=/srv/layouts/\n; a comment\n# another\nextractsdir = /srv/x\n"
  )
  assert.deepEqual(settings.system, { imagelayoutdir: "/srv/layouts", extractsdir: "/srv/x" })
  assert.deepEqual(warnings, [])
})

it("gives an image what the most exact pattern says, dots and all", () => {
  const { settings } = load(
    "[image myorg.com/*]\nroot = persistent\nwantedby = multi-user.target\n[image myorg.com/app:v1]\nroot = ephemeral\n[image *]\nroot = persistent\n"
  )
  const root = (layout: string, ref: string) => forImage(settings, { layout, ref }).root
  assert.equal(root("myorg.com/app", "v1"), "ephemeral")
  assert.equal(root("myorg.com/app", "v2"), "persistent")
  assert.equal(root("other.org/app", "v1"), "persistent")
  assert.deepEqual(forImage(settings, { layout: "myorg.com/app", ref: "v1" }).wantedby, ["multi-user.target"])
})

it("names file and line of what it does not understand, and reads on", () => {
  const { settings, warnings } = load(
    "[system]\nimagelayoutdir = relative\nnope = 1\n[other]\na = b\n[image *]\nroot = sometimes\nwantedby = x y\n[system]\nextractsdir = /srv/x\n"
  )
  assert.equal(settings.system.extractsdir, "/srv/x")
  assert.deepEqual(
    warnings.map((warning) => warning.split(":").slice(0, 2).join(":")),
    ["/oci.conf:2", "/oci.conf:3", "/oci.conf:5", "/oci.conf:7", "/oci.conf:8"]
  )
})

it("reads its own default configuration as the defaults", () => {
  assert.deepEqual(load(TEXT), { settings: DEFAULTS, warnings: [] })
  const uncommented = TEXT.replace(/^#(?=[a-z[])/gm, "")
  assert.deepEqual(load(uncommented).settings.system, DEFAULTS.system)
  assert.deepEqual(load(uncommented).warnings, [])
})

it("fails for a file that was asked for and is not there", () => {
  const failure = Effect.runSync(Effect.flip(SettingsFile.load("/nonexistent/oci.conf")))
  assert.equal(failure.message, "/nonexistent/oci.conf is missing")
})
