import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import fc from "fast-check"
import type { ProcessConfig } from "../../../src/domain/image/ImageConfig.ts"
import { display } from "../../../src/domain/naming/ImageName.ts"
import * as UnitName from "../../../src/domain/naming/UnitName.ts"
import { DEFAULT_PATH } from "../../../src/domain/process/ImageCommand.ts"
import type { RootFacts } from "../../../src/domain/process/RootFacts.ts"
import * as EnvironmentLine from "../../../src/domain/systemd/EnvironmentLine.ts"
import * as ExecStart from "../../../src/domain/systemd/ExecStart.ts"
import { path, prose, type UnitValue } from "../../../src/domain/systemd/UnitValue.ts"
import * as Printable from "../../../src/domain/text/Printable.ts"
import * as ImageUnits from "../../../src/domain/unit/ImageUnits.ts"
import * as StubUnit from "../../../src/domain/unit/StubUnit.ts"
import * as UnitFile from "../../../src/domain/unit/UnitFile.ts"
import * as Systemd from "../../support/SystemdSyntax.ts"
import {
  contextOf,
  hostileText,
  imageOf,
  imageSettings,
  labels,
  numRuns,
  processConfig,
  sha256,
  variableName
} from "../../support/unitArbitraries.ts"

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

/**
 * The same image with tame words in place of all that it says: what is a name of ours (variables, ports, users,
 * signals) stays, and the rest has one letter. Its units must have the same directives.
 */
const tameTwin = (config: ProcessConfig): ProcessConfig => {
  const tame = (texts: readonly string[] | undefined) => texts?.map(() => "x")
  return {
    ...config,
    ...(config.Entrypoint === undefined
      ? {}
      : { Entrypoint: ["/bin/app", ...(tame(config.Entrypoint.slice(1)) ?? [])] }),
    ...(config.Cmd === undefined ? {} : { Cmd: tame(config.Cmd) ?? [] }),
    ...(config.Env === undefined
      ? {}
      : {
          Env: config.Env.map((entry) =>
            VARIABLE.test(entry) ? `${entry.slice(0, entry.indexOf("="))}=x` : "x"
          )
        }),
    ...(config.WorkingDir === undefined ? {} : { WorkingDir: config.WorkingDir === "" ? "" : "/x" }),
    ...(config.Labels === undefined ? {} : { Labels: tameLabels(config.Labels) }),
    ...(config.Volumes === undefined
      ? {}
      : { Volumes: Object.fromEntries(Object.keys(config.Volumes).map((_, index) => [`/x${index}`, {}])) })
  }
}

const tameLabels = (labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(labels)
      .filter(([key]) => key.startsWith("org.opencontainers.image."))
      .map(([key, value]) => [key, value.trim() === "" ? "" : "x"])
  )

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*=/

/** Links are taken or not by their form, which a tame word does not have; nor does every layout have a path of a unit. */
const OF_ITS_FORM = ["Documentation", "SourcePath", "BindPaths"]

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

const keysBesideForms = (file: UnitFile.UnitFile) =>
  Object.entries(keys(file)).map(([section, names]) => [
    section,
    names.filter((key) => !OF_ITS_FORM.includes(key))
  ])

const valuesOf = (file: UnitFile.UnitFile, key: string): readonly string[] =>
  Systemd.readUnit(UnitFile.render(file)).flatMap(({ entries }) =>
    entries.filter(([known]) => known === key).map(([, value]) => value)
  )

describe("no image string can add a directive or a line", () => {
  const hostileImage = fc.record({
    config: processConfig,
    annotations: labels(),
    known: facts,
    name: imageName,
    settings: imageSettings,
    systemdVersion: fc.constantFrom(252, 257, 262),
    servesRecords: fc.boolean()
  })

  it("whatever an image says, its units have the directives of one that says the same in tame words", () => {
    let rendered = 0
    fc.assert(
      fc.property(
        hostileImage,
        ({ config, annotations, known, name, settings, systemdVersion, servesRecords }) => {
          const host = { ...contextOf().host, systemdVersion, servesRecords }
          const context = contextOf({ name, stem: UnitName.fromImage(name, sha256), settings, host })
          const units = ImageUnits.render(context, imageOf(config, annotations), known)
          if (Either.isLeft(units)) {
            const stub = StubUnit.render(context, units.left.message)
            assert.deepStrictEqual(keys(stub), {
              Unit: ["Description"],
              Service: ["ExecStartPre", "ExecStart", "SyslogIdentifier"]
            })
            return
          }
          rendered++
          const tame = ImageUnits.render(
            contextOf({ settings, host }),
            imageOf(tameTwin(config), tameLabels(annotations)),
            known
          )
          assert.deepStrictEqual(
            units.right.files.map(keysBesideForms),
            Either.getOrThrow(tame).files.map(keysBesideForms)
          )
          for (const link of units.right.files.flatMap((file) => valuesOf(file, "Documentation"))) {
            assert.match(Systemd.specifiers(link), /^(?:https?:\/\/|file:\/|info:|man:)\S+$/)
          }
        }
      ),
      { numRuns }
    )
    assert.isAbove(rendered, 0)
  })

  it("what the parser reads is what was meant, directive by directive", () =>
    fc.assert(
      fc.property(hostileImage, ({ config, annotations, known, name, settings }) => {
        const context = contextOf({ name, stem: UnitName.fromImage(name, sha256), settings })
        const units = ImageUnits.render(context, imageOf(config, annotations), known)
        for (const file of Either.isRight(units) ? units.right.files : []) {
          assert.deepStrictEqual(
            Systemd.readUnit(UnitFile.render(file)),
            file.sections.map(({ name, directives }) => ({
              name,
              entries: directives.map(({ key, value }) => [key, value])
            }))
          )
        }
      }),
      { numRuns }
    ))

  it("a process has the image's arguments and variables, and nothing of them while its root is not prepared", () => {
    fc.assert(
      fc.property(hostileImage, ({ config, annotations, known, name, settings }) => {
        const context = contextOf({ name, stem: UnitName.fromImage(name, sha256), settings })
        const units = ImageUnits.render(context, imageOf(config, annotations), known)
        fc.pre(Either.isRight(units))
        const [service] = units.right.files
        if (service === undefined) throw new Error("no service")
        const user = config.User ?? ""
        const identified = user === "app" ? known.user?.user === "app" : user in HOMES
        const commands = valuesOf(service, "ExecStart").flatMap(Systemd.readCommands)
        const environment = new Map(valuesOf(service, "Environment").flatMap(Systemd.readEnvironment))
        if (!identified) {
          // Not prepared yet: this runs on the host, so nothing of the image's may be in it.
          assert.notInclude(keys(service).Service ?? [], "RootDirectory")
          const before = valuesOf(service, "ExecStartPre").flatMap(Systemd.readCommands)
          assert.deepStrictEqual(
            [...before, ...commands].map(({ path }) => path),
            ["/bin/sh", "/bin/false"]
          )
          assert.strictEqual(environment.size, 0)
          return
        }
        const wanted = new Map(
          (config.Env ?? [])
            .filter((entry) => VARIABLE.test(entry))
            .map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)])
        )
        if (!wanted.has("HOME"))
          wanted.set("HOME", user === "app" ? (known.user?.identity.home ?? "") : (HOMES[user] ?? ""))
        if (!wanted.has("PATH")) wanted.set("PATH", DEFAULT_PATH)
        assert.deepStrictEqual(environment, sorted(wanted, environment))
        assert.deepStrictEqual(commands, [
          {
            prefixes: "@:",
            path: "/bin/app",
            argv: [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])]
          }
        ])
        const unset = valuesOf(service, "UnsetEnvironment").flatMap((value) => value.split(" "))
        for (const variable of wanted.keys()) assert.notInclude(unset, variable)
      }),
      { numRuns }
    )
  })

  it("whatever the reason, a stub is one command that says it", () =>
    fc.assert(
      fc.property(imageName, hostileText, (name, reason) => {
        const stub = StubUnit.render({ name, units: UnitName.all("x", () => "") }, reason)
        assert.deepStrictEqual(keys(stub), {
          Unit: ["Description"],
          Service: ["ExecStartPre", "ExecStart", "SyslogIdentifier"]
        })
        const [command] = valuesOf(stub, "ExecStartPre").flatMap(Systemd.readCommands)
        assert.deepStrictEqual(command, {
          prefixes: "@:",
          path: "/bin/sh",
          argv: [
            "sh",
            "-c",
            "printf '<3>%s\n' \"$1\"; exit 1",
            "sh",
            // Control characters are shown, and a reason ends somewhere.
            Printable.line(`${display(name)} cannot run: ${reason}`.slice(0, 2000))
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
