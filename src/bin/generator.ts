/** oci-systemd-generator: the systemd.generator(7) program. */
import * as Either from "effect/Either"
import * as DefaultConfiguration from "../domain/DefaultConfiguration.ts"
import * as Generate from "../program/Generate.ts"
import * as Budget from "../services/Budget.ts"
import * as CommandPath from "../services/CommandPath.ts"
import * as HostFacts from "../services/HostFacts.ts"
import * as KernelLog from "../services/KernelLog.ts"
import * as SettingsFile from "../services/SettingsFile.ts"
import * as GeneratorArguments from "./GeneratorArguments.ts"

const log = (debug: boolean): Generate.Log => ({
  debug: (message) => debug && KernelLog.write(KernelLog.PRIORITY.debug, message),
  warn: (message) => KernelLog.write(KernelLog.PRIORITY.warning, message),
  error: (message) => KernelLog.write(KernelLog.PRIORITY.error, message)
})

const run = ({ config, debug, directories: [directory = ""] }: GeneratorArguments.GeneratorArguments) =>
  Either.gen(function* () {
    const { settings, warnings } = yield* SettingsFile.load(config)
    for (const warning of warnings) log(debug).warn(warning)
    const host = {
      systemdVersion: settings.system.systemdversion ?? HostFacts.systemdVersion(),
      cli: CommandPath.cli(),
      configFile: config,
      servesRecords: HostFacts.servesRecords()
    }
    yield* Generate.generate({
      settings,
      host,
      platform: HostFacts.platform(),
      directory,
      // What an initrd mounts is for the system after it, which has its generators run anew.
      lateMounts: !HostFacts.inInitrd(),
      log: log(debug),
      budget: Budget.of(settings.system.maxseconds)
    })
  })

// Errors are told by their messages here; where thousands are made, their traces would take the most of the time.
Error.stackTraceLimit = 0

const parsed = GeneratorArguments.parse(process.argv.slice(2))
if (Either.isLeft(parsed)) {
  process.stderr.write(`${parsed.left.message}\n`)
  process.exitCode = 2
} else if (parsed.right.generate) process.stdout.write(DefaultConfiguration.TEXT)
else {
  // A generator that fails hides every image; one that says what is wrong hides none (systemd.generator(7)).
  try {
    const outcome = run(parsed.right)
    if (Either.isLeft(outcome)) log(false).error(outcome.left.message)
  } catch (defect) {
    log(false).error(String(defect))
  }
}
