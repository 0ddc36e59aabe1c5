/**
 * How other units start an image's service, and its further names: the same as systemctl enable(1) makes of an
 * `[Install]` section, as relative links in the generator's directory (systemd.unit(5)).
 *
 *     UNIT.wants/U.service      → ../U.service        UNIT starts it
 *     UNIT.requires/U.service   → ../U.service        and fails where it does
 *     UNIT.upholds/U.service    → ../U.service        and starts it again; a drop-in of UNIT's before systemd 254
 *     ALIAS.service             → U.service
 */

import { display } from "../naming/ImageName.ts"
import { knows } from "../systemd/SystemdVersion.ts"
import { literal } from "../systemd/UnitValue.ts"
import * as DirectiveSource from "./DirectiveSource.ts"
import type { ImageContext, UnitHost } from "./ImageContext.ts"
import { directive, type UnitFile } from "./UnitFile.ts"

/** A symbolic link in the generator's directory. */
export interface UnitLink {
  readonly path: string
  readonly target: string
}

type Enabled = Pick<ImageContext, "settings" | "stem" | "units">
type EnabledOn = Enabled & { readonly host: Pick<UnitHost, "systemdVersion"> }

export const links = ({ host, settings, units: { service } }: EnabledOn): readonly UnitLink[] => {
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

/** Returns drop-ins with `Upholds=` for versions of systemd without such links. */
export const dropIns = ({
  stem,
  settings,
  origins,
  host,
  units
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
              directive("Upholds", literal(units.service), DirectiveSource.setting(origins, "upheldby"))
            ]
          }
        ]
      }))

const hasUpholdsDirectory = ({ systemdVersion }: EnabledOn["host"]): boolean =>
  knows(systemdVersion, "UpholdsDirectory")

/**
 * Returns the aliases that are refused: another image's own name, or one that several images have. No image gets
 * these.
 */
export const clashes = (
  images: ReadonlyArray<Enabled & Pick<ImageContext, "name">>
): ReadonlyMap<string, string> => {
  const owners = new Map(images.map((image) => [image.units.service, image]))
  const wanted = new Map<string, string[]>()
  for (const { settings, name } of images) {
    for (const alias of settings.alias) wanted.set(alias, [...(wanted.get(alias) ?? []), display(name)])
  }
  const clashing = new Map<string, string>()
  for (const [alias, names] of wanted) {
    const owner = owners.get(alias)
    if (owner !== undefined && (names.length > 1 || names[0] !== display(owner.name)))
      clashing.set(alias, `the alias ${alias} is the name of ${display(owner.name)}: no other image gets it`)
    else if (names.length > 1)
      clashing.set(alias, `the alias ${alias} is set for ${names.join(", ")}: none of them gets it`)
  }
  return clashing
}
