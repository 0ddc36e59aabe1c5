/** The image layouts below a directory, and the images in them (image-spec image-layout.md, and the form of 2016). */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { Descriptor } from "../domain/Descriptor.ts"
import { ImageIndex } from "../domain/ImageIndex.ts"
import * as ImageReference from "../domain/ImageReference.ts"
import * as Blobs from "./Blobs.ts"
import * as BoundedFile from "./BoundedFile.ts"
import { type ImageError, ImageRefused } from "./ImageResolution.ts"

/** A name in a layout: what it stands for, or why that cannot be used. */
export type Reference = ImageReference.ImageReference | { readonly ref: string; readonly error: ImageError }

/** An image layout below the layouts directory. */
export interface FoundLayout {
  /** Relative to the layouts directory. */
  readonly layout: string
  readonly path: string
}

/** A place below the layouts directory that was passed over. */
export interface Skipped {
  readonly path: string
  readonly reason: string
}

/** Host, project and name are three; this bounds the walk. */
const MAX_DEPTH = 16

/** Every layout below `root`, sorted by name. A layout is not searched for further ones. */
export const find = (
  root: string
): Effect.Effect<{ readonly layouts: readonly FoundLayout[]; readonly skipped: readonly Skipped[] }> =>
  Effect.sync(() => {
    const layouts: FoundLayout[] = []
    const skipped: Skipped[] = []
    const visit = (path: string, layout: string, depth: number, isLink: boolean): void => {
      let entries: fs.Dirent[]
      try {
        entries = fs.readdirSync(path, { withFileTypes: true })
      } catch (cause) {
        const refusal = BoundedFile.refusal(path, cause)
        if (depth > 0 || refusal.code !== "ENOENT") skipped.push({ path, reason: refusal.reason })
        return
      }
      if (isLayout(entries)) {
        if (depth === 0)
          skipped.push({ path, reason: "is a layout directly in the layouts directory, so it has no name" })
        else layouts.push({ layout, path })
        return
      }
      // A link may lead to a layout, but the walk does not go on behind it: it could go round in a circle.
      if (isLink) return
      for (const entry of entries) {
        if (!entry.isDirectory() && !entry.isSymbolicLink()) continue
        const child = `${path}/${entry.name}`
        if (entry.isSymbolicLink() && !leadsToDirectory(child)) continue
        if (entry.name.includes("\ufffd"))
          skipped.push({ path: child, reason: "has a name that is not UTF-8" })
        else if (depth >= MAX_DEPTH)
          skipped.push({ path: child, reason: `is more than ${MAX_DEPTH} directories deep` })
        else
          visit(
            child,
            layout === "" ? entry.name : `${layout}/${entry.name}`,
            depth + 1,
            entry.isSymbolicLink()
          )
      }
    }
    visit(root, "", 0, false)
    return {
      layouts: layouts.sort((a, b) => (a.layout < b.layout ? -1 : a.layout > b.layout ? 1 : 0)),
      skipped
    }
  })

/** `oci-layout` or `index.json` marks a layout of today; `refs` and `blobs` one of 2016. */
const isLayout = (entries: readonly fs.Dirent[]): boolean => {
  const has = (name: string) => entries.some((entry) => entry.name === name)
  return has("oci-layout") || has("index.json") || (has("refs") && has("blobs"))
}

const leadsToDirectory = (path: string): boolean => {
  try {
    return fs.statSync(path).isDirectory()
  } catch {
    return false
  }
}

/** The names in a layout; each on its own, so that one that is wrong does not take the others along. */
export const references = (layout: string): Effect.Effect<readonly Reference[], ImageError> => {
  const index = `${layout}/index.json`
  return fs.existsSync(index)
    ? Effect.map(Blobs.readDocument(index, "index", ImageIndex), (document) =>
        ImageReference.fromIndex(document).map(
          Either.match({
            onLeft: (unusable) => ({ ref: unusable.ref, error: errorOf(index, unusable) }),
            onRight: (reference) => reference
          })
        )
      )
    : fromRefs(layout)
}

const errorOf = (index: string, unusable: ImageReference.Unusable): ImageError => {
  if ("broken" in unusable) return Blobs.brokenEntry(index, unusable.broken)
  const digests = unusable.ambiguous.map(({ digest }) => digest)
  return new ImageRefused({ reason: `the name stands for several manifests: ${digests.join(", ")}` })
}

/** The form of 2016: a file for each name, holding the descriptor. */
const fromRefs = (layout: string): Effect.Effect<readonly Reference[], ImageError> =>
  Effect.gen(function* () {
    const refs = yield* Effect.try({
      try: () => fs.readdirSync(`${layout}/refs`).sort(),
      catch: (cause) => {
        const { code, reason } = BoundedFile.refusal(`${layout}/index.json`, cause)
        return new ImageRefused({
          reason: `${layout}/index.json ${code === "ENOENT" ? "is missing" : reason}`
        })
      }
    })
    // Names that are not UTF-8 look alike once they are read.
    return yield* Effect.forEach(new Set(refs), (ref) => fromRef(layout, ref))
  })

const fromRef = (layout: string, ref: string): Effect.Effect<Reference> => {
  if (ref.includes("\ufffd")) {
    const error = new ImageRefused({ reason: `${layout}/refs has a name that is not UTF-8` })
    return Effect.succeed({ ref, error })
  }
  return Effect.match(Blobs.readDocument(`${layout}/refs/${ref}`, "reference", Descriptor), {
    onSuccess: (descriptor): Reference => ({ ref, descriptors: [descriptor] }),
    onFailure: (error): Reference => ({ ref, error })
  })
}
