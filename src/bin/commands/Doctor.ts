/** `oci-systemd doctor`: checks whether this machine can run images. */
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Doctor from "../../program/Doctor.ts"
import * as ThisMachine from "../../program/ThisMachine.ts"
import { NativeCalls } from "../../services/files/NativeCalls.ts"
import * as Output from "../Output.ts"
import * as DiagnosisText from "../view/DiagnosisText.ts"
import * as CommonOptions from "./CommonOptions.ts"

export const doctor = Command.make(
  "doctor",
  { config: CommonOptions.config, json: CommonOptions.json },
  ({ json }) =>
    Effect.gen(function* () {
      const nativeCalls = yield* Effect.either(Effect.provide(NativeCalls, NativeCalls.layer))
      const diagnoses = yield* Doctor.examine({ ...(yield* ThisMachine.read()), nativeCalls })
      if (json) Output.printJson(diagnoses)
      else Output.print(DiagnosisText.render(diagnoses, Output.width()).join("\n"))
      yield* Doctor.requireWell(diagnoses)
    })
).pipe(
  Command.withDescription("Check that this machine can run images, and say how to fix it if not"),
  CommonOptions.reading
)
