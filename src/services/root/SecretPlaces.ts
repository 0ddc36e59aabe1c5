/** Looks whether the files of secrets can be mounted where the configuration says. */
import * as Effect from "effect/Effect"
import type { ImageSettings } from "../../domain/settings/ImageSettings.ts"
import * as ServiceSecrets from "../../domain/unit/ServiceSecrets.ts"
import type { MountPoint } from "./MountPoints.ts"
import * as RootLookup from "./RootLookup.ts"

/** Fails for the first file that has no mount point of its own in the root whose extract is `lower`. */
export const require = (
  lower: string,
  points: readonly MountPoint[],
  { profile, secret: secrets }: Pick<ImageSettings, "profile" | "secret">
): Effect.Effect<void, ServiceSecrets.SecretRefused> =>
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
      if (reason !== undefined)
        return yield* Effect.fail(new ServiceSecrets.SecretRefused({ source, path, reason }))
    }
  })
