/**
 * The secrets that a service gets, as files in its root or as variables.
 *
 *     secret = SOURCE [ ":" PATH ] [ ":" UID ":" GID ":" MODE ] [ ":envfile=" VARIABLE ]     a file
 *            | SOURCE ":env=" VARIABLE                                                        a variable
 *
 *     SOURCE = NAME         a credential in one of systemd's stores (systemd.exec(5), LoadCredential=)
 *            | /HOST/FILE   a file of the host
 */
import * as Either from "effect/Either"
import * as EnvironmentLine from "../systemd/EnvironmentLine.ts"
import { refuse, type ValueRefused } from "../text/ValueRefused.ts"
import { adding, pathFault, type SettingKeys } from "./SettingKey.ts"

/** A secret, and how the service gets it. */
export type Secret = SecretFile | SecretVariable

/** A secret that is a file in the root of the service. */
export interface SecretFile {
  readonly kind: "file"
  /** The name of a credential, or the path of a file of the host. */
  readonly source: string
  /** The path in the image. */
  readonly path: string
  readonly uid: number
  readonly gid: number
  readonly mode: number
  /** A variable of the service that holds the path; `undefined` for none. */
  readonly variable: string | undefined
}

/** A secret that is the value of a variable of the service. */
export interface SecretVariable {
  readonly kind: "variable"
  /** The name of a credential, or the path of a file of the host. */
  readonly source: string
  readonly variable: string
}

/** Settings of a service's secrets. */
export interface SecretSettings {
  readonly secret: readonly Secret[]
}

/** Whether a secret is a file of the host, and not a credential by its name. */
export const isHostFile = ({ source }: Secret): boolean => source.startsWith("/")

/** Parses the value of one line. */
export const parse = (text: string): Either.Either<Secret, ValueRefused> => {
  const [source = "", ...parts] = text.split(":")
  const sourceIsWrong = sourceFault(source)
  if (sourceIsWrong !== undefined) return refuse(sourceIsWrong)
  const variable = VARIABLE.exec(parts[parts.length - 1] ?? "")
  const name = variable?.[2]
  if (variable !== null) parts.pop()
  if (name !== undefined && !EnvironmentLine.isName(name))
    return refuse("the variable's name must have letters, digits and “_” only, and not begin with a digit")
  if (name !== undefined && variable?.[1] === "env")
    return parts.length > 0
      ? refuse("a secret that is a variable has no path, owner or mode: NAME:env=VARIABLE is expected")
      : Either.right({ kind: "variable", source: clean(source), variable: name })
  const path = parts[0]?.startsWith("/") === true ? parts.shift() : undefined
  if (parts.length !== 0 && parts.length !== 3) return refuse(WANTED)
  const place = clean(path ?? `${DIRECTORY}/${source.slice(source.lastIndexOf("/") + 1)}`)
  const placeIsWrong = pathFault(place) ?? placeFault(place)
  if (placeIsWrong !== undefined) return refuse(placeIsWrong)
  const [uid = "0", gid = "0", mode = USUAL_MODE] = parts
  for (const id of [uid, gid])
    if (!ID.test(id) || Number(id) > MAX_ID) return refuse("the owner has to be two numbers, UID:GID")
  if (!MODE.test(mode)) return refuse("the mode has to be an octal number without setuid bits, such as 0400")
  return Either.right({
    kind: "file",
    source: clean(source),
    path: place,
    uid: Number(uid),
    gid: Number(gid),
    mode: Number.parseInt(mode, 8),
    variable: name
  })
}

/** Prints a secret so that `parse` reads it back. */
export const print = (secret: Secret): string => {
  if (secret.kind === "variable") return `${secret.source}:env=${secret.variable}`
  const { path, source, variable } = secret
  return [source, path, access(secret), ...(variable === undefined ? [] : [`envfile=${variable}`])].join(":")
}

/** Prints the owner and mode of a secret's file: `0:0:0444`. */
export const access = ({ gid, mode, uid }: SecretFile): string =>
  `${uid}:${gid}:${mode.toString(8).padStart(4, "0")}`

const sourceFault = (source: string): string | undefined => {
  if (source.startsWith("/"))
    return (
      pathFault(source) ?? (source.endsWith("/") ? "a file is expected, and this is a directory" : undefined)
    )
  if (source === "" || source === "." || source === "..") return WANTED
  if (!NAME.test(source))
    return "the secret's name must have letters, digits and “_”, “.”, “-”, “+”, “@” only"
  return source.length > MAX_NAME ? `the secret's name is longer than ${MAX_NAME} characters` : undefined
}

/** In these places systemd mounts something at each start, and a root is no file. */
const placeFault = (path: string): string | undefined => {
  if (path.endsWith("/")) return "the secret's path is a directory, and a file is expected"
  return OF_SYSTEMD.test(path)
    ? "the secret's path lies where systemd mounts file systems of its own"
    : undefined
}

const clean = (path: string): string => path.replace(/\/+/g, "/")

/** Where secrets are without a path, as in containers of Docker and Podman. */
const DIRECTORY = "/run/secrets"
/** All users of the image may read it, as in containers of Docker and Podman. */
const USUAL_MODE = "0444"
const VARIABLE = /^(env|envfile)=(.*)$/
/** Printable characters that mean nothing in a unit; systemd allows a few more (`credential_name_valid`). */
const NAME = /^[A-Za-z0-9_.@+-]+$/
/** systemd allows 255, and another six are needed (`ServiceSecrets`). */
const MAX_NAME = 240
const ID = /^[0-9]{1,10}$/
/** The last two numbers stand for no user. */
const MAX_ID = 2 ** 32 - 3
const MODE = /^0?[0-7]{3}$/
const OF_SYSTEMD = /^\/(?:(?:proc|sys|dev)(?:\/|$)|run\/(?:systemd|host|credentials)(?:\/|$))/
const WANTED =
  "a secret is expected, for example db-password, db-password:/etc/app/password:1000:1000:0400, or db-password:env=PASSWORD"

/** @internal */
export const KEYS: SettingKeys<SecretSettings> = {
  secret: {
    takes: "NAME[:PATH][:UID:GID:MODE][:envfile=VARIABLE] | NAME:env=VARIABLE",
    default: [],
    help: "A credential of systemd, or a file of the host by its path, that the service gets as a file, at /run/secrets/NAME or PATH, or as a variable, one line for each; empty cancels all lines before it.",
    parse: (value) => (value === "" ? Either.right([]) : Either.map(parse(value), (secret) => [secret])),
    print: (secrets) => secrets.map(print).join(" "),
    add: adding<Secret>((secret) => (secret.kind === "file" ? secret.path : `env=${secret.variable}`))
  }
}
