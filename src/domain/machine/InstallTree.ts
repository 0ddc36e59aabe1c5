/**
 * Where the parts of this program belong on a machine: file-hierarchy(7), systemd.generator(7), systemd.unit(5), and
 * the directories where shells look for completions.
 */

import * as AppArmor from "../systemd/AppArmor.ts"

/** The prefixes below which systemd looks for generators and units. The machine's own packages use /usr. */
export const PREFIXES = ["/usr/local", "/usr"] as const
export type Prefix = (typeof PREFIXES)[number]

export const CONFIGURATION = "/etc/oci-generator.conf"

export const programs = (prefix: Prefix): string => `${prefix}/lib/oci-systemd-generator`

/** Returns the path of the record of what was installed, which `uninstall` reads. */
export const manifest = (prefix: Prefix): string => `${programs(prefix)}/installed.json`

/**
 * Returns where a file of the built program is installed, given its path beside the programs; `undefined` for files
 * that are not part of an installation, such as the library.
 */
export const destination = (prefix: Prefix, file: string): string | undefined => {
  const [, page, section] = /^man\/([^/]+\.([1-9]))$/.exec(file) ?? []
  if (page !== undefined) return `${prefix}/share/man/man${section}/${page}`
  const [, shell, completion] = /^completions\/(bash|zsh|fish)\/([^/]+)$/.exec(file) ?? []
  if (completion !== undefined) return `${completions(prefix)[shell as Shell]}/${completion}`
  const [, unit] = /^systemd\/([^/]+)$/.exec(file) ?? []
  if (unit !== undefined) return `${prefix}/lib/systemd/system/${unit}`
  const [, apparmor] = /^apparmor\/([^/]+)$/.exec(file) ?? []
  if (apparmor !== undefined) return `${AppArmor.DIRECTORY}/${apparmor}`
  return PROGRAM.test(file) ? `${programs(prefix)}/${file}` : undefined
}

export const codeCaches = (prefix: Prefix): string => `${programs(prefix)}/code`
/** Whether a file is a code cache, which only fits the Node that made it: see scripts/code-cache.cjs. */
export const isCodeCache = (name: string): boolean => name.endsWith(".cache")

/** Returns the links that put the programs on the search path. `suffix` is the ending of the programs' file names. */
export const links = (
  prefix: Prefix,
  suffix: "" | ".cjs"
): ReadonlyArray<readonly [path: string, target: string]> => [
  [`${prefix}/bin/oci-systemd`, `../lib/oci-systemd-generator/oci-systemd${suffix}`],
  [
    `${prefix}/lib/systemd/system-generators/oci-systemd-generator`,
    "../../oci-systemd-generator/oci-generator"
  ]
]

type Shell = "bash" | "zsh" | "fish"

const completions = (prefix: Prefix): Readonly<Record<Shell, string>> => ({
  bash: `${prefix}/share/bash-completion/completions`,
  zsh: `${prefix}/share/zsh/site-functions`,
  // fish looks below /usr/local only if XDG_DATA_DIRS names it.
  fish: prefix === "/usr" ? "/usr/share/fish/vendor_completions.d" : "/etc/fish/completions"
})

/** Matches the programs, what they execute, the code of both, and packages with native code. */
const PROGRAM = /^(?:oci-[^/]+|[^/]+\.cjs|code\/.+|node_modules\/.+)$/
