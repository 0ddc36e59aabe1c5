/**
 * The devices of the host that a service may use.
 *
 *     devices = PATH [ ":" PATH-IN-ROOT ] [ ":" MODE ]      device nodes below /dev
 *             | ( "char-" | "block-" ) GROUP [ ":" MODE ]   all devices of a group of /proc/devices, which may be a pattern
 *
 *     MODE = 1*( "r" | "w" | "m" )                          read, write, make nodes; without it, read and write
 */
import * as Either from "effect/Either"
import { refuse, type ValueRefused } from "../text/ValueRefused.ts"
import { adding, pathFault, type SettingKeys } from "./SettingKey.ts"

/** A device of the host, or a group of devices. */
export interface DeviceAccess {
  /** The node on the host, or the group as `DeviceAllow=` names it. */
  readonly host: string
  /** The node's path in the root; `undefined` for a group, which brings no nodes. */
  readonly image: string | undefined
  /** What the service may do, in the letters of `DeviceAllow=`. */
  readonly mode: string
}

/** Settings of a service's devices. */
export interface DeviceSettings {
  readonly devices: readonly DeviceAccess[]
}

export const parse = (text: string): Either.Either<DeviceAccess, ValueRefused> => {
  const parts = text.split(":")
  const last = parts[parts.length - 1] ?? ""
  const mode = parts.length > 1 && MODE.test(last) ? last : undefined
  const [host = "", image = host, ...more] = mode === undefined ? parts : parts.slice(0, -1)
  if (more.length > 0 || image === "") return refuse(WANTED)
  if (GROUP.test(host))
    return image === host
      ? Either.right({ host, image: undefined, mode: mode ?? USUAL_MODE })
      : refuse("a group of devices has no path in the image")
  for (const path of [host, image]) {
    const fault = pathFault(path) ?? placeFault(path)
    if (fault !== undefined) return refuse(fault)
  }
  return Either.right({ host: clean(host), image: clean(image), mode: mode ?? USUAL_MODE })
}

/** Prints a device so that `parse` reads it back. */
export const print = ({ host, image, mode }: DeviceAccess): string =>
  [host, ...(image === undefined || image === host ? [] : [image]), mode].join(":")

/** Outside `/dev` a node of an image's root opens nothing, and in these directories systemd mounts file systems. */
const placeFault = (path: string): string | undefined => {
  if (!/^\/+dev\/+[^/]/.test(path) || path.endsWith("/")) return "a device below /dev is expected"
  return OF_SYSTEMD.test(clean(path)) ? "the device lies in a file system of the kernel's own" : undefined
}

const clean = (path: string): string => path.replace(/\/+/g, "/")

const MODE = /^(?!.*(.).*\1)[rwm]{1,3}$/
const GROUP = /^(?:char|block)-[A-Za-z0-9_.*?-]+$/
const OF_SYSTEMD = /^\/dev\/(?:pts|shm|mqueue|hugepages)(?:\/|$)/
const USUAL_MODE = "rw"
const WANTED =
  "a device is expected, for example /dev/kvm, /dev/ttyUSB0:/dev/modem:rw, or a group such as char-drm"

/** @internal */
export const KEYS: SettingKeys<DeviceSettings> = {
  devices: {
    takes: "/dev/NODE[:/dev/NODE][:rwm] | char-GROUP[:rwm] | block-GROUP[:rwm]",
    default: [],
    help: "A device of the host that the service may use, and its path in the image, or a group of devices, one line for each; empty cancels all lines before it.",
    parse: (value) => (value === "" ? Either.right([]) : Either.map(parse(value), (device) => [device])),
    print: (devices) => devices.map(print).join(" "),
    add: adding<DeviceAccess>(({ host, image }) => image ?? host)
  }
}
