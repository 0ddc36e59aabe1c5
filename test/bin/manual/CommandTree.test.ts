/** What is read from the definitions of commands is what was defined, in each form that there is. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import { assert, it } from "vitest"
import * as CommandTree from "../../../src/bin/manual/CommandTree.ts"

const text = (name: string) => Options.text(name).pipe(Options.withDescription(`The ${name}`))

it("reads options and arguments of every form", () => {
  const child = Command.make(
    "child",
    {
      flag: Options.boolean("flag").pipe(Options.withAlias("f"), Options.withDescription("A flag")),
      needed: text("needed"),
      maybe: text("maybe").pipe(Options.optional),
      usually: text("usually").pipe(Options.withDefault("x")),
      often: text("often").pipe(Options.repeated),
      file: Options.file("file"),
      place: Options.directory("place").pipe(Options.withPseudoName("DIR")),
      count: Options.integer("count"),
      word: Options.choice("word", ["a", "b"]),
      nested: {
        image: Args.text({ name: "IMAGE" }).pipe(Args.withDescription("It")),
        rest: Args.repeated(Args.file({ name: "REST" }))
      }
    },
    () => Effect.void
  ).pipe(Command.withDescription("What it does"))
  const program = Command.make("program", {}).pipe(Command.withSubcommands([child]))

  const { commands, library: _, ...own } = CommandTree.read(program)
  assert.deepEqual(own, { name: "program", summary: "", options: [], arguments: [] })
  assert.lengthOf(commands, 1)
  assert.equal(commands[0]?.name, "child")
  assert.equal(commands[0]?.summary, "What it does")
  assert.deepEqual(
    commands[0]?.options.map(({ names, takes, required, repeated, summary }) => [
      names.join(" "),
      takes?.word,
      takes?.kind._tag,
      required,
      repeated,
      summary
    ]),
    [
      ["--flag -f", undefined, undefined, false, false, "A flag"],
      ["--needed", "TEXT", "Text", true, false, "The needed"],
      ["--maybe", "TEXT", "Text", false, false, "The maybe"],
      ["--usually", "TEXT", "Text", false, false, "The usually"],
      ["--often", "TEXT", "Text", false, true, "The often"],
      ["--file", "FILE", "File", true, false, ""],
      ["--place", "DIR", "Directory", true, false, ""],
      ["--count", "NUMBER", "Text", true, false, ""],
      ["--word", "a|b", "Choice", true, false, ""]
    ]
  )
  assert.deepEqual(
    commands[0]?.arguments.map(({ takes, required, repeated, summary }) => [
      takes.word,
      takes.kind._tag,
      required,
      repeated,
      summary
    ]),
    [
      ["IMAGE", "Image", true, false, "It"],
      ["REST", "File", false, true, ""]
    ]
  )
})
