/** `oci-prepare` and a root that is an image: it mounts the image where a start finds it unmounted. */
import { mkdirSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "vitest"
import * as ErofsPlace from "../support/ErofsPlace.ts"
import { temporary } from "../support/LayoutWriter.ts"
import { isMounted, unmount, withPlace } from "../support/MountedPlace.ts"
import { place } from "../support/RootScripts.ts"
import * as Tar from "../support/TarWriter.ts"

const noMounts = await ErofsPlace.whyNoMounts()
if (noMounts !== undefined) console.error(`skipped: ${noMounts}`)

const OK = "0 "
const otherwise = (file: string) => ["--", "touch", file]
const says = (version: string) =>
  `#!/bin/sh
if [ "$1" = --version ]; then echo "mount from util-linux ${version} (libmount ${version}: selinux)"; exit; fi
printf '%s\\n' "\${0##*/}" "$@" >>"$OCI_SAID"
`
/** Says all of its arguments but the program. */
const PERL = `#!/bin/sh
shift 2
printf '%s\\n' "perl" "$@" >>"$OCI_SAID"
`

/** An image of two layers and a data file, with nothing in them. */
const withImage = (test: (at: ReturnType<typeof place>, image: string) => void): void => {
  using directory = temporary()
  const at = place(directory.path)
  at.template("U")
  const { lower } = at.paths("U")
  const image = at.at("image")
  mkdirSync(`${image}/root`, { recursive: true })
  for (const name of ["0", "1"]) symlinkSync(`/${name}.tar`, `${image}/${name}`)
  for (const name of ["image.erofs", "data"]) writeFileSync(`${image}/${name}`, "")
  rmSync(lower, { recursive: true })
  symlinkSync("image/root", lower)
  test(at, realpathSync(image))
}

describe("oci-prepare", () => {
  it.each(["2.41", "2.41.5", "2.42-rc1", "2.100", "3.0"])(
    "has mount(8) of util-linux %s mount an image",
    (version) =>
      withImage((at, image) => {
        at.program("mount", says(version))
        assert.strictEqual(at.prepare("U", "ephemeral", otherwise(at.at("ran"))), OK)
        assert.deepStrictEqual(at.said().slice(0, 7), [
          ...["mount", "-t", "erofs", "-o", "ro,device=0,device=1,device=data"],
          ...[`${image}/image.erofs`, `${image}/root`]
        ])
      })
  )

  it.each(["2.9.1", "2.38.1", "2.40", "2.40.4"])("has perl do that where util-linux is %s", (version) =>
    withImage((at, image) => {
      at.program("mount", says(version))
      at.program("perl", PERL)
      at.program("uname", "#!/bin/sh\necho x86_64\n")
      assert.strictEqual(at.prepare("U", "ephemeral", otherwise(at.at("ran"))), OK)
      assert.deepStrictEqual(at.said().slice(0, 6), [
        ...["perl", "--", "x86_64", `${image}/image.erofs`, `${image}/root`],
        "device=0,device=1,device=data"
      ])
    })
  )

  it("leaves it to the other program where the image is not mounted", () =>
    withImage((at) => {
      at.program("perl", "#!/bin/sh\nexit 1\n")
      assert.strictEqual(at.prepare("U", "ephemeral", otherwise(at.at("ran"))), OK)
      assert.deepStrictEqual(readdirSync(at.at("")).includes("ran"), true)
      assert.deepStrictEqual(at.said(), ["mount", "--version"])
    }))

  it.skipIf(noMounts !== undefined)("really mounts one, once", async () => {
    const layers = Array.from({ length: 128 }, (_, layer) =>
      Tar.archive(Tar.member({ name: `file ${layer}` }, `${layer}`))
    )
    await withPlace(layers, async ({ extract }) => {
      using directory = temporary()
      const at = place(directory.path)
      at.template("U")
      const { lower } = at.paths("U")
      const root = await extract("mounted")
      rmSync(lower, { recursive: true })
      symlinkSync(realpathSync(root), lower)
      assert.isFalse(isMounted(root))
      for (const _ of [1, 2]) assert.strictEqual(at.prepare("U", "ephemeral", otherwise(at.at("ran"))), OK)
      assert.isTrue(isMounted(root))
      assert.lengthOf(readdirSync(root), 128)
      assert.notInclude(readdirSync(at.at("")), "ran")
      unmount(root)
      assert.deepStrictEqual(readdirSync(root), [])
    })
  })
})
