/**
 * Files of the host that a service sees read-only in its root: the names of machines, and the time zone.
 *
 *     /etc/resolv.conf, /etc/hosts    in place of the image's own, as container engines have it
 *     /etc/localtime                  only where the image has none: one that has, or sets TZ, has chosen
 *
 * `RootMounts` says how they get there.
 */
import { HOST_FILES, type HostFile, type HostFileState } from "../process/RootFacts.ts"

export interface BoundHostFilesContext {
  /** Missing while the image is not extracted. */
  readonly states: Readonly<Partial<Record<HostFile, HostFileState>>> | undefined
  readonly alone: boolean
  readonly setsTimeZone: boolean
}

/** The files that this image's service gets, if the host has them. */
export const of = (context: BoundHostFilesContext): readonly HostFile[] =>
  HOST_FILES.filter((path) => isBound(path, context))

const isBound = (path: HostFile, { states, alone, setsTimeZone }: BoundHostFilesContext): boolean => {
  const state = states?.[path] ?? "nothing"
  if (path === "/etc/localtime") return state === "nothing" && !setsTimeZone && states !== undefined
  // A service without a network has no name server.
  if (path === "/etc/resolv.conf" && alone) return false
  return state !== "other"
}
