/** oci-systemd, the program for people and for units. */
import * as Command from "@effect/cli/Command"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import manifest from "../../package.json" with { type: "json" }
import { GROUPS, ociSystemd } from "./commands/OciSystemd.ts"
import * as ErrorReport from "./ErrorReport.ts"
import * as Help from "./Help.ts"
import * as Invocation from "./Invocation.ts"
import * as LibraryConsole from "./LibraryConsole.ts"
import * as CommandTree from "./manual/CommandTree.ts"
import * as OtherCommands from "./OtherCommands.ts"
import * as Output from "./Output.ts"
import * as SignalStatus from "./SignalStatus.ts"

const program = CommandTree.read(ociSystemd)
const args = process.argv.slice(2)
// The reader of the help may be gone as well.
const teardown = SignalStatus.teardown()

const help = (width: number): string => Help.ofProgram(program, GROUPS, width)

const run = (called?: string) =>
  ErrorReport.report(
    Command.run(ociSystemd, { name: program.name, version: manifest.version })(process.argv),
    called
  ).pipe(
    Effect.withConsole(LibraryConsole.console),
    Effect.provide(NodeContext.layer),
    Effect.provide(Logger.replace(Logger.defaultLogger, ErrorReport.logger)),
    NodeRuntime.runMain({
      disableErrorReporting: true,
      disablePrettyLogger: true,
      teardown
    })
  )

Invocation.Invocation.$match(Invocation.of(args, program), {
  Nothing: () => {
    Output.tell(help(Output.widthOfErrors()))
    process.exitCode = 2
  },
  Help: ({ command }) =>
    Output.print(
      command === undefined ? help(Output.width()) : Help.ofCommand(program, command, Output.width())
    ),
  UnknownCommand: ({ name, near, others }) =>
    ErrorReport.unknownCommand(name, near, OtherCommands.instead(name, others)),
  UnknownOption: ({ command, near, option }) => ErrorReport.unknownOption(command, option, near),
  MissingValue: ({ command, option, value }) => ErrorReport.missingValue(command, option, value),
  Run: ({ command }) => run(command)
})
