/** The file of a secret is mounted at its path or the start fails. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as SecretSettings from "../../../src/domain/settings/SecretSettings.ts"
import type { RootMount } from "../../../src/domain/unit/RootMounts.ts"
import * as MountPoints from "../../../src/services/root/MountPoints.ts"
import * as SecretPlaces from "../../../src/services/root/SecretPlaces.ts"
import { temporary } from "../../support/LayoutWriter.ts"

const VOLUME: RootMount = { kind: "volume", path: "/data", source: "/srv", readonly: false }

/** Returns why secrets cannot be at these paths of an image, beside a volume at `/data`. */
const refused = (...paths: readonly string[]): string | undefined => {
  using lower = temporary()
  for (const name of ["etc", "data"]) mkdirSync(`${lower.path}/${name}`)
  writeFileSync(`${lower.path}/etc/file`, "")
  for (const [name, target] of [
    ["kernel", "/proc"],
    ["loop", "loop"],
    ["volume", "data"],
    ["same", "etc/file"],
    ["own", "/tmp"]
  ] as const)
    symlinkSync(target, `${lower.path}/${name}`)
  const secrets = paths.map((path) => Either.getOrThrow(SecretSettings.parse(`key:${path}`)))
  const mounts = paths.map(
    (path): RootMount => ({ kind: "secret", path, source: "/run/s/0", readonly: true })
  )
  const points = MountPoints.of(lower.path, [VOLUME, ...mounts])
  const outcome = Effect.runSync(
    Effect.either(SecretPlaces.require(lower.path, points, { profile: "strict", secret: secrets }))
  )
  return Either.isLeft(outcome) ? outcome.left.message : undefined
}

describe("the file of a secret", () => {
  it.each(["/etc/file", "/etc/new", "/new/directory/key", "/data/key", "/volume/key", "/same"])(
    "may be at %s",
    (path) => assert.isUndefined(refused(path))
  )

  it.each([
    ["/etc", "is a directory of the image"],
    ["/kernel/key", "leads to a file system of the kernel, to another mount, or nowhere"],
    ["/loop/key", "leads to a file system of the kernel, to another mount, or nowhere"],
    ["/own/key", "lies in a directory that profile = strict makes anew"],
    ["/volume", "leads to a file system of the kernel, to another mount, or nowhere"]
  ])("cannot be at %s", (path, reason) =>
    assert.strictEqual(refused(path), `the secret key cannot be at ${path}, which ${reason}`)
  )

  it("has a place of its own, though links of the image lead to one place", () =>
    assert.match(
      refused("/etc/file", "/same") ?? "",
      /^the secret key cannot be at \/same, which leads to .*another mount/
    ))
})
