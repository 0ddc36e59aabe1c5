/**
 * The units that look again at the images' directories once file systems are mounted: generators run before that, so what
 * they see may be a directory that a file system is mounted over later in the same boot.
 *
 * `oci-layouts.service` looks after local-fs.target and before sysinit.target, so that whatever is ordered behind the
 * images, or waits to be told of them (timers, sockets), has not begun yet. It requires no mount, and waits for none that
 * the boot does not wait for itself (`nofail`, `noauto`, the network's). These have `oci-layouts@MOUNT.service`, wanted by
 * the mount unit of each part of the path: started with it at any time, by a boot or by hand, and gone with it.
 *
 * An automount is mounted when it is used. `oci-layouts-automounted.service` uses it, once the boot has no more mounts to
 * wait for, and does not wait for it.
 *
 * All stay active: whoever starts a target again does not start them again.
 */
import * as Either from "effect/Either"
import type { UnitLink } from "./Enabling.ts"
import * as ExecStart from "../systemd/ExecStart.ts"
import { helper, MADE_BY, type UnitHost } from "./ImageContext.ts"
import * as SharedDirectives from "./SharedDirectives.ts"
import { type Directive, directive, type UnitFile } from "./UnitFile.ts"
import * as UnitName from "../naming/UnitName.ts"
import { literal, prose, type UnitValue, type Unwritable } from "../systemd/UnitValue.ts"

/** What the generator saw of a directory. */
export interface Sighting {
  readonly directory: string
  /** The same path without links, as far as it exists. */
  readonly realPath: string
  /** Differs once the directory, or one below it, is another file system's. */
  readonly seen: string
}

/** What is seen of a directory behind an automount point that nobody has used. */
export const AUTOMOUNT = "automount"

export interface LateMountUnits {
  readonly files: readonly UnitFile[]
  readonly links: readonly UnitLink[]
}

export const units = (
  host: Pick<UnitHost, "cli">,
  sightings: readonly Sighting[]
): Either.Either<LateMountUnits, Unwritable> => {
  const program = helper({ host }, "oci-layouts")
  const argv = [program, ...sightings.flatMap(({ directory, seen }) => [directory, seen])]
  const mounts = mountPoints(sightings).map((path) => ({ path, mount: UnitName.mount(path) }))
  return Either.map(ExecStart.render(program, argv), (look) => ({
    files: [
      unit(UnitName.LAYOUTS, "Look for OCI images after file systems are mounted", look, [
        // Factory files are copied to /var by the second.
        directive("After", literal("local-fs.target systemd-tmpfiles-setup.service")),
        directive("Before", literal("sysinit.target"))
      ]),
      unit(UnitName.LAYOUTS_AUTOMOUNTED, "Look for OCI images behind automounts", look, [
        directive("After", literal(`local-fs.target remote-fs.target ${UnitName.LAYOUTS}`))
      ]),
      ...mounts.map(({ path, mount }) =>
        unit(UnitName.layoutsOn(mount), `Look for OCI images after ${path} is mounted`, look, [
          directive("BindsTo", literal(mount)),
          directive("After", literal(`${mount} ${UnitName.LAYOUTS}`))
        ])
      )
    ],
    links: [
      wants("sysinit.target", UnitName.LAYOUTS),
      ...mounts.flatMap(({ mount }) => [
        wants(mount, UnitName.layoutsOn(mount)),
        wants(mount.replace(/mount$/, "automount"), UnitName.LAYOUTS_AUTOMOUNTED)
      ])
    ]
  }))
}

/** Every directory on the paths where something may be mounted, and whose unit's name is not too long to be one. */
const mountPoints = (sightings: readonly Sighting[]): readonly string[] => {
  const paths = sightings
    .flatMap(({ directory, realPath }) => [directory, realPath])
    .flatMap((path) => {
      const components = path.split("/").filter((component) => component !== "")
      return components.map((_, index) => `/${components.slice(0, index + 1).join("/")}`)
    })
  return [...new Set(paths)]
    .filter((path) => UnitName.layoutsOn(UnitName.mount(path)).length <= UnitName.MAX_UNIT_BYTES)
    .sort()
}

const unit = (name: string, description: string, look: UnitValue, order: readonly Directive[]): UnitFile => ({
  name,
  comments: [`${MADE_BY}, and made anew at every daemon-reload. See docs/late-mounts.md.`],
  sections: [
    {
      name: "Unit",
      directives: [
        directive("Description", prose(description)),
        directive("DefaultDependencies", literal("no")),
        ...order,
        directive("Conflicts", literal("shutdown.target")),
        directive("Before", literal("shutdown.target"))
      ]
    },
    {
      name: "Service",
      directives: [
        SharedDirectives.ONESHOT,
        directive("RemainAfterExit", literal("yes")),
        // Instances would have one of their own.
        directive("Slice", literal("system.slice")),
        directive("ExecStart", look),
        // Twice what generators may take.
        directive("TimeoutStartSec", literal("180s")),
        directive("SyslogIdentifier", literal("oci-layouts"))
      ]
    }
  ]
})

const wants = (by: string, name: string): UnitLink => ({ path: `${by}.wants/${name}`, target: `../${name}` })
