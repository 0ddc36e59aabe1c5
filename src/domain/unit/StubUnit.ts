/** The unit in place of an image that cannot run: its start fails at once and says why. */
import * as Either from "effect/Either"
import { display } from "../naming/ImageName.ts"
import { join, literal, prose, word } from "../systemd/UnitValue.ts"
import * as Printable from "../text/Printable.ts"
import * as ImageContext from "./ImageContext.ts"
import { type Directive, directive, type UnitFile } from "./UnitFile.ts"

export const render = (
  context: Pick<ImageContext.ImageContext, "name" | "units">,
  reason: string
): UnitFile => ({
  name: context.units.service,
  comments: ImageContext.header(context.name),
  sections: [
    {
      name: "Unit",
      directives: [directive("Description", prose(`${display(context.name)} (cannot run: ${reason})`))]
    },
    { name: "Service", directives: failing(`${display(context.name)} cannot run: ${reason}`) }
  ]
})

/** Reasons hold texts of images. */
const MAX_REASON = 2000

/**
 * Returns a process that prints the reason and fails before the service counts as started, so that `systemctl start`
 * fails, and with it every unit that needs the service. (`Type=oneshot` would do the same, but is refused beside a
 * drop-in's `Restart=always`.) The reason is an argument and not part of the script.
 */
export const failing = (reason: string): readonly Directive[] => {
  const sentence = word("the reason", Printable.line(reason.slice(0, MAX_REASON)))
  const argument = Either.getOrElse(sentence, () => literal('"cannot run"'))
  return [
    directive(
      "ExecStartPre",
      join([
        literal("@:/bin/sh"),
        ...[`"sh"`, `"-c"`, `"printf '<3>%s\\n' \\"$1\\"; exit 1"`, `"sh"`].map(literal),
        argument
      ])
    ),
    directive("ExecStart", literal(":/bin/false")),
    directive("SyslogIdentifier", literal("oci-systemd-generator"))
  ]
}
