/**
 * What a command line asks for, beside what `@effect/cli` alone makes of the same words. Where the two agree on a mistake
 * one day, `Invocation` need not look for it any more.
 */
import * as CliConfig from "@effect/cli/CliConfig"
import * as CommandDescriptor from "@effect/cli/CommandDescriptor"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { ociSystemd } from "../../src/bin/commands/OciSystemd.ts"
import * as Invocation from "../../src/bin/Invocation.ts"
import * as CommandTree from "../../src/bin/manual/CommandTree.ts"

const program = CommandTree.read(ociSystemd)

/** What `Invocation` finds, in one line. */
const found = (words: readonly string[]): string =>
  Invocation.Invocation.$match(Invocation.of(words, program), {
    Nothing: () => "nothing",
    Help: ({ command }) => `help ${command?.name ?? "for the program"}`,
    UnknownCommand: ({ name, near, others }) => `no command ${name} (${near}) [${others}]`,
    UnknownOption: ({ command, near, option }) => `${command ?? "program"} has no ${option} (${near})`,
    MissingValue: ({ command, option, value }) => `${command ?? "program"} ${option} needs ${value}`,
    Run: ({ command }) => `run ${command ?? "program"}`
  })

/** What `@effect/cli` would do with the same words: `run COMMAND`, with the words that are left over, or its message. */
const alone = (words: readonly string[]) =>
  CommandDescriptor.parse(ociSystemd.descriptor, ["oci-systemd", ...words], CliConfig.defaultConfig).pipe(
    Effect.either,
    Effect.map((parsed) => {
      if (Either.isLeft(parsed)) return CommandTree.plain(parsed.left.error).replace(/ - use one of .*/, " …")
      const directive = parsed.right
      if (directive._tag === "BuiltIn") return directive.option._tag
      return directive.leftover.length === 0 ? "run" : `run, with ${directive.leftover} left over`
    }),
    Effect.provide(NodeContext.layer)
  )

const words = (line: string): readonly string[] => line.split(" ").filter((word) => word !== "")

const MISMATCH = "Invalid subcommand for oci-systemd …"

describe("mistakes that @effect/cli does not report, or not well enough to act on", () => {
  it.effect.each<readonly [line: string, found: string, alone: string]>([
    ["", "nothing", "run"],
    ["lst", "no command lst (list) []", MISMATCH],
    ["LIST", "no command LIST (list) []", "run"],
    ["--config x lst", "no command lst (list) []", MISMATCH],
    ["run a.org/x:y", "no command run (dry-run) [a.org/x:y]", MISMATCH],
    ["list --jsno", "list has no --jsno (--json)", "run"],
    ["list --JSON", "list has no --JSON (--json)", "run"],
    ["verify a --jsno", "verify has no --jsno (--json)", "run"],
    ["verify -a", "verify has no -a (--all)", "run"],
    ["gc -n", "gc has no -n ()", "run, with -n left over"],
    ["-v", "program has no -v (--version)", MISMATCH],
    ["--jsno list", "list has no --jsno (--json)", MISMATCH],
    ["verify -w", "verify has no -w ()", "run"],
    ["list --config", "list --config needs FILE", "run"],
    ["list --config --json", "list --config needs FILE", "run"],
    ["--config", "program --config needs FILE", MISMATCH]
  ])("%s", ([line, ours, theirs]) =>
    Effect.gen(function* () {
      assert.equal(found(words(line)), ours)
      assert.equal(yield* alone(words(line)), theirs)
    })
  )
})

describe("mistakes that are left to @effect/cli", () => {
  it.effect.each<readonly [line: string, command: string, alone: string]>([
    ["inspect", "inspect", "Missing argument <IMAGE>"],
    ["inspect a b", "inspect", "run, with b left over"],
    ["uninstall x", "uninstall", "run, with x left over"],
    ["dry-run --systemd-version 1", "dry-run", '--systemd-version takes a number of at least 252, not "1"']
  ])("%s", ([line, command, theirs]) =>
    Effect.gen(function* () {
      assert.equal(found(words(line)), `run ${command}`)
      assert.equal(yield* alone(words(line)), theirs)
    })
  )
})

describe("what is no mistake", () => {
  it.each([
    ["list", "run list"],
    ["--config x list", "run list"],
    ["--config=x list --json", "run list"],
    ["--log-level debug list", "run list"],
    ["list --log-level debug", "run list"],
    ["list --json=true", "run list"],
    ["dry-run --config list", "run dry-run"],
    ["verify list", "run verify"],
    ["verify -", "run verify"],
    ["list -- --jsno", "run list"],
    ["--version", "run program"],
    ["help", "help for the program"],
    ["help verify", "help verify"],
    ["verify a --help", "help verify"],
    ["--help list", "help list"],
    ["list -h", "help list"]
  ])("%s", (line, expected) => {
    assert.equal(found(words(line)), expected)
  })
})

it("the library's own options are those that it lists", () => {
  assert.deepEqual(
    program.library.map(({ names }) => names.join(" ")),
    ["--completions", "--log-level", "--help -h", "--wizard", "--version"]
  )
})
