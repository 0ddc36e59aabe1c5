/** The unit in place of an image that cannot run: its start fails at once and says why. */
import * as Either from "effect/Either"
import * as ImageContext from "./ImageContext.ts"
import { display } from "../naming/ImageName.ts"
import { type Directive, directive, type UnitFile } from "./UnitFile.ts"
import * as UnitName from "../naming/UnitName.ts"
import { join, literal, prose, word } from "../systemd/UnitValue.ts"

export const render = (
  context: Pick<ImageContext.ImageContext, "name" | "stem">,
  reason: string
): UnitFile => ({
  name: UnitName.service(context.stem),
  comments: ImageContext.header(context.name),
  sections: [
    {
      name: "Unit",
      directives: [directive("Description", prose(`${display(context.name)} (cannot run: ${reason})`))]
    },
    { name: "Service", directives: failing(`${display(context.name)} cannot run: ${reason}`) }
  ]
})

/**
 * A process that says why and fails, before the service is one that has started: `systemctl start` fails with it, and so does what
 * needs the service. (`Type=oneshot` would do that too, but is refused beside a drop-in's `Restart=always`.) The reason is an
 * argument, not part of the script.
 */
export const failing = (reason: string): readonly Directive[] => {
  const sentence = word("the reason", reason.toWellFormed().replaceAll("\0", " "))
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
