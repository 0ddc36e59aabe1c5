/**
 * A directory of the host that replaces one of the image, as the key `volume` names it.
 *
 *     volume = HOST ":" IMAGE [ ":ro" ]        both absolute paths; the order of BindPaths= and of `docker run -v`
 */
import * as Either from "effect/Either"
import { refuse, type ValueRefused } from "../text/ValueRefused.ts"
import { adding, pathFault } from "./SettingKey.ts"

/** A volume, and the directory that is bound there. */
export interface VolumeBind {
  /** The directory on the host. */
  readonly host: string
  /** The path inside the image: one of its volumes, or any other path. */
  readonly image: string
  readonly readonly: boolean
}

export const parse = (text: string): Either.Either<VolumeBind, ValueRefused> => {
  const [host = "", image = "", mode, ...more] = text.split(":")
  if (image === "" || more.length > 0 || (mode !== undefined && mode !== "ro" && mode !== "rw"))
    return refuse("HOST:IMAGE or HOST:IMAGE:ro is expected, for example /srv/data:/data")
  const fault = pathFault(host) ?? pathFault(image)
  if (fault !== undefined) return refuse(fault)
  const bind = { host: clean(host), image: clean(image), readonly: mode === "ro" }
  return bind.image === "/" ? refuse("the root itself cannot be a volume") : Either.right(bind)
}

export const print = ({ host, image, readonly }: VolumeBind): string =>
  `${host}:${image}${readonly ? ":ro" : ""}`

/** Adds more binds. Of two for one place in the image the later counts, and an empty list removes all before it. */
export const add = adding<VolumeBind>(({ image }) => image)

const clean = (path: string): string => path.replace(/\/+/g, "/").replace(/(.)\/$/, "$1")
