/** What is an image and what is not, by the manifests that people's tools really write. */
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import * as Artifact from "../../../src/domain/image/Artifact.ts"
import { Descriptor } from "../../../src/domain/image/Descriptor.ts"
import { ImageIndex } from "../../../src/domain/image/ImageIndex.ts"
import { ImageManifest } from "../../../src/domain/image/ImageManifest.ts"

const HEX = "ab".repeat(32)
const SUBJECT = `sha256:${HEX}`
const CONFIG = "application/vnd.oci.image.config.v1+json"
const EMPTY = "application/vnd.oci.empty.v1+json"
const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
const SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"

const of = (mediaType: string) => ({ mediaType, digest: `sha256:${"0".repeat(64)}`, size: 2 })
const subject = { ...of("application/vnd.oci.image.manifest.v1+json"), digest: SUBJECT }

interface Written {
  readonly config: string
  readonly layers: readonly string[]
  readonly artifactType?: string
  readonly subject?: unknown
}
const manifest = ({ config, layers, ...rest }: Written) =>
  Either.getOrThrow(ImageManifest({ schemaVersion: 2, config: of(config), layers: layers.map(of), ...rest }))

const described = (written: Written, ref = "v1", descriptor = {}): string => {
  const artifact = Artifact.fromManifest(manifest(written), descriptor, ref)
  return artifact === undefined ? "an image" : Artifact.describe(artifact)
}

describe("a manifest", () => {
  const artifacts: ReadonlyArray<readonly [what: string, written: Written, is: string, ref?: string]> = [
    [
      "a cosign signature with an image's configuration, found by its tag",
      { config: CONFIG, layers: [SIMPLE, SIMPLE] },
      `a cosign signature of ${SUBJECT}`,
      `sha256-${HEX}.sig`
    ],
    [
      "a cosign signature with the empty configuration",
      { config: EMPTY, layers: [SIMPLE] },
      `a cosign signature of ${SUBJECT}`,
      `sha256-${HEX}.sig`
    ],
    [
      "a cosign signature that refers to its image (OCI 1.1, experimental)",
      { config: "application/vnd.dev.cosign.artifact.sig.v1+json", layers: [SIMPLE], subject },
      `a cosign signature of ${SUBJECT}`
    ],
    ["a cosign signature of any name", { config: CONFIG, layers: [SIMPLE] }, "a cosign signature"],
    [
      "a sigstore bundle v0.3 (cosign 3)",
      { config: EMPTY, layers: [BUNDLE], artifactType: BUNDLE, subject },
      `a sigstore bundle of ${SUBJECT}`
    ],
    [
      "a Notary signature",
      {
        config: EMPTY,
        layers: ["application/jose+json"],
        artifactType: "application/vnd.cncf.notary.signature",
        subject
      },
      `a Notary signature of ${SUBJECT}`
    ],
    [
      "an attestation of cosign",
      { config: CONFIG, layers: ["application/vnd.dsse.envelope.v1+json"] },
      `an attestation of ${SUBJECT}`,
      `sha256-${HEX}.att`
    ],
    [
      "an attestation of BuildKit, which has an image's configuration",
      { config: CONFIG, layers: ["application/vnd.in-toto+json", "application/vnd.in-toto+json"] },
      "an attestation"
    ],
    [
      "an attestation of BuildKit as an OCI artifact",
      {
        config: EMPTY,
        layers: ["application/vnd.in-toto+json"],
        artifactType: "application/vnd.docker.attestation.manifest.v1+json",
        subject
      },
      `an attestation of ${SUBJECT}`
    ],
    [
      "an SBOM of cosign, SPDX",
      { config: CONFIG, layers: ["text/spdx+json"] },
      `an SPDX SBOM of ${SUBJECT}`,
      `sha256-${HEX}.sbom`
    ],
    [
      "an SBOM, CycloneDX, attached by ORAS",
      {
        config: EMPTY,
        layers: ["application/vnd.cyclonedx+json"],
        artifactType: "application/vnd.cyclonedx+json",
        subject
      },
      `a CycloneDX SBOM of ${SUBJECT}`
    ],
    ["an SBOM of syft", { config: CONFIG, layers: ["application/vnd.syft+json"] }, "an SBOM"],
    [
      "a Helm chart",
      {
        config: "application/vnd.cncf.helm.config.v1+json",
        layers: ["application/vnd.cncf.helm.chart.content.v1.tar+gzip"]
      },
      "a Helm chart"
    ],
    [
      "a WebAssembly module",
      { config: "application/vnd.wasm.config.v0+json", layers: ["application/wasm"] },
      "a WebAssembly module"
    ],
    [
      "a WebAssembly module with an image's configuration",
      { config: CONFIG, layers: ["application/vnd.wasm.content.layer.v1+wasm"] },
      "a WebAssembly module"
    ],
    [
      "a model of Ollama, which has the configuration of a Docker image",
      {
        config: "application/vnd.docker.container.image.v1+json",
        layers: ["application/vnd.ollama.image.model", "application/vnd.ollama.image.license"]
      },
      "a model"
    ],
    [
      "a model of KitOps",
      {
        config: "application/vnd.kitops.modelkit.config.v1+json",
        layers: ["application/vnd.kitops.modelkit.model.v1.tar+gzip"]
      },
      "a model"
    ],
    [
      "a model of Docker",
      {
        config: "application/vnd.docker.ai.model.config.v0.1+json",
        layers: ["application/vnd.docker.ai.gguf.v3"]
      },
      "a model"
    ],
    [
      "a Docker plugin, whose layers are an image's",
      {
        config: "application/vnd.docker.plugin.v1+json",
        layers: ["application/vnd.docker.image.rootfs.diff.tar.gzip"]
      },
      "a Docker plugin"
    ],
    [
      "files of ORAS, with a layer like an image's",
      {
        config: EMPTY,
        layers: ["application/vnd.oci.image.layer.v1.tar"],
        artifactType: "application/vnd.example.files"
      },
      'an artifact of type "application/vnd.example.files"'
    ],
    [
      "files of ORAS that refer to an image",
      { config: EMPTY, layers: ["text/plain"], artifactType: "application/vnd.example.files", subject },
      `an artifact of type "application/vnd.example.files", attached to ${SUBJECT}`
    ],
    [
      "files of an older ORAS, which has no artifactType",
      { config: "application/vnd.unknown.config.v1+json", layers: ["text/markdown"] },
      'an artifact of type "text/markdown"'
    ],
    [
      "a blob that cosign has uploaded, with an image's configuration",
      { config: CONFIG, layers: ["text/plain; charset=utf-8"] },
      'an artifact of type "text/plain; charset=utf-8"'
    ],
    [
      "the empty configuration, and nothing else",
      { config: EMPTY, layers: [EMPTY] },
      "an artifact that does not say its type"
    ],
    [
      "annotations alone, of an image",
      { config: CONFIG, layers: [], subject },
      `an artifact of ${SUBJECT} that does not say its type`
    ],
    [
      "something whose subject is malformed",
      { config: EMPTY, layers: [EMPTY], subject: "sha256:x" },
      "an artifact that does not say its type"
    ]
  ]
  for (const [what, written, is, ref] of artifacts)
    it(`is no image: ${what}`, () => assert.strictEqual(described(written, ref), is))

  const images: ReadonlyArray<readonly [what: string, written: Written, ref?: string]> = [
    ["of one layer", { config: CONFIG, layers: [LAYER] }],
    ["of Docker", { config: "application/vnd.docker.container.image.v1+json", layers: [LAYER] }],
    ["with the name of a signature", { config: CONFIG, layers: [LAYER] }, `sha256-${HEX}.sig`],
    ["with the name of an index of referrers", { config: CONFIG, layers: [LAYER] }, `sha256-${HEX}`],
    ["that refers to another", { config: CONFIG, layers: [LAYER], subject }],
    ["with a type of its own", { config: CONFIG, layers: [LAYER], artifactType: "application/vnd.example" }],
    ["with a malformed subject", { config: CONFIG, layers: [LAYER], subject: 7 }],
    ["whose layers are encrypted", { config: CONFIG, layers: [`${LAYER}+encrypted`] }],
    [
      "whose layers cannot be read here",
      { config: CONFIG, layers: ["application/vnd.oci.image.layer.v1.tar+xz"] }
    ],
    ["in an EROFS image", { config: CONFIG, layers: ["application/vnd.erofs"] }],
    ["with one layer of another type", { config: CONFIG, layers: [LAYER, "application/vnd.in-toto+json"] }],
    ["whose layers say no type", { config: CONFIG, layers: [""] }],
    ["without layers, which is malformed", { config: CONFIG, layers: [] }]
  ]
  for (const [what, written, ref] of images)
    it(`is an image: ${what}`, () => assert.strictEqual(described(written, ref), "an image"))

  it("of an attestation of BuildKit belongs to the image that the index names", () =>
    assert.strictEqual(
      described({ config: CONFIG, layers: ["application/vnd.in-toto+json"] }, "", {
        annotations: { "vnd.docker.reference.digest": SUBJECT }
      }),
      `an attestation of ${SUBJECT}`
    ))
})

describe("an index without images", () => {
  const index = (fields = {}) => Either.getOrThrow(ImageIndex({ manifests: [], ...fields }))
  const bundle: Artifact.Artifact = { kind: "sigstore bundle", type: BUNDLE, subject: undefined }
  const chart: Artifact.Artifact = { kind: "Helm chart", type: "x", subject: undefined }
  it("with the tag for it is one of referrers", () =>
    assert.strictEqual(
      Artifact.describe(Artifact.fromIndex(index(), [bundle, chart], `sha256-${HEX}`)),
      `an index of referrers of ${SUBJECT}`
    ))
  it("is what its entries are, if they are all the same", () =>
    assert.strictEqual(Artifact.describe(Artifact.fromIndex(index(), [chart, chart], "v1")), "a Helm chart"))
  it("is an index of artifacts otherwise", () =>
    assert.strictEqual(
      Artifact.describe(Artifact.fromIndex(index(), [chart, bundle], "v1")),
      "an index of artifacts"
    ))
  it("may say its type", () =>
    assert.strictEqual(
      Artifact.describe(Artifact.fromIndex(index({ artifactType: BUNDLE, subject }), [chart], "v1")),
      `a sigstore bundle of ${SUBJECT}`
    ))
})

describe("an entry whose manifest cannot be read", () => {
  const entry = (fields: object, ref = "v1") => {
    const found = Artifact.fromDescriptor(
      Either.getOrThrow(Descriptor({ ...of("application/vnd.oci.image.manifest.v1+json"), ...fields })),
      ref
    )
    return found === undefined ? "an image" : Artifact.describe(found)
  }
  const platform = { os: "unknown", architecture: "unknown" }
  it.each([
    ["has an artifact's type", { artifactType: BUNDLE }, "v1", "a sigstore bundle"],
    ["has the type of an image's configuration", { artifactType: CONFIG }, "v1", "an image"],
    ["has an empty type", { artifactType: "" }, "v1", "an image"],
    ["has BuildKit's platform", { platform }, "v1", "an attestation"],
    [
      "has BuildKit's annotation",
      { annotations: { "vnd.docker.reference.type": "attestation-manifest" } },
      "v1",
      "an attestation"
    ],
    [
      "has a media type of artifacts",
      { mediaType: "application/vnd.oci.artifact.manifest.v1+json" },
      "v1",
      'an artifact of type "application/vnd.oci.artifact.manifest.v1+json"'
    ],
    ["is called a signature", {}, `sha256-${HEX}.sig`, `a cosign signature of ${SUBJECT}`],
    ["is called an attestation", {}, `sha256-${HEX}.att`, `an attestation of ${SUBJECT}`],
    ["is called an SBOM", {}, `sha256-${HEX}.sbom`, `an SBOM of ${SUBJECT}`],
    ["is called referrers", {}, `sha256-${HEX}`, `an index of referrers of ${SUBJECT}`],
    ["is called almost like one", {}, `sha256-${HEX}.sig2`, "an image"],
    ["is called after a short digest", {}, "sha256-abcdef012345.sig", "an image"]
  ])("that %s", (_, fields, ref, is) => assert.strictEqual(entry(fields, ref), is))
})
