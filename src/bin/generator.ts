/** oci-systemd-generator, the systemd.generator(7) program. */
import "./NoStackTraces.ts"
import * as Either from "effect/Either"
import * as DefaultConfiguration from "../domain/settings/DefaultConfiguration.ts"
import * as Generate from "../program/Generate.ts"
import * as Remembering from "../program/Remembering.ts"
import * as CommandPath from "../services/host/CommandPath.ts"
import * as Compiler from "../services/host/Compiler.ts"
import * as GeneratorEnvironment from "../services/host/GeneratorEnvironment.ts"
import * as GeneratorLog from "../services/host/GeneratorLog.ts"
import * as HostFacts from "../services/host/HostFacts.ts"
import * as SettingsFile from "../services/host/SettingsFile.ts"
import * as Deadline from "../services/layout/Deadline.ts"
import * as GeneratorArguments from "./GeneratorArguments.ts"

const run = (
  { config, directories: [directory = ""] }: GeneratorArguments.GeneratorArguments,
  log: GeneratorLog.Log,
  remembering: Remembering.Remembering
) =>
  Either.gen(function* () {
    const { settings, warnings } = yield* SettingsFile.load(config)
    remembering.system(settings.system)
    for (const warning of warnings) log.warn(warning)
    const host = HostFacts.unitHost(settings.system, { cli: CommandPath.cli(), configFile: config })
    const budget = Deadline.of(settings.system.maxseconds)
    Generate.generate({
      settings,
      host,
      platform: HostFacts.platform(),
      directory,
      // The initrd's mounts are for the system after it, which runs its generators again.
      lateMounts: !HostFacts.inInitrd(),
      log,
      budget,
      onImages: (count) => {
        if (count > FEW) Compiler.putOff()
      },
      onUnit: remembering.unit
    })
    if (budget.isSpent()) remembering.distrust("it had no time left")
  })

/** A small number of images, for which little code gets compiled before the program ends. */
const FEW = 50

const parsed = GeneratorArguments.parse(process.argv.slice(2))
if (Either.isLeft(parsed)) {
  process.stderr.write(`${parsed.left.message}\n`)
  process.exitCode = 2
} else if (parsed.right.generate) process.stdout.write(DefaultConfiguration.TEXT)
else {
  const request = GeneratorEnvironment.memoryRequest(parsed.right.config)
  const log = GeneratorLog.open(parsed.right.debug, request?.isAhead)
  const remembering = Remembering.begin(request, parsed.right.debug)
  // A generator that fails hides every image, one that reports what is wrong hides none (systemd.generator(7)).
  try {
    const outcome = run(parsed.right, log, remembering)
    if (Either.isLeft(outcome)) {
      log.error(outcome.left.message)
      remembering.distrust("it failed")
    }
  } catch (defect) {
    log.error(String(defect))
    remembering.distrust("it failed")
  }
  remembering.end(log)
}
