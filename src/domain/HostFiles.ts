/**
 * Files of the host that a service sees in its root, read-only: the names of machines, and the time zone.
 *
 * A bind mount needs something to be mounted on. systemd follows an image's links inside the root, makes what is
 * missing where the root can be written, and refuses to start a service where a directory is in the way.
 *
 *     /etc/resolv.conf, /etc/hosts    in place of the image's own, as container engines have it
 *     /etc/localtime                  only where the image has none: one that has, or sets TZ, has chosen
 */
import * as DirectiveSource from "./unit/DirectiveSource.ts"
import { type Directive, directive } from "./unit/UnitFile.ts"
import { literal } from "./systemd/UnitValue.ts"

export const PATHS = ["/etc/resolv.conf", "/etc/hosts", "/etc/localtime"] as const
export type HostFile = (typeof PATHS)[number]

/** What an image has at such a path. `dangling`: a link to where nothing is yet. `other`: nothing to mount a file on. */
export const STATES = ["nothing", "file", "dangling", "other"] as const
export type State = (typeof STATES)[number]

export interface HostFilesContext {
  /** Missing while the image is not extracted. */
  readonly states: Readonly<Partial<Record<HostFile, State>>> | undefined
  /** Can the root be written? Where it cannot, prepare has made what is missing, but no link leads to it. */
  readonly writable: boolean
  readonly alone: boolean
  readonly setsTimeZone: boolean
}

/** `-`: a host that lacks one starts the service without. */
export const directives = (context: HostFilesContext): readonly Directive[] => {
  const bound = PATHS.filter((path) => isBound(path, context))
  return bound.length === 0
    ? []
    : [
        directive(
          "BindReadOnlyPaths",
          literal(bound.map((path) => `-${path}`).join(" ")),
          DirectiveSource.byDefault
        )
      ]
}

const isBound = (path: HostFile, { states, writable, alone, setsTimeZone }: HostFilesContext): boolean => {
  const state = states?.[path] ?? "nothing"
  if (path === "/etc/localtime") return state === "nothing" && !setsTimeZone && states !== undefined
  // Nobody to ask there.
  if (path === "/etc/resolv.conf" && alone) return false
  switch (state) {
    case "file":
    case "nothing":
      return true
    case "dangling":
      return writable
    case "other":
      return false
  }
}
