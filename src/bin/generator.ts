/** oci-systemd-generator: the systemd.generator(7) program. */
import "./NoStackTraces.ts"
import * as Either from "effect/Either"
import * as DefaultConfiguration from "../domain/settings/DefaultConfiguration.ts"
import * as Generate from "../program/Generate.ts"
import * as Budget from "../services/Budget.ts"
import * as CommandPath from "../services/host/CommandPath.ts"
import * as Compiler from "../services/host/Compiler.ts"
import * as GeneratorLog from "../services/host/GeneratorLog.ts"
import * as HostFacts from "../services/host/HostFacts.ts"
import * as SettingsFile from "../services/host/SettingsFile.ts"
import * as GeneratorArguments from "./GeneratorArguments.ts"

const run = (
  { config, directories: [directory = ""] }: GeneratorArguments.GeneratorArguments,
  log: GeneratorLog.Log
) =>
  Either.gen(function* () {
    const { settings, warnings } = yield* SettingsFile.load(config)
    for (const warning of warnings) log.warn(warning)
    const host = HostFacts.unitHost(settings.system, { cli: CommandPath.cli(), configFile: config })
    yield* Generate.generate({
      settings,
      host,
      platform: HostFacts.platform(),
      directory,
      // What an initrd mounts is for the system after it, which has its generators run anew.
      lateMounts: !HostFacts.inInitrd(),
      log,
      budget: Budget.of(settings.system.maxseconds),
      onImages: (count) => {
        if (count > FEW) Compiler.putOff()
      }
    })
  })

/** With fewer images, little is compiled before the end. */
const FEW = 50

const parsed = GeneratorArguments.parse(process.argv.slice(2))
if (Either.isLeft(parsed)) {
  process.stderr.write(`${parsed.left.message}\n`)
  process.exitCode = 2
} else if (parsed.right.generate) process.stdout.write(DefaultConfiguration.TEXT)
else {
  const log = GeneratorLog.open(parsed.right.debug)
  // A generator that fails hides every image; one that says what is wrong hides none (systemd.generator(7)).
  try {
    const outcome = run(parsed.right, log)
    if (Either.isLeft(outcome)) log.error(outcome.left.message)
  } catch (defect) {
    log.error(String(defect))
  }
  log.end()
}
