/** `oci-systemd doctor`: whether this machine can run images. */
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Doctor from "../../program/Doctor.ts"
import * as DiagnosisText from "../view/DiagnosisText.ts"
import * as Output from "../Output.ts"
import * as CommonOptions from "./CommonOptions.ts"

export const doctor = Command.make(
  "doctor",
  { config: CommonOptions.config, json: CommonOptions.json },
  ({ config, json }) =>
    Effect.gen(function* () {
      const diagnoses = yield* Doctor.examine(yield* CommonOptions.loadSilently(config))
      if (json) Output.printJson(diagnoses)
      else Output.print(DiagnosisText.render(diagnoses, Output.width()).join("\n"))
      yield* Doctor.requireWell(diagnoses)
    })
).pipe(Command.withDescription("Check that this machine can run images, and say what to do where it cannot"))
