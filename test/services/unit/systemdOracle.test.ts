/**
 * The real systemd reads what was rendered, and says what it understood.
 *
 * `systemd --test` does not run as root; `systemd-analyze verify` with debug logging prints the same account of every
 * unit ("-> Unit x.service:" and so on), needs neither cgroups nor privileges, and takes hundreds at once.
 */

import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import fc from "fast-check"
import type { ProcessConfig } from "../../../src/domain/image/ImageConfig.ts"
import * as UnitName from "../../../src/domain/naming/UnitName.ts"
import { absolute, DEFAULT_PATH } from "../../../src/domain/process/ImageCommand.ts"
import * as StopSignal from "../../../src/domain/process/StopSignal.ts"
import * as EnvironmentLine from "../../../src/domain/systemd/EnvironmentLine.ts"
import * as ExecStart from "../../../src/domain/systemd/ExecStart.ts"
import { literal, path, prose, type UnitValue, word } from "../../../src/domain/systemd/UnitValue.ts"
import * as ImageUnits from "../../../src/domain/unit/ImageUnits.ts"
import * as StubUnit from "../../../src/domain/unit/StubUnit.ts"
import * as UnitFile from "../../../src/domain/unit/UnitFile.ts"
import { words } from "../../support/SystemdSyntax.ts"
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

const SYSTEMD_ANALYZE = "systemd-analyze"
const installed = spawnSync(SYSTEMD_ANALYZE, ["--version"]).status === 0
const NOT_INSTALLED = "systemd-analyze is not installed: nothing was asked of the real systemd"

interface Verdict {
  /** What systemd understood of a unit; `undefined`: it refused it. */
  readonly dumpOf: (unit: string) => string | undefined
  /** What it complained about, of our files. */
  readonly complaints: readonly string[]
}

/** Asks systemd about all these files at once. Skipped where `verify` itself cannot run. */
const verify = (files: ReadonlyMap<string, string>): Verdict => {
  const directory = mkdtempSync(join(tmpdir(), "oci-oracle-"))
  try {
    const units = join(directory, "units")
    mkdirSync(units)
    for (const [name, text] of files) writeFileSync(join(units, name), text)
    const result = spawnSync(
      SYSTEMD_ANALYZE,
      ["verify", "--man=no", "--generators=no", ...[...files.keys()].map((name) => join(units, name))],
      {
        encoding: "utf8",
        env: {
          ...process.env,
          SYSTEMD_LOG_LEVEL: "debug",
          SYSTEMD_LOG_TARGET: "console",
          SYSTEMD_LOG_COLOR: "0",
          SYSTEMD_UNIT_PATH: `${units}:`
        },
        maxBuffer: 2 ** 30
      }
    )
    const names = [...files.keys()]
    return {
      dumpOf: (unit) => {
        const start = result.stdout.indexOf(`\t-> Unit ${unit}:\n`)
        if (start < 0) return undefined
        const end = result.stdout.indexOf("\n\t-> Unit ", start + 1)
        return result.stdout.slice(start, end < 0 ? undefined : end)
      },
      complaints: result.stderr.split("\n").filter(
        (line) =>
          (line.startsWith(`${units}/`) && !line.includes(" is executable")) ||
          names.some(
            (name) =>
              (line.startsWith(`${name}: `) || line.startsWith(`Unit ${name} `)) &&
              // A name may have such a word in it: hexadecimal digits make "bad".
              COMPLAINT.test(line.replaceAll(name, ""))
          )
      )
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const COMPLAINT = /not executable|fail|refus|ignor|error|bad|invalid|not normalized|cycle/i

const unit = (directives: ReadonlyArray<readonly [string, UnitValue]>): string =>
  UnitFile.render({
    name: "",
    comments: [],
    sections: [
      { name: "Unit", directives: [UnitFile.directive("DefaultDependencies", literal("no"))] },
      { name: "Service", directives: directives.map(([key, value]) => UnitFile.directive(key, value)) }
    ]
  })

/** The words of a dumped command line: a C string with `$` and the backtick escaped too, as for a shell. */
const dumpedWords = (dump: string): readonly string[] => {
  const line = /\n\t\t\tCommand Line: ([^\n]*)\n/.exec(dump)?.[1] ?? ""
  return words(line.replace(/\\([\\$`])/g, (escape, character) => (character === "\\" ? escape : character)))
}

const sample = <A>(arbitrary: fc.Arbitrary<A>, count: number): ReadonlyArray<readonly [string, A]> =>
  fc.sample(arbitrary, count).map((value, index) => [`u${index}.service`, value])

/** What a layout's directory may be called. */
const layoutName = fc
  .array(
    hostileText
      .map((text) => text.replaceAll("/", "_") || "a")
      .filter((text) => text !== "." && text !== ".."),
    { minLength: 1, maxLength: 3 }
  )
  .map((components) => components.join("/"))

const wholeImage = fc.record({
  config: processConfig,
  annotations: labels(),
  settings: imageSettings.map((settings) => ({ ...settings, restart: "no" as const })),
  home: hostileText.map((text) => `/${text}`)
})
type WholeImage = typeof wholeImage extends fc.Arbitrary<infer A> ? A : never

/** The host has neither the images' programs nor ours; systemd's groups of calls name some that its libseccomp lacks. */
const EXPECTED =
  /Command \/(?:bin\/app|usr\/bin\/oci-(?:output|prepare|release)) is not executable|Failed to parse system call, ignoring: /
const MOST_IMAGES = 5000
const IMAGES_AT_ONCE = 250

/** Renders images, has systemd read their units, and compares that with the images. How many were not refused? */
const judge = (images: readonly WholeImage[]): number => {
  const files = new Map<string, string>()
  const rendered = images.map(({ config, annotations, settings, home }, index) => {
    const name = { layout: `myorg.com/app${index}`, ref: "stable" }
    const context = contextOf({ name, settings, stem: UnitName.fromImage(name, sha256) })
    const identity = { uid: 7, gid: 8, supplementaryGids: [5, 20], home }
    const units = ImageUnits.render(context, imageOf(config, annotations), {
      user: { user: "app", identity }
    })
    const made = Either.isRight(units) ? units.right.files : [StubUnit.render(context, units.left.message)]
    for (const file of made) files.set(file.name, UnitFile.render(file))
    return { unit: UnitName.service(context.stem), config, home, units }
  })
  const { dumpOf, complaints } = verify(files)
  assert.deepStrictEqual(
    complaints.filter((line) => !EXPECTED.test(line)),
    []
  )
  for (const [name, text] of files) assert.isDefined(dumpOf(name), `refused: ${text}`)
  let ran = 0
  for (const { unit, config, home, units } of rendered) {
    const dump = dumpOf(unit) ?? ""
    if (Either.isLeft(units)) {
      assert.isNotEmpty(units.left.message)
      assert.include(dumpedWords(dump).join(" "), "cannot run: ")
    } else if (config.User !== undefined && !(config.User in IDENTITIES)) {
      assert.include(dumpedWords(dump).join(" "), "the image's root is not prepared")
    } else {
      ran++
      compareWithImage(dump, config, home, units.right.notes, files.get(unit) ?? "")
    }
  }
  return ran
}

const IDENTITIES: Readonly<Record<string, { readonly ids: readonly string[]; readonly home?: string }>> = {
  "": { ids: [], home: "/root" },
  "0": { ids: ["User: 0", "Group: 0"], home: "/root" },
  "1000:1000": { ids: ["User: oci-u1000", "Group: 1000"], home: "/" },
  app: { ids: ["User: oci-u7", "Group: 8", "SupplementaryGroups: 5 20"] }
}

/** Each line of the dump by what image-spec says, not by what was rendered. */
const compareWithImage = (
  dump: string,
  config: ProcessConfig,
  home: string,
  notes: readonly string[],
  text: string
): void => {
  assert.deepStrictEqual(dumpedWords(dump), [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])], text)
  const identity = IDENTITIES[config.User ?? ""]
  const environment = new Map<string, string>()
  for (const [index, entry] of (config.Env ?? []).entries()) {
    const [, name, value = ""] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(entry) ?? []
    if (name !== undefined) environment.set(name, value)
    else {
      const said = JSON.stringify((entry.split("=", 1)[0] ?? "").slice(0, 80))
      // What might be a part of a secret is told by its place.
      const place = `the entry ${index + 1} of the environment`
      assert.isTrue(
        notes.some((note) => note.includes(said) || note.includes(place)),
        `${said} was lost`
      )
    }
  }
  if (!environment.has("HOME")) environment.set("HOME", identity?.home ?? home)
  if (!environment.has("PATH")) environment.set("PATH", DEFAULT_PATH)
  // Values are dumped raw, over several lines: none is there that is not wanted, and all that are wanted are.
  for (const [name, value] of environment) assert.include(dump, `\t\tEnvironment: ${name}=${value}\n`, text)
  const lines = [...environment.values()].join("\n").split("\t\tEnvironment: ").length - 1
  assert.strictEqual(dump.split("\n\t\tEnvironment: ").length - 1, environment.size + lines, text)
  for (const line of identity?.ids ?? []) assert.include(dump, `\n\t\t${line}\n`, text)
  if (config.User === undefined || config.User === "") assert.notMatch(dump, /\n\t\t(?:User|Group): /)
  const directory = absolute("/", config.WorkingDir ?? "")
  assert.include(dump, `\n\t\tWorkingDirectory: ${directory}\n`, text)
  const signal = config.StopSignal ? Either.getOrThrow(StopSignal.parse(config.StopSignal)) : "SIGTERM"
  assert.include(dump, `\n\t\tKillSignal: ${signal}\n`, text)
  assert.include(dump, "\n\t\tKillMode: mixed\n")
}

describe("the real systemd", () => {
  it("reads back every argument, assignment and working directory", ({ skip }) => {
    if (!installed) return skip(NOT_INSTALLED)
    const cases = sample(
      fc.record({
        argv: fc.array(hostileText, { minLength: 1, maxLength: 5 }),
        env: fc.dictionary(variableName, hostileText, { maxKeys: 4 }),
        directory: hostileText.map(
          (text) =>
            `/${text
              .split("/")
              .filter((part) => !/^\.{0,2}$/.test(part))
              .join("/")}`
        )
      }),
      Math.max(300, Math.min(numRuns, 1000))
    )
    const rendered = cases.map(([name, { argv, env, directory }]) => {
      const workingDirectory = path("the working directory", directory)
      const assignments = [
        ["OCI_FIRST", ""],
        ...Object.entries(env).filter(([key]) => !key.startsWith("OCI_")),
        ["OCI_LAST", ""]
      ]
      const text = unit([
        ["ExecStart", Either.getOrThrow(ExecStart.render("/bin/true", argv))],
        ...assignments.map(
          ([key = "", value = ""]) =>
            ["Environment", Either.getOrThrow(EnvironmentLine.render({ name: key, value }))] as const
        ),
        ...(Either.isRight(workingDirectory) ? [["WorkingDirectory", workingDirectory.right] as const] : [])
      ])
      return { name, argv, assignments, directory: Either.isRight(workingDirectory) ? directory : "/", text }
    })
    const { dumpOf, complaints } = verify(new Map(rendered.map(({ name, text }) => [name, text])))
    assert.deepStrictEqual(complaints, [])
    for (const { name, argv, assignments, directory, text } of rendered) {
      const dump = dumpOf(name)
      assert.isDefined(dump, `refused: ${text}`)
      assert.deepStrictEqual(dumpedWords(dump ?? ""), argv, text)
      // Values are dumped raw: comparing the block as a whole leaves no doubt where one ends.
      const environment = assignments.map(([key, value]) => `\t\tEnvironment: ${key}=${value}\n`).join("")
      assert.include(dump ?? "", environment, text)
      assert.strictEqual(
        (dump ?? "").split("\t\tEnvironment: ").length - 1,
        environment.split("\t\tEnvironment: ").length - 1
      )
      assert.include(dump ?? "", `\t\tWorkingDirectory: ${directory}\n`, text)
    }
  })

  it("executes the path that was meant", ({ skip }) => {
    if (!installed) return skip(NOT_INSTALLED)
    const paths = ["/none/a b", "/none/%q", "/none/$HOME", "/none/é;", "/none/-@:+!", "/none/~", "/none/a:b"]
    const files = paths.map((executable, index): [string, string] => [
      `p${index}.service`,
      unit([["ExecStart", Either.getOrThrow(ExecStart.render(executable, ["x"]))]])
    ])
    assert.sameMembers(
      [...verify(new Map(files)).complaints],
      paths.map(
        (executable, index) =>
          `p${index}.service: Command ${executable} is not executable: No such file or directory`
      )
    )
  })

  it("knows every signal that a stop signal becomes", ({ skip }) => {
    if (!installed) return skip(NOT_INSTALLED)
    const signals = [...Array(65).keys()]
      .map((number) => StopSignal.parse(`${number}`))
      .filter(Either.isRight)
    assert.isAbove(signals.length, 60)
    const files = signals.map(({ right }, index): [string, string] => [
      `s${index}.service`,
      unit([
        ["ExecStart", literal("/bin/true")],
        ["KillSignal", literal(right)]
      ])
    ])
    const { dumpOf, complaints } = verify(new Map(files))
    assert.deepStrictEqual(complaints, [])
    for (const [index, { right }] of signals.entries()) {
      const name = right === "SIGRTMIN+0" ? "SIGRTMIN(?:\\+0)?" : right.replace("+", "\\+")
      assert.match(dumpOf(`s${index}.service`) ?? "", new RegExp(`\n\t\tKillSignal: ${name}\n`))
    }
  })

  // The whole way from an image's configuration to what systemd would execute: thousands in test:long.
  it("reads of whole images what they say, or it was said why not", { timeout: 900_000 }, async ({
    skip
  }) => {
    if (!installed) return skip(NOT_INSTALLED)
    const count = Math.min(Math.ceil(numRuns / 2), MOST_IMAGES)
    let ran = 0
    for (let done = 0; done < count; done += IMAGES_AT_ONCE) {
      ran += judge(fc.sample(wholeImage, Math.min(IMAGES_AT_ONCE, count - done)))
      // The runner gives up on a worker that does not answer for a minute.
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.isAbove(ran, count / 5)
  })

  it("takes every name that an image gets for a unit's", ({ skip }) => {
    if (!installed) return skip(NOT_INSTALLED)
    // A colon is as good as a letter in a name, but not on the command line of `verify`.
    const withoutColon = (text: string) => text.replaceAll(":", "_")
    const images = fc
      .sample(
        fc.record({ layout: layoutName.map(withoutColon), ref: hostileText.map(withoutColon) }),
        Math.min(Math.ceil(numRuns / 5), 1000)
      )
      .filter(
        ({ layout, ref }, index, all) =>
          all.findIndex((other) => other.layout === layout && other.ref === ref) === index
      )
    const stems = UnitName.assign(images, sha256).map(({ stem }) => stem)
    const services = stems.flatMap((stem) => [
      UnitName.service(stem),
      UnitName.prepare(stem, sha256),
      UnitName.scratch(stem, sha256)
    ])
    const { dumpOf, complaints } = verify(
      new Map(services.map((name) => [name, unit([["ExecStart", literal("/bin/true")]])]))
    )
    assert.deepStrictEqual(complaints, [])
    for (const name of services) {
      assert.isDefined(dumpOf(name), `not a unit: ${name}`)
      assert.isAtMost(Buffer.byteLength(`${name}.d`), 255)
    }
    assert.strictEqual(new Set(services).size, 3 * images.length)
  })

  it("escapes as systemd-escape does, but for the hyphen that only paths give a meaning", ({ skip }) => {
    if (!installed) return skip(NOT_INSTALLED)
    const texts = fc
      .sample(hostileText, Math.max(300, Math.min(numRuns, 2000)))
      .map((text) => text.replaceAll(/[/-]/g, ""))
      .filter((text) => text !== "")
    const escaped = spawnSync("systemd-escape", ["--", ...texts], { encoding: "utf8" })
      .stdout.trim()
      .split(" ")
    assert.deepStrictEqual(
      texts.map((text) => UnitName.escape(text).replace(/^\./, "\\x2e")),
      escaped
    )
    const paths = fc
      .sample(layoutName, 300)
      .map((layout) => `/${layout}`)
      .filter((path) => path.length < 200)
    const mounts = spawnSync("systemd-escape", ["--path", "--suffix=mount", "--", ...paths], {
      encoding: "utf8"
    })
    assert.deepStrictEqual(paths.map(UnitName.mount), mounts.stdout.trim().split(" "), mounts.stderr)
  })

  it("shows a description as it is", ({ skip }) => {
    if (!installed) return skip(NOT_INSTALLED)
    const texts = ["plain", "100 % %q", "a\\", "\"quoted\" 'it'", "é ; # $HOME", "a\nb"]
    const files = texts.map((text, index): [string, string] => [
      `d${index}.service`,
      unit([["ExecStart", literal("/bin/true")]]).replace("[Unit]", `[Unit]\nDescription=${prose(text)}`)
    ])
    const { dumpOf } = verify(new Map(files))
    const shown = ["plain", "100 % %q", "a", "\"quoted\" 'it'", "é ; # $HOME", "a b"]
    for (const [index, text] of shown.entries()) {
      assert.include(dumpOf(`d${index}.service`) ?? "", `\n\t\tDescription: ${text}\n`)
    }
  })

  // Cases that systemd refuses when they are written as they are.
  const takes = (directives: ReadonlyArray<readonly [string, Either.Either<UnitValue, unknown>]>): void => {
    const rights = directives.flatMap(([key, value]) =>
      Either.isRight(value) ? [[key, value.right] as const] : []
    )
    const { complaints } = verify(
      new Map([["x.service", unit([["ExecStart", literal("/bin/true")], ...rights])]])
    )
    assert.deepStrictEqual(complaints, [])
  }
  const known = installed ? it : it.skip
  known("an argument with a code point that is no character", () =>
    takes([
      ["ExecStart", ExecStart.render("/bin/true", ["a\uffff", "\ufdd0"])],
      ["Type", Either.right(literal("oneshot"))]
    ])
  )
  known("an assignment with a code point that is no character", () =>
    takes(
      EnvironmentLine.parse(["A=\ufffe", "B=b"]).assignments.map((assignment) => [
        "Environment",
        EnvironmentLine.render(assignment)
      ])
    )
  )
  known("a working directory with a code point that is no character", () =>
    takes([["WorkingDirectory", path("the directory", "/a\uffff")]])
  )
  known("a working directory longer than PATH_MAX", () =>
    takes([["WorkingDirectory", path("the directory", `/${"a/".repeat(3000)}b`)]])
  )
  known("a value whose escapes make the line longer than LONG_LINE_MAX", () =>
    takes([["Environment", word("A", `A=${"\u0001".repeat(256 * 1024 - 2)}`)]])
  )
})
