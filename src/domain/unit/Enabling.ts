/**
 * How an image's service is started by others, and under which more names: what systemctl enable(1) makes of an
 * `[Install]` section, as relative links in the generator's directory (systemd.unit(5)).
 *
 *     UNIT.wants/U.service      → ../U.service        UNIT starts it
 *     UNIT.requires/U.service   → ../U.service        and fails where it does
 *     UNIT.upholds/U.service    → ../U.service        and starts it again; a drop-in of UNIT's before systemd 254
 *     ALIAS.service             → U.service
 */

import * as DirectiveSource from "./DirectiveSource.ts"
import type { ImageContext, UnitHost } from "./ImageContext.ts"
import { display } from "../naming/ImageName.ts"
import { knows } from "../systemd/SystemdVersion.ts"
import { directive, type UnitFile } from "./UnitFile.ts"
import * as UnitName from "../naming/UnitName.ts"
import { literal } from "../systemd/UnitValue.ts"

/** A symbolic link in the generator's directory. */
export interface UnitLink {
  readonly path: string
  readonly target: string
}

type Enabled = Pick<ImageContext, "stem" | "settings">
type EnabledOn = Enabled & { readonly host: Pick<UnitHost, "systemdVersion"> }

export const links = ({ stem, settings, host }: EnabledOn): readonly UnitLink[] => {
  const service = UnitName.service(stem)
  const pulledIn = [
    ...settings.wantedby.map((unit) => `${unit}.wants`),
    ...settings.requiredby.map((unit) => `${unit}.requires`),
    ...(hasUpholdsDirectory(host) ? settings.upheldby.map((unit) => `${unit}.upholds`) : [])
  ]
  return [
    ...pulledIn.map((directory) => ({ path: `${directory}/${service}`, target: `../${service}` })),
    ...settings.alias.filter((alias) => alias !== service).map((alias) => ({ path: alias, target: service }))
  ]
}

/** `Upholds=` in drop-ins, where no link says it. */
export const dropIns = ({
  stem,
  settings,
  origins,
  host
}: EnabledOn & Pick<ImageContext, "origins">): readonly UnitFile[] =>
  hasUpholdsDirectory(host)
    ? []
    : settings.upheldby.map((unit) => ({
        name: `${unit}.d/${stem}.conf`,
        comments: [],
        sections: [
          {
            name: "Unit",
            directives: [
              directive(
                "Upholds",
                literal(UnitName.service(stem)),
                DirectiveSource.setting(origins, "upheldby")
              )
            ]
          }
        ]
      }))

const hasUpholdsDirectory = ({ systemdVersion }: EnabledOn["host"]): boolean =>
  knows(systemdVersion, "UpholdsDirectory")

/** Aliases that cannot be: another image's own name, or one that several images want. Nobody gets these. */
export const clashes = (
  images: ReadonlyArray<Enabled & Pick<ImageContext, "name">>
): ReadonlyMap<string, string> => {
  const owners = new Map(images.map((image) => [UnitName.service(image.stem), image]))
  const wanted = new Map<string, string[]>()
  for (const { settings, name } of images) {
    for (const alias of settings.alias) wanted.set(alias, [...(wanted.get(alias) ?? []), display(name)])
  }
  const clashing = new Map<string, string>()
  for (const [alias, names] of wanted) {
    const owner = owners.get(alias)
    if (owner !== undefined && (names.length > 1 || names[0] !== display(owner.name)))
      clashing.set(alias, `the alias ${alias} is the name of ${display(owner.name)}: nobody else gets it`)
    else if (names.length > 1)
      clashing.set(alias, `the alias ${alias} is wanted for ${names.join(", ")}: none gets it`)
  }
  return clashing
}
