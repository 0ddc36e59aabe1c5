import { assert, describe, it } from "@effect/vitest"
import type { Digest } from "../../../src/domain/document/Digest.ts"
import type { Descriptor, Platform as DescriptorPlatform } from "../../../src/domain/image/Descriptor.ts"
import * as Platform from "../../../src/domain/image/Platform.ts"

const host = (architecture: string, variant?: string): Platform.HostPlatform => ({
  os: "linux",
  architecture,
  variants: Platform.compatibleVariants(architecture, variant)
})

const platform = (text: string): DescriptorPlatform => {
  const [os = "", architecture = "", variant] = text.split("/")
  return { os, architecture, ...(variant === undefined ? {} : { variant }) }
}

const descriptor = (text: string | undefined, index: number): Descriptor => ({
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  digest: `sha256:${`${index}`.padStart(64, "0")}` as Digest,
  size: 1,
  ...(text === undefined ? {} : { platform: platform(text) })
})

describe("Platform.runs", () => {
  for (const [machine, image, expected] of [
    [host("amd64", "v3"), "linux/amd64", true],
    [host("amd64", "v3"), "linux/amd64/v3", true],
    [host("amd64", "v3"), "linux/amd64/v4", false],
    [host("amd64"), "linux/amd64", true],
    [host("amd64"), "linux/amd64/v2", false],
    [host("arm64"), "linux/arm64", true],
    [host("arm64"), "linux/arm64/v8", true],
    [host("arm", "v7"), "linux/arm", true],
    [host("arm", "v7"), "linux/arm/v6", true],
    [host("arm", "v6"), "linux/arm", false],
    [host("arm", "v6"), "linux/arm/v7", false],
    [host("riscv64"), "linux/riscv64", true],
    [host("amd64"), "linux/arm64", false],
    [host("amd64"), "windows/amd64", false],
    [host("amd64"), "linux/amd64/unheard-of", false],
    [host("amd64"), "linux/386", false]
  ] as const) {
    it(`${machine.architecture} ${machine.variants.join(",")}: ${image} ${expected ? "runs" : "does not run"}`, () =>
      assert.strictEqual(Platform.runs(machine, platform(image)), expected))
  }
})

describe("Platform.candidates: the first", () => {
  for (const [what, machine, images, chosen] of [
    ["the one that fits", host("amd64"), ["linux/arm64", "linux/amd64", "windows/amd64"], 1],
    ["the first of equal ones", host("amd64"), ["linux/amd64", "linux/amd64/v1"], 0],
    [
      "the best variant",
      host("amd64", "v3"),
      ["linux/amd64", "linux/amd64/v2", "linux/amd64/v3", "linux/amd64/v4"],
      2
    ],
    ["the best variant of arm", host("arm", "v7"), ["linux/arm/v5", "linux/arm/v6", "linux/arm/v8"], 1],
    ["one that names a platform over one that does not", host("amd64"), [undefined, "linux/amd64"], 1],
    ["one that names none where nothing else fits", host("amd64"), ["linux/s390x", undefined, undefined], 1],
    ["none where none fits", host("amd64"), ["linux/arm64", "unknown/unknown"], undefined],
    ["none of none", host("amd64"), [], undefined]
  ] as const) {
    it(`takes ${what}`, () => {
      const descriptors = images.map(descriptor)
      assert.strictEqual(
        Platform.candidates(machine, descriptors)[0],
        chosen === undefined ? undefined : descriptors[chosen]
      )
    })
  }
})

describe("Platform.compatibleVariants", () => {
  for (const [architecture, variant, expected] of [
    ["amd64", "v3", ["v3", "v2", "v1"]],
    ["amd64", undefined, ["v1"]],
    ["arm", "v7", ["v7", "v6", "v5"]],
    ["arm64", undefined, ["v8"]],
    ["arm64", "v8", ["v8"]],
    ["riscv64", undefined, []],
    ["riscv64", "rva23", ["rva23"]]
  ] as const) {
    it(`${architecture} ${variant ?? ""} → ${expected.join(" ")}`, () =>
      assert.deepStrictEqual(Platform.compatibleVariants(architecture, variant), expected))
  }
})

describe("Platform.normalise", () => {
  for (const [said, expected] of [
    ["linux/amd64", "linux/amd64"],
    ["Linux/AMD64", "linux/amd64"],
    ["linux/x86_64", "linux/amd64"],
    ["linux/x86-64", "linux/amd64"],
    ["linux/aarch64", "linux/arm64"],
    ["linux/arm64/8", "linux/arm64/v8"],
    ["linux/armhf", "linux/arm/v7"],
    ["linux/ARMHF/V7", "linux/arm/v7"],
    ["linux/armel", "linux/arm/v6"],
    ["linux/armv7l", "linux/arm/v7"],
    ["linux/i686", "linux/386"],
    ["/amd64", "linux/amd64"],
    ["windows/amd64", "windows/amd64"],
    ["linux/constructor", "linux/constructor"],
    ["linux/", undefined],
    ["/", undefined]
  ] as const) {
    it(`${said} is ${expected ?? "nothing"}`, () => {
      const found = Platform.normalise(platform(said))
      assert.strictEqual(found && Platform.display(found), expected)
      // What is normal stays as it is.
      if (found !== undefined) assert.deepStrictEqual(Platform.normalise(found), found)
    })
  }
})

describe("Platform.decide", () => {
  const machine = host("amd64")
  for (const [what, index, config, expected, isNoted] of [
    ["the index, where both say the same", "linux/amd64", "linux/x86_64", "linux/amd64", false],
    ["the index, where they contradict each other", "linux/amd64", "linux/arm64", "linux/amd64", true],
    ["the index's variant", "linux/arm/v7", "linux/arm", "linux/arm/v7", false],
    ["the index's variant against another", "linux/arm/v7", "linux/arm/v6", "linux/arm/v7", true],
    ["the configuration, where the index says nothing", undefined, "linux/arm64", "linux/arm64", false],
    ["the index, where the configuration says nothing", "linux/arm64", "/", "linux/arm64", false],
    ["this machine's, where nothing is said", undefined, "/", "linux/amd64", true]
  ] as const) {
    it(`takes ${what}`, () => {
      const { platform: found, note } = Platform.decide(
        machine,
        index === undefined ? undefined : platform(index),
        platform(config)
      )
      assert.strictEqual(Platform.display(found), expected)
      assert.strictEqual(note !== undefined, isNoted)
    })
  }
})

describe("Platform.display", () => {
  it("has a variant where there is one", () => {
    assert.strictEqual(Platform.display(platform("linux/arm/v7")), "linux/arm/v7")
    assert.strictEqual(Platform.display(platform("linux/amd64")), "linux/amd64")
  })
})
