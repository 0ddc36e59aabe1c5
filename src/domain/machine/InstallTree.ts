/**
 * Where the parts of this program belong on a machine: file-hierarchy(7), systemd.generator(7), systemd.unit(5), and where the shells
 * look for completions.
 */

/** systemd looks for generators and units below these alone. What the machine's own packages have is in /usr. */
export const PREFIXES = ["/usr/local", "/usr"] as const
export type Prefix = (typeof PREFIXES)[number]

export const CONFIGURATION = "/etc/oci-generator.conf"

export const programs = (prefix: Prefix): string => `${prefix}/lib/oci-systemd-generator`

/** What was installed, for who takes it away again. */
export const manifest = (prefix: Prefix): string => `${programs(prefix)}/installed.json`

/**
 * Where a file of the built program goes, given by its path beside the programs; `undefined` for what is no part of an installation, such
 * as the library.
 */
export const destination = (prefix: Prefix, file: string): string | undefined => {
  const [, page, section] = /^man\/([^/]+\.([1-9]))$/.exec(file) ?? []
  if (page !== undefined) return `${prefix}/share/man/man${section}/${page}`
  const [, shell, completion] = /^completions\/(bash|zsh|fish)\/([^/]+)$/.exec(file) ?? []
  if (completion !== undefined) return `${completions(prefix)[shell as Shell]}/${completion}`
  const [, unit] = /^systemd\/([^/]+)$/.exec(file) ?? []
  if (unit !== undefined) return `${prefix}/lib/systemd/system/${unit}`
  return PROGRAM.test(file) ? `${programs(prefix)}/${file}` : undefined
}

export const codeCaches = (prefix: Prefix): string => `${programs(prefix)}/code`
/** Made for the Node that there is, when there is another as well: see scripts/code-cache.cjs. */
export const isCodeCache = (name: string): boolean => name.endsWith(".cache")

/** The links by which programs are found; `suffix` is what the names of programs end in. */
export const links = (
  prefix: Prefix,
  suffix: "" | ".cjs"
): ReadonlyArray<readonly [path: string, target: string]> => [
  [`${prefix}/bin/oci-systemd`, `../lib/oci-systemd-generator/oci-systemd${suffix}`],
  [
    `${prefix}/lib/systemd/system-generators/oci-systemd-generator`,
    `../../oci-systemd-generator/oci-systemd-generator${suffix}`
  ]
]

type Shell = "bash" | "zsh" | "fish"

const completions = (prefix: Prefix): Readonly<Record<Shell, string>> => ({
  bash: `${prefix}/share/bash-completion/completions`,
  zsh: `${prefix}/share/zsh/site-functions`,
  // fish looks below /usr/local only where XDG_DATA_DIRS says so.
  fish: prefix === "/usr" ? "/usr/share/fish/vendor_completions.d" : "/etc/fish/completions"
})

/** Programs, what they run, the code of both, and packages with native code. */
const PROGRAM = /^(?:oci-[^/]+|[^/]+\.cjs|code\/.+|node_modules\/.+)$/
