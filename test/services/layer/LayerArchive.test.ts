/** Rule numbers are those of docs/layers.md: compression, digests, sizes. */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as zlib from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { type LayerLimits, LIMITS, RATIO_COUNTS_FROM } from "../../../src/domain/archive/LayerLimits.ts"
import type { Digest } from "../../../src/domain/document/Digest.ts"
import type { Compression } from "../../../src/domain/image/MediaType.ts"
import { NativeCalls } from "../../../src/services/files/NativeCalls.ts"
import { ContentDigest } from "../../../src/services/layer/ContentDigest.ts"
import { DigestReader } from "../../../src/services/layer/FileDigests.ts"
import * as LayerArchive from "../../../src/services/layer/LayerArchive.ts"
import * as LayerIntake from "../../../src/services/layer/LayerIntake.ts"
import * as ListingFile from "../../../src/services/layer/ListingFile.ts"
import * as Interruption from "../../support/Interruption.ts"
import * as LayerFiles from "../../support/LayerFiles.ts"
import { openBelow } from "../../support/OpenFiles.ts"
import * as Tar from "../../support/TarWriter.ts"

const services = Layer.provideMerge(LayerArchive.LayerArchive.layer(), NativeCalls.layer)

const digestOf = (bytes: Uint8Array, algorithm = "sha256") =>
  `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}` as Digest

/** A directory, with a layer's blob in it and a place to stage. */
const place = Effect.acquireRelease(
  Effect.sync(() => {
    const at = fs.mkdtempSync(path.join(os.tmpdir(), "layer-stage-"))
    fs.mkdirSync(`${at}/stage`, 0o700)
    return { at, blob: `${at}/blob`, directory: `${at}/stage` }
  }),
  ({ at }) => Effect.sync(() => fs.rmSync(at, { recursive: true, force: true }))
)

interface Case {
  readonly blob: Uint8Array
  readonly tar: Uint8Array
  readonly compression: Compression
  readonly over?: Partial<LayerIntake.Request>
}

/** Stages it, then hands over what came of it while the files are there. */
const stage = Effect.fnUntraced(function* ({ blob, compression, over, tar }: Case) {
  const where = yield* place
  fs.writeFileSync(where.blob, blob)
  const result = yield* Effect.either(
    LayerArchive.stage({
      blob: { path: where.blob, digest: digestOf(blob), size: blob.length },
      diffId: digestOf(tar),
      compression,
      directory: where.directory,
      ...over
    })
  )
  assert.deepStrictEqual(openBelow(where.at), [])
  return { ...where, result }
})

const staged = (found: Effect.Effect.Success<ReturnType<typeof stage>>) => {
  const about = Either.getOrThrow(found.result)
  assert.deepStrictEqual(ListingFile.about(LayerIntake.listingPath(found.directory)), about)
  const entries = LayerFiles.read(found.directory)
  assert.lengthOf(entries, about.entries)
  return {
    bytes: about.bytes,
    entries: entries.map(({ data, entry }) => [entry.path as string, data?.toString("latin1") ?? entry._tag])
  }
}

const failed = (found: Effect.Effect.Success<ReturnType<typeof stage>>, tag: string, words: string) => {
  assert.isTrue(Either.isLeft(found.result), "it should have failed")
  if (Either.isRight(found.result)) return
  assert.strictEqual(found.result.left._tag as string, tag, found.result.left.message)
  assert.include(found.result.left.message, words)
  assert.match(found.result.left.message, /^layer sha256:[0-9a-f]{64}: /)
}

const tar = Tar.archive(
  Tar.member({ name: "hello" }, "hello\n".repeat(100)),
  Tar.member({ name: "dir/", type: "5", mode: 0o755 })
)
const contents = [
  ["hello", "hello\n".repeat(100)],
  ["dir/", "Directory"]
]
/** Larger than every buffer on the way, and not compressible. */
const noise = Buffer.from(
  Array.from({ length: 40_000 }, (_, index) => createHash("sha512").update(`${index}`).digest("hex")).join(
    ""
  ),
  "hex"
)
const large = Tar.archive(Tar.member({ name: "large" }, noise), Tar.member({ name: "next" }, "x"))
const flipped = (bytes: Uint8Array, at: number) =>
  bytes.map((byte, index) => (index === (at < 0 ? bytes.length + at : at) ? byte ^ 0x10 : byte))
const cut = (bytes: Uint8Array, at: number) => [bytes.subarray(0, at), bytes.subarray(at)] as const

const gzip = (bytes: Uint8Array) => zlib.gzipSync(bytes)

/** A zstd frame of stored blocks: a single segment with its size in four bytes. */
const zstdStored = (bytes: Uint8Array) => {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(bytes.length)
  const blocks = []
  for (let at = 0; at === 0 || at < bytes.length; at += 1 << 17) {
    const data = bytes.subarray(at, at + (1 << 17))
    const head = Buffer.alloc(4)
    head.writeUInt32LE((data.length << 3) | (at + data.length >= bytes.length ? 1 : 0))
    blocks.push(head.subarray(0, 3), data)
  }
  return Buffer.concat([Buffer.from("28b52ffda0", "hex"), size, ...blocks])
}
const skippable = (text: string) => {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(text.length)
  return Buffer.concat([Buffer.from("5a2a4d18", "hex"), size, Buffer.from(text)])
}

/** `tar` by `zstd -19 --check`. */
const ZSTD = Buffer.from(
  "KLUv/WQAC+UCAOJDDBGgbQx0FPRS1ZiKntgqAIkhAydoIWfPQf8qYFMK9BUmGacedBft63oZYzVm//U5t1gOIPA0WLcB/VUAjFR7KGBAn2EmJV2VPUmXDNCCOeqAkzdcIGA4O60iRJKW3Q==",
  "base64"
)

const hasZstd = (() => {
  try {
    execFileSync("zstd", ["--version"], { stdio: "ignore" })
    return true
  } catch {
    console.warn("no zstd program: what it writes is not tested")
    return false
  }
})()
const zstd = (bytes: Uint8Array, ...options: ReadonlyArray<string>) =>
  execFileSync("zstd", ["-q", "-c", ...options], { input: bytes, maxBuffer: 1 << 28 })

it.layer(services)("LayerArchive", (it) => {
  describe("rule 24: what is fine", () => {
    const cases: ReadonlyArray<readonly [string, Compression, () => Uint8Array, Uint8Array?]> = [
      ["uncompressed", "none", () => tar],
      ["uncompressed, zero bytes", "none", () => new Uint8Array(0), new Uint8Array(0)],
      [
        "uncompressed, its first name a gzip magic",
        "none",
        () => Tar.archive(Tar.member({ name: "\x1f\x8b" })),
        Tar.archive(Tar.member({ name: "\x1f\x8b" }))
      ],
      ["gzip", "gzip", () => gzip(tar)],
      ["gzip of several members", "gzip", () => Buffer.concat(cut(tar, 700).map(gzip))],
      [
        "gzip of a member a byte",
        "gzip",
        () => Buffer.concat([...tar].map((byte) => gzip(Uint8Array.of(byte))))
      ],
      ["gzip with an empty member", "gzip", () => Buffer.concat([gzip(tar), gzip(new Uint8Array(0))])],
      ["gzip with zeros after it", "gzip", () => Buffer.concat([gzip(tar), Buffer.alloc(3_000_000)])],
      [
        "gzip, large, of two members and zeros",
        "gzip",
        () => Buffer.concat([...cut(large, 1_234_567).map(gzip), Buffer.alloc(5)]),
        large
      ],
      ["zstd", "zstd", () => ZSTD],
      ["zstd of several frames", "zstd", () => Buffer.concat(cut(tar, 700).map(zstdStored))],
      [
        "zstd with skippable frames",
        "zstd",
        () =>
          Buffer.concat([
            skippable("a"),
            ...cut(tar, 700).flatMap((part) => [zstdStored(part), skippable("bc")])
          ])
      ],
      [
        "zstd with an empty frame",
        "zstd",
        () => Buffer.concat([zstdStored(tar), zstdStored(new Uint8Array(0))])
      ],
      ["zstd with zeros after it", "zstd", () => Buffer.concat([ZSTD, Buffer.alloc(3)])],
      ["zstd with many zeros after it", "zstd", () => Buffer.concat([ZSTD, Buffer.alloc(3_000_000)])],
      [
        "zstd, large, of two frames",
        "zstd",
        () => Buffer.concat(cut(large, 1_234_567).map(zstdStored)),
        large
      ]
    ]
    for (const [name, compression, blob, of = tar] of cases) {
      it.scoped(name, () =>
        Effect.gen(function* () {
          const { bytes, entries } = staged(yield* stage({ blob: blob(), tar: of, compression }))
          assert.strictEqual(bytes, of.length)
          if (of === tar) assert.deepStrictEqual(entries, contents)
          if (of === large) assert.isTrue(entries[0]?.[1] === noise.toString("latin1"))
        })
      )
    }

    it.scoped.skipIf(!hasZstd)("what zstd writes", () =>
      Effect.gen(function* () {
        for (const options of [
          ["-1"],
          ["-19", "--check"],
          ["--no-check"],
          ["-3", "--single-thread"],
          ["--long=26"],
          ["--ultra", "-20"]
        ]) {
          const compressible = Tar.archive(
            Tar.member({ name: "c" }, "abcdefghij".repeat(500_000)),
            Tar.member({ name: "n" }, noise)
          )
          const { bytes } = staged(
            yield* stage({ blob: zstd(compressible, ...options), tar: compressible, compression: "zstd" })
          )
          assert.strictEqual(bytes, compressible.length)
        }
      })
    )

    it.scoped("sha512, for both", () =>
      Effect.gen(function* () {
        const where = yield* place
        fs.writeFileSync(where.blob, gzip(tar))
        const { entries } = yield* LayerArchive.stage({
          blob: { path: where.blob, digest: digestOf(gzip(tar), "sha512"), size: gzip(tar).length },
          diffId: digestOf(tar, "sha512"),
          compression: "gzip",
          directory: where.directory
        })
        assert.strictEqual(entries, 2)
      })
    )

    it.scoped("rule 28: what its descriptor embeds, if it has the digest", () =>
      Effect.gen(function* () {
        const blob = gzip(large)
        const over = { blob: { bytes: blob, digest: digestOf(blob), size: blob.length } }
        const found = yield* stage({ blob: tar, tar: large, compression: "gzip", over })
        assert.strictEqual(staged(found).bytes, large.length)
        for (const [bytes, tag] of [
          [blob.subarray(1), "LayerSizeMismatch"],
          [flipped(blob, 5000), "LayerDigestMismatch"]
        ] as const) {
          const wrong = { blob: { ...over.blob, bytes } }
          failed(yield* stage({ blob: tar, tar: large, compression: "gzip", over: wrong }), tag, "")
        }
      })
    )

    it.scoped("a blob behind a link, or open already: that one stays open", () =>
      Effect.gen(function* () {
        const where = yield* place
        fs.writeFileSync(`${where.at}/elsewhere`, tar)
        fs.symlinkSync("elsewhere", where.blob)
        const digest = digestOf(tar)
        const size = tar.length
        const fd = fs.openSync(where.blob, "r")
        for (const source of [{ path: where.blob }, { fd }]) {
          const directory = fs.mkdtempSync(`${where.directory}/`)
          const blob = { ...source, digest, size }
          const { entries } = yield* LayerArchive.stage({
            blob,
            diffId: digest,
            compression: "none",
            directory
          })
          assert.strictEqual(entries, 2)
        }
        fs.closeSync(fd)
      })
    )
  })

  describe("rule 24: the first bytes decide, whatever the media type says", () => {
    const blobs = { none: () => tar, gzip: () => gzip(tar), zstd: () => ZSTD } as const
    const names = ["none", "gzip", "zstd"] as const
    for (const declared of names) {
      for (const actual of names) {
        it.scoped(`${actual} that is called ${declared}`, () =>
          Effect.gen(function* () {
            const { result } = yield* stage({ blob: blobs[actual](), tar, compression: declared })
            const { compression, entries } = Either.getOrThrow(result)
            assert.strictEqual(entries, 2)
            assert.strictEqual(compression, actual === declared ? undefined : actual)
          })
        )
      }
    }
  })

  describe("rule 24: damaged data", () => {
    const cases: ReadonlyArray<readonly [string, Compression, () => Uint8Array, string]> = [
      ["gzip cut off", "gzip", () => gzip(tar).subarray(0, -9), "damaged or cut off"],
      ["gzip cut off in its checksum", "gzip", () => gzip(tar).subarray(0, -1), "damaged or cut off"],
      [
        "gzip cut off in the next member",
        "gzip",
        () => Buffer.concat([gzip(tar), gzip(tar).subarray(0, 5)]),
        "damaged or cut off"
      ],
      ["gzip with a bad CRC", "gzip", () => flipped(gzip(tar), -6), "damaged or cut off"],
      [
        "gzip with garbage after it",
        "gzip",
        () => Buffer.concat([gzip(tar), Buffer.from("garbage")]),
        "gzip data"
      ],
      [
        "gzip with garbage after zeros",
        "gzip",
        () => Buffer.concat([gzip(tar), Buffer.alloc(2_500_000), Buffer.from("x")]),
        "followed by garbage"
      ],
      [
        "gzip with a member after zeros",
        "gzip",
        () => Buffer.concat([gzip(tar), Buffer.alloc(5), gzip(tar)]),
        "followed by garbage"
      ],
      ["zstd cut off", "zstd", () => ZSTD.subarray(0, -6), "cut off"],
      ["zstd cut off in its checksum", "zstd", () => ZSTD.subarray(0, -1), "cut off"],
      ["zstd cut off in the next frame", "zstd", () => Buffer.concat([ZSTD, ZSTD.subarray(0, 3)]), "garbage"],
      [
        "zstd cut off in a skippable frame",
        "zstd",
        () => Buffer.concat([ZSTD, skippable("abc").subarray(0, -1)]),
        "cut off"
      ],
      ["zstd with garbage after it", "zstd", () => Buffer.concat([ZSTD, Buffer.from("garbage")]), "garbage"],
      [
        "zstd with garbage after zeros",
        "zstd",
        () => Buffer.concat([ZSTD, Buffer.alloc(50), Buffer.from("x")]),
        "garbage"
      ],
      [
        "zstd that wants 2 GiB of memory",
        "zstd",
        () => Buffer.concat([Buffer.from("28b52ffd00a8", "hex"), Buffer.alloc(600)]),
        "window"
      ],
      ["text that is called gzip", "gzip", () => Buffer.alloc(600, "text"), "no gzip data"],
      ["bzip2 that is called zstd", "zstd", () => Buffer.from("425a683931", "hex"), "is bzip2"],
      ["xz that is called uncompressed", "none", () => Buffer.from("fd377a585a00", "hex"), "is xz"],
      ["nothing that is called gzip", "gzip", () => new Uint8Array(0), "empty"],
      ["nothing that is called zstd", "zstd", () => new Uint8Array(0), "empty"]
    ]
    for (const [name, compression, blob, words] of cases) {
      it.scoped(name, () =>
        Effect.gen(function* () {
          failed(yield* stage({ blob: blob(), tar, compression }), "LayerCompressionInvalid", words)
        })
      )
    }

    it.scoped("no beginning of a blob passes for a whole one", () =>
      Effect.gen(function* () {
        for (const [compression, blob] of [
          ["zstd", ZSTD],
          ["gzip", gzip(tar)]
        ] as const) {
          for (let length = 0; length < blob.length; length++) {
            const { result } = yield* stage({ blob: blob.subarray(0, length), tar, compression })
            assert.isTrue(Either.isLeft(result), `${length} bytes of ${compression}`)
          }
        }
      })
    )

    it.scoped("a changed byte of zstd is noticed, or says the same", () =>
      Effect.gen(function* () {
        for (let at = 0; at < ZSTD.length; at++) {
          const found = yield* stage({ blob: flipped(ZSTD, at), tar, compression: "zstd" })
          if (Either.isRight(found.result)) assert.deepStrictEqual(staged(found).entries, contents, `${at}`)
        }
      })
    )
  })

  describe("rule 25: what does not match", () => {
    const other = Tar.archive(Tar.member({ name: "other" }))

    it.scoped("the blob's size", () =>
      Effect.gen(function* () {
        const digest = digestOf(tar)
        for (const size of [tar.length - 1, tar.length + 1, 0]) {
          const where = yield* place
          fs.writeFileSync(where.blob, tar)
          const over = { blob: { path: where.blob, digest, size } }
          failed(
            yield* stage({ blob: tar, tar, compression: "none", over }),
            "LayerSizeMismatch",
            `${size} bytes`
          )
        }
      })
    )

    it.scoped("the blob's size, of what grows while it is read", () =>
      Effect.gen(function* () {
        const where = yield* place
        const blob = Buffer.alloc(8 << 20)
        fs.writeFileSync(where.blob, blob)
        const over = {
          blob: { path: where.blob, digest: digestOf(blob), size: blob.length },
          onProgress: () => fs.appendFileSync(where.blob, "more")
        }
        failed(
          yield* stage({ blob: tar, tar: blob, compression: "none", over }),
          "LayerSizeMismatch",
          `${blob.length} bytes`
        )
      })
    )

    it.scoped("sha512 of the blob, and of what is in it", () =>
      Effect.gen(function* () {
        const where = yield* place
        fs.writeFileSync(where.blob, tar)
        const right = digestOf(tar, "sha512")
        const wrong = digestOf(other, "sha512")
        for (const [digest, diffId, tag] of [
          [wrong, right, "LayerDigestMismatch"],
          [right, wrong, "DiffIdMismatch"]
        ] as const) {
          const blob = { path: where.blob, digest, size: tar.length }
          const { result } = yield* stage({ blob: tar, tar, compression: "none", over: { blob, diffId } })
          if (Either.isRight(result)) return assert.fail("it should have failed")
          assert.strictEqual(result.left._tag as string, tag)
          assert.include(result.left.message, right)
        }
      })
    )

    it.scoped("the blob's digest", () =>
      Effect.gen(function* () {
        const where = yield* place
        fs.writeFileSync(where.blob, gzip(tar))
        const over = { blob: { path: where.blob, digest: digestOf(other), size: gzip(tar).length } }
        failed(
          yield* stage({ blob: tar, tar, compression: "gzip", over }),
          "LayerDigestMismatch",
          digestOf(gzip(tar))
        )
      })
    )

    it.scoped("the blob's digest, where its content makes no sense either", () =>
      Effect.gen(function* () {
        const where = yield* place
        const broken = Buffer.concat([gzip(large).fill(0, 5_000, 6_000)])
        fs.writeFileSync(where.blob, broken)
        const over = { blob: { path: where.blob, digest: digestOf(gzip(large)), size: broken.length } }
        failed(
          yield* stage({ blob: tar, tar: large, compression: "gzip", over }),
          "LayerDigestMismatch",
          digestOf(broken)
        )
      })
    )

    it.scoped("the diff id", () =>
      Effect.gen(function* () {
        const over = { diffId: digestOf(other) }
        failed(
          yield* stage({ blob: gzip(tar), tar, compression: "gzip", over }),
          "DiffIdMismatch",
          digestOf(tar)
        )
      })
    )

    it.scoped("the diff id, by what follows the end of the archive", () =>
      Effect.gen(function* () {
        const longer = Buffer.concat([tar, Buffer.from("more")])
        failed(yield* stage({ blob: longer, tar, compression: "none" }), "DiffIdMismatch", digestOf(longer))
        assert.lengthOf(staged(yield* stage({ blob: longer, tar: longer, compression: "none" })).entries, 2)
      })
    )
  })

  it.scoped("rule 22: a broken archive names its member", () =>
    Effect.gen(function* () {
      const broken = Tar.archive(
        Tar.member({ name: "fine" }, "x"),
        Tar.member({ name: "device", type: "3", major: 5000 })
      )
      failed(
        yield* stage({ blob: gzip(broken), tar: broken, compression: "gzip" }),
        "LayerArchiveInvalid",
        '"device"'
      )
    })
  )

  describe("rule 26: limits", () => {
    const attribute = Tar.pax([["SCHILY.xattr.user.a", "x".repeat(1000)]])
    const cases: ReadonlyArray<readonly [keyof LayerLimits, number, Uint8Array]> = [
      ["entries", 1, tar],
      ["bytes", tar.length - 1, tar],
      ["metadata", 999, Tar.archive(attribute, Tar.member({}))]
    ]
    for (const [limit, allowed, of] of cases) {
      it.scoped(limit, () =>
        Effect.gen(function* () {
          const over = { limits: { [limit]: allowed } }
          failed(
            yield* stage({ blob: gzip(of), tar: of, compression: "gzip", over }),
            "LayerLimitExceeded",
            `${allowed}`
          )
        })
      )
    }

    it.scoped("ratio: more than two GiB from two megabytes", () =>
      Effect.gen(function* () {
        // Gzip members, each as dense as gzip can be: about a thousand to one
        const member = zlib.gzipSync(Buffer.alloc(2 ** 26))
        const bomb = Buffer.concat(Array.from({ length: RATIO_COUNTS_FROM / 2 ** 26 + 1 }, () => member))
        failed(
          yield* stage({ blob: bomb, tar, compression: "gzip" }),
          "LayerLimitExceeded",
          `unpacks to more than ${LIMITS.ratio} times its size`
        )
      })
    )

    it.scoped("a bomb of 32 GiB in a megabyte", () =>
      Effect.gen(function* () {
        // RLE blocks: four bytes for 128 KiB of zeros, which are no tar after the end of the archive
        const blocks = Buffer.alloc(4 * 262_144, Buffer.from([0x02, 0x00, 0x10, 0x00]))
        const blob = Buffer.concat([Buffer.from("28b52ffd0050", "hex"), blocks])
        const over = { limits: { bytes: 2 ** 28 } }
        failed(
          yield* stage({ blob, tar, compression: "zstd", over }),
          "LayerLimitExceeded",
          "unpacks to more than"
        )
      })
    )
  })

  describe("rule 29: what is no blob", () => {
    const cases: ReadonlyArray<readonly [string, (at: string) => void, string]> = [
      ["a fifo, without blocking", (at) => execFileSync("mkfifo", [at]), "a fifo"],
      ["a directory", (at) => fs.mkdirSync(at), "a directory"],
      ["a device", (at) => fs.symlinkSync("/dev/zero", at), "a device"],
      ["nothing", () => {}, "is missing"],
      ["a link round in a circle", (at) => fs.symlinkSync("blob", at), "circle"]
    ]
    for (const [name, make, words] of cases) {
      it.scoped(name, () =>
        Effect.gen(function* () {
          const where = yield* place
          make(where.blob)
          const over = { blob: { path: where.blob, digest: digestOf(tar), size: tar.length } }
          failed(yield* stage({ blob: tar, tar, compression: "none", over }), "LayerUnreadable", words)
        })
      )
    }
  })

  it.scoped("the archive is there, byte for byte", () =>
    Effect.gen(function* () {
      const blob = gzip(tar)
      const { directory } = yield* stage({ blob, tar, compression: "gzip" })
      assert.deepStrictEqual(fs.readdirSync(directory).sort(), ["archive", "listing"])
      assert.isTrue(fs.readFileSync(LayerIntake.archivePath(directory)).equals(tar))
    })
  )

  it.scoped("zeros are holes of the archive", () =>
    Effect.gen(function* () {
      const zeros = Tar.archive(
        Tar.member({ name: "a" }, Buffer.alloc(1 << 24)),
        Tar.member({ name: "b" }, "b")
      )
      const padded = Buffer.concat([zeros, Buffer.alloc(1 << 24)])
      for (const archive of [zeros, padded]) {
        const { directory } = yield* stage({ blob: gzip(archive), tar: archive, compression: "gzip" })
        const path = LayerIntake.archivePath(directory)
        assert.isTrue(fs.readFileSync(path).equals(archive))
        assert.isBelow(fs.statSync(path).blocks * 512, 1 << 22)
      }
    })
  )

  it.scoped("thousands of files have a place each", () =>
    Effect.gen(function* () {
      const many = Tar.archive(
        ...Array.from({ length: 2500 }, (_, index) => Tar.member({ name: `${index}` }, `${index}`))
      )
      const { entries } = staged(yield* stage({ blob: gzip(many), tar: many, compression: "gzip" }))
      assert.deepStrictEqual(
        entries,
        Array.from({ length: 2500 }, (_, index) => [`${index}`, `${index}`])
      )
    })
  )

  describe("who needs no data", () => {
    const sparse = Tar.member(
      { name: "s", type: "S", magic: Tar.GNU, tail: Tar.oldGnuTail([1 << 24, 3, 1 << 26, 0], 1 << 26) },
      "abc"
    )
    const mixed = Tar.archive(
      Tar.member({ name: "dir/", type: "5" }),
      Tar.member({ name: "noise" }, noise),
      sparse,
      ...Array.from({ length: 2500 }, (_, index) => Tar.member({ name: `${index}` }, `${index}`)),
      Tar.member({ name: "empty" })
    )

    it.scoped("gets digests, which are those of the data", () =>
      Effect.gen(function* () {
        const blob = gzip(mixed)
        const { directory, result } = yield* stage({
          blob,
          tar: mixed,
          compression: "gzip",
          over: { keep: "digests" }
        })
        assert.strictEqual(Either.getOrThrow(result).entries, 2504)
        assert.deepStrictEqual(fs.readdirSync(directory).sort(), ["digests", "listing"])
        const reader = new DigestReader(LayerIntake.digestsPath(directory))
        let files = 0
        for (const entry of ListingFile.entries(LayerIntake.listingPath(directory), 0)) {
          if (entry._tag !== "File") continue
          const data = LayerFiles.dataIn(mixed, entry)
          const digest = new ContentDigest()
          digest.write(data, 0, data.length, 0)
          assert.deepStrictEqual(reader.of(files++), digest.end(data.length), entry.path)
        }
        reader.close()
      })
    )

    it.scoped("gets nothing at all without a directory, and every word about what is wrong", () =>
      Effect.gen(function* () {
        const where = yield* place
        fs.writeFileSync(where.blob, mixed)
        const request = {
          blob: { path: where.blob, digest: digestOf(mixed), size: mixed.length },
          diffId: digestOf(mixed),
          compression: "none" as const
        }
        const { bytes, entries } = yield* LayerArchive.stage(request)
        assert.deepStrictEqual([entries, bytes], [2504, mixed.length])
        const wrong = yield* Effect.flip(LayerArchive.stage({ ...request, diffId: digestOf(noise) }))
        assert.strictEqual(wrong._tag, "DiffIdMismatch")
        fs.writeFileSync(where.blob, flipped(mixed, 700))
        const damaged = yield* Effect.flip(LayerArchive.stage(request))
        assert.strictEqual(damaged._tag, "LayerDigestMismatch")
        assert.deepStrictEqual(fs.readdirSync(where.at).sort(), ["blob", "stage"])
        assert.deepStrictEqual(fs.readdirSync(where.directory), [])
        assert.deepStrictEqual(openBelow(where.at), [])
      })
    )
  })

  it.scoped("what cannot be written is an error of the layer", () =>
    Effect.gen(function* () {
      const where = yield* place
      fs.mkdirSync(LayerIntake.archivePath(where.directory))
      failed(
        yield* stage({ blob: tar, tar, compression: "none", over: { directory: where.directory } }),
        "LayerUnwritable",
        "EEXIST"
      )
    })
  )

  it.scoped("progress ends at the blob's size", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      const blob = gzip(large)
      yield* stage({
        blob,
        tar: large,
        compression: "gzip",
        over: { onProgress: ({ read }) => seen.push(read) }
      })
      assert.strictEqual(seen.at(-1), blob.length)
      assert.deepStrictEqual(
        seen,
        [...seen].sort((a, b) => a - b)
      )
    })
  )

  it.effect("interruption closes everything before it is done", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const where = yield* place
        const zeros = Tar.archive(Tar.member({ name: "zeros" }, Buffer.alloc(200 << 20)))
        const blob = gzip(zeros)
        fs.writeFileSync(where.blob, blob)
        for (const events of [0, 1, 2]) {
          const exit = yield* Interruption.afterEvents(events, (tell) =>
            LayerArchive.stage({
              blob: { path: where.blob, digest: digestOf(blob), size: blob.length },
              diffId: digestOf(zeros),
              compression: "gzip",
              directory: fs.mkdtempSync(`${where.directory}/`),
              onProgress: tell
            })
          )
          assert.isTrue(Exit.isInterrupted(exit), `after ${events} events`)
          assert.deepStrictEqual(openBelow(where.at), [])
        }
      })
    )
  )
})
