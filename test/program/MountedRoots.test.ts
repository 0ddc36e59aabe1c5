/** Roots that are images: what is in the extracts directory, when they are mounted, and what comes of it where they cannot be. */
import * as fs from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { layouts } from "../support/ErofsLayouts.ts"
import * as ErofsPlace from "../support/ErofsPlace.ts"
import { calls, imagesIn, isMounted, PLACES, rootsIn, unmount, withPlace } from "../support/MountedPlace.ts"
import * as Tar from "../support/TarWriter.ts"

const reason = await ErofsPlace.whyNoMounts()
if (reason !== undefined) console.error(`skipped: ${reason}`)
const mountIt = it.skipIf(reason !== undefined)

/** linux/magic.h */
const TMPFS = 0x01021994

const LAYERS = [
  Tar.archive(
    Tar.member({ name: "bin/", type: "5", mode: 0o755 }),
    Tar.member({ name: "bin/app", mode: 0o755 }, "#!"),
    Tar.member({ name: "bin/other", type: "1", link: "bin/app" })
  ),
  Tar.archive(Tar.member({ name: "etc/passwd" }, "root:x:0:0::/:/bin/sh\n"))
]

describe("a root that is an image", () => {
  mountIt("is mounted when it is needed, and is what its layers say", async () => {
    await withPlace(LAYERS, async ({ extract, extracts, start }) => {
      assert.isFalse(isMounted(await extract("mounted")))
      const root = await start("mounted")
      assert.isTrue(isMounted(root))
      assert.deepStrictEqual(
        ErofsPlace.pictureAt(fs.realpathSync(root)),
        ErofsPlace.pictureOf(ErofsPlace.merged(LAYERS), LAYERS)
      )
      const [image = ""] = imagesIn(extracts)
      assert.deepStrictEqual(fs.readdirSync(image).sort(), ["0", "1", "image.erofs", "root"])
      assert.strictEqual(fs.statSync(image).mode & 0o7777, 0o700)
      assert.isTrue(fs.readFileSync(join(image, "1")).equals(LAYERS[1] ?? Buffer.alloc(0)))
      assert.deepStrictEqual(fs.readdirSync(join(extracts, "tmp")), [])
    })
  })

  mountIt("is mounted once, and again after a boot", async () => {
    await withPlace(LAYERS, async ({ start }) => {
      const root = await start("auto")
      const { dev } = fs.statSync(root)
      await start("auto")
      assert.strictEqual(fs.statSync(root).dev, dev)
      unmount(root)
      assert.deepStrictEqual(fs.readdirSync(root), [])
      assert.strictEqual(await start("auto"), root)
      assert.deepStrictEqual(fs.readdirSync(root), ["bin", "etc"])
    })
  })

  mountIt("goes when no image needs it, with its image and its layers", async () => {
    await withPlace(LAYERS, async ({ collect, start, extracts, layout }) => {
      await start("auto")
      layout.index()
      const { kept, removed } = await collect()
      assert.deepStrictEqual(kept, [])
      assert.includeMembers(
        removed.map(({ kind }) => kind),
        ["root", "image", "layer"]
      )
      assert.deepStrictEqual([rootsIn(extracts), imagesIn(extracts)], [[], []])
    })
  })

  mountIt(
    "stays while something of it is mounted elsewhere, and so do its image and its layers",
    async () => {
      await withPlace(LAYERS, async ({ collect, start, extracts, layout }) => {
        const root = await start("auto")
        const elsewhere = fs.mkdtempSync(join(PLACES, "elsewhere-"))
        calls.mounts.bind(root, elsewhere)
        try {
          layout.index()
          const { kept, removed } = await collect()
          assert.deepStrictEqual(
            kept.map(({ kind, reason }) => [kind, reason]),
            [["root", `in use by what is mounted at ${elsewhere}`]]
          )
          assert.notIncludeMembers(
            removed.map(({ kind }) => kind),
            ["image", "layer", "listing"]
          )
          assert.isTrue(isMounted(root))
          assert.lengthOf(imagesIn(extracts), 1)
        } finally {
          calls.mounts.detach(elsewhere)
          fs.rmdirSync(elsewhere)
        }
      })
    }
  )

  mountIt.each([
    ["its image is damaged", (image: string) => fs.writeFileSync(join(image, "image.erofs"), "no image")],
    ["its image is lost", (image: string) => fs.rmSync(image, { recursive: true })],
    ["a link to a layer is lost", (image: string) => fs.rmSync(join(image, "1"))]
  ] as const)("is made again where %s", async (_, damage) => {
    await withPlace(LAYERS, async ({ start, extracts }) => {
      const root = await start("mounted")
      unmount(root)
      const [image = ""] = imagesIn(extracts)
      damage(image)
      assert.strictEqual(await start("mounted"), root)
      assert.isTrue(isMounted(root))
      assert.deepStrictEqual(fs.readdirSync(root), ["bin", "etc"])
      assert.deepStrictEqual(fs.readdirSync(join(extracts, "tmp")), [])
    })
  })

  mountIt("becomes a directory where the configuration says so, and what uses it keeps it", async () => {
    await withPlace(LAYERS, async ({ start, extracts }) => {
      const root = await start("auto")
      const elsewhere = fs.mkdtempSync(join(PLACES, "elsewhere-"))
      calls.mounts.bind(root, elsewhere)
      try {
        assert.strictEqual(await start("directories"), root)
        assert.isFalse(fs.lstatSync(root).isSymbolicLink())
        assert.deepStrictEqual(fs.readdirSync(root), ["bin", "etc"])
        assert.deepStrictEqual(imagesIn(extracts), [])
        assert.strictEqual(fs.readFileSync(join(elsewhere, "bin/other"), "latin1"), "#!")
      } finally {
        calls.mounts.detach(elsewhere)
        fs.rmdirSync(elsewhere)
      }
    })
  })

  it("is a directory where the configuration says so", async () => {
    await withPlace(LAYERS, async ({ start, extracts }) => {
      const root = await start("directories")
      assert.isFalse(fs.lstatSync(root).isSymbolicLink())
      assert.strictEqual(fs.readFileSync(join(root, "bin/app"), "latin1"), "#!")
      assert.deepStrictEqual(imagesIn(extracts), [])
    })
  })
})

describe.skipIf(process.getuid?.() !== 0 || fs.statfsSync("/dev/shm").type !== TMPFS)(
  "on a file system that no image is mounted from",
  () => {
    it("a root is a directory, where the configuration leaves that open", async () => {
      await withPlace(
        LAYERS,
        async ({ start, extracts }) => {
          const root = await start("auto")
          assert.isTrue(fs.lstatSync(root).isDirectory())
          assert.strictEqual(fs.readFileSync(join(root, "bin/app"), "latin1"), "#!")
          assert.deepStrictEqual(imagesIn(extracts), [])
        },
        "/dev/shm"
      )
    })

    it("an extraction fails with the reason where roots have to be mounted, and leaves nothing", async () => {
      await withPlace(
        LAYERS,
        async ({ start, extracts }) => {
          const failure = await start("mounted").then(
            () => "none",
            (cause: Error) => cause.message
          )
          assert.match(failure, /cannot be mounted from an image: .*ENOTBLK/)
          assert.deepStrictEqual([rootsIn(extracts), imagesIn(extracts)], [[], []])
          assert.deepStrictEqual(fs.readdirSync(join(extracts, "tmp")), [])
        },
        "/dev/shm"
      )
    })
  }
)

describe("a root that is an image and one that is a directory", () => {
  /** ext4 has no room for these attributes. */
  const { "attributes, most of them shared": _, ...others } = layouts
  mountIt.each(Object.entries(others).filter(([, archives]) => archives.length > 0))(
    "are the same: %s",
    async (_, archives) => {
      await withPlace(archives, async ({ start }) => {
        const mounted = ErofsPlace.pictureAt(fs.realpathSync(await start("mounted")))
        const written = ErofsPlace.pictureAt(await start("directories"))
        assert.deepStrictEqual(written, ErofsPlace.inRange(mounted))
      })
    }
  )
})

describe("verify", () => {
  mountIt.each(Object.entries(layouts).filter(([, archives]) => archives.length > 0))(
    "finds nothing wrong with an image of %s",
    async (_, archives) => {
      await withPlace(archives, async ({ extract, verify }) => {
        await extract("mounted")
        const { lines, verification } = await verify()
        assert.deepStrictEqual(lines, [])
        assert.strictEqual(verification?.root._tag, "Image")
        const deep = await verify({ deep: true })
        assert.deepStrictEqual(deep.lines, [])
        assert.strictEqual(deep.verification?.root._tag, "Compared")
      })
    }
  )

  interface Kept {
    readonly image: string
    readonly layer: string
  }
  const changeByte = (path: string, at: number): void => {
    const bytes = fs.readFileSync(path)
    bytes[at] = (bytes[at] ?? 0) ^ 1
    fs.writeFileSync(path, bytes)
  }
  const cases: ReadonlyArray<
    readonly [string, damage: (kept: Kept) => void, expected: (kept: Kept) => string | RegExp]
  > = [
    [
      "a changed byte of the image",
      ({ image }) => changeByte(`${image}/image.erofs`, 2000),
      ({ image }) => `${image}/image.erofs is not what the layers give`
    ],
    [
      "an image that is too short",
      ({ image }) => fs.truncateSync(`${image}/image.erofs`, 1024),
      ({ image }) => new RegExp(`^${image}/image.erofs has 1024 bytes, and should have \\d+$`)
    ],
    [
      "a missing image",
      ({ image }) => fs.rmSync(`${image}/image.erofs`),
      ({ image }) => `${image}/image.erofs is missing`
    ],
    [
      "a link to another layer",
      ({ image }) => {
        fs.rmSync(`${image}/1`)
        fs.symlinkSync(fs.readlinkSync(`${image}/0`), `${image}/1`)
      },
      ({ image }) => new RegExp(`^${image}/1 leads to .*\\.tar$`)
    ],
    [
      "a file that does not belong there",
      ({ image }) => fs.writeFileSync(`${image}/2`, ""),
      ({ image }) => `${image}/2 does not belong to the image`
    ],
    [
      "a changed byte of a layer",
      ({ layer }) => changeByte(layer, 600),
      ({ layer }) => new RegExp(`^${layer} is damaged: its digest is sha256:[0-9a-f]{64}$`)
    ],
    ["a missing layer", ({ layer }) => fs.rmSync(layer), ({ layer }) => `${layer} is missing`],
    [
      "a changed listing",
      ({ layer }) => changeByte(layer.replace(/tar$/, "listing"), 60),
      ({ layer }) => `${layer.replace(/tar$/, "listing")} is not what the layers give`
    ]
  ]
  mountIt.each(cases)("finds %s", async (_, damage, expected) => {
    await withPlace(LAYERS, async ({ extract, extracts, verify }) => {
      await extract("mounted")
      const image = imagesIn(extracts)[0] ?? ""
      const kept = { image, layer: fs.realpathSync(`${image}/0`) }
      damage(kept)
      const { lines } = await verify()
      const line = expected(kept)
      assert.lengthOf(lines, 1)
      if (typeof line === "string") assert.strictEqual(lines[0], line)
      else assert.match(lines[0] ?? "", line)
    })
  })

  it("finds a damaged layer of a root that is a directory", async () => {
    await withPlace(LAYERS, async ({ extract, extracts, verify }) => {
      await extract("directories")
      assert.deepStrictEqual((await verify()).lines, [])
      const layers = fs
        .readdirSync(join(extracts, "layers"), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".tar"))
      for (const layer of layers) changeByte(join(extracts, "layers", layer), 600)
      assert.lengthOf((await verify()).lines, 2)
    })
  })
})
