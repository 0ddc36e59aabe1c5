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
import * as EnvironmentLine from "../../src/domain/EnvironmentLine.ts"
import * as ExecStart from "../../src/domain/ExecStart.ts"
import * as ImageUnits from "../../src/domain/ImageUnits.ts"
import * as StopSignal from "../../src/domain/StopSignal.ts"
import * as StubUnit from "../../src/domain/StubUnit.ts"
import * as UnitFile from "../../src/domain/UnitFile.ts"
import * as UnitName from "../../src/domain/UnitName.ts"
import { literal, path, prose, type UnitValue, word } from "../../src/domain/UnitValue.ts"
import { words } from "../support/SystemdSyntax.ts"
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
      complaints: result.stderr
        .split("\n")
        .filter(
          (line) =>
            (line.startsWith(`${units}/`) && !line.includes(" is executable")) ||
            (names.some((name) => line.startsWith(`${name}: `) || line.startsWith(`Unit ${name} `)) &&
              COMPLAINT.test(line))
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

  it("takes whole images without a complaint, whatever they say", ({ skip }) => {
    if (!installed) return skip(NOT_INSTALLED)
    const files = new Map<string, string>()
    const cases = sample(fc.tuple(processConfig, labels()), 60)
    for (const [index, [, [config, annotations]]] of cases.entries()) {
      const name = { layout: `myorg.com/app${index}`, ref: "stable" }
      const context = contextOf({ name, stem: UnitName.fromImage(name, sha256) })
      const units = ImageUnits.render(context, imageOf(config, annotations), {})
      const made = Either.isRight(units) ? units.right.files : [StubUnit.render(context, units.left.message)]
      for (const file of made) files.set(file.name, UnitFile.render(file))
    }
    const { dumpOf, complaints } = verify(files)
    // The host has neither the images' programs nor ours.
    assert.deepStrictEqual(
      complaints.filter(
        (line) => !/Command \/(?:bin\/app|usr\/bin\/oci-systemd) is not executable/.test(line)
      ),
      []
    )
    for (const [name, text] of files) {
      assert.isDefined(dumpOf(name), `refused: ${text}`)
    }
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
