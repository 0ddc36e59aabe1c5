/** Looks whether the files of secrets can be mounted where the configuration says. */
import * as Effect from "effect/Effect"
import type { ImageSettings } from "../../domain/settings/ImageSettings.ts"
import { TaggedError } from "../../domain/text/TaggedError.ts"
import * as ServiceSecrets from "../../domain/unit/ServiceSecrets.ts"
import type { MountPoint } from "./MountPoints.ts"
import * as RootLookup from "./RootLookup.ts"

/** The image has something at the path of a secret that its file cannot be mounted on. */
export class SecretUnfit extends TaggedError("SecretUnfit")<{
  readonly source: string
  readonly path: string
  /** A clause that follows the path: "is a directory of the image". */
  readonly reason: string
}> {
  override get message(): string {
    return `the secret ${this.source} cannot be at ${this.path}, which ${this.reason}`
  }
}

/** Fails for the first file that has no mount point of its own in the root whose extract is `lower`. */
export const require = (
  lower: string,
  points: readonly MountPoint[],
  { profile, secret: secrets }: Pick<ImageSettings, "profile" | "secret">
): Effect.Effect<void, SecretUnfit> =>
  Effect.gen(function* () {
    for (const secret of secrets) {
      if (secret.kind !== "file") continue
      const { path, source } = secret
      const point = points.find((each) => each.kind === "secret" && each.path === path)
      const reason =
        point === undefined
          ? "leads to a file system of the kernel, to another mount, or nowhere"
          : RootLookup.isDirectory(`${lower}/${point.target}`)
            ? "is a directory of the image"
            : ServiceSecrets.hiddenBy(profile, `/${point.target}`)
      if (reason !== undefined) return yield* Effect.fail(new SecretUnfit({ source, path, reason }))
    }
  })
