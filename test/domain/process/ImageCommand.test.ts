import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as ImageCommand from "../../../src/domain/process/ImageCommand.ts"

const fromConfig = (
  config: Parameters<typeof ImageCommand.fromConfig>[0],
  workingDirectory = "/srv",
  path?: string
) =>
  ImageCommand.fromConfig(config, workingDirectory, path === undefined ? [] : [{ name: "PATH", value: path }])

describe("ImageCommand.fromConfig", () => {
  for (const [what, config, argv] of [
    ["an entrypoint alone", { Entrypoint: ["/a", "b"] }, ["/a", "b"]],
    ["a command alone", { Cmd: ["/a", "b"] }, ["/a", "b"]],
    ["both, the command last", { Entrypoint: ["/a"], Cmd: ["b", ""] }, ["/a", "b", ""]],
    ["an empty entrypoint", { Entrypoint: [], Cmd: ["/b"] }, ["/b"]],
    ["an entrypoint of one empty string", { Entrypoint: [""], Cmd: ["/b", "c"] }, ["/b", "c"]],
    ["arguments verbatim", { Entrypoint: ["/a", "$HOME; %h\n"] }, ["/a", "$HOME; %h\n"]]
  ] as const) {
    it(`takes ${what}`, () => assert.deepStrictEqual(Either.getOrThrow(fromConfig(config)).argv, argv))
  }

  for (const [what, config, message] of [
    ["neither", {}, "the image has neither an entrypoint nor a command"],
    ["two empty lists", { Entrypoint: [], Cmd: [] }, "the image has neither an entrypoint nor a command"],
    ["an empty program", { Entrypoint: ["", "x"] }, "the image's command is an empty string"],
    ["an empty command", { Cmd: [""] }, "the image's command is an empty string"],
    [
      "an entrypoint of one empty string alone",
      { Entrypoint: [""], Cmd: [] },
      "the image has neither an entrypoint nor a command"
    ]
  ] as const) {
    it(`refuses ${what}`, () => {
      const command = fromConfig(config)
      if (Either.isRight(command)) assert.fail(JSON.stringify(command.right))
      assert.strictEqual(command.left.message, message)
    })
  }

  for (const [program, path] of [
    ["/bin/app", "/bin/app"],
    ["./app", "/srv/app"],
    ["bin/app", "/srv/bin/app"],
    ["../bin/app", "/bin/app"],
    ["/../../app", "/app"],
    ["/opt//app", "/opt/app"],
    ["/opt/./app", "/opt/app"],
    ["/opt/app/", "/opt/app"],
    ["/opt/.app", "/opt/.app"],
    ["/opt/..app", "/opt/..app"],
    ["/a\n/../b", "/b"],
    ["app", undefined]
  ] as const) {
    it(`${program} is at ${path ?? "a place that PATH tells"}`, () =>
      assert.strictEqual(Either.getOrThrow(fromConfig({ Entrypoint: [program] })).path, path))
  }

  for (const [path, expected] of [
    [undefined, ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]],
    ["/a:/b", ["/a", "/b"]],
    ["/a::b", ["/a", "/srv", "/srv/b"]],
    ["", ["/srv"]],
    ["/a/../..:..", ["/", "/"]]
  ] as const) {
    it(`PATH=${path ?? " absent"} is looked along`, () =>
      assert.deepStrictEqual(
        Either.getOrThrow(fromConfig({ Cmd: ["app"] }, "/srv", path)).searchPath,
        expected
      ))
  }
})

describe("ImageCommand.absolute", () => {
  for (const [directory, path, expected] of [
    ["/", "", "/"],
    ["/", "a//b/./c/", "/a/b/c"],
    ["/x", "/a", "/a"],
    ["/x", "a/../..", "/"],
    ["/x", "../../../../etc", "/etc"],
    ["/x y", "…\n", "/x y/…\n"]
  ] as const) {
    it(`${JSON.stringify(path)} from ${directory} → ${JSON.stringify(expected)}`, () =>
      assert.strictEqual(ImageCommand.absolute(directory, path), expected))
  }
})
