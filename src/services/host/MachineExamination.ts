/** Examines the machine: its systemd, its kernel, its users, the programs that units run. Nothing is changed. */
import * as fs from "node:fs"
import * as Diagnosis from "../../domain/machine/Diagnosis.ts"
import * as AppArmor from "../../domain/systemd/AppArmor.ts"
import * as SystemdVersion from "../../domain/systemd/SystemdVersion.ts"
import * as UserRecord from "../../domain/unit/UserRecord.ts"
import { namesIn } from "../files/DirectoryNames.ts"

/** Examines. `root` is the machine's file system tree; tests set it, and it is otherwise empty. */
export const examine = (systemdVersion: number, root = ""): readonly Diagnosis.Diagnosis[] => [
  systemd(systemdVersion, root),
  cgroups(root),
  overlay(root),
  namespaces(root),
  seccomp(root),
  users(root),
  programs(root)
]

const systemd = (version: number, root: string): Diagnosis.Diagnosis => {
  if (!fs.existsSync(`${root}/run/systemd/system`)) {
    return Diagnosis.problem("systemd", "does not run this machine", "units need systemd as process 1")
  }
  return version < SystemdVersion.OLDEST
    ? Diagnosis.problem("systemd", `version ${version}`, `${SystemdVersion.OLDEST} or later is needed`)
    : Diagnosis.ok(
        "systemd",
        SystemdVersion.knows(version, "PrivatePIDs")
          ? `version ${version}`
          : AppArmor.isEnforced(read(`${root}/sys/kernel/security/apparmor/profiles`))
            ? `version ${version}: AppArmor keeps images that run as root from the host's processes`
            : `version ${version}: images that run as root are not kept from the host's processes, which needs 257, or AppArmor with the profile ${AppArmor.PROFILE}`
      )
}

/** Checks for the unified hierarchy, which has this file at its top. */
const cgroups = (root: string): Diagnosis.Diagnosis =>
  fs.existsSync(`${root}/sys/fs/cgroup/cgroup.controllers`)
    ? Diagnosis.ok("cgroups", "version 2")
    : Diagnosis.warning(
        "cgroups",
        "version 1",
        "systemd 258 and later need version 2: boot without systemd.unified_cgroup_hierarchy=0"
      )

const overlay = (root: string): Diagnosis.Diagnosis => {
  if (/^(?:nodev)?\toverlay$/m.test(read(`${root}/proc/filesystems`))) {
    return Diagnosis.ok("overlayfs", "the kernel has it")
  }
  const release = read(`${root}/proc/sys/kernel/osrelease`).trim()
  const modules = ["builtin", "dep"].map((name) => read(`${root}/lib/modules/${release}/modules.${name}`))
  return modules.some((text) => /\/overlay\.ko/.test(text))
    ? Diagnosis.ok("overlayfs", "a module that the first mount loads")
    : Diagnosis.problem(
        "overlayfs",
        "neither the kernel nor a module has it",
        "modprobe overlay, or a kernel with CONFIG_OVERLAY_FS: roots are overlays"
      )
}

const namespaces = (root: string): Diagnosis.Diagnosis => {
  const missing = NAMESPACES.filter((name) => !fs.existsSync(`${root}/proc/self/ns/${name}`))
  return missing.length === 0
    ? Diagnosis.ok("namespaces", NAMESPACES.join(", "))
    : Diagnosis.problem(
        "namespaces",
        `the kernel lacks: ${missing.join(", ")}`,
        "a kernel with CONFIG_NAMESPACES, CONFIG_PID_NS and CONFIG_NET_NS"
      )
}

const seccomp = (root: string): Diagnosis.Diagnosis =>
  /^Seccomp:/m.test(read(`${root}/proc/self/status`))
    ? Diagnosis.ok("seccomp", "the kernel has it")
    : Diagnosis.warning(
        "seccomp",
        "the kernel does not have it",
        "a kernel with CONFIG_SECCOMP_FILTER: without it the profiles leave all system calls open"
      )

const users = (root: string): Diagnosis.Diagnosis => {
  const nsswitch = NSSWITCH.map((file) => read(`${root}${file}`)).find((text) => text !== "") ?? ""
  const module = libraries(root).find((directory) => fs.existsSync(`${directory}/libnss_systemd.so.2`))
  if (module === undefined) return Diagnosis.warning("users", "nss-systemd is not installed", NSS_ADVICE)
  return UserRecord.areServed(nsswitch)
    ? Diagnosis.ok("users", "nss-systemd serves the users of images")
    : Diagnosis.warning(
        "users",
        "nss-systemd is installed, and /etc/nsswitch.conf does not name it",
        NSS_ADVICE
      )
}

const libraries = (root: string): readonly string[] =>
  ["/lib", "/usr/lib", "/lib64", "/usr/lib64"].flatMap((parent) => [
    `${root}${parent}`,
    ...namesIn(`${root}${parent}`)
      .filter((name) => name.includes("-linux-"))
      .map((name) => `${root}${parent}/${name}`)
  ])

const programs = (root: string): Diagnosis.Diagnosis => {
  const missing = PROGRAMS.filter(
    (name) => !SYSTEMD_PATH.some((directory) => isExecutable(`${root}${directory}/${name}`))
  )
  return missing.length === 0
    ? Diagnosis.ok("programs", "all programs that units run are there")
    : Diagnosis.problem(
        "programs",
        `not in systemd's path: ${missing.join(", ")}`,
        "install the packages that contain them: coreutils, util-linux, sed, grep, perl (Debian: perl-base), and the C library's getent"
      )
}

export const isExecutable = (path: string): boolean => {
  try {
    fs.accessSync(path, fs.constants.X_OK)
    return fs.statSync(path).isFile()
  } catch {
    return false
  }
}

const read = (path: string): string => {
  try {
    return fs.readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

/** Where systemd looks for programs, also for generators (systemd.exec(5), "ExecSearchPath="). */
export const SYSTEMD_PATH = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
/** The programs that units run, directly or in scripts. */
const PROGRAMS =
  "cat cp cut flock getent grep ln logger mkdir mount mv perl readlink rm sed sh sleep stat systemctl timeout umount".split(
    " "
  )
const NAMESPACES = ["mnt", "pid", "net", "ipc", "uts"]
const NSSWITCH = ["/etc/nsswitch.conf", "/usr/etc/nsswitch.conf"]
const NSS_ADVICE =
  'images that run as a user other than root need it: install it (Debian: libnss-systemd), with "systemd" in the passwd and group lines of /etc/nsswitch.conf'
