import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { assert, it } from "vitest"
import { TEXT } from "../../../src/domain/settings/DefaultConfiguration.ts"
import * as ImageSettings from "../../../src/domain/settings/ImageSettings.ts"
import { DEFAULTS, faultsFor, forImage } from "../../../src/domain/settings/Settings.ts"
import * as SystemSettings from "../../../src/domain/settings/SystemSettings.ts"
import * as SettingsFile from "../../../src/services/host/SettingsFile.ts"
import { temporary } from "../../support/LayoutWriter.ts"

const load = (text: string | Buffer) => {
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
  assert.deepEqual(settings.system, {
    ...SystemSettings.DEFAULTS,
    imagelayoutdir: "/srv/layouts",
    extractsdir: "/srv/x"
  })
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
    ["/oci.conf:2", "/oci.conf:3", "/oci.conf:4", "/oci.conf:7", "/oci.conf:8"]
  )
})

it("names file and line of what is neither a section nor a key with a value", () => {
  const { settings, warnings } = load(
    "[image *]\nuser\n[image *\nroot = persistent # said by hand\n= x\n[image *] ; again\nhealth = off\n"
  )
  const { root, health, user } = forImage(settings, { layout: "a", ref: "b" })
  assert.deepEqual({ root, health, user }, { root: "ephemeral", health: "off", user: undefined })
  assert.deepEqual(
    warnings,
    [2, 3, 5].map((line) => `/oci.conf:${line}: neither a [section] nor “key = value”`)
  )
})

it("no line after a malformed head counts for the section before it", () => {
  const { settings } = load("[image of/strangers]\nhealth = off\n[image of/ours\nprofile = trusted\n")
  const { health, profile } = forImage(settings, { layout: "of/strangers", ref: "b" })
  assert.deepEqual({ health, profile }, { health: "off", profile: "default" })
})

it.each([
  "[Image *]\nsignedby = /k.pub",
  "[images *]\nsignedby = /k.pub",
  "[image]\nsignedby = /k.pub",
  "[image other]\n[image *\nsignedby = /k.pub",
  "signedby = /k.pub",
  "[system]\nsignedby = /k.pub",
  "[system]\nSignedIdentity = exact",
  "[image *]\nsignedby = /k.pub\n[image *]\nsignedby[] = /k2.pub",
  "[image *]\nsignedby = /k.pub\n[image *]\nsignedby = null"
])("no image runs without a check where signedby is written wrongly: %j", (text) => {
  const { settings, warnings } = load(text)
  const faults = faultsFor(settings, { layout: "a", ref: "b" })
  assert.lengthOf(faults, 1)
  assert.include(warnings, faults[0]?.message.replace(/^.*(?=\/oci\.conf)/, ""))
})

it("a section of an image that sets signedby counts before a line that is in no section", () => {
  const { settings } = load("[Image *]\nsignedby = /k.pub\n[image a]\nsignedby = /k.pub")
  assert.deepEqual(faultsFor(settings, { layout: "a", ref: "b" }), [])
  assert.lengthOf(faultsFor(settings, { layout: "c", ref: "b" }), 1)
})

it("takes a health check's command unchanged, comments and quotes included", () => {
  const { settings, warnings } = load(
    `[image *]\n HealthCmd=  a "b" 'c' || d; e # f\\;g  \nhealthinterval = 5s # often\nhealthtimeout = x\n`
  )
  const { healthcmd, healthinterval } = forImage(settings, { layout: "a", ref: "b" })
  assert.deepEqual(healthcmd, ["CMD-SHELL", `a "b" 'c' || d; e # f\\;g`])
  assert.equal(healthinterval, 5000)
  assert.deepEqual(warnings, [
    '/oci.conf:4: healthtimeout = "x": a time is expected, for example 30s, 1m30s or 500ms'
  ])
})

it("tells of a file that is not UTF-8, and knows a byte order mark", () => {
  assert.deepEqual(load("\ufeff[system]\nextractsdir = /srv/x\n").settings.system.extractsdir, "/srv/x")
  const { warnings } = load(Buffer.from("[system]\n# \xe9\n", "latin1"))
  assert.deepEqual(warnings, ["/oci.conf is not UTF-8: invalid bytes are shown as �"])
})

it("reads its own default configuration as the defaults", () => {
  assert.deepEqual(load(TEXT), { settings: DEFAULTS, warnings: [] })
  const { settings, warnings } = load(TEXT.replace(/^#(?=[a-z[])/gm, ""))
  assert.deepEqual(warnings, [])
  assert.deepEqual(settings.system, SystemSettings.DEFAULTS)
  assert.deepEqual(forImage(settings, { layout: "a", ref: "b" }), ImageSettings.DEFAULTS)
  // Every key was there, or the defaults above said nothing.
  assert.sameMembers(
    settings.rules.flatMap((rule) => Object.keys(rule.settings)),
    Object.keys(ImageSettings.KEYS)
  )
  for (const key of Object.keys(SystemSettings.KEYS)) assert.match(TEXT, new RegExp(`^#${key} =`, "m"))
})

/** Drop-ins by directory, the least important first; `null` is a link to /dev/null. */
const loadAll = (
  main: string | undefined,
  ...dropIns: ReadonlyArray<Readonly<Record<string, string | null>>>
) => {
  using directory = temporary()
  const file = join(directory.path, "oci.conf")
  if (main !== undefined) writeFileSync(file, main)
  const directories = dropIns.map((files, index) => {
    const path = join(directory.path, `d${index}`)
    mkdirSync(path)
    for (const [name, text] of Object.entries(files)) {
      if (text === null) symlinkSync("/dev/null", join(path, name))
      else writeFileSync(join(path, name), text)
    }
    return path
  })
  const places = { file, dropIns: [...directories, join(directory.path, "missing")] }
  const { settings, warnings } = Effect.runSync(SettingsFile.load(undefined, places))
  return {
    extractsdir: settings.system.extractsdir,
    warnings: warnings.map((warning) => warning.replace(directory.path, ""))
  }
}

it("tells of a drop-in that is a link to nowhere", () => {
  using directory = temporary()
  symlinkSync("/nowhere", join(directory.path, "a.conf"))
  const places = { file: join(directory.path, "oci.conf"), dropIns: [directory.path] }
  const { warnings } = Effect.runSync(SettingsFile.load(undefined, places))
  assert.deepEqual(warnings, [`${directory.path}/a.conf is missing`])
})

const says = (path: string) => `[system]\nextractsdir = ${path}\n`

it("looks for drop-ins where systemd looks for its own", () => {
  assert.deepEqual(SettingsFile.DEFAULT_PLACES, {
    file: "/etc/oci-generator.conf",
    dropIns: ["/usr/lib/oci-generator.conf.d", "/run/oci-generator.conf.d", "/etc/oci-generator.conf.d"]
  })
})

for (const [what, main, dropIns, expected] of [
  ["nothing at all is the default", undefined, [{}, {}, {}], SystemSettings.DEFAULTS.extractsdir],
  ["a drop-in counts more than the file", says("/main"), [{ "a.conf": says("/usr") }], "/usr"],
  ["drop-ins are read without the file", undefined, [{ "a.conf": says("/usr") }], "/usr"],
  [
    "of two with one name the more important directory's counts",
    undefined,
    [{ "a.conf": says("/usr") }, { "a.conf": says("/run") }, { "a.conf": "" }],
    SystemSettings.DEFAULTS.extractsdir
  ],
  [
    "the name orders them, not the directory",
    says("/main"),
    [{ "90-last.conf": says("/usr") }, { "50-middle.conf": says("/run") }, { "10-first.conf": says("/etc") }],
    "/usr"
  ],
  ["a link to /dev/null masks", says("/main"), [{ "a.conf": says("/usr") }, {}, { "a.conf": null }], "/main"],
  [
    "a mask in a less important directory masks nothing",
    says("/main"),
    [{ "a.conf": null }, { "a.conf": says("/run") }],
    "/run"
  ],
  [
    "other names are no drop-ins",
    says("/main"),
    [{ "a.conf.bak": says("/usr"), conf: says("/usr") }],
    "/main"
  ]
] as const) {
  it(`drop-ins: ${what}`, () =>
    assert.deepEqual(loadAll(main, ...dropIns), { extractsdir: expected, warnings: [] }))
}

it("warns of the drop-in and the line that it does not understand", () => {
  const { warnings } = loadAll(undefined, { "a.conf": "[image *]\n\nroot = nowhere\n" })
  assert.deepEqual(warnings, [
    '/d0/a.conf:3: root = "nowhere": one of ephemeral, persistent, readonly is expected'
  ])
})

it("fails for a file that was asked for and is not there", () => {
  const failure = Effect.runSync(Effect.flip(SettingsFile.load("/nonexistent/oci.conf")))
  assert.equal(failure.message, "/nonexistent/oci.conf is missing")
})
