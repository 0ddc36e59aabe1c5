/**
 * What an image says about itself for people: its labels, and the annotations of its manifest, which take precedence
 * (image-spec annotations.md, conversion.md).
 */
import * as Either from "effect/Either"
import type { ResolvedImage } from "../image/ResolvedImage.ts"
import { display, type ImageName } from "../naming/ImageName.ts"
import * as SystemdVersion from "../systemd/SystemdVersion.ts"
import { comment, literal, prose, type UnitValue, word } from "../systemd/UnitValue.ts"
import * as DirectiveSource from "./DirectiveSource.ts"
import { type Directive, directive } from "./UnitFile.ts"

/** Returns directives for `[Unit]`. */
export const unitDirectives = (name: ImageName, image: ResolvedImage): readonly Directive[] => {
  const title = find(image, TITLE)
  const urls = new Map<string, DirectiveSource.DirectiveSource>()
  for (const field of DOCUMENTATION) {
    const link = find(image, field)
    if (link !== undefined && DOCUMENTATION_LINK.test(link.text)) urls.set(link.text, link.source)
  }
  return [
    title === undefined
      ? directive("Description", prose(display(name)))
      : directive("Description", prose(`${title.text} (${display(name)})`), title.source),
    ...[...urls].map(([url, source]) => directive("Documentation", literal(url), source))
  ]
}

/**
 * Returns directives for `[Service]`: fields of each journal entry, so that `journalctl
 * OCI_IMAGE=myorg.com/myapp:stable` finds them.
 */
export const logFields = (
  name: ImageName,
  image: ResolvedImage,
  systemdVersion: number
): readonly Directive[] => {
  const ofName = logField("OCI_IMAGE", display(name), DirectiveSource.byDefault)
  // The message why a service does not start is worth more than the other fields.
  if (SystemdVersion.losesMessagesOfFields(systemdVersion)) return [ofName]
  const fields = [ofName, logField("OCI_MANIFEST", image.manifestDigest, DirectiveSource.byDefault)]
  for (const field of LOGGED) {
    const found = find(image, field)
    if (found !== undefined) fields.push(logField(field.logged, found.text, found.source))
  }
  return fields
}

/** Returns the labels that are not used. */
export const unused = (image: ResolvedImage): readonly string[] => {
  const labels = image.config.config?.Labels ?? {}
  return Object.keys(labels)
    .filter((key) => !isUsed(key, labels[key] ?? ""))
    .sort()
}

const isUsed = (key: string, value: string): boolean =>
  LOGGED.some((field) => field.key === key)
    ? value.trim() !== ""
    : DOCUMENTATION.some((field) => field.key === key) && DOCUMENTATION_LINK.test(value.trim())

interface Found {
  readonly text: string
  readonly source: DirectiveSource.DirectiveSource
}

const find = ({ manifest, config }: ResolvedImage, field: Field): Found | undefined => {
  const annotation = manifest.annotations?.[field.key]?.trim()
  if (annotation) return { text: annotation, source: field.ofAnnotation }
  const label = config.config?.Labels?.[field.key]?.trim()
  return label ? { text: label, source: field.ofLabel } : undefined
}

const logField = (field: string, text: string, source: DirectiveSource.DirectiveSource): Directive => {
  const shown = comment(text).replaceAll("\0", " ").slice(0, MAX_LOGGED).toWellFormed()
  return directive(
    "LogExtraFields",
    Either.getOrElse(word(field, `${field}=${shown}`), (): UnitValue => literal(`"${field}="`)),
    source
  )
}

/** A field that image-spec defines. */
interface Field {
  readonly key: string
  /** The name of the journal field. */
  readonly logged: string
  readonly ofAnnotation: DirectiveSource.DirectiveSource
  readonly ofLabel: DirectiveSource.DirectiveSource
}

const field = (name: string): Field => {
  const key = `org.opencontainers.image.${name}`
  return {
    key,
    logged: `OCI_IMAGE_${name.toUpperCase()}`,
    ofAnnotation: DirectiveSource.image(`annotation ${key}`),
    ofLabel: DirectiveSource.image(`Labels ${key}`)
  }
}

const TITLE = field("title")
const DOCUMENTATION = ["documentation", "url", "source"].map(field)
const LOGGED = [TITLE, ...["version", "revision", "vendor"].map(field)]
/**
 * `Documentation=` only accepts these schemes (systemd.unit(5)). Other text in a label is left out, and so are
 * characters that browsers do not accept.
 */
const DOCUMENTATION_LINK = /^(?:https?:\/\/|file:\/|info:|man:)[A-Za-z0-9:/?#[\]@!$&()*+,;=._~%-]{1,2000}$/
/** The longest value, since each journal entry carries it. */
const MAX_LOGGED = 200
