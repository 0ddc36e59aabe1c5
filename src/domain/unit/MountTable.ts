/**
 * The table that mounts everything into a root, in the form of fstab(5): `mount --all --fstab TABLE` is one process.
 *
 *     devpts        ROOT/proc          devpts  nosuid,noexec,…               0 0
 *     /srv/data     ROOT/data          none  rbind,rslave,rshared,nodev,nosymfollow  0 0   a volume that another one lies in
 *     /srv/inner    ROOT/data/inner    none  rbind,nodev                     0 0
 *     /run/…/0      ROOT/run/secrets/x none  bind,ro,nodev,nosuid,noexec     0 0     a secret
 *     /etc/hosts    ROOT/etc/hosts     none  bind,ro,nodev,nosuid,…,nofail   0 0
 *     none          ROOT/data          none  remount,bind,nodev,symfollow    0 0
 *     none          ROOT               none  remount,bind,nodev,symfollow    0 0
 *
 * Why no process of an image can lead these mounts elsewhere: mount(2) follows the path of a target, through
 * directories that the image's service wrote in an earlier run (in a root that is kept, or in a volume), and
 * that another process with a descriptor of them may change at this moment. While the table is processed, the
 * root and each volume that something is mounted inside of are `nosymfollow`: the kernel itself follows no link
 * in them (mount(2), Linux 5.10), no matter when it was put there. A target has no `..`, and its links were
 * resolved in the extract, which is never written. So a walk that succeeds ends inside the root, and a walk
 * that meets a link fails, and with it the start. If a directory is renamed meanwhile, the mount is moved
 * inside the root that it was meant for. When everything is mounted, the root and the volumes follow links
 * again, and nothing is mounted into them any more: each mount keeps the directories on its way in place.
 *
 * The source of a volume is the operator's path, and its links are followed. A source inside another volume of
 * the same image is different: it is used from where that volume is mounted in the root, so the same protection
 * holds for it.
 *
 * A bind mount shares what is mounted inside it with its source, wherever else that is mounted: on the host, and in the roots
 * of other services with the same volume. Such a volume is therefore made a slave: what the host mounts in it later appears in the root, and
 * what is mounted in it here, a secret or another volume, appears nowhere else. It is then shared again, for copies of the root in
 * other namespaces, from which an unmount must remove it too.
 *
 * mount(8) must not resolve paths itself. `--no-canonicalize` prevents it, because mount(8) would follow links
 * where the kernel does not.
 */
import type { MountFlags, RootMount } from "./RootMounts.ts"
import * as RootMounts from "./RootMounts.ts"

/** A mount with its place in the root. */
export interface PlacedMount extends RootMount {
  /** The path in the root without links and without a leading slash: `usr/lib/data`. */
  readonly target: string
}

/** How this machine's mount(8) treats the flags of a bind mount. */
export interface MountProgram {
  /**
   * Whether it adds flags to those that a bind mount inherits from its source, and can do so for all mounts
   * below it (`=recursive`): util-linux 2.39 and later with Linux 5.12. An older one replaces the flags, and
   * each line then includes those of the source.
   */
  readonly addsFlags: boolean
  /**
   * Returns the flags of the mount that contains a path, for example `noexec`. It is only called if `addsFlags`
   * is false.
   */
  readonly flagsOf: (path: string) => readonly string[]
}

/**
 * Finds the places of mounts, parents before the mounts inside them. `resolve` follows links of the extract. If
 * two mounts have one place, the first one is used.
 */
export const place = <M extends RootMount>(
  mounts: readonly M[],
  resolve: (path: string) => string | undefined
): ReadonlyArray<M & PlacedMount> => {
  const placed = new Map<string, M & PlacedMount>()
  for (const mount of mounts) {
    const target = resolve(mount.path)
    if (target !== undefined && !placed.has(target)) placed.set(target, { ...mount, target })
  }
  return [...placed.values()].sort((a, b) => (a.target < b.target ? -1 : 1))
}

/** Returns the innermost mount that contains a path of the root. The path has no links. */
export const around = <M extends PlacedMount>(placed: readonly M[], target: string): M | undefined =>
  placed
    .filter((mount) => isBelow(mount.target, target))
    .reduce<M | undefined>(
      (best, mount) => (best && best.target.length > mount.target.length ? best : mount),
      undefined
    )

/** Returns the volume, among those mounted earlier, that contains a volume's source. */
export const sourceAround = <M extends PlacedMount>(
  placed: readonly M[],
  { kind, source }: PlacedMount
): M | undefined =>
  kind !== "volume"
    ? undefined
    : placed
        .filter((other) => other.kind === "volume" && isBelow(other.source, source))
        .reduce<M | undefined>(
          (best, other) => (best && best.source.length > other.source.length ? best : other),
          undefined
        )

const isFile = ({ kind }: PlacedMount): boolean => kind === "secret" || kind === "host file"

const isBelow = (directory: string, path: string): boolean => path.startsWith(`${directory}/`)

/**
 * Whether something is mounted inside a mount, or from inside it. No links are then followed in the mount while the
 * table is processed.
 */
export const isGuarded = (placed: readonly PlacedMount[], mount: PlacedMount): boolean =>
  !isFile(mount) &&
  placed.some((other) => isBelow(mount.target, other.target) || sourceAround(placed, other) === mount)

/** Returns the lines in the order in which they are processed. */
export const lines = (
  root: {
    readonly path: string
    readonly readonly: boolean
    readonly flags: MountFlags
    /** Whether the root has terminals of its own, see `RootMounts.hasOwnTerminals`. */
    readonly terminals: boolean
  },
  mounts: readonly PlacedMount[],
  program: MountProgram
): readonly string[] => {
  const placed = inOrder(mounts)
  const at = (target: string): string => `${root.path}/${target}`
  const guarded = (mount: PlacedMount): boolean => isGuarded(placed, mount)
  const own = (mount: PlacedMount): readonly string[] => flagsOf(mount, root.flags, program)
  const bound = placed.map((mount) => {
    const from = sourceAround(placed, mount)
    const source =
      from === undefined ? mount.source : at(from.target) + mount.source.slice(from.source.length)
    const guard = guarded(mount) ? [flag("nosymfollow", mount, program)] : []
    const missing = mount.kind === "host file" ? ["nofail"] : []
    const bind = bindOf(mount, guard.length > 0, program)
    return line(source, at(mount.target), [
      bind,
      ...(guard.length > 0 ? OWN_PEERS[bind] : []),
      ...own(mount),
      ...guard,
      ...missing
    ])
  })
  const opened = placed
    .filter(guarded)
    .reverse()
    .map((mount) =>
      line("none", at(mount.target), ["remount", "bind", ...own(mount), flag("symfollow", mount, program)])
    )
  const { nodev, nosuid } = root.flags
  const ofRoot = [
    ...(root.readonly ? ["ro"] : []),
    nodev ? "nodev" : "dev",
    nosuid ? "nosuid" : "suid",
    "symfollow"
  ]
  const terminals = root.terminals
    ? [`devpts ${escaped(at(RootMounts.TERMINALS))} devpts ${OF_TERMINALS} 0 0`]
    : []
  return [...terminals, ...bound, ...opened, line("none", root.path, ["remount", "bind", ...ofRoot])]
}

/** The options with which systemd mounts the host's terminals. 5 is the group `tty` everywhere. */
const OF_TERMINALS = "nosuid,noexec,mode=0620,gid=5,ptmxmode=0666"

/** Puts a volume whose source lies in another volume after it and after the mounts inside that one. */
const inOrder = (mounts: readonly PlacedMount[]): readonly PlacedMount[] => {
  const ordered: PlacedMount[] = []
  const pending = [...mounts]
  while (pending.length > 0) {
    const next = pending.findIndex((mount) =>
      pending.every(
        (other) => other === mount || !(isBelow(other.target, mount.target) || sourceAround([other], mount))
      )
    )
    // If two sources lie in each other, neither can be first, and the kernel refuses the second.
    ordered.push(...pending.splice(Math.max(next, 0), 1))
  }
  return ordered
}

/**
 * Returns the kind of bind mount. A volume includes other file systems that are mounted in it, if they can be
 * protected in the same way.
 */
const bindOf = (
  { kind }: PlacedMount,
  isGuarded: boolean,
  { addsFlags }: MountProgram
): keyof typeof OWN_PEERS => (kind === "volume" && (addsFlags || !isGuarded) ? "rbind" : "bind")

/** Options that keep mounts inside a bind mount from appearing in its source. mount(8) applies them in this order. */
const OWN_PEERS = { bind: ["slave", "shared"], rbind: ["rslave", "rshared"] } as const

const flagsOf = (mount: PlacedMount, flags: MountFlags, program: MountProgram): readonly string[] => {
  if (isFile(mount)) return ["ro", "nodev", "nosuid", "noexec"]
  const wanted = [
    ...(mount.readonly ? ["ro"] : []),
    ...(flags.nodev ? ["nodev"] : []),
    ...(flags.nosuid ? ["nosuid"] : [])
  ]
  if (program.addsFlags) return wanted.map((name) => flag(name, mount, program))
  return [...new Set([...wanted, ...program.flagsOf(mount.source)])]
}

const flag = (name: string, { kind }: PlacedMount, { addsFlags }: MountProgram): string =>
  kind === "volume" && addsFlags ? `${name}=recursive` : name

const line = (source: string, target: string, options: readonly string[]): string =>
  [escaped(source), escaped(target), "none", options.join(","), "0", "0"].join(" ")

/**
 * Escapes blanks as in fstab(5), and every other character that could end a field or a line in the same way.
 */
const escaped = (path: string): string =>
  path.replace(SPECIAL, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`)

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
const SPECIAL = /[\u0000-\u0020\\#"'\u007f]/g
