/**
 * What to do about an error, in one line, where there is something to do. docs/troubleshooting.md says more.
 *
 * An error whose hint depends on its facts carries the hint itself. For the others it stands here, by the tag of the error or of
 * one of its causes, or by the system's name of the error.
 */

import type { NativeCallsUnavailable } from "../services/files/NativeCalls.ts"
import * as Privileges from "../services/files/Privileges.ts"
import type { LayerLimitExceeded } from "../services/layer/LayerError.ts"

export const of = (error: unknown): string | undefined => {
  const chain = causes(error)
  const own = chain.map(({ hint }) => hint).find((hint) => typeof hint === "string")
  if (own !== undefined) return own
  if (Privileges.isDenied(error)) return Privileges.HINT
  return (
    first(chain, (each) => OF_TAGS[String(each._tag)]?.(each)) ??
    first(chain, ({ code }) => OF_CODES[String(code)])
  )
}

interface Facts {
  readonly _tag?: unknown
  readonly code?: unknown
  readonly hint?: unknown
  readonly platforms?: unknown
  readonly cause?: unknown
}

const causes = (error: unknown): readonly Facts[] =>
  typeof error === "object" && error !== null ? [error, ...causes((error as Facts).cause)] : []

const first = (chain: readonly Facts[], hintOf: (error: Facts) => string | undefined): string | undefined =>
  chain.map(hintOf).find((hint) => hint !== undefined)

const COPY_AGAIN = "copy the image again; oci-systemd verify finds what else is damaged"
const BUILD_AGAIN = "the image must be built again, by a tool that follows the OCI's rules for layers"

const OF_TAGS: Readonly<Record<string, (error: Facts) => string | undefined>> = {
  CommandError: () =>
    "set command = for the image in /etc/oci-generator.conf, or add a command when the image is built",
  DiffIdMismatch: () =>
    "its configuration and its layers do not belong together: the image must be built again",
  DocumentRefused: () => "copy the image again; if that does not help, it must be built again",
  EnvironmentRefused: () =>
    "fix the environment when the image is built, or with umoci config --config.env NAME=VALUE",
  ImageRefused: ({ platforms }) =>
    platforms === undefined
      ? undefined
      : "copy the image for this platform: skopeo copy --override-arch, or --all for every platform",
  ImageNotMounted: () =>
    "oci-systemd doctor says what this machine lacks; with roots = directories, roots are written out and not mounted",
  ImageUnsigned: () =>
    "cosign sign --key signs it, and skopeo copies its signature: docs/security.md says how, and which signatures count",
  LayerArchiveInvalid: () => BUILD_AGAIN,
  LayerCompressionInvalid: () => BUILD_AGAIN,
  LayerDigestMismatch: () => COPY_AGAIN,
  LayerLimitExceeded: (error) => {
    const key = LIMITS[(error as LayerLimitExceeded).limit]
    return key === undefined
      ? undefined
      : `if you trust the image, set a larger ${key} in the [system] section of the configuration`
  },
  LayerSizeMismatch: () => COPY_AGAIN,
  LayerUnmergeable: () => BUILD_AGAIN,
  LayerUnreadable: () => COPY_AGAIN,
  NativeCallsUnavailable: (error) =>
    (error as NativeCallsUnavailable).platform.startsWith("linux-")
      ? "install the program again on this machine: its native code is for each kind of machine"
      : undefined,
  ReloadFailed: () => "run systemctl daemon-reload, and start the service again",
  RootNotMounted: () =>
    "what the program printed before this says why; oci-systemd doctor examines this machine",
  UnknownSignal: () =>
    "fix the signal when the image is built, or with umoci config --config.stopsignal SIGTERM",
  UserError: () =>
    "fix the image, or set the user: user = 1000:1000 in an [image …] section of the configuration"
}

const LIMITS: Readonly<Record<LayerLimitExceeded["limit"], string | undefined>> = {
  entries: "maxentries",
  bytes: "maxbytes",
  ratio: "maxratio",
  metadata: undefined
}

const OF_CODES: Readonly<Record<string, string>> = {
  EDQUOT: "the quota of the file system is used up: oci-systemd gc removes what no image needs",
  EIO: "the disk or its file system is damaged: journalctl -k says more",
  ENOSPC: "the file system is full: make room there; oci-systemd gc removes what no image needs",
  EROFS: "the file system is mounted read-only: mount it writable, or use another place"
}
