/**
 * A directory of the host in place of one of the image's, as the key `volume` names it.
 *
 *     volume = HOST ":" IMAGE [ ":ro" ]        both absolute paths; the order of BindPaths= and of `docker run -v`
 */
import * as Either from "effect/Either"
import { pathFault } from "./SettingKey.ts"

export interface VolumeBind {
  /** The directory on the host. */
  readonly host: string
  /** Where the image finds it: one of its volumes, or any other path. */
  readonly image: string
  readonly readonly: boolean
}

export const parse = (text: string): Either.Either<VolumeBind, string> => {
  const [host = "", image = "", mode, ...more] = text.split(":")
  if (image === "" || more.length > 0 || (mode !== undefined && mode !== "ro" && mode !== "rw"))
    return Either.left("HOST:IMAGE or HOST:IMAGE:ro is wanted, for example /srv/data:/data")
  const fault = pathFault(host) ?? pathFault(image)
  if (fault !== undefined) return Either.left(fault)
  const bind = { host: clean(host), image: clean(image), readonly: mode === "ro" }
  return bind.image === "/" ? Either.left("the root itself is no volume") : Either.right(bind)
}

export const print = ({ host, image, readonly }: VolumeBind): string =>
  `${host}:${image}${readonly ? ":ro" : ""}`

/** Of two for one place in the image the later counts; none at all takes back all that was given before. */
export const add = (before: readonly VolumeBind[], more: readonly VolumeBind[]): readonly VolumeBind[] =>
  more.length === 0
    ? []
    : [...before.filter((bind) => !more.some((other) => other.image === bind.image)), ...more]

const clean = (path: string): string => path.replace(/\/+/g, "/").replace(/(.)\/$/, "$1")
