/**
 * The secrets of a service (docs/security.md says what they are kept from).
 *
 *     LoadCredentialEncrypted=NAME:/etc/credstore.encrypted/NAME    of `oci-prepare@U`: systemd decrypts it
 *     SetCredential=NAME:(missing)                                  what NAME is without that file: else no start would reach
 *                                                                   `oci-prepare`, which says what is missing
 *     LoadCredential=NAME~plain:NAME                                the same of stores that are not encrypted
 *
 * Without a path, LoadCredentialEncrypted= would look into stores that are not encrypted too, and fail.
 *
 *     TEMPLATE/secrets                      what `oci-prepare` does with each
 *     /run/oci/secrets/U/0, 1, …            the files: a file system in memory for each service, mounted in its root
 *     /run/oci/secrets/U/environment        the variables: systemd reads the file when it starts the service
 *
 * The service itself has no credentials: they would be its first user's alone, and images change their user.
 */
import * as SecretSettings from "../settings/SecretSettings.ts"
import { literal } from "../systemd/UnitValue.ts"
import { TaggedError } from "../text/TaggedError.ts"
import * as DirectiveSource from "./DirectiveSource.ts"
import type { ImageContext } from "./ImageContext.ts"
import type { Volume } from "./ImageVolumes.ts"
import * as Profile from "./Profile.ts"
import type { RootMount } from "./RootMounts.ts"
import type { Overlay } from "./RootPaths.ts"
import { type Directive, directive } from "./UnitFile.ts"

/** The file of a secret cannot be where the configuration says. */
export class SecretRefused extends TaggedError("SecretRefused")<{
  readonly source: string
  /** The path in the image; `undefined` if the secret cannot be read from its source. */
  readonly path: string | undefined
  /** A clause that follows the path, or else the source: "is a volume". */
  readonly reason: string
}> {
  override get message(): string {
    if (this.path === undefined) return `the secret ${this.source} ${this.reason}`
    return `the secret ${this.source} cannot be at ${this.path}, which ${this.reason}`
  }
}

/** Each service has a directory with the name of its own directories here. */
const DIRECTORY = "/run/oci/secrets"

const ENCRYPTED_STORE = "/etc/credstore.encrypted"
/** The text by which `oci-prepare` recognizes a missing credential. */
const MISSING = "(oci-systemd: missing)"

type Context = Pick<ImageContext, "origins" | "settings">

/** Returns the directives that give the credentials to the unit that prepares the root. */
export const credentials = ({ origins, settings: { secret } }: Context): readonly Directive[] =>
  secret.flatMap((each, index) => {
    const { source: name } = each
    if (SecretSettings.isHostFile(each) || secret.findIndex(({ source }) => source === name) < index)
      return []
    const source = DirectiveSource.entry(origins, "secret", index)
    return [
      directive("LoadCredentialEncrypted", literal(`${name}:${ENCRYPTED_STORE}/${name}`), source),
      directive("SetCredential", literal(`${name}:${MISSING}`), source),
      directive("LoadCredential", literal(`${name}~plain:${name}`), source)
    ]
  })

/** Returns the files of the host without which the service does not start. */
export const hostFiles = ({ secret }: SecretSettings.SecretSettings): readonly string[] =>
  secret.filter(SecretSettings.isHostFile).map(({ source }) => source)

/** Returns the file that has the variables; `undefined` if no secret is a variable. */
export const environmentFile = (
  { secret }: SecretSettings.SecretSettings,
  { name }: Overlay
): string | undefined =>
  secret.some(({ kind }) => kind === "variable") ? `${DIRECTORY}/${name}/environment` : undefined

/** Returns the source of the file that has the variables. */
export const environmentSource = ({ origins, settings }: Context): DirectiveSource.DirectiveSource =>
  DirectiveSource.entries(
    origins,
    "secret",
    settings.secret.flatMap(({ kind }, index) => (kind === "variable" ? [index] : []))
  )

/** Returns the mounts of the files. */
export const mounts = ({ secret }: SecretSettings.SecretSettings, { name }: Overlay): readonly RootMount[] =>
  files(secret).map(({ path }, index) => ({
    kind: "secret",
    path,
    source: `${DIRECTORY}/${name}/${index}`,
    readonly: true
  }))

/** Returns the lines for `oci-prepare`, one a secret: `file INDEX UID:GID MODE SOURCE`, `variable NAME - - SOURCE`. */
export const lines = ({ secret }: SecretSettings.SecretSettings): readonly string[] => [
  ...files(secret).map((file, index) => {
    const [uid, gid, mode] = SecretSettings.access(file).split(":")
    return `file ${index} ${uid}:${gid} ${mode} ${file.source}`
  }),
  ...secret.flatMap((each) =>
    each.kind === "variable" ? [`variable ${each.variable} - - ${each.source}`] : []
  )
]

/** Lists the files, which no directive shows. */
export const comments = ({ secret }: SecretSettings.SecretSettings): readonly string[] =>
  files(secret).map((file) => `Secret: ${file.path} is ${file.source}, ${SecretSettings.access(file)}`)

/** Returns each secret as the configuration has it, with its source. */
export const inspected = ({ origins, settings: { secret } }: Context): readonly InspectedSecret[] =>
  secret.map((each, index) => ({
    secret: SecretSettings.print(each),
    source: DirectiveSource.facts(DirectiveSource.entry(origins, "secret", index))
  }))

/** A secret of a service, in the form of the key `secret`, and the line of the configuration that gives it. */
export interface InspectedSecret {
  readonly secret: string
  readonly source: DirectiveSource.Facts
}

/** Returns why a secret cannot be read from where it is, or its file not be where it should; `undefined` if all can. */
export const refused = (
  { profile, secret }: ImageContext["settings"],
  volumes: readonly Volume[]
): SecretRefused | undefined => {
  const all = files(secret)
  for (const each of secret) {
    const { source } = each
    const volume = SecretSettings.isHostFile(each)
      ? volumes.find(({ directory }) => source === directory || source.startsWith(`${directory}/`))
      : undefined
    // root would follow the link, and read any file of the host for the image.
    if (volume !== undefined)
      return new SecretRefused({
        source,
        path: undefined,
        reason: `lies in the volume ${volume.path}, where processes of the image could put a link in its place`
      })
  }
  for (const { path, source } of all) {
    const refusal = (reason: string) => new SecretRefused({ source, path, reason })
    if (volumes.some((volume) => volume.path === path)) return refusal("is a volume")
    const other = all.find((file) => path.startsWith(`${file.path}/`))
    if (other !== undefined) return refusal(`lies in the secret ${other.source}`)
    const hidden = hiddenBy(profile, path)
    if (hidden !== undefined) return refusal(hidden)
  }
  return undefined
}

/** Returns a clause that says why a path of the root is hidden from a service with this profile; `undefined` if it is not. */
export const hiddenBy = (profile: ImageContext["settings"]["profile"], path: string): string | undefined =>
  Profile.isReadOnly(profile) && OF_PRIVATE_TMP.test(path)
    ? `lies in a directory that profile = ${profile} makes anew`
    : undefined

const files = (secret: readonly SecretSettings.Secret[]): readonly SecretSettings.SecretFile[] =>
  secret.filter((each) => each.kind === "file")

/** `PrivateTmp=` mounts over these. */
const OF_PRIVATE_TMP = /^\/(?:var\/)?tmp\//
