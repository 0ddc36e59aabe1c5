/** enable and disable: their own file and no other, and what the configuration says then. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { display, type ImageName } from "../../src/domain/naming/ImageName.ts"
import * as EnablingFile from "../../src/domain/settings/EnablingFile.ts"
import * as Settings from "../../src/domain/settings/Settings.ts"
import * as Enable from "../../src/program/Enable.ts"
import * as SettingsFile from "../../src/services/host/SettingsFile.ts"
import { sha256 } from "../../src/services/layout/Blobs.ts"
import { temporary } from "../support/LayoutWriter.ts"

const IMAGE: ImageName = { layout: "example.org/app", ref: "v1" }
const OTHER: ImageName = { layout: "example.org/other", ref: "v1" }
const TARGET = "multi-user.target"

interface Place {
  readonly places: SettingsFile.Places
  readonly dropIns: string
  readonly files: () => readonly string[]
  readonly wantedBy: (image: ImageName) => readonly string[]
  readonly enable: (units?: readonly string[]) => Either.Either<Enable.Change, { readonly message: string }>
  readonly disable: () => Either.Either<Enable.Change, { readonly message: string }>
}

const withPlace = (configuration: string, test: (place: Place) => void): void => {
  using directory = temporary()
  const dropIns = join(directory.path, "conf.d")
  mkdirSync(dropIns)
  const file = join(directory.path, "conf")
  writeFileSync(file, configuration)
  const places = { file, dropIns: [join(directory.path, "usr.d"), dropIns] }
  test({
    places,
    dropIns,
    files: () => readdirSync(dropIns),
    wantedBy: (image) =>
      Settings.forImage(Effect.runSync(SettingsFile.load(undefined, places)).settings, image).wantedby,
    enable: (units = [TARGET]) => Effect.runSync(Effect.either(Enable.enable(IMAGE, units, places))),
    disable: () => Effect.runSync(Effect.either(Enable.disable(IMAGE, places)))
  })
}

const made = (change: Either.Either<Enable.Change, { readonly message: string }>): string =>
  Either.match(change, { onLeft: ({ message }) => message, onRight: ({ made }) => made })

const FILE = "50-enabled-example.org%2Fapp:v1.conf"

describe("enable", () => {
  it("is a file of its own, and disable takes it away; either is done once", () =>
    withPlace("", ({ disable, enable, files, wantedBy }) => {
      assert.equal(made(enable()), "created")
      assert.deepEqual(files(), [FILE])
      assert.deepEqual([wantedBy(IMAGE), wantedBy(OTHER)], [[TARGET], []])
      assert.equal(made(enable()), "nothing")
      assert.equal(made(disable()), "removed")
      assert.deepEqual([files(), wantedBy(IMAGE)], [[], []])
      assert.equal(made(disable()), "nothing")
    }))

  it("adds to the units that start it already, in whichever file, and keeps those", () => {
    const text = "[image example.org/*]\nwantedby = graphical.target\n"
    withPlace(text, ({ disable, enable, places, wantedBy }) => {
      assert.equal(made(enable()), "created")
      assert.deepEqual(wantedBy(IMAGE), ["graphical.target", TARGET])
      assert.deepEqual(wantedBy(OTHER), ["graphical.target"])
      assert.equal(made(enable(["timers.target"])), "changed")
      assert.deepEqual(wantedBy(IMAGE), ["graphical.target", TARGET, "timers.target"])
      assert.equal(made(disable()), "removed")
      assert.deepEqual(wantedBy(IMAGE), ["graphical.target"])
      assert.equal(readFileSync(places.file, "utf8"), text)
    })
  })

  it("has nothing to do where a file of somebody else's says so, and names it", () =>
    withPlace(`[image *]\nwantedby = ${TARGET}\n`, ({ disable, enable, files, places }) => {
      const change = Either.getOrThrow(enable())
      assert.deepEqual([change.made, change.others, files()], ["nothing", [`${places.file}:2`], []])
      assert.equal(
        made(disable()),
        `example.org/app:v1 is enabled by ${places.file}:2, which oci-systemd enable did not write`
      )
    }))

  it("says who says otherwise, and leaves nothing", () =>
    withPlace("", ({ dropIns, enable, files }) => {
      writeFileSync(join(dropIns, "90-mine.conf"), `[image ${display(IMAGE)}]\nwantedby =\n`)
      assert.equal(
        made(enable()),
        `example.org/app:v1 cannot be enabled: ${dropIns}/90-mine.conf:2 contradicts`
      )
      assert.deepEqual(files(), ["90-mine.conf"])
    }))

  it("leaves a file alone that was edited by hand", () =>
    withPlace("", ({ disable, dropIns, enable, files }) => {
      enable()
      writeFileSync(join(dropIns, FILE), `${readFileSync(join(dropIns, FILE), "utf8")}root = persistent\n`)
      assert.match(made(disable()), /^example\.org\/app:v1 has a file that was edited by hand: /)
      assert.match(made(enable(["graphical.target"])), /has a file that was edited by hand/)
      assert.deepEqual(files(), [FILE])
    }))

  it.each([
    [["no unit"], 'example.org/app:v1 cannot be enabled: "no" is not the name of a unit'],
    [[""], ""]
  ])("takes names of units alone: %j", (units, reason) =>
    withPlace("", ({ enable, files }) => {
      assert.include(made(enable(units)), reason)
      assert.isAtMost(files().length, 0)
    })
  )

  it.each([
    ["a*", "v1"],
    ["a]", "v1"],
    ["a", "v1\nwantedby = x.target"],
    ["a", "v1 "]
  ])("an image %j:%j cannot be named by a section", (layout, ref) =>
    assert.isDefined(EnablingFile.fault({ layout, ref }))
  )

  it("whatever an image is called, it alone is enabled, in one file of its own", () =>
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.record({
            layout: fc.string({
              unit: fc.constantFrom("a", "b", "/", ".", "%", "é", "*", " ", "=", "#", ";", "'", '"', "\\"),
              minLength: 1,
              maxLength: 6
            }),
            ref: fc.string({
              unit: fc.constantFrom("a", "1", "-", ":", "#", " ", ";", '"', "]"),
              minLength: 1,
              maxLength: 4
            })
          }),
          { selector: display, minLength: 2, maxLength: 4 }
        ),
        (images) =>
          withPlace("", ({ files, places, wantedBy }) => {
            const [image = IMAGE, ...others] = images
            const change = Effect.runSync(Effect.either(Enable.enable(image, [TARGET], places)))
            if (EnablingFile.fault(image) !== undefined) {
              assert.isTrue(Either.isLeft(change))
              assert.deepEqual(files(), [])
              return
            }
            assert.deepEqual(files(), [EnablingFile.nameOf(image, sha256)])
            assert.deepEqual(wantedBy(image), [TARGET])
            for (const other of others) assert.deepEqual(wantedBy(other), [], display(other))
            Effect.runSync(Enable.disable(image, places))
            assert.deepEqual(files(), [])
          })
      )
    ))

  it("where nothing can be written, it says so", () =>
    withPlace("", ({ places }) => {
      const result = Effect.runSync(
        Effect.either(Enable.enable(IMAGE, [TARGET], { ...places, dropIns: ["/proc/nothing"] }))
      )
      assert.match(made(result), /cannot be enabled or disabled: \/proc\/nothing\//)
      assert.isFalse(existsSync("/proc/nothing"))
    }))
})
