/** oci-systemd: the program for people and for the units. */
import * as Command from "@effect/cli/Command"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import manifest from "../../package.json" with { type: "json" }
import { ociSystemd } from "./commands/OciSystemd.ts"
import * as ErrorReport from "./ErrorReport.ts"
import * as SignalStatus from "./SignalStatus.ts"

const run = Command.run(ociSystemd, { name: "oci-systemd", version: manifest.version })

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
