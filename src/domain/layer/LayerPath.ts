/**
 * The path that a name in a layer archive leads to, and its meaning (image-spec layer.md).
 *
 *     name      = any bytes but NUL, cleaned as `Clean("/" + name)`: `/a`, `./a`, `a//b/`, `../a`, `a/../b` are all
 *                 names from the root down; `..` stops at the root
 *     component = 1 … 255 bytes; the cleaned name at most 4096
 *
 *     [directory "/"] ".wh..wh..opq"     hides everything that lower layers brought into the directory
 *     … ".wh..wh." REST …                what AUFS keeps for itself, at any depth and with all that is below: never created
 *     [directory "/"] ".wh." NAME        hides what lower layers brought at NAME
 *     ".wh." ".wh.." ".wh..."            errors: they would hide nothing, the directory itself, its parent
 *     ".wh." REST "/" …                  an error: nothing can be below a whiteout
 *
 * The grammar describes the cleaned name: `.wh.a/../b` is `b`.
 */

import type * as Data from "effect/Data"
import * as Either from "effect/Either"
import { type ByteString, display } from "../text/ByteString.ts"
import { NAME_MAX, PATH_MAX } from "../text/PathLimits.ts"
import { TaggedError } from "../text/TaggedError.ts"
import { taggedUnion } from "../text/TaggedUnion.ts"

const WHITEOUT = ".wh."
const AUFS = ".wh..wh."
const OPAQUE = ".wh..wh..opq"

declare const LayerPathBrand: unique symbol

/**
 * Components from the root down. None is empty, `.`, `..`, over 255 bytes or contains a NUL. The root has no
 * components.
 */
export type LayerPath = ReadonlyArray<ByteString> & { readonly [LayerPathBrand]: "LayerPath" }

export const ROOT = [] as ReadonlyArray<ByteString> as LayerPath

/** The meaning of a name. */
export type LayerPathRole = Data.TaggedEnum<{
  Ordinary: { readonly path: LayerPath }
  /** Hides what lower layers have at `path`. */
  Whiteout: { readonly path: LayerPath }
  /** Hides what lower layers have in `directory`. */
  Opaque: { readonly directory: LayerPath }
  /** Metadata of AUFS. It is not part of the root, though hardlinks may name its data. */
  AufsMetadata: { readonly path: LayerPath }
}>

export const LayerPathRole = taggedUnion<LayerPathRole>()

/** What is wrong with a path. */
export type LayerPathProblem =
  | "nul"
  | "component-too-long"
  | "path-too-long"
  | "bad-whiteout"
  | "below-whiteout"

/** A malformed name. `name` is printable; `length` is in bytes. */
export class LayerPathError extends TaggedError("LayerPathError")<{
  readonly name: string
  readonly problem: LayerPathProblem
  readonly length: number
}> {
  override get message(): string {
    return `the name "${this.name}" ${PROBLEMS[this.problem](this.length)}`
  }
}

const PROBLEMS: Record<LayerPathProblem, (length: number) => string> = {
  nul: () => "has a NUL byte",
  "component-too-long": (length) => `has a component of ${length} bytes (the limit is ${NAME_MAX})`,
  "path-too-long": (length) => `is ${length} bytes long (the limit is ${PATH_MAX})`,
  "bad-whiteout": () => "is a whiteout of nothing",
  "below-whiteout": () => "is below a whiteout"
}

/** Parses a name or a hardlink's target into its components, whiteout names included. */
export const parse = (name: ByteString): Either.Either<LayerPath, LayerPathError> => {
  if (name.includes("\0")) return failure(name, "nul", name.length)
  const path = clean(name)
  let length = -1
  for (const component of path) {
    if (component.length > NAME_MAX) return failure(name, "component-too-long", component.length)
    length += 1 + component.length
  }
  return length > PATH_MAX ? failure(name, "path-too-long", length) : Either.right(path)
}

/** Returns the meaning of an archive member's name. */
export const role = (name: ByteString): Either.Either<LayerPathRole, LayerPathError> => {
  const parsed = parse(name)
  if (Either.isLeft(parsed)) return Either.left(parsed.left)
  const path = parsed.right
  const at = maySpeak(name) ? path.findIndex(isSpecial) : -1
  const special = path[at]
  if (special === undefined) return Either.right({ _tag: "Ordinary", path })
  if (isAufs(special)) return Either.right({ _tag: "AufsMetadata", path })
  if (at < path.length - 1) return failure(name, "below-whiteout", name.length)
  if (special === OPAQUE) return Either.right({ _tag: "Opaque", directory: parent(path) })
  const hidden = special.slice(WHITEOUT.length) as ByteString
  if (hidden === "" || hidden === "." || hidden === "..") return failure(name, "bad-whiteout", name.length)
  return Either.right({ _tag: "Whiteout", path: [...parent(path), hidden] as unknown as LayerPath })
}

/** Whether `role` may return anything but `Ordinary`. This check is cheap. */
export const maySpeak = (name: ByteString): boolean => name.includes(WHITEOUT)

/** Whether the path is AUFS metadata or below it. */
export const isAufsMetadata = (path: LayerPath): boolean => {
  const special = path.find(isSpecial)
  return special !== undefined && isAufs(special)
}

/** Prints a path as a name relative to the root, which is `""`. */
export const join = (path: ReadonlyArray<ByteString>): ByteString => path.join("/") as ByteString

/** Prints a name for people, at most one line long. */
export const show = (name: ByteString): string =>
  name.length > SHOWN ? `${display(name.slice(0, SHOWN) as ByteString)}…` : display(name)

/** How much of a name is printed, enough to find the entry; a name may be a megabyte long. */
const SHOWN = 256

/** Returns all components but the last. */
export const parent = (path: LayerPath): LayerPath => path.slice(0, -1) as unknown as LayerPath

const isSpecial = (component: ByteString): boolean => component.startsWith(WHITEOUT)

const isAufs = (component: ByteString): boolean => component.startsWith(AUFS) && component !== OPAQUE

const clean = (name: ByteString): LayerPath => {
  const path = name.split("/")
  let kept = 0
  for (const component of path) {
    if (component === "" || component === ".") continue
    if (component === "..") kept = Math.max(0, kept - 1)
    else path[kept++] = component
  }
  path.length = kept
  return path as ReadonlyArray<string> as LayerPath
}

const failure = (name: ByteString, problem: LayerPathProblem, length: number) =>
  Either.left(new LayerPathError({ name: show(name), problem, length }))
