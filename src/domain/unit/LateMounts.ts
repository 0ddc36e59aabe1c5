/**
 * The units that look again at the images' directories once file systems are mounted. Generators run before that, so
 * a directory that they see may be hidden by a file system that is mounted later in the same boot.
 *
 * `oci-layouts.service` runs after local-fs.target and before sysinit.target, so that units that are ordered after
 * images or react to them (timers, sockets) have not begun yet. It requires no mount, and does not wait for mounts
 * that the boot does not wait for (`nofail`, `noauto`, the network's). For these, the mount unit of each part of the
 * path wants an `oci-layouts@MOUNT.service`, which starts with it at any time, at boot or by hand, and stops with it.
 *
 * An automount is mounted when it is used. `oci-layouts-automounted.service` uses it once the boot has no more mounts
 * to wait for, and the boot does not wait for this service.
 *
 * All of them stay active, so that starting a target again does not start them again.
 */
import * as Either from "effect/Either"
import * as UnitName from "../naming/UnitName.ts"
import * as ExecStart from "../systemd/ExecStart.ts"
import { literal, prose, type UnitValue, type Unwritable } from "../systemd/UnitValue.ts"
import type { UnitLink } from "./Enabling.ts"
import { helper, MADE_BY, type UnitHost } from "./ImageContext.ts"
import * as SharedDirectives from "./SharedDirectives.ts"
import { type Directive, directive, type PrintedUnit, printed } from "./UnitFile.ts"

/** What the generator saw of a directory. */
export interface DirectorySighting {
  readonly directory: string
  /** The same path with its links resolved, as far as it exists. */
  readonly realPath: string
  /** A text that changes once another file system is mounted at the directory or below it. */
  readonly seen: string
}

/** The value for a directory behind an automount point that has not been used. */
export const AUTOMOUNT = "automount"

export interface LateMountUnits {
  readonly files: readonly PrintedUnit[]
  readonly links: readonly UnitLink[]
}

export const units = (
  host: Pick<UnitHost, "cli">,
  sightings: readonly DirectorySighting[]
): Either.Either<LateMountUnits, Unwritable> => {
  const program = helper({ host }, "oci-layouts")
  const argv = [program, ...sightings.flatMap(({ directory, seen }) => [directory, seen])]
  const mounts = mountPoints(sightings).map((path) => ({ path, mount: UnitName.mount(path) }))
  return Either.map(ExecStart.render(program, argv), (look) => ({
    files: [
      unit(UnitName.LAYOUTS, "Look for OCI images after file systems are mounted", look, [
        // systemd-tmpfiles-setup.service copies factory files to /var.
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

/** Returns every directory on the paths where something may be mounted, unless its unit's name would be too long. */
const mountPoints = (sightings: readonly DirectorySighting[]): readonly string[] => {
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

const unit = (name: string, description: string, look: UnitValue, order: readonly Directive[]): PrintedUnit =>
  printed({
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
          // Instances would get a slice of their own.
          directive("Slice", literal("system.slice")),
          directive("ExecStart", look),
          // This is twice the time that generators may take.
          directive("TimeoutStartSec", literal("180s")),
          directive("SyslogIdentifier", literal("oci-layouts"))
        ]
      }
    ]
  })

const wants = (by: string, name: string): UnitLink => ({ path: `${by}.wants/${name}`, target: `../${name}` })
