/** Rule numbers are those of docs/layers.md: layouts, indexes, manifests, 27 to 31. Real directories, one image each or more. */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { assert, describe, it, vi } from "vitest"
import * as Platform from "../../../src/domain/image/Platform.ts"
import type { ResolvedImage } from "../../../src/domain/image/ResolvedImage.ts"
import * as ImageResolution from "../../../src/services/layout/ImageResolution.ts"
import * as LayoutSearch from "../../../src/services/layout/LayoutSearch.ts"
import * as Layouts from "../../../src/services/layout/Layouts.ts"
import {
  INDEX,
  LayoutWriter,
  MANIFEST,
  sha256,
  temporary,
  type WrittenDescriptor
} from "../../support/LayoutWriter.ts"

const ARCHITECTURE = process.arch === "x64" ? "amd64" : process.arch
const HOST: Platform.HostPlatform = { os: "linux", architecture: ARCHITECTURE, variants: [] }
/** How uname(1) says it. */
const SPELLED =
  ({ amd64: "x86_64", arm64: "aarch64" } as Record<string, string>)[ARCHITECTURE] ?? ARCHITECTURE
const NOTHING_SAID = `neither the index nor the image's configuration names a platform, so the image is taken for linux/${ARCHITECTURE}`
const CONTRADICTED = [
  `the index says that the image is for linux/${ARCHITECTURE}, its configuration says linux/s390x: the index decides`
]
const OCI = "application/vnd.oci.image"
const CONFIG = `${OCI}.config.v1+json`
const EMPTY = "application/vnd.oci.empty.v1+json"
const LIMIT = 4 * 1024 * 1024

/** By name: the manifest's digest, or why there is none. A layout that has no names at all is `*`. */
const outcomes = (layout: string, host = HOST): Record<string, string> => {
  const references = Effect.runSync(Effect.either(Layouts.references(layout)))
  if (Either.isLeft(references)) return { "*": references.left.message }
  return Object.fromEntries(
    references.right.map((reference) => {
      if ("error" in reference) return [reference.ref, reference.error.message]
      const image = Effect.runSync(Effect.either(ImageResolution.resolve(layout, reference, host)))
      return [
        reference.ref,
        Either.match(image, {
          onLeft: ({ message }) => message,
          onRight: ({ manifestDigest }) => manifestDigest
        })
      ]
    })
  )
}

/** The image that a name stands for; throws where it stands for none. */
const resolved = (layout: string, ref: string): ResolvedImage => {
  const references = Effect.runSync(Layouts.references(layout))
  const reference = references.find((one) => one.ref === ref)
  if (reference === undefined || "error" in reference) throw new Error(`${ref} has no image`)
  return Effect.runSync(ImageResolution.resolve(layout, reference, HOST))
}

const withLayout = (test: (layout: LayoutWriter) => void): void => {
  using directory = temporary()
  test(new LayoutWriter(join(directory.path, "layout")))
}

/** What `fill` returns is the image that `v1` must mean. */
const finds = (what: string, fill: (layout: LayoutWriter) => WrittenDescriptor, host = HOST) =>
  it(what, () =>
    withLayout((layout) => {
      const { digest } = fill(layout)
      assert.deepEqual(outcomes(layout.path, host), { v1: digest })
    })
  )

/** `fine` stands beside it, and must not suffer. */
const refuses = (what: string, fill: (layout: LayoutWriter) => unknown, why: RegExp) =>
  it(what, () =>
    withLayout((layout) => {
      const fine = layout.image({ author: "fine" })
      layout.index(layout.named("v1", fill(layout) as WrittenDescriptor), layout.named("fine", fine))
      const { fine: found, v1 = "" } = outcomes(layout.path)
      assert.equal(found, fine.digest)
      assert.match(v1, why)
      assert.notInclude(v1, "\n")
    })
  )

const only = (layout: LayoutWriter, descriptor: unknown) =>
  layout.index(layout.named("v1", descriptor as WrittenDescriptor))
const index = (layout: LayoutWriter, ...manifests: readonly unknown[]): WrittenDescriptor =>
  layout.blob(INDEX, { schemaVersion: 2, manifests })
const nested = (layout: LayoutWriter, descriptor: WrittenDescriptor, depth: number): WrittenDescriptor =>
  depth === 0 ? descriptor : nested(layout, index(layout, descriptor), depth - 1)
const platform = (text: string) => {
  const [os, architecture, variant] = text.split("/")
  return { os, architecture, ...(variant === undefined ? {} : { variant }) }
}
/** An image for a platform, and said to be. */
const imageFor = (layout: LayoutWriter, text: string, author = "") => ({
  ...layout.image({ ...platform(text), author }),
  platform: platform(text)
})
const pathOf = (layout: LayoutWriter, { digest }: WrittenDescriptor) =>
  join(layout.path, layout.blobPath(digest))
const remove = (layout: LayoutWriter, descriptor: WrittenDescriptor) => fs.rmSync(pathOf(layout, descriptor))
const textOf = (layout: LayoutWriter, descriptor: WrittenDescriptor) =>
  fs.readFileSync(pathOf(layout, descriptor), "utf8")
const manifestOf = (layout: LayoutWriter, image: WrittenDescriptor) => JSON.parse(textOf(layout, image))
const padded = (text: string, length: number) => Buffer.from(text.padEnd(length, " "))
const withData = (layout: LayoutWriter, descriptor: WrittenDescriptor) => ({
  ...descriptor,
  data: Buffer.from(textOf(layout, descriptor)).toString("base64")
})

/** A signature as cosign makes it: the configuration is an image's. */
const signature = (layout: LayoutWriter, author = "") =>
  layout.image({ author }, { layers: [layout.blob(SIMPLE_SIGNING, Buffer.from("payload"))] })
const chart = (layout: LayoutWriter) =>
  layout.image({}, { config: layout.blob("application/vnd.cncf.helm.config.v1+json", { name: "app" }) })
const SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
const tagOf = ({ digest }: WrittenDescriptor, suffix = "") => digest.replace(":", "-") + suffix

describe("rule 27: indexes", () => {
  finds("nested to a depth of 8", (layout) => {
    const image = layout.image()
    only(layout, nested(layout, image, 8))
    return image
  })
  refuses(
    "nested deeper than 8",
    (layout) => nested(layout, layout.image(), 9),
    /the index sha256:[0-9a-f]{64} is nested more than 8 levels deep/
  )
  refuses(
    "a cycle: no digest can name what holds it",
    (layout) => {
      const digest = sha256("the index that lists itself")
      const text = JSON.stringify({ manifests: [{ mediaType: INDEX, digest, size: 172 }] })
      layout.write(layout.blobPath(digest), text.padEnd(172))
      return { mediaType: INDEX, digest, size: 172 }
    },
    /the index .* is damaged: its sha256 is /
  )
  refuses(
    "one index listed a thousand times, eight times over, is read once each",
    (layout) => {
      const thousand = (descriptor: WrittenDescriptor) =>
        index(layout, ...Array.from({ length: 1000 }, () => descriptor))
      let tower = thousand(imageFor(layout, "linux/s390x"))
      for (let depth = 1; depth < 8; depth++) tower = thousand(tower)
      return tower
    },
    /the image is for linux\/s390x, and this machine is/
  )
  finds("without entries of an unknown media type, whatever they contain", (layout) => {
    const image = layout.image()
    only(
      layout,
      index(layout, { mediaType: "application/vnd.new+json", digest: "blake3:x", size: -1 }, image)
    )
    const { manifests } = JSON.parse(fs.readFileSync(join(layout.path, "index.json"), "utf8"))
    const unknown = [
      { mediaType: "application/vnd.dev.cosign.simplesigning.v1+json", digest: "md5:../..", size: "?" },
      { mediaType: `${OCI}.layer.v1.tar`, digest: sha256("x"), size: 1, annotations: [] },
      { mediaType: "" }
    ]
    layout.write("index.json", JSON.stringify({ schemaVersion: 2, manifests: [...unknown, ...manifests] }))
    return image
  })
  it("with nothing but unknown media types have no images", () =>
    withLayout((layout) => {
      layout.index({ mediaType: "application/vnd.new+json", digest: "blake3:x", size: 1 })
      assert.deepEqual(outcomes(layout.path), {})
    }))
  finds("the first platform match wins", (layout) => {
    const wanted = imageFor(layout, `linux/${ARCHITECTURE}`, "first")
    const second = imageFor(layout, `linux/${ARCHITECTURE}`, "second")
    only(layout, index(layout, imageFor(layout, "linux/s390x"), wanted, second))
    return wanted
  })
  finds("the first platform match wins, through indexes without one", (layout) => {
    const wanted = imageFor(layout, `linux/${ARCHITECTURE}`, "first")
    const second = imageFor(layout, `linux/${ARCHITECTURE}`, "second")
    const other = index(layout, imageFor(layout, "linux/s390x"))
    only(layout, index(layout, other, index(layout, other, wanted), index(layout, second)))
    return wanted
  })
  finds("the first whose configuration fits, where none says its platform", (layout) => {
    const wanted = layout.image({ author: "first" })
    only(layout, index(layout, layout.image({ architecture: "s390x" }), wanted, layout.image()))
    return wanted
  })
  finds("one of several platforms under one name", (layout) => {
    const wanted = imageFor(layout, `linux/${ARCHITECTURE}`)
    layout.index(layout.named("v1", imageFor(layout, "linux/s390x")), layout.named("v1", wanted))
    return wanted
  })
  refuses(
    "nothing for this machine",
    (layout) => index(layout, imageFor(layout, "linux/s390x"), imageFor(layout, "linux/arm/v7")),
    /^the index has no image for linux\/[a-z0-9]+, only for linux\/s390x, linux\/arm\/v7$/
  )
  refuses("an empty index", (layout) => index(layout), /^the index lists no manifests$/)
  for (const [what, described, configured, notes] of [
    ["the configuration contradicts it", `linux/${ARCHITECTURE}`, { architecture: "s390x" }, CONTRADICTED],
    ["the configuration says nothing", `linux/${ARCHITECTURE}`, { architecture: "", os: "" }, []],
    ["the configuration lacks it", `linux/${ARCHITECTURE}`, { architecture: undefined, os: undefined }, []],
    ["nothing says one", undefined, { architecture: "", os: "" }, [NOTHING_SAID]],
    ["nothing has the fields", undefined, { architecture: undefined, os: undefined }, [NOTHING_SAID]],
    ["the index says nothing", "/", {}, []],
    ["both spell it as uname does", `Linux/${SPELLED}`, { architecture: SPELLED, os: "Linux" }, []],
    ["the configuration spells it as uname does", undefined, { architecture: SPELLED }, []]
  ] as const) {
    it(`an image runs where its index names this machine's platform, and ${what}`, () =>
      withLayout((layout) => {
        const image = layout.image(configured)
        only(layout, described === undefined ? image : { ...image, platform: platform(described) })
        const found = resolved(layout.path, "v1")
        assert.strictEqual(found.manifestDigest, image.digest)
        assert.strictEqual(Platform.display(found.platform), `linux/${ARCHITECTURE}`)
        assert.deepStrictEqual(found.notes, notes)
      }))
  }
  refuses(
    "a platform that the configuration contradicts, of another machine",
    (layout) => ({ ...layout.image(), platform: platform("linux/s390x") }),
    /the image is for linux\/s390x, and this machine is /
  )
  finds(
    "a configuration that names another platform, below an index whose descriptor names this one",
    (layout) => {
      const wanted = layout.image({ architecture: "s390x" })
      only(layout, index(layout, { ...index(layout, wanted), platform: platform(`linux/${ARCHITECTURE}`) }))
      return wanted
    }
  )

  const machine = (architecture: string, variant: string): Platform.HostPlatform => ({
    os: "linux",
    architecture,
    variants: Platform.compatibleVariants(architecture, variant)
  })
  const variants: ReadonlyArray<
    readonly [architecture: string, variant: string, offered: string, wanted: string]
  > = [
    ["arm", "v8", "v6 v7 v8", "v8"],
    ["arm", "v7", "v8 v6 v7", "v7"],
    ["arm", "v7", "v8 v5 v6", "v6"],
    ["arm", "v6", "v7 v6", "v6"],
    ["amd64", "v3", "v1 v2 v3 v4", "v3"],
    ["amd64", "v2", "v3 v1 v2", "v2"],
    ["amd64", "v1", "v3 v2 v1", "v1"],
    ["arm64", "v8", "v9 v8", "v8"]
  ]
  for (const [architecture, variant, offered, wanted] of variants) {
    finds(
      `variants: ${architecture} ${variant} runs ${wanted} of ${offered}`,
      (layout) => {
        const images = offered.split(" ").map((one) => imageFor(layout, `linux/${architecture}/${one}`))
        only(layout, index(layout, ...images))
        return images.find((image) => image.platform.variant === wanted) as WrittenDescriptor
      },
      machine(architecture, variant)
    )
  }
  finds(
    "variants: what has none is the usual one",
    (layout) => {
      const wanted = imageFor(layout, "linux/arm")
      only(layout, index(layout, imageFor(layout, "linux/arm/v6"), wanted))
      return wanted
    },
    machine("arm", "v7")
  )

  finds("a manifest and an index without a mediaType", (layout) => {
    const { mediaType: _, ...manifest } = manifestOf(layout, layout.image())
    const image = layout.blob(MANIFEST, manifest)
    only(layout, layout.blob(INDEX, { manifests: [image] }))
    return image
  })
  finds("media types with parameters and of other case", (layout) => {
    const image = { ...layout.image(), mediaType: `${MANIFEST.toUpperCase()}; charset=utf-8` }
    only(layout, image)
    return image
  })

  const contradictions: ReadonlyArray<
    readonly [string, (layout: LayoutWriter) => WrittenDescriptor, RegExp]
  > = [
    [
      "a manifest that says it is an index",
      (layout) => layout.image({}, { mediaType: INDEX }),
      /the manifest .* mediaType: ".*index.*" is not the media type of a manifest/
    ],
    [
      "an index that says it is a manifest",
      (layout) => layout.blob(INDEX, { mediaType: MANIFEST, manifests: [layout.image()] }),
      /the index .* mediaType: ".*manifest.*" is not the media type of an index/
    ],
    [
      "a manifest that lists manifests as well",
      (layout) => layout.image({}, { manifests: [layout.image()] }),
      /the manifest .* manifests: is a field of indexes/
    ],
    [
      "an index that has layers as well",
      (layout) =>
        layout.blob(INDEX, { ...manifestOf(layout, layout.image()), mediaType: INDEX, manifests: [] }),
      /the index .* (?:config|layers): is a field of manifests/
    ],
    [
      "a manifest that is called an index",
      (layout) => ({ ...layout.image({}, { mediaType: null }), mediaType: INDEX }),
      /the index .* is malformed/
    ],
    [
      "an index that is called a manifest",
      (layout) => ({ ...layout.blob(INDEX, { manifests: [] }), mediaType: MANIFEST }),
      /the manifest .* is malformed/
    ],
    [
      "a manifest of schema version 1",
      (layout) => layout.image({}, { schemaVersion: 1 }),
      /the manifest .* schemaVersion: /
    ]
  ]
  for (const [what, fill, why] of contradictions) refuses(what, fill, why)

  const twice = (json: string) => json.replace(/^\{/, '{"schemaVersion":2,"schemaVersi\\u006fn":2,')
  refuses(
    "a duplicate key in a manifest",
    (layout) => layout.blob(MANIFEST, Buffer.from(twice(textOf(layout, layout.image())))),
    /the manifest .* the key "schemaVersion" appears twice/
  )
  refuses(
    "a duplicate key in a nested index",
    (layout) => layout.blob(INDEX, Buffer.from(twice(textOf(layout, index(layout, layout.image()))))),
    /the index .* the key "schemaVersion" appears twice/
  )
  refuses(
    "a duplicate key in a configuration",
    (layout) => {
      const { config } = manifestOf(layout, layout.image())
      return layout.image({}, { config: layout.blob(CONFIG, Buffer.from(twice(textOf(layout, config)))) })
    },
    /the image configuration .* appears twice/
  )
  it("a duplicate key in index.json", () =>
    withLayout((layout) => {
      layout.index(layout.image())
      layout.write("index.json", twice(fs.readFileSync(join(layout.path, "index.json"), "utf8")))
      assert.match(outcomes(layout.path)["*"] ?? "", /index\.json cannot be used: the key .* appears twice/)
    }))

  const large = (layout: LayoutWriter, length: number) =>
    layout.blob(MANIFEST, padded(textOf(layout, layout.image()), length))
  finds("a manifest of exactly 4 MiB", (layout) => {
    const image = large(layout, LIMIT)
    only(layout, image)
    return image
  })
  refuses(
    "a manifest over 4 MiB",
    (layout) => large(layout, LIMIT + 1),
    /the manifest .* has 4194305 bytes by its descriptor, more than the 4194304 allowed/
  )
  refuses(
    "a manifest over 4 MiB that is said to be small",
    (layout) => ({ ...large(layout, LIMIT + 1), size: 100 }),
    /the manifest .* has 4194305 bytes, more than the 4194304 allowed/
  )
  refuses(
    "a configuration over 4 MiB",
    (layout) => {
      const { config } = manifestOf(layout, layout.image())
      return layout.image({}, { config: layout.blob(CONFIG, padded(textOf(layout, config), LIMIT + 1)) })
    },
    /the image configuration .* 4194305 bytes by its descriptor, more than/
  )
})

describe("rule 28: what is embedded, elsewhere, or no image", () => {
  finds("an embedded manifest and configuration, without their blobs", (layout) => {
    const { config } = manifestOf(layout, layout.image())
    const image = layout.image({}, { config: withData(layout, config) })
    only(layout, index(layout, withData(layout, image)))
    remove(layout, config)
    remove(layout, image)
    return image
  })
  refuses(
    "embedded data that is not what its digest says, though the blob is",
    (layout) => ({
      ...layout.image(),
      data: Buffer.from(" ".repeat(layout.image().size)).toString("base64")
    }),
    /the manifest .* is damaged: its sha256 is [0-9a-f]{64}/
  )
  refuses(
    "embedded data of another size",
    (layout) => ({ ...layout.image(), data: "e30=" }),
    /the manifest .* has 2 bytes, but its descriptor says [0-9]+/
  )
  refuses(
    "embedded data that is no base64",
    (layout) => ({ ...layout.image(), data: "?" }),
    /has 0 bytes, but/
  )

  const FOREIGN = [
    `${OCI}.layer.nondistributable.v1.tar+gzip`,
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
  ]
  for (const mediaType of FOREIGN) {
    finds(`a foreign layer that is there (${mediaType})`, (layout) => {
      const [layer] = manifestOf(layout, layout.image()).layers
      const image = layout.image(
        {},
        { layers: [{ ...layer, mediaType, urls: ["https://example.org/layer"] }] }
      )
      only(layout, image)
      return image
    })
  }
  it("a foreign layer that is missing is an error, and never fetched", async () => {
    let requests = 0
    const server = createServer((_, response) => {
      requests++
      response.end()
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/layer`
    withLayout((layout) => {
      const [layer] = manifestOf(layout, layout.image()).layers
      const image = layout.image({}, { layers: [{ ...layer, mediaType: FOREIGN[0], urls: [url] }] })
      only(layout, image)
      remove(layout, layer)
      assert.equal(
        outcomes(layout.path).v1,
        `the manifest ${image.digest} has the layer ${layer.digest}, which is not distributed with images and is missing here; nothing is fetched (the descriptor names ${url})`
      )
    })
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => server.close(resolve))
    assert.equal(requests, 0)
  })

  const layers: ReadonlyArray<readonly [string, RegExp]> = [
    [`${OCI}.layer.v1.tar+gzip+encrypted`, /gzip\+encrypted", which is encrypted$/],
    [`${OCI}.layer.v1.tar+encrypted`, /which is encrypted$/],
    [`${OCI}.layer.v1.tar+xz`, /xz cannot be read: tar archives can, plain or compressed with gzip or zstd$/],
    [`${OCI}.layer.v1.tar+bzip2`, /bzip2 cannot be read/],
    [`${OCI}.layer.nydus.blob.v1`, /blob\.v1", which is unknown$/],
    ["application/vnd.example.squashfs", /squashfs cannot be read/],
    ["application/vnd.erofs", /erofs cannot be read/],
    ["", /"", which is unknown$/]
  ]
  for (const [mediaType, why] of layers) {
    refuses(
      `a layer of type ${JSON.stringify(mediaType)}`,
      (layout) => layout.image({}, { layers: [layout.blob(mediaType, Buffer.from("x"))] }),
      new RegExp(
        `^the manifest sha256:[0-9a-f]{64} has the layer sha256:[0-9a-f]{64} of type .*${why.source}`
      )
    )
  }

  const configs: ReadonlyArray<readonly [string, string, unknown, RegExp]> = [
    [
      "a chart",
      "application/vnd.cncf.helm.config.v1+json",
      {},
      /^the manifest sha256:[0-9a-f]{64} is a Helm chart, not an image$/
    ],
    [
      "an artifact without a configuration",
      EMPTY,
      {},
      /is an artifact that does not say its type, not an image$/
    ],
    ["an empty object as a configuration", CONFIG, {}, /the image configuration .* rootfs: is missing/],
    ["a list as a configuration", CONFIG, [], /the image configuration .* is malformed/],
    ["text as a configuration", CONFIG, Buffer.from("[system]\n"), /the image configuration .* not JSON/],
    ["bytes as a configuration", CONFIG, Buffer.from([0x7b, 0xff, 0x7d]), /is not UTF-8 text/],
    [
      "a rootfs of another type",
      CONFIG,
      { architecture: ARCHITECTURE, os: "linux", rootfs: { type: "volumes", diff_ids: [sha256("x")] } },
      /rootfs\.type: Expected "layers", actual "volumes"/
    ],
    [
      "diff ids that are no digests",
      CONFIG,
      { architecture: ARCHITECTURE, os: "linux", rootfs: { type: "layers", diff_ids: ["x"] } },
      /rootfs\.diff_ids\.0: "x" is not a sha256 or sha512 digest/
    ],
    [
      "no layers at all",
      CONFIG,
      { architecture: ARCHITECTURE, os: "linux", rootfs: { type: "layers", diff_ids: [] } },
      /rootfs\.diff_ids\.0: is missing/
    ]
  ]
  for (const [what, mediaType, content, why] of configs) {
    refuses(what, (layout) => layout.image({}, { config: layout.blob(mediaType, content) }), why)
  }
  refuses(
    "an artifact whose manifest says its type",
    (layout) => {
      const config = layout.blob(EMPTY, {})
      return layout.image({}, { artifactType: "application/vnd.example.sbom", config, layers: [config] })
    },
    /is an artifact of type "application\/vnd\.example\.sbom", not an image$/
  )
  refuses(
    "a signature with an image's configuration",
    (layout) => signature(layout),
    /^the manifest sha256:[0-9a-f]{64} is a cosign signature, not an image$/
  )
  refuses(
    "a layer of another type without any of an image",
    (layout) =>
      layout.image(
        {},
        { layers: [layout.blob("application/vnd.sylabs.sif.layer.v1.sif", Buffer.from("x"))] }
      ),
    /is an artifact of type "application\/vnd\.sylabs\.sif\.layer\.v1\.sif", not an image$/
  )
  refuses(
    "an index of artifacts for other machines",
    (layout) =>
      index(
        layout,
        ...["linux/s390x", "linux/arm64"].map((one) => ({ ...chart(layout), platform: platform(one) }))
      ),
    /^the index sha256:[0-9a-f]{64} is a Helm chart, not an image$/
  )
  refuses(
    "an index with an artifact for this machine and an image for another",
    (layout) =>
      index(
        layout,
        { ...chart(layout), platform: platform(`linux/${ARCHITECTURE}`) },
        imageFor(layout, "linux/s390x")
      ),
    /^the image is for linux\/s390x, and this machine is /
  )
  refuses(
    "an index with nothing but attestations",
    (layout) => index(layout, { ...signature(layout), platform: platform("unknown/unknown") }),
    /^the index sha256:[0-9a-f]{64} is an attestation, not an image$/
  )
  finds("an image behind a signature in one index", (layout) => {
    const image = layout.image()
    only(layout, index(layout, signature(layout), image))
    return image
  })
  finds("an image that refers to another", (layout) => {
    const image = layout.image({}, { subject: layout.image({ author: "other" }) })
    only(layout, image)
    return image
  })
  finds("an image with an artifact's type of its own, whose subject is malformed", (layout) => {
    const image = layout.image({}, { artifactType: "application/vnd.example", subject: "sha256:x" })
    only(layout, image)
    return image
  })
  finds("an image beside the attestation of it", (layout) => {
    const image = imageFor(layout, `linux/${ARCHITECTURE}`)
    const attestation = { ...layout.image({ author: "attestation" }), platform: platform("unknown/unknown") }
    only(layout, index(layout, attestation, image))
    return image
  })
})

describe("names beside artifacts", () => {
  const named = (what: string, fill: (layout: LayoutWriter) => Record<string, WrittenDescriptor | RegExp>) =>
    it(what, () =>
      withLayout((layout) => {
        const expected = fill(layout)
        const found = outcomes(layout.path)
        assert.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort())
        for (const [ref, is] of Object.entries(expected)) {
          if (is instanceof RegExp) assert.match(found[ref] ?? "", is)
          else assert.equal(found[ref], is.digest)
        }
      })
    )
  const NO_IMAGE = /, not an image$/

  named("the only image without a name stays latest beside a signature that has one", (layout) => {
    const image = layout.image()
    const tag = tagOf(image, ".sig")
    layout.index(image, layout.named(tag, signature(layout)))
    return { latest: image, [tag]: NO_IMAGE }
  })
  named(
    "the only image stays latest beside signatures without a name, as cosign save writes them",
    (layout) => {
      const image = layout.image()
      const kind = (kind: string) => ({ annotations: { kind: `dev.cosignproject.cosign/${kind}` } })
      layout.index(
        { ...image, ...kind("image") },
        { ...signature(layout), ...kind("sigs") },
        { ...signature(layout, "other"), ...kind("atts") }
      )
      return { latest: image }
    }
  )
  named("a name that an image has together with its signatures is the image's", (layout) => {
    const image = layout.image()
    const name = "docker.io/library/app:v1"
    layout.index(
      layout.named(name, signature(layout)),
      layout.named(name, image),
      layout.named(name, signature(layout, "other"))
    )
    return { [name]: image }
  })
  named("a name of artifacts alone stands for them", (layout) => {
    layout.index(layout.named("v1", signature(layout)), layout.named("v1", signature(layout, "other")))
    return { v1: NO_IMAGE }
  })
  named("a manifest that lost its name to a newer one stays unlisted", (layout) => {
    const image = layout.image()
    layout.index(
      layout.image({ author: "old" }),
      layout.named("v1", image),
      layout.named("sig", signature(layout))
    )
    return { v1: image, sig: NO_IMAGE }
  })
  named("several images without a name keep their digests beside a signature", (layout) => {
    const images = ["one", "two"].map((author) => layout.image({ author }))
    layout.index(...images, signature(layout))
    return Object.fromEntries(images.map((image) => [image.digest.replace(":", "-").slice(0, 19), image]))
  })
  named("an image has the name of a signature", (layout) => {
    const image = layout.image()
    const tag = tagOf(layout.image({ author: "other" }), ".sig")
    layout.index(layout.named(tag, image))
    return { [tag]: image }
  })
  named("a signature whose manifest is missing is known by its name", (layout) => {
    const image = layout.image()
    const missing = signature(layout)
    const tag = tagOf(image, ".sig")
    layout.index(layout.named("v1", image), layout.named(tag, missing))
    remove(layout, missing)
    return { v1: image, [tag]: new RegExp(`is a cosign signature of ${image.digest}, not an image$`) }
  })
  named("an index of referrers is one with none of its manifests, and when it is empty", (layout) => {
    const image = layout.image()
    const [other, empty] = ["a", "b"].map((author) => layout.image({ author })) as [
      WrittenDescriptor,
      WrittenDescriptor
    ]
    const missing = signature(layout)
    layout.index(
      layout.named("v1", image),
      layout.named(tagOf(other), index(layout, { ...missing, artifactType: "" })),
      layout.named(tagOf(empty), index(layout))
    )
    remove(layout, missing)
    return { v1: image, [tagOf(other)]: NO_IMAGE, [tagOf(empty)]: NO_IMAGE }
  })
  named("more manifests than are read for names leave them as they are", (layout) => {
    const large = (author: string) => {
      const { digest } = signature(layout, author)
      const text = fs.readFileSync(join(layout.path, layout.blobPath(digest)), "utf8")
      return layout.blob(MANIFEST, padded(text, LIMIT))
    }
    const image = layout.image()
    const signatures = ["one", "two"].map(large)
    layout.index(...signatures, image)
    const ref = ({ digest }: WrittenDescriptor) => digest.replace(":", "-").slice(0, 19)
    return { [ref(signatures[1] as WrittenDescriptor)]: NO_IMAGE, [ref(image)]: image }
  })
  named("the format of 2016 has signatures too", (layout) => {
    const image = layout.image()
    layout.write("refs/v1", JSON.stringify(image))
    layout.write("refs/sig", JSON.stringify(signature(layout)))
    return { v1: image, sig: NO_IMAGE }
  })

  it("artifacts are listed with their names, or by their digests", () =>
    withLayout((layout) => {
      const image = layout.image()
      const [one, two] = ["one", "two"].map((author) => signature(layout, author)) as [
        WrittenDescriptor,
        WrittenDescriptor
      ]
      const old = { mediaType: "application/vnd.oci.artifact.manifest.v1+json", digest: sha256("x"), size: 1 }
      layout.index(
        layout.named("v1", image),
        layout.image({ author: "old" }),
        layout.named(tagOf(image, ".sig"), one),
        layout.named("stable", chart(layout)),
        layout.named("edge", chart(layout)),
        two,
        layout.named("old", old),
        { ...layout.named("v1", two) },
        { mediaType: "application/vnd.new+json", digest: sha256("y"), size: 1 }
      )
      const by = ({ digest }: WrittenDescriptor) => digest.replace(":", "-").slice(0, 19)
      assert.deepEqual(
        Layouts.artifacts(layout.path).map(({ artifact, ref }) => [ref, artifact.kind, artifact.subject]),
        [
          [tagOf(image, ".sig"), "cosign signature", image.digest],
          ["stable", "Helm chart", undefined],
          ["edge", "Helm chart", undefined],
          [by(two), "cosign signature", undefined],
          [by(two), "cosign signature", undefined],
          ["old", "artifact", undefined]
        ]
      )
    }))
  it("a layout that cannot be read lists no artifacts", () =>
    withLayout((layout) => {
      assert.deepEqual(Layouts.artifacts(layout.path), [])
      layout.write("index.json", "{")
      assert.deepEqual(Layouts.artifacts(layout.path), [])
    }))
})

describe("rule 29: blobs", () => {
  finds("that are symlinks out of the blobs directory", (layout) => {
    const image = layout.image()
    const { config } = manifestOf(layout, image)
    fs.mkdirSync(join(layout.path, "../pool"))
    for (const blob of [image, config]) {
      const elsewhere = join(layout.path, "../pool", sha256(blob.digest))
      fs.renameSync(pathOf(layout, blob), elsewhere)
      fs.symlinkSync(
        blob === image ? elsewhere : `../../../pool/${sha256(blob.digest)}`,
        pathOf(layout, blob)
      )
    }
    only(layout, image)
    return image
  })
  for (const directory of ["blobs", "blobs/sha256"]) {
    finds(`in ${directory} that is a symlink`, (layout) => {
      const image = layout.image()
      only(layout, image)
      fs.renameSync(join(layout.path, directory), join(layout.path, "../pool"))
      fs.symlinkSync(join(layout.path, "../pool"), join(layout.path, directory))
      return image
    })
  }
  finds("by sha512", (layout) => {
    const blob512 = (mediaType: string, content: string): WrittenDescriptor => {
      const digest = `sha512:${createHash("sha512").update(content).digest("hex")}`
      layout.write(layout.blobPath(digest), content)
      return { mediaType, digest, size: content.length }
    }
    const { config, ...manifest } = manifestOf(layout, layout.image())
    const image = blob512(
      MANIFEST,
      JSON.stringify({ ...manifest, config: blob512(CONFIG, textOf(layout, config)) })
    )
    only(layout, index(layout, image))
    return image
  })

  const others: ReadonlyArray<readonly [string, (path: string) => unknown, RegExp]> = [
    ["a fifo, without blocking", (path) => execFileSync("mkfifo", [path]), /is a fifo, not a file$/],
    ["a directory", (path) => fs.mkdirSync(path), /is a directory, not a file$/],
    ["a symlink to a device", (path) => fs.symlinkSync("/dev/zero", path), /is a device, not a file$/],
    ["a symlink to a fifo", symlinkToFifo, /is a fifo, not a file$/],
    ["a symlink to nothing", (path) => fs.symlinkSync("nothing", path), /is missing$/],
    ["a symlink to itself", (path) => fs.symlinkSync(path, path), /form a circle$/],
    ["missing", () => {}, /is missing$/]
  ]
  for (const [what, make, why] of others) {
    refuses(
      `${what}, as a manifest`,
      (layout) => {
        const image = layout.image()
        remove(layout, image)
        make(pathOf(layout, image))
        return image
      },
      new RegExp(`^the manifest /.*${why.source}`)
    )
    refuses(
      `${what}, as a configuration`,
      (layout) => {
        const image = layout.image()
        const { config } = manifestOf(layout, image)
        remove(layout, config)
        make(pathOf(layout, config))
        return image
      },
      new RegExp(`^the image configuration /.*${why.source}`)
    )
  }

  for (const digest of [
    "sha256:../../../../etc/passwd",
    `sha256:${"0".repeat(60)}/../`,
    `../blobs/sha256:${"0".repeat(64)}`,
    `sha256/${"0".repeat(64)}`,
    `sha256:${"A".repeat(64)}`,
    `sha256:${"0".repeat(63)}`,
    `sha256:${"0".repeat(64)}\n`,
    `sha512:${"0".repeat(64)}`,
    `md5:${"0".repeat(32)}`,
    "sha256:",
    "",
    7
  ]) {
    const why = typeof digest === "string" ? /is not a sha256 or sha512 digest$/ : /digest: Expected string/
    refuses(
      `the digest ${JSON.stringify(digest)}`,
      (layout) => ({ ...layout.image(), digest }),
      new RegExp(`index\\.json is malformed: manifests\\.0\\.digest: .*${why.source}|${why.source}`)
    )
    refuses(
      `the digest ${JSON.stringify(digest)}, of a layer`,
      (layout) => layout.image({}, { layers: [{ mediaType: `${OCI}.layer.v1.tar`, digest, size: 1 }] }),
      /the manifest .* is malformed: layers\.0\.digest: /
    )
  }
  for (const size of [-1, 1.5, 2 ** 53, "1", null]) {
    refuses(
      `25: the size ${JSON.stringify(size)}`,
      (layout) =>
        layout.image({}, { layers: [{ mediaType: `${OCI}.layer.v1.tar`, digest: sha256("x"), size }] }),
      /the manifest .* is malformed: layers\.0\.size: /
    )
  }
})

function symlinkToFifo(path: string): void {
  execFileSync("mkfifo", [`${path}.fifo`])
  fs.symlinkSync(`${path}.fifo`, path)
}

describe("rule 30: what does not hurt the others", () => {
  it("a duplicate name is refused, with both digests", () =>
    withLayout((layout) => {
      const [one, two, three] = ["1", "2", "3"].map((author) => layout.image({ author }))
      const named = [one, two, three].map((image) => layout.named("v1", image as WrittenDescriptor))
      const fine = layout.image({ author: "fine" })
      layout.index(...named, layout.named("fine", fine))
      assert.deepEqual(outcomes(layout.path), {
        v1: `several manifests have this name: ${one?.digest}, ${two?.digest}, ${three?.digest}`,
        fine: fine.digest
      })
    }))
  it("a duplicate name is refused where only one of the two says its platform, or both the same", () =>
    withLayout((layout) => {
      const mine = imageFor(layout, `linux/${ARCHITECTURE}`, "mine")
      for (const other of [
        imageFor(layout, `linux/${ARCHITECTURE}`, "other"),
        layout.image({ author: "other" })
      ]) {
        layout.index(layout.named("v1", mine), layout.named("v1", other))
        assert.deepEqual(outcomes(layout.path), {
          v1: `several manifests have this name: ${mine.digest}, ${other.digest}`
        })
      }
    }))
  it("images of one reference are told apart by their full names, as docker save writes them", () =>
    withLayout((layout) => {
      const full = (name: string, ref: string, image: WrittenDescriptor) => ({
        ...image,
        annotations: { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": ref }
      })
      const [a, b, c] = [
        layout.image({ author: "a" }),
        layout.image({ author: "b" }),
        layout.image({ author: "c" })
      ]
      const [ofA, ofB] = ["docker.io/library/a:latest", "docker.io/library/b:latest"] as const
      layout.index(full(ofA, "latest", a), full(ofB, "latest", b), full("docker.io/library/c:v1", "v1", c))
      assert.deepEqual(outcomes(layout.path), { [ofA]: a.digest, [ofB]: b.digest, v1: c.digest })
      const ambiguous = `several manifests have this name: ${a.digest}, ${b.digest}`
      layout.index(full(ofA, "latest", a), full(ofA, "latest", b))
      assert.deepEqual(outcomes(layout.path), { latest: ambiguous })
      layout.index(full(ofA, "latest", a), layout.named("latest", b))
      assert.deepEqual(outcomes(layout.path), { latest: ambiguous })
      layout.index(full(ofA, "latest", a), full(ofB, "latest", b), layout.named(ofA, c))
      assert.deepEqual(outcomes(layout.path), { latest: ambiguous, [ofA]: c.digest })
    }))
  finds("one manifest listed twice under one name is one", (layout) => {
    const image = layout.image()
    layout.index(layout.named("v1", image), layout.named("v1", image))
    return image
  })
  it("a manifest without a name is none of the images where another has one", () =>
    withLayout((layout) => {
      const [one, two, three] = [
        layout.image({ author: "1" }),
        layout.image({ author: "2" }),
        layout.image({ author: "3" })
      ]
      for (const ref of ["v1", "latest"]) {
        layout.index(layout.named(ref, one), two)
        assert.deepEqual(outcomes(layout.path), { [ref]: one.digest })
        layout.index(two, three, layout.named(ref, one))
        assert.deepEqual(outcomes(layout.path), { [ref]: one.digest })
      }
    }))
  it("a broken entry without a name is told beside one that has one", () =>
    withLayout((layout) => {
      const fine = layout.image()
      layout.write(
        "index.json",
        JSON.stringify({ manifests: [layout.named("v1", fine), { mediaType: MANIFEST }] })
      )
      assert.deepEqual(Object.keys(outcomes(layout.path)), ["v1", "entry-1"])
    }))
  it("no manifests, as umoci writes it, are no images", () =>
    withLayout((layout) => {
      for (const manifests of [null, []]) {
        layout.write("index.json", JSON.stringify({ schemaVersion: 2, manifests }))
        assert.deepEqual(outcomes(layout.path), {})
      }
      layout.write("index.json", "{}")
      assert.match(outcomes(layout.path)["*"] ?? "", /manifests: is missing/)
    }))
  it("several broken entries have a name each", () =>
    withLayout((layout) => {
      const fine = layout.image()
      layout.write(
        "index.json",
        JSON.stringify({ manifests: [7, layout.named("v1", fine), { mediaType: MANIFEST }] })
      )
      const found = outcomes(layout.path)
      assert.equal(found.v1, fine.digest)
      assert.deepEqual(Object.keys(found), ["entry-0", "v1", "entry-2"])
      assert.match(found["entry-0"] ?? "", /index\.json is malformed: manifests\.0/)
      assert.match(found["entry-2"] ?? "", /index\.json is malformed: manifests\.2\.digest: is missing/)
    }))
  finds("unknown files in the layout are ignored", (layout) => {
    const image = layout.image()
    only(layout, image)
    layout.write("README", "hello")
    layout.write("blobs/sha256/.tmp-1234", "half a blob")
    layout.write("blobs/md5/x", "")
    layout.write("manifest.json", "{")
    fs.mkdirSync(join(layout.path, "refs"))
    fs.symlinkSync("..", join(layout.path, "round"))
    execFileSync("mkfifo", [join(layout.path, "fifo"), join(layout.path, "blobs/fifo")])
    return image
  })
  it("an oci-layout that is no file is not read", () =>
    withLayout((layout) => {
      const image = layout.image()
      only(layout, image)
      fs.rmSync(join(layout.path, "oci-layout"))
      execFileSync("mkfifo", [join(layout.path, "oci-layout")])
      assert.deepEqual(outcomes(layout.path), { v1: image.digest })
    }))

  it("a layout being written fails cleanly at every step, and the next run has it", () =>
    withLayout((complete) => {
      const image = complete.image()
      only(complete, image)
      const manifest = manifestOf(complete, image)
      const steps = [
        "oci-layout",
        ...[manifest.layers[0], manifest.config, image].map(({ digest }) => complete.blobPath(digest)),
        "index.json"
      ]
      // In any order: what writes them may be rsync.
      for (const order of [steps, steps.toReversed()]) {
        withLayout((growing) => {
          const seen = new Set<string>()
          for (const name of order) {
            const bytes = fs.readFileSync(join(complete.path, name))
            for (const length of [0, 1, bytes.length >> 1, bytes.length - 1, bytes.length]) {
              growing.write(name, bytes.subarray(0, length))
              for (const outcome of Object.values(outcomes(growing.path))) seen.add(outcome)
            }
          }
          assert.deepEqual(outcomes(growing.path), { v1: image.digest })
          assert.isAbove(seen.size, 3)
          for (const outcome of seen) {
            assert.match(outcome, /^sha256:|is missing|not JSON|has [0-9]+ bytes, but its descriptor says/)
          }
        })
      }
    }))
})

describe("rule 31: the form of 2016", () => {
  const refs = (fill: (layout: LayoutWriter, image: WrittenDescriptor) => void) => {
    let found: Record<string, string> = {}
    withLayout((layout) => {
      const image = layout.image()
      layout.write("refs/fine", JSON.stringify(image))
      fill(layout, image)
      const { fine, ...others } = outcomes(layout.path)
      assert.equal(fine, image.digest)
      found = others
    })
    return found
  }

  it("has a file for each name, whatever its characters", () => {
    const names = ["v1.0", "-", ".hidden", "a b", "é", "new\nline", "%s", "\\x2f", "@", "n".repeat(255)]
    let digest = ""
    const found = refs((layout, image) => {
      digest = image.digest
      for (const name of names) layout.write(`refs/${name}`, JSON.stringify(image))
    })
    assert.deepEqual(found, Object.fromEntries(names.map((name) => [name, digest])))
  })
  it("names that are not UTF-8 are one name, which is refused", () => {
    const found = refs((layout, image) => {
      for (const byte of [0xfe, 0xff]) {
        fs.writeFileSync(
          Buffer.concat([Buffer.from(`${layout.path}/refs/`), Buffer.of(byte)]),
          JSON.stringify(image)
        )
      }
    })
    assert.deepEqual(Object.keys(found), ["\ufffd"])
    assert.match(found["\ufffd"] ?? "", /refs has a name that is not UTF-8$/)
  })
  it("a name that is a directory, a fifo, a device, a circle, nothing, or huge is refused without blocking", () => {
    const found = refs((layout) => {
      const at = (name: string) => join(layout.path, "refs", name)
      fs.mkdirSync(at("directory"))
      execFileSync("mkfifo", [at("fifo")])
      fs.symlinkSync("/dev/zero", at("device"))
      fs.symlinkSync("circle", at("circle"))
      fs.symlinkSync("nowhere", at("nothing"))
      fs.writeFileSync(at("huge"), "")
      fs.truncateSync(at("huge"), 2 ** 40)
    })
    for (const [name, why] of [
      ["directory", /is a directory, not a file$/],
      ["fifo", /is a fifo, not a file$/],
      ["device", /is a device, not a file$/],
      ["circle", /form a circle$/],
      ["nothing", /is missing$/],
      ["huge", /has 1099511627776 bytes, more than the 4194304 allowed here$/]
    ] as const) {
      assert.match(found[name] ?? "", new RegExp(`^the reference /.*/refs/${name} .*${why.source}`))
    }
  })
  it("a name that holds something else is refused", () => {
    const found = refs((layout) => {
      layout.write("refs/empty", "")
      layout.write("refs/list", "[]")
      layout.write("refs/twice", '{"size":1,"size":2}')
      layout.write("refs/elsewhere", JSON.stringify({ ...layout.image(), digest: "sha256:../../x" }))
      layout.write("refs/layer", JSON.stringify(layout.blob(`${OCI}.layer.v1.tar`, Buffer.from("x"))))
    })
    assert.match(found.empty ?? "", /not JSON/)
    assert.match(found.list ?? "", /is malformed/)
    assert.match(found.twice ?? "", /the key "size" appears twice/)
    assert.match(found.elsewhere ?? "", /digest: .* is not a sha256 or sha512 digest/)
    assert.match(found.layer ?? "", /is of type ".*layer.*": neither a manifest nor an index/)
  })
  it("a name may stand for an index, and be a symlink", () => {
    let digest = ""
    const found = refs((layout, image) => {
      digest = image.digest
      layout.write("elsewhere", JSON.stringify(index(layout, image)))
      fs.symlinkSync("../elsewhere", join(layout.path, "refs/v1"))
    })
    assert.deepEqual(found, { v1: digest })
  })
  it("its media types are known", () =>
    withLayout((layout) => {
      const { config, layers } = manifestOf(layout, layout.image())
      const [layer] = layers
      const serialization = `${OCI}.serialization`
      const manifest = layout.blob(MANIFEST, {
        config: { ...config, mediaType: `${serialization}.config.v1+json` },
        layers: [{ ...layer, mediaType: `${serialization}.rootfs.tar.gzip` }]
      })
      layout.write(
        "refs/v1",
        JSON.stringify(layout.blob(`${OCI}.manifest.list.v1+json`, { manifests: [manifest] }))
      )
      assert.deepEqual(outcomes(layout.path), { v1: manifest.digest })
    }))
  it("an index.json beside it has the word", () =>
    withLayout((layout) => {
      const image = layout.image()
      layout.write("refs/old", JSON.stringify(image))
      only(layout, image)
      assert.deepEqual(outcomes(layout.path), { v1: image.digest })
    }))
  it("refs that are no directory are no layout's", () =>
    withLayout((layout) => {
      layout.write("refs", "")
      assert.match(
        outcomes(layout.path)["*"] ?? "",
        /index\.json is missing: a part of its path is not a directory$/
      )
    }))
})

describe("finding layouts", () => {
  const found = (fill: (root: string, write: (name: string) => LayoutWriter) => void) => {
    using directory = temporary()
    fill(directory.path, (name) => {
      const layout = new LayoutWriter(join(directory.path, name))
      layout.index(layout.image())
      return layout
    })
    const { layouts, skipped } = LayoutSearch.find(directory.path)
    const relative = (path: string) => path.slice(directory.path.length + 1)
    return {
      layouts: layouts.map(({ layout }) => layout),
      skipped: skipped.map(({ path, reason }) => `${relative(path)} ${reason}`)
    }
  }

  it("passes over links that lead nowhere, in a circle, or to no directory", () =>
    assert.deepEqual(
      found((root, write) => {
        write("a.org/fine")
        fs.symlinkSync("circle", join(root, "circle"))
        fs.symlinkSync("nowhere", join(root, "nowhere"))
        fs.symlinkSync("/dev/zero", join(root, "device"))
        execFileSync("mkfifo", [join(root, "fifo")])
      }),
      { layouts: ["a.org/fine"], skipped: [] }
    ))
  it("passes over names that are not UTF-8 and what is too deep, and says so", () =>
    assert.deepEqual(
      found((root, write) => {
        write("a.org/fine")
        fs.mkdirSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.of(0xff)]))
        fs.mkdirSync(join(root, "d/".repeat(18)), { recursive: true })
      }),
      {
        layouts: ["a.org/fine"],
        skipped: [
          `${Array(17).fill("d").join("/")} is more than 16 directories deep`,
          "\ufffd has a name that is not UTF-8"
        ]
      }
    ))
  it("does not look into layouts for more of them", () =>
    assert.deepEqual(
      found((_, write) => {
        write("a.org/outer")
        write("a.org/outer/inner")
      }),
      { layouts: ["a.org/outer"], skipped: [] }
    ))
  it("says of images in other forms what they are, and what makes a layout of them", () =>
    assert.deepEqual(
      found((root, write) => {
        write("a.org/fine")
        for (const file of [
          // skopeo copy … dir:a.org/copied
          ...["a.org/copied/version", "a.org/copied/manifest.json", "a.org/copied/0a1b"],
          // docker save, before Docker 25, unpacked
          ...["saved/manifest.json", "saved/repositories", "saved/0a1b/layer.tar"],
          ...["a.org/app.tar", "b.tgz", "c.oci", "d.tar.zst", "notes.txt", "tar"]
        ]) {
          fs.mkdirSync(join(root, file, ".."), { recursive: true })
          fs.writeFileSync(join(root, file), "")
        }
      }),
      {
        layouts: ["a.org/fine"],
        skipped: [
          archive("a.org/app.tar"),
          "a.org/copied is an image of skopeo's dir: transport: skopeo copy dir:PATH oci:LAYOUT:TAG makes a layout of it",
          ...["b.tgz", "c.oci", "d.tar.zst"].map(archive),
          "saved is an unpacked archive of docker save: skopeo copy docker-archive:FILE oci:LAYOUT:TAG makes a layout of the archive"
        ]
      }
    ))
  const archive = (path: string): string =>
    `${path} is an archive: skopeo copy oci-archive:FILE oci:LAYOUT:TAG makes a layout of it, or docker-archive:FILE if docker save made it`
  it("takes a layout of docker save, from Docker 25 on, for the layout that it is", () =>
    assert.deepEqual(
      found((root, write) => {
        write("saved")
        fs.writeFileSync(join(root, "saved/manifest.json"), "[]")
      }),
      { layouts: ["saved"], skipped: [] }
    ))
  it("finds what is below a layout that was copied without a name, but nothing among its blobs", () =>
    assert.deepEqual(
      found((_, write) => {
        write("")
        write("a.org/fine")
        write("blobs/b.org/none")
      }),
      {
        layouts: ["a.org/fine"],
        skipped: [" is itself a layout, which has no name"]
      }
    ))
})

it("rule 28: what is resolved has a diff id for each layer, or is refused", () =>
  withLayout((layout) => {
    const [layer] = manifestOf(layout, layout.image()).layers
    only(layout, layout.image({}, { layers: [layer, layer] }))
    assert.match(outcomes(layout.path).v1 ?? "", /has 2 layers, but its configuration has 1 diff ids$/)
    const image = layout.image(
      { rootfs: { type: "layers", diff_ids: [sha256("x"), sha256("y")] } },
      { layers: [layer, layer] }
    )
    only(layout, image)
    const [reference] = Effect.runSync(Layouts.references(layout.path))
    if (reference === undefined || "error" in reference) return assert.fail("no reference")
    const resolved = Effect.runSync(Effect.either(ImageResolution.resolve(layout.path, reference, HOST)))
    assert.equal(Either.getOrThrow(resolved).manifestDigest, image.digest)
  }))

describe("an index that is written in place", () => {
  const whole = JSON.stringify({ schemaVersion: 2, manifests: [] })

  it("is read again, while it is new", () => {
    using directory = temporary()
    const layout = new LayoutWriter(directory.path)
    layout.write("index.json", whole.slice(0, 10))
    const wait = vi.spyOn(Atomics, "wait").mockImplementation(() => {
      if (wait.mock.calls.length === 2) layout.write("index.json", whole)
      return "timed-out"
    })
    try {
      assert.deepStrictEqual(outcomes(directory.path), {})
      assert.lengthOf(wait.mock.calls, 2)
    } finally {
      wait.mockRestore()
    }
  })

  it("is broken where it stays so, at once where it is old", () => {
    using directory = temporary()
    const layout = new LayoutWriter(directory.path)
    layout.write("index.json", whole.slice(0, 10))
    const wait = vi.spyOn(Atomics, "wait")
    try {
      assert.match(outcomes(directory.path)["*"] ?? "", /index\.json/)
      assert.lengthOf(wait.mock.calls, 3)
      fs.utimesSync(join(directory.path, "index.json"), 1, 1)
      assert.match(outcomes(directory.path)["*"] ?? "", /index\.json/)
      assert.lengthOf(wait.mock.calls, 3)
    } finally {
      wait.mockRestore()
    }
  })
})
