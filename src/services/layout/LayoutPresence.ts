/**
 * Whether a layout is gone for good, or only cannot be seen: on a disk that is not mounted, behind a link that leads
 * nowhere now, in a directory that cannot be read.
 */
import * as fs from "node:fs"
import * as Either from "effect/Either"
import * as Layouts from "./Layouts.ts"
import * as MountTable from "../host/MountTable.ts"

/** Has the layout at `root/layout` lost a reference, or is it not there at all? What is in doubt is not gone. */
export const isGone = (root: string, layout: string, fstab = FSTAB): boolean => {
  const path = `${root}/${layout}`
  if (unmounted(fstab).some((point) => path === point || path.startsWith(`${point}/`))) return false
  let at = root
  for (const component of layout.split("/")) {
    at = `${at}/${component}`
    const state = stateOf(at)
    if (state !== "directory") return state === "nothing"
  }
  return (
    Either.isRight(Layouts.references(path)) ||
    // Nothing that makes a layout: its directory is left over, or holds others.
    ["index.json", "refs", "oci-layout"].every((name) => stateOf(`${path}/${name}`) === "nothing")
  )
}

const stateOf = (path: string): "directory" | "nothing" | "unknown" => {
  try {
    if (fs.lstatSync(path, { throwIfNoEntry: false }) === undefined) return "nothing"
    return fs.statSync(path).isDirectory() ? "directory" : "unknown"
  } catch (cause) {
    // In the place of its parent is a file now.
    return (cause as NodeJS.ErrnoException).code === "ENOTDIR" ? "nothing" : "unknown"
  }
}

/** fstab(5): where file systems belong that are not mounted. */
const unmounted = (fstab: string): readonly string[] => {
  let text: string
  try {
    text = fs.readFileSync(fstab, "utf8")
  } catch {
    return []
  }
  return text
    .split("\n")
    .filter((line) => !/^\s*(?:#|$)/.test(line))
    .map((line) => line.trim().split(/\s+/)[1] ?? "")
    .filter((point) => point.startsWith("/") && point !== "/" && !MountTable.isMounted(point))
}

const FSTAB = "/etc/fstab"
