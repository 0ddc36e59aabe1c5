/**
 * Compares the name that a signature gives an image with the image's name here (distribution/reference, "normalized names"):
 *
 *     NAME = [ HOST "/" ] PATH [ ":" TAG ] [ "@" DIGEST ]
 *
 * The first component is a host if it has a `.` or a `:`, or is `localhost`. Without one the host is `docker.io`, where a path of
 * one component is below `library/`.
 */
import type { ImageName } from "../naming/ImageName.ts"

/** How much of the image's name a signature has to contain: nothing, the repository, or the repository and the reference. */
export type Rule = "any" | "repository" | "exact"
/** The values of `signedidentity`. */
export const RULES: readonly [Rule, ...Rule[]] = ["any", "repository", "exact"]

/** Returns the name that a signature must have, as messages show it; `undefined` if any will do. */
export const wanted = (rule: Rule, { layout, ref }: ImageName): string | undefined => {
  if (rule === "any") return undefined
  const repository = normalise(layout)
  return rule === "exact" ? `${repository}:${ref}` : repository
}

/** Whether a signature's name is the one that is wanted. */
export const matches = (rule: Rule, image: ImageName, signed: string): boolean => {
  const { repository, tag } = divide(signed)
  return (
    rule === "any" ||
    (normalise(repository) === normalise(image.layout) && (rule === "repository" || tag === image.ref))
  )
}

const divide = (name: string): { readonly repository: string; readonly tag: string | undefined } => {
  const [undigested = ""] = name.split("@", 1)
  const colon = undigested.lastIndexOf(":")
  return colon > undigested.lastIndexOf("/")
    ? { repository: undigested.slice(0, colon), tag: undigested.slice(colon + 1) }
    : { repository: undigested, tag: undefined }
}

const normalise = (repository: string): string => {
  const [first = "", ...rest] = repository.split("/")
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost")
  const host = isHost ? first : DOCKER_HUB
  const path = isHost ? rest.join("/") : repository
  if (!OF_DOCKER_HUB.has(host)) return `${host}/${path}`
  return `${DOCKER_HUB}/${path.includes("/") ? path : `library/${path}`}`
}

const DOCKER_HUB = "docker.io"
const OF_DOCKER_HUB: ReadonlySet<string> = new Set([DOCKER_HUB, "index.docker.io"])
