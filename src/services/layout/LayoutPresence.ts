/**
 * Whether a layout is gone for good, or only invisible: on a disk that is not mounted, behind a dangling link, in an
 * unreadable directory.
 */
import * as fs from "node:fs"
import * as Either from "effect/Either"
import * as MountTable from "../host/MountTable.ts"
import * as Layouts from "./Layouts.ts"

/** Whether the layout at `root/layout` is gone or has lost a reference. If there is any doubt, it is not gone. */
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
    // No file of a layout is there. The directory is a leftover, or holds other layouts.
    ["index.json", "refs", "oci-layout"].every((name) => stateOf(`${path}/${name}`) === "nothing")
  )
}

/** Why a directory of layouts cannot be listed: "is missing", for example. */
export const fault = (directory: string): string | undefined => {
  try {
    fs.readdirSync(directory)
    return undefined
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    return code === "ENOENT" ? "is missing" : `cannot be read: ${code}`
  }
}

const stateOf = (path: string): "directory" | "nothing" | "unknown" => {
  try {
    if (fs.lstatSync(path, { throwIfNoEntry: false }) === undefined) return "nothing"
    return fs.statSync(path).isDirectory() ? "directory" : "unknown"
  } catch (cause) {
    // Its parent has been replaced by a file.
    return (cause as NodeJS.ErrnoException).code === "ENOTDIR" ? "nothing" : "unknown"
  }
}

/** Returns the file systems of fstab(5) that are not mounted. */
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
