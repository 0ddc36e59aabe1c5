import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import fc from "fast-check"
import * as EnvironmentLine from "../../src/domain/EnvironmentLine.ts"
import * as ExecStart from "../../src/domain/ExecStart.ts"
import { ROOT_MODES, type RootMode } from "../../src/domain/ImageSettings.ts"
import * as ImageUnits from "../../src/domain/ImageUnits.ts"
import type { RootFacts } from "../../src/domain/RootFacts.ts"
import * as StubUnit from "../../src/domain/StubUnit.ts"
import * as UnitFile from "../../src/domain/UnitFile.ts"
import * as UnitName from "../../src/domain/UnitName.ts"
import { path, prose, type UnitValue } from "../../src/domain/UnitValue.ts"
import * as Systemd from "../support/SystemdSyntax.ts"
import {
  contextOf,
  hostileText,
  imageOf,
  labels,
  numRuns,
  processConfig,
  sha256,
  variableName
} from "../support/unitArbitraries.ts"

/** The one value of a unit that holds one directive: whatever else the text makes of itself is an error. */
const readBack = (key: string, value: UnitValue): string => {
  const text = UnitFile.render({
    name: "x.service",
    comments: [],
    sections: [{ name: "Service", directives: [UnitFile.directive(key, value)] }]
  })
  const sections = Systemd.readUnit(text)
  assert.strictEqual(sections.length, 1)
  assert.strictEqual(sections[0]?.entries.length, 1)
  const [readKey, readValue] = sections[0]?.entries[0] ?? ["", ""]
  assert.strictEqual(readKey, key)
  return readValue
}

const components = fc
  .array(hostileText, { minLength: 1, maxLength: 3 })
  .map((parts) => `/${parts.map((part) => part.replaceAll("/", "")).join("/")}`)

describe("what is written, systemd reads back", () => {
  it("parsing a rendered argument vector gives it back", () =>
    fc.assert(
      fc.property(fc.array(hostileText, { minLength: 1, maxLength: 6 }), (argv) => {
        const value = readBack("ExecStart", Either.getOrThrow(ExecStart.render("/bin/app", argv)))
        assert.deepStrictEqual(Systemd.readCommands(value), [{ prefixes: "@:", path: "/bin/app", argv }])
      }),
      { numRuns }
    ))

  it("parsing a rendered executable gives it back, or it was refused", () =>
    fc.assert(
      fc.property(components, (executable) => {
        const rendered = ExecStart.render(executable, ["x"])
        if (Either.isLeft(rendered)) {
          assert.match(executable, /["'\\\p{Cc}]|\/$/u)
          return
        }
        const value = readBack("ExecStart", rendered.right)
        assert.deepStrictEqual(Systemd.readCommands(value), [
          { prefixes: "@:", path: executable, argv: ["x"] }
        ])
      }),
      { numRuns }
    ))

  it("parsing a rendered assignment gives it back", () =>
    fc.assert(
      fc.property(variableName, hostileText, (name, value) => {
        const line = readBack("Environment", Either.getOrThrow(EnvironmentLine.render({ name, value })))
        assert.deepStrictEqual(Systemd.readEnvironment(line), [[name, value]])
      }),
      { numRuns }
    ))

  it("parsing a rendered path gives it back, or it was refused", () =>
    fc.assert(
      fc.property(components, (text) => {
        const rendered = path("the path", text)
        if (Either.isLeft(rendered)) {
          assert.match(text, /[\p{Cc}]|[\s\\]$/u)
          return
        }
        assert.strictEqual(Systemd.readPath(readBack("WorkingDirectory", rendered.right)), text)
      }),
      { numRuns }
    ))

  it("a description stays on its line and names no specifier", () =>
    fc.assert(
      fc.property(hostileText, (text) => {
        assert.isAtMost([...Systemd.specifiers(readBack("Description", prose(text)))].length, 200)
      }),
      { numRuns }
    ))
})

/** The units of an image that says nothing odd: nothing that an image says changes the keys of all but the service. */
const tameFiles = (root: RootMode): readonly UnitFile.UnitFile[] => {
  const context = contextOf({ settings: { ...contextOf().settings, root } })
  return Either.getOrThrow(ImageUnits.render(context, imageOf({ Cmd: ["/bin/app"] }), {})).files
}

/** What follows `KillMode=` is the same for every image. */
const sandboxKeys = (root: RootMode): readonly string[] => {
  const [service] = tameFiles(root)
  const all = service === undefined ? [] : (keys(service).Service ?? [])
  return all.slice(all.indexOf("KillMode") + 1)
}

const facts: fc.Arbitrary<RootFacts> = fc.oneof(
  fc.constant<RootFacts>({}),
  fc.record({ home: components, groups: fc.subarray([5, 20]) }).map(({ home, groups }) => ({
    user: { user: "app", identity: { uid: 7, gid: 8, supplementaryGids: groups, home } }
  }))
)

const imageName = fc.record({
  layout: fc
    .array(
      hostileText.map((text) => text.replaceAll("/", "_") || "a").filter((text) => !/^\.{1,2}$/.test(text)),
      { minLength: 1, maxLength: 2 }
    )
    .map((parts) => parts.join("/")),
  ref: hostileText
})

const keys = (file: UnitFile.UnitFile): Readonly<Record<string, readonly string[]>> => {
  const sections = Systemd.readUnit(UnitFile.render(file))
  assert.strictEqual(new Set(sections.map(({ name }) => name)).size, sections.length)
  return Object.fromEntries(sections.map(({ name, entries }) => [name, entries.map(([key]) => key)]))
}

/** A layout whose path no unit can hold has no `SourcePath=`. */
const keysBesideSource = (file: UnitFile.UnitFile) => {
  const { Unit = [], ...others } = keys(file)
  return { Unit: Unit.filter((key) => key !== "SourcePath"), ...others }
}

const valuesOf = (file: UnitFile.UnitFile, key: string): readonly string[] =>
  Systemd.readUnit(UnitFile.render(file)).flatMap(({ entries }) =>
    entries.filter(([known]) => known === key).map(([, value]) => value)
  )

describe("no image string can add a directive or a line", () => {
  it("whatever an image says, its units have the sections and keys that they should", () => {
    let rendered = 0
    fc.assert(
      fc.property(
        processConfig,
        labels(),
        facts,
        imageName,
        fc.constantFrom(...ROOT_MODES),
        (config, annotations, known, name, root) => {
          const context = contextOf({
            name,
            stem: UnitName.fromImage(name, sha256),
            settings: { ...contextOf().settings, root }
          })
          const image = imageOf(config, annotations)
          const units = ImageUnits.render(context, image, known)
          if (Either.isLeft(units)) {
            const stub = StubUnit.render(context, units.left.message)
            assert.deepStrictEqual(keys(stub), {
              Unit: ["Description"],
              Service: ["ExecStart", "SyslogIdentifier"]
            })
            return
          }
          rendered++
          const [service, ...others] = units.right.files
          if (service === undefined) throw new Error("no service")
          const user = config.User ?? ""
          const identified =
            user === "app" ? known.user?.user === "app" : ["", "0", "1000:1000"].includes(user)
          const numbered = user !== "" && identified
          const wanted = new Map(
            (config.Env ?? [])
              .filter((entry) => /^[A-Za-z_][A-Za-z0-9_]*=/.test(entry))
              .map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)])
          )
          const groups =
            user === "app" && known.user !== undefined && known.user.identity.supplementaryGids.length > 0
          const unit = valuesOf(service, "Documentation").length === 0 ? [] : ["Documentation"]
          const source = valuesOf(service, "SourcePath").length === 0 ? [] : ["SourcePath"]
          if (identified) {
            if (!wanted.has("HOME"))
              wanted.set("HOME", user === "app" ? (known.user?.identity.home ?? "") : (HOMES[user] ?? ""))
            assert.deepStrictEqual(keys(service), {
              Unit: ["Description", ...unit, ...source, "Requires", "After", "BindsTo"],
              Service: [
                "Type",
                "Slice",
                "RootDirectory",
                "ExecStart",
                "WorkingDirectory",
                ...(numbered ? ["User", "Group"] : []),
                ...(groups ? ["SupplementaryGroups"] : []),
                ...[...wanted].map(() => "Environment"),
                ...(numbered ? ["UnsetEnvironment"] : []),
                "KillSignal",
                "KillMode",
                ...sandboxKeys(root)
              ]
            })
            const environment = new Map(valuesOf(service, "Environment").flatMap(Systemd.readEnvironment))
            assert.deepStrictEqual(environment, sorted(wanted, environment))
            assert.deepStrictEqual(valuesOf(service, "ExecStart").flatMap(Systemd.readCommands), [
              {
                prefixes: "@:",
                path: "/bin/app",
                argv: [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])]
              }
            ])
          } else {
            // Not prepared yet: this runs on the host, so nothing of the image's may be in it.
            assert.notInclude(keys(service).Service ?? [], "RootDirectory")
            assert.strictEqual(
              valuesOf(service, "ExecStart").flatMap(Systemd.readCommands)[0]?.path,
              "/bin/sh"
            )
            assert.deepStrictEqual(valuesOf(service, "Environment"), [])
          }
          assert.deepStrictEqual(others.map(keysBesideSource), tameFiles(root).slice(1).map(keysBesideSource))
        }
      ),
      { numRuns }
    )
    assert.isAbove(rendered, 0)
  })

  it("whatever the reason, a stub is one command that says it", () =>
    fc.assert(
      fc.property(imageName, hostileText, (name, reason) => {
        const stub = StubUnit.render({ name, stem: "x" }, reason)
        assert.deepStrictEqual(keys(stub), {
          Unit: ["Description"],
          Service: ["ExecStart", "SyslogIdentifier"]
        })
        const [command] = valuesOf(stub, "ExecStart").flatMap(Systemd.readCommands)
        assert.deepStrictEqual(command, {
          prefixes: "@:",
          path: "/bin/sh",
          argv: [
            "sh",
            "-c",
            "printf '<3>%s\n' \"$1\"; exit 1",
            "sh",
            `${name.layout}:${name.ref} cannot run: ${reason}`
          ]
        })
      }),
      { numRuns }
    ))
})

const HOMES: Readonly<Record<string, string>> = { "": "/root", "0": "/root", "1000:1000": "/" }

/** `wanted` in the order of `like`: the order of assignments to different names says nothing. */
const sorted = (wanted: ReadonlyMap<string, string>, like: ReadonlyMap<string, string>) =>
  new Map([...wanted].sort(([a], [b]) => [...like.keys()].indexOf(a) - [...like.keys()].indexOf(b)))
