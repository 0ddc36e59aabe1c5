/**
 * The mounts in an image's root: directories to write to, volumes, and files of the host.
 *
 * No unit has them as `BindPaths=`. systemd makes the mount point of a bind mount by its path, as root, when it
 * starts the unit. In a tree that a service can write, a link that is put there in time leads the mount
 * anywhere on the host. Instead, `oci-prepare` mounts all of them into the root before the service starts (see
 * `MountTable`), and `RootDirectory=` includes everything that is mounted below it.
 */
import type { ProcessConfig } from "../image/ImageConfig.ts"
import type { ImageProcess } from "../process/ImageProcess.ts"
import type { RootFacts } from "../process/RootFacts.ts"
import type { Profile } from "../settings/ImageSettings.ts"
import * as BoundHostFiles from "./BoundHostFiles.ts"
import type { ImageContext } from "./ImageContext.ts"
import * as ImageVolumes from "./ImageVolumes.ts"
import { hasDevices, hasSetuidPrograms, isReadOnly } from "./Profile.ts"
import type { Overlay } from "./RootPaths.ts"
import * as RootPaths from "./RootPaths.ts"
import * as ServiceNetwork from "./ServiceNetwork.ts"
import * as ServiceSecrets from "./ServiceSecrets.ts"

/** A mount in the root of a service. */
export interface RootMount {
  readonly kind: "volume" | "writable" | "secret" | "host file"
  /**
   * The path in the image: absolute, as the image declares it. Links of the image on the way are followed
   * inside the root.
   */
  readonly path: string
  /** The path on the host. */
  readonly source: string
  readonly readonly: boolean
}

/**
 * What a mount keeps every process from using: device nodes, and the setuid bits of programs. This holds for all
 * users, and for every place where the mount appears.
 */
export interface MountFlags {
  readonly nodev: boolean
  readonly nosuid: boolean
}

/**
 * Returns the mounts. Of two for one path only the first is used: requested mounts come before those of every
 * image.
 */
export const of = (
  context: Pick<ImageContext, "settings" | "origins">,
  config: ProcessConfig,
  process: Pick<ImageProcess, "environment">,
  facts: Pick<RootFacts, "hostFiles">,
  place: { readonly overlay: Overlay; readonly volumes: readonly ImageVolumes.Volume[] }
): readonly RootMount[] => {
  const hostFiles = BoundHostFiles.of({
    states: facts.hostFiles,
    alone: ServiceNetwork.isolation(context, config) !== undefined,
    setsTimeZone: process.environment.some(({ name }) => name === "TZ")
  })
  const all: readonly RootMount[] = [
    ...place.volumes
      .filter(({ path }) => !ImageVolumes.isOfTheKernel(path))
      .map(
        ({ directory, path, readonly }): RootMount => ({ kind: "volume", path, source: directory, readonly })
      ),
    ...RootPaths.writables(place.overlay, context.settings).map(
      ({ directory, path }): RootMount => ({ kind: "writable", path, source: directory, readonly: false })
    ),
    ...ServiceSecrets.mounts(context.settings, place.overlay),
    ...hostFiles.map((path): RootMount => ({ kind: "host file", path, source: path, readonly: true }))
  ]
  return all.filter(({ path }, index) => all.findIndex((other) => other.path === path) === index)
}

/** Returns the flags of the root and of everything that is mounted into it. */
export const flags = (profile: Profile): MountFlags => ({
  nodev: !hasDevices(profile),
  nosuid: !hasSetuidPrograms(profile)
})

/**
 * Whether a root has terminals of its own. `PrivateDevices=` brings those of the host's users along, `/dev/pts`: root
 * would read what is typed there, and the group `tty`, which an image can name, would write to them.
 */
export const hasOwnTerminals = (profile: Profile): boolean => !hasDevices(profile)

/**
 * Where the root's terminals are mounted until the service starts. systemd processes its mounts in the order of their
 * paths, so it binds this place to `/dev/pts` before it mounts over it. At `/dev/pts` itself, it would find the
 * host's terminals, which it has put there by then.
 */
export const TERMINALS = "proc"

/**
 * Returns the places in a root where systemd itself makes or mounts something at each start, by their paths:
 * `MountAPIVFS=`, `PrivateTmp=`, the sockets of the journal, and what it always has for itself. Where something
 * `isCovered`, the mount point is there already, and only the way to it matters.
 */
export const placesOfSystemd = (
  profile: Profile
): ReadonlyArray<{ readonly path: string; readonly isCovered: boolean }> => [
  ...[
    "/proc",
    "/sys",
    "/dev",
    "/run/systemd/incoming",
    "/run/systemd/journal/socket",
    "/run/host/os-release"
  ].map((path) => ({ path, isCovered: false })),
  ...(isReadOnly(profile) ? ["/tmp", "/var/tmp"] : []).map((path) => ({ path, isCovered: true }))
]
