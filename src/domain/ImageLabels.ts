/**
 * What an image says about itself, for people: its labels, and the annotations of its manifest, which go before them
 * (image-spec annotations.md, conversion.md).
 */
import * as Either from "effect/Either"
import * as DirectiveSource from "./DirectiveSource.ts"
import { display, type ImageName } from "./ImageName.ts"
import type { ResolvedImage } from "./ResolvedImage.ts"
import { type Directive, directive } from "./UnitFile.ts"
import { comment, literal, prose, type UnitValue, word } from "./UnitValue.ts"

const PREFIX = "org.opencontainers.image."

/** In `[Unit]`. */
export const unitDirectives = (name: ImageName, image: ResolvedImage): readonly Directive[] => {
  const title = find(image, "title")
  const links = DOCUMENTATION.map((key) => find(image, key)).filter(
    (link): link is Found => link !== undefined && DOCUMENTATION_LINK.test(link.text)
  )
  const urls = new Map(links.map(({ text, source }) => [text, source]))
  return [
    title === undefined
      ? directive("Description", prose(display(name)))
      : directive("Description", prose(`${title.text} (${display(name)})`), title.source),
    ...[...urls].map(([url, source]) => directive("Documentation", literal(url), source))
  ]
}

/** In `[Service]`: fields of each journal entry, so that `journalctl OCI_IMAGE=myorg.com/myapp:stable` finds them. */
export const logFields = (name: ImageName, image: ResolvedImage): readonly Directive[] => [
  logField("OCI_IMAGE", display(name), DirectiveSource.byDefault),
  logField("OCI_MANIFEST", image.manifestDigest, DirectiveSource.byDefault),
  ...LOGGED.flatMap((key) => {
    const found = find(image, key)
    return found === undefined ? [] : [logField(`OCI_IMAGE_${key.toUpperCase()}`, found.text, found.source)]
  })
]

/** Labels that become nothing. */
export const unused = (image: ResolvedImage): readonly string[] =>
  Object.entries(image.config.config?.Labels ?? {})
    .filter(([key, value]) => !(USED.has(key) && isUsed(key.slice(PREFIX.length), value)))
    .map(([key]) => key)
    .sort()

const isUsed = (key: string, value: string): boolean =>
  value.trim() !== "" && (!DOCUMENTATION.includes(key) || DOCUMENTATION_LINK.test(value.trim()))

interface Found {
  readonly text: string
  readonly source: DirectiveSource.DirectiveSource
}

const find = (image: ResolvedImage, key: string): Found | undefined => {
  const annotation = image.manifest.annotations?.[PREFIX + key]?.trim()
  if (annotation) return { text: annotation, source: DirectiveSource.image(`annotation ${PREFIX}${key}`) }
  const label = image.config.config?.Labels?.[PREFIX + key]?.trim()
  return label ? { text: label, source: DirectiveSource.image(`Labels ${PREFIX}${key}`) } : undefined
}

const logField = (field: string, text: string, source: DirectiveSource.DirectiveSource): Directive => {
  const shown = comment(text).replaceAll("\0", " ").slice(0, MAX_LOGGED).toWellFormed()
  return directive(
    "LogExtraFields",
    Either.getOrElse(word(field, `${field}=${shown}`), (): UnitValue => literal(`"${field}="`)),
    source
  )
}

const DOCUMENTATION: readonly string[] = ["documentation", "url", "source"]
const LOGGED: readonly string[] = ["title", "version", "revision", "vendor"]
const USED: ReadonlySet<string> = new Set([...DOCUMENTATION, ...LOGGED].map((key) => PREFIX + key))
/** `Documentation=` takes these schemes only (systemd.unit(5)); what else a label holds is left out. */
const DOCUMENTATION_LINK = /^(?:https?:\/\/|file:\/|info:|man:)[A-Za-z0-9:/?#[\]@!$&()*+,;=._~%-]+$/
/** Each entry of the journal carries it. */
const MAX_LOGGED = 200
