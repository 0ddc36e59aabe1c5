/** oci-systemd: the program for people and for the units. */
import * as Command from "@effect/cli/Command"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import manifest from "../../package.json" with { type: "json" }
import { dryRun } from "./commands/DryRun.ts"
import { extract } from "./commands/Extract.ts"
import { inspect } from "./commands/Inspect.ts"
import { list } from "./commands/List.ts"
import { prepare } from "./commands/Prepare.ts"
import { root } from "./commands/Root.ts"
import { verify } from "./commands/Verify.ts"
import * as ErrorReport from "./ErrorReport.ts"
import * as SignalStatus from "./SignalStatus.ts"

const program = Command.withSubcommands(root, [list, inspect, dryRun, extract, prepare, verify])

const run = Command.run(program, { name: "oci-systemd", version: manifest.version })

run(process.argv).pipe(
  ErrorReport.report,
  Effect.provide(NodeContext.layer),
  Effect.provide(Logger.replace(Logger.defaultLogger, ErrorReport.logger)),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    disablePrettyLogger: true,
    teardown: SignalStatus.teardown()
  })
)
