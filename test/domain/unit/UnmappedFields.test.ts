import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { ImageConfig } from "../../../src/domain/image/ImageConfig.ts"
import * as UnmappedFields from "../../../src/domain/unit/UnmappedFields.ts"
import { imageOf } from "../../support/unitArbitraries.ts"

/** Read as a layout's are. */
const unmapped = (config: object, others: object = {}) => {
  const image = imageOf({})
  const decoded = Either.getOrThrow(ImageConfig({ ...image.config, config, ...others }))
  return UnmappedFields.of({ ...image, config: decoded })
}
const fields = (...args: Parameters<typeof unmapped>) => unmapped(...args).map(({ field }) => field)

describe("UnmappedFields.of", () => {
  it("what becomes directives, comments or decisions is not named", () =>
    assert.deepStrictEqual(
      fields(
        {
          User: "app",
          Env: ["A=b"],
          Entrypoint: ["/a"],
          Cmd: ["b"],
          WorkingDir: "/c",
          StopSignal: "TERM",
          StopTimeout: 3,
          ExposedPorts: { "80/tcp": {} },
          Labels: {
            "org.opencontainers.image.title": "x",
            "org.opencontainers.image.url": "https://example.org"
          },
          Memory: 5,
          CpuShares: 5,
          NetworkDisabled: true
        },
        { created: "now", author: "me", variant: "v1" }
      ),
      []
    ))

  it("every other field of the specifications, and any that nobody knows, with a reason", () => {
    const found = unmapped(
      {
        Hostname: "h",
        Domainname: "d",
        MacAddress: "m",
        AttachStdout: true,
        Tty: true,
        OpenStdin: true,
        StdinOnce: true,
        ArgsEscaped: true,
        OnBuild: ["RUN x"],
        Image: "sha256:…",
        Surprise: { a: 1 }
      },
      {
        history: [{ created_by: "x" }],
        docker_version: "1",
        container_config: { a: 1 },
        "os.version": "10",
        "os.features": ["win32k"],
        "x-vendor": 1
      }
    )
    assert.deepStrictEqual(
      found.map(({ field }) => field),
      [
        "config.ArgsEscaped",
        "config.AttachStdout",
        "config.Domainname",
        "config.Hostname",
        "config.Image",
        "config.MacAddress",
        "config.OnBuild",
        "config.OpenStdin",
        "config.StdinOnce",
        "config.Surprise",
        "config.Tty",
        "container_config",
        "docker_version",
        "history",
        "os.features",
        "os.version",
        "x-vendor"
      ]
    )
    for (const { reason } of found) assert.match(reason, /^(?:is|names) /)
  })

  it("zero values say nothing", () =>
    assert.deepStrictEqual(
      fields(
        { Hostname: "", Tty: false, OnBuild: null, Shell: [], Volumes: {}, Unknown: null },
        { history: [] }
      ),
      []
    ))

  it("parts of mapped fields that are left over", () =>
    assert.deepStrictEqual(
      fields({
        Labels: {
          maintainer: "me",
          "org.opencontainers.image.licenses": "MIT",
          "org.opencontainers.image.source": "javascript:alert(1)",
          "org.opencontainers.image.title": " "
        },
        ExposedPorts: { "80/tcp": {}, "http/tcp": {} },
        MemorySwap: 4096,
        StopTimeout: -7
      }),
      [
        "config.ExposedPorts http/tcp",
        "config.Labels maintainer",
        "config.Labels org.opencontainers.image.licenses",
        "config.Labels org.opencontainers.image.source",
        "config.Labels org.opencontainers.image.title",
        "config.MemorySwap",
        "config.StopTimeout"
      ]
    ))

  it("fields that are named like parts of objects are unknown, not something else", () =>
    assert.deepStrictEqual(fields({ constructor: "x", toString: "y" }), [
      "config.constructor",
      "config.toString"
    ]))
})

describe("UnmappedFields.comments", () => {
  it("say each reason once, and do not grow without end", () => {
    const labels = Array.from({ length: 20 }, (_, index) => ({ field: `l${index}`, reason: "is a label" }))
    assert.deepStrictEqual(UnmappedFields.comments([{ field: "a", reason: "is odd" }, ...labels]), [
      "Not mapped: a: is odd.",
      `Not mapped: ${labels
        .slice(0, 12)
        .map(({ field }) => field)
        .join(", ")} and 8 more: is a label (each).`
    ])
  })
})
