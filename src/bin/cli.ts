/** oci-systemd: the program for people and for the units. */
import * as Command from "@effect/cli/Command"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import manifest from "../../package.json" with { type: "json" }
import * as CommandHelp from "./CommandHelp.ts"
import * as CommandLine from "./CommandLine.ts"
import { GROUPS, ociSystemd } from "./commands/OciSystemd.ts"
import { root } from "./commands/Root.ts"
import * as ErrorReport from "./ErrorReport.ts"
import * as Help from "./Help.ts"
import * as LibraryConsole from "./LibraryConsole.ts"
import * as Output from "./Output.ts"
import * as SignalStatus from "./SignalStatus.ts"

const commands = new Map(GROUPS.flatMap((group) => group.commands))
const wanted = CommandLine.of(process.argv.slice(2), [...commands.keys()])

const help = (width: number): string => Help.ofProgram(root, GROUPS, width)

const run = (called?: string) =>
  ErrorReport.report(
    Command.run(ociSystemd, { name: Help.PROGRAM, version: manifest.version })(process.argv),
    called
  ).pipe(
    Effect.withConsole(LibraryConsole.console),
    Effect.provide(NodeContext.layer),
    Effect.provide(Logger.replace(Logger.defaultLogger, ErrorReport.logger)),
    NodeRuntime.runMain({
      disableErrorReporting: true,
      disablePrettyLogger: true,
      teardown: SignalStatus.teardown()
    })
  )

CommandLine.Wanted.$match(wanted, {
  Nothing: () => {
    Output.tell(help(Output.widthOfErrors()))
    process.exitCode = 2
  },
  Help: ({ command }) => {
    const definition = command === undefined ? undefined : commands.get(command)
    Output.print(
      command === undefined || definition === undefined
        ? help(Output.width())
        : Help.ofCommand(command, definition, Output.width())
    )
  },
  UnknownCommand: ({ name, near }) => ErrorReport.unknownCommand(name, near),
  Command: ({ command: name }) => {
    const args = process.argv.slice(2)
    const command = commands.get(name)
    // What a command's own options are takes a look at its definition: units have none, and start sooner.
    const unknown =
      command === undefined || CommandLine.unknownOption(args, []) === undefined
        ? undefined
        : CommandLine.unknownOption(args, CommandHelp.of(command).options.map((option) => option.name))
    if (unknown === undefined) run(name)
    else ErrorReport.unknownOption(name, unknown)
  },
  Options: () => run()
})
