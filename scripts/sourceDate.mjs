/** The date of the source, for files that contain a date: the same source makes the same files. */
import { spawnSync } from "node:child_process"
import { statSync } from "node:fs"
import { fileURLToPath } from "node:url"

const top = fileURLToPath(new URL("..", import.meta.url))

/**
 * Returns `SOURCE_DATE_EPOCH` (reproducible-builds.org), else the time of the last commit, else the manifest's
 * own.
 */
export const sourceDate = () => {
  const seconds = (text) => (/^[0-9]+$/.test(text ?? "") ? Number(text) : undefined)
  const committed = () =>
    spawnSync("git", ["log", "-1", "--format=%ct"], { cwd: top, encoding: "utf8" }).stdout?.trim()
  const known = seconds(process.env.SOURCE_DATE_EPOCH) ?? seconds(committed())
  return known === undefined ? statSync(`${top}/package.json`).mtime : new Date(known * 1000)
}
