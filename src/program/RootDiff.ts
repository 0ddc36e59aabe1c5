/** Lists what the service of an image has written to its root. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { Digest } from "../domain/document/Digest.ts"
import * as ExtractsTree from "../domain/extracts/ExtractsTree.ts"
import * as MountInfo from "../domain/machine/MountInfo.ts"
import type { RootMode } from "../domain/settings/ImageSettings.ts"
import * as RootPaths from "../domain/unit/RootPaths.ts"
import type { RootChange } from "../domain/verify/RootChange.ts"
import { ExtractStore } from "../services/extracts/ExtractStore.ts"
import { failing } from "../services/extracts/ExtractsError.ts"
import * as CooperativeLoop from "../services/files/CooperativeLoop.ts"
import { namesIn } from "../services/files/DirectoryNames.ts"
import * as DurableFile from "../services/files/DurableFile.ts"
import { type Calls, NativeCalls } from "../services/files/NativeCalls.ts"
import * as Privileges from "../services/files/Privileges.ts"
import * as SystemCall from "../services/files/SystemCall.ts"
import * as MountTable from "../services/host/MountTable.ts"
import { sha256 } from "../services/layout/Blobs.ts"
import { MountedRoots } from "../services/root/MountedRoots.ts"
import * as ScratchTemplate from "../services/root/ScratchTemplate.ts"
import { type Trees, UpperDirectory } from "../services/root/UpperDirectory.ts"
import { type CatalogImage, nameOf } from "./Catalog.ts"

/** What a service has written cannot be listed. */
export class RootNotCompared extends Data.TaggedError("RootNotCompared")<{
  readonly image: string
  readonly reason: string
  readonly hint?: string
  /** `EACCES` if only root can do it. */
  readonly code?: "EACCES"
}> {
  override get message(): string {
    return `what the service of ${this.image} has written cannot be listed: ${this.reason}`
  }
}

/** Options of a list of changes. */
export interface DiffOptions {
  /** Called with each change, in the order of the paths. */
  readonly onChange: (change: RootChange) => void
  /** Whether paths below new directories are changes as well; otherwise a new directory has numbers of what is below it. */
  readonly all?: boolean
}

/** The root whose changes were listed, and their number. */
export interface Diffed {
  /** What the root is: that of the running service, or else that of the next start. */
  readonly root: RootMode
  /** Whether the root is mounted. */
  readonly isRunning: boolean
  /** How many changes there are. */
  readonly changes: number
}

/**
 * Lists the changes of a root to that of its image: of the image that runs, even if the layout has another one by now, or
 * else of the one that the next start runs. Volumes and all else that is mounted in the root are no part of it. Only root
 * can do this. `mounts` are those of this machine.
 */
export const diff = (
  image: CatalogImage,
  { all = false, onChange }: DiffOptions,
  mounts: readonly MountInfo.Mount[] = MountTable.read()
) =>
  Effect.gen(function* () {
    const { context } = image
    const { overlay, root: point } = RootPaths.ofService(
      { extractsdir: context.system.extractsdir, stem: context.stem },
      sha256
    )
    if (!Privileges.isRoot()) {
      const reason = "only root may read it"
      return yield* new RootNotCompared({ image: nameOf(image), reason, code: "EACCES" })
    }
    const mount = mounts.findLast((each) => each.point === point && each.kind === "overlay")
    const root = modeOf(context.settings.root, mount)
    const isRunning = mount !== undefined
    const isKept = root === "persistent" || (root === "ephemeral" && isRunning)
    if (!isKept || !DurableFile.isThere(overlay.upper))
      return { root, isRunning, changes: 0 } satisfies Diffed
    const calls = yield* NativeCalls
    let changes = 0
    const count = (change: RootChange): void => {
      changes++
      onChange(change)
    }
    yield* readLower(image, mount, (lower) =>
      walk(
        { upper: overlay.upper, lower, template: templateOf(context.system.extractsdir, overlay) },
        calls,
        all,
        count
      )
    )
    return { root, isRunning, changes } satisfies Diffed
  })

/** Returns the mode of the root that is mounted. The configuration may have changed since it was. */
const modeOf = (configured: RootMode, mount: MountInfo.Mount | undefined): RootMode => {
  if (mount === undefined) return configured
  if (MountInfo.optionOf(mount, "upperdir") === undefined) return "readonly"
  return configured === "persistent" ? "persistent" : "ephemeral"
}

/** Returns what the upper directory was before the service started. A service has one template, that of its last start. */
const templateOf = (extractsdir: string, { name, upper }: RootPaths.Overlay): string | undefined => {
  const templates = `${extractsdir}/${ExtractsTree.templatesOf(name, sha256)}`
  const [digest] = namesIn(templates)
  return digest === undefined ? undefined : ScratchTemplate.placeIn(`${templates}/${digest}`, upper)
}

/** Calls `use` with a path at which the lower root can be read: that of the mount, or else that of the image. */
const readLower = <A, E, R>(
  image: CatalogImage,
  mount: MountInfo.Mount | undefined,
  use: (lower: string) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    const lower = mount === undefined ? undefined : MountInfo.optionOf(mount, "lowerdir")
    const mounted = lower === undefined ? undefined : chainOf(lower)
    // A root of the form before this one is a directory that stays as long as it is mounted.
    if (lower !== undefined && mounted === undefined) return yield* use(lower)
    const chainId = mounted ?? (yield* image.resolve()).chainId
    const store = yield* ExtractStore
    if (!(yield* store.isExtracted(chainId))) {
      const reason = "the image is not extracted"
      const hint = `oci-systemd extract ${nameOf(image)} extracts it`
      return yield* new RootNotCompared({ image: nameOf(image), reason, hint })
    }
    return yield* (yield* MountedRoots).read(chainId, use)
  })

/** Returns the chain of a root by its path; `undefined` for a root of the form before this one. */
const chainOf = (lower: string): Digest | undefined => {
  const chainId = ExtractsTree.digestIn(lower)
  return chainId !== undefined && lower.endsWith(`/${ExtractsTree.rootOf(chainId)}`) ? chainId : undefined
}

const walk = (trees: Trees, calls: Calls, listsAll: boolean, onChange: (change: RootChange) => void) =>
  Effect.acquireUseRelease(
    SystemCall.run(() => new UpperDirectory(trees, calls, listsAll)),
    (directory) => {
      const changes = directory.changes()
      const advance = (): boolean => {
        const { done, value } = changes.next()
        if (value !== undefined) onChange(value)
        return done !== true
      }
      return CooperativeLoop.run(advance, (cause) => {
        // Anything else is a bug, or thrown by `onChange`.
        if ((cause as NodeJS.ErrnoException).code === undefined) throw cause
        return directory.explained(cause) as NodeJS.ErrnoException
      })
    },
    (directory) => Effect.sync(() => directory.close())
  ).pipe(failing("list what was written", trees.upper))
