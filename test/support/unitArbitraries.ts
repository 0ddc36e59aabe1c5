/** Texts that would break a careless unit file, and images made of them. */
import { createHash } from "node:crypto"
import fc from "fast-check"
import type { Digest } from "../../src/domain/document/Digest.ts"
import type { ImageConfig, ProcessConfig } from "../../src/domain/image/ImageConfig.ts"
import type { ResolvedImage } from "../../src/domain/image/ResolvedImage.ts"
import * as UnitName from "../../src/domain/naming/UnitName.ts"
import * as CapabilitySettings from "../../src/domain/settings/CapabilitySettings.ts"
import * as ImageSettings from "../../src/domain/settings/ImageSettings.ts"
import * as SystemSettings from "../../src/domain/settings/SystemSettings.ts"
import type { ImageContext } from "../../src/domain/unit/ImageContext.ts"

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

export const numRuns = Number(process.env.PROPERTY_RUNS ?? 300)

const PIECES = [
  ..."abA0 %$\"'\\;#=:@[]/-.,~`*\n\r\t\u0001\u001f\u007f\u0085\u00e9\u2028\ufeff\ufffd\u{1f600}",
  "%q",
  "%%",
  "$$",
  "$HOME",
  "\\x41",
  "\\n",
  "\\",
  " ; ",
  "\n[Service]\nExecStart=/bin/evil\n",
  "\nUser=0",
  "\r\nUser=0",
  "\n#",
  "\\\n",
  "",
  "\n\n"
] as const

/** Well-formed, without NUL and without the code points that are no characters (systemd refuses those). */
export const hostileText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...PIECES) },
      fc.string({ unit: "binary", maxLength: 4 })
    ),
    {
      maxLength: 8
    }
  )
  .map((pieces) => pieces.join("").replaceAll("\0", ""))
  .filter((text) => !hasNoncharacter(text))

/** U+FDD0…U+FDEF and the last two of every plane: unichar_is_valid() of systemd before 258 refuses them. */
export const hasNoncharacter = (text: string): boolean =>
  [...text].some((character) => {
    const code = character.codePointAt(0) ?? 0
    return (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe
  })

export const variableName: fc.Arbitrary<string> = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,5}$/)

const nullish = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: undefined })

/** What an image may say of its process: no field is tame. */
export const processConfig: fc.Arbitrary<ProcessConfig> = fc
  .record({
    Entrypoint: fc.array(hostileText, { maxLength: 3 }).map((rest) => ["/bin/app", ...rest]),
    Cmd: nullish(fc.array(hostileText, { maxLength: 3 })),
    Env: nullish(
      fc.array(
        fc.oneof(
          hostileText,
          fc.tuple(variableName, hostileText).map(([name, value]) => `${name}=${value}`)
        ),
        { maxLength: 4 }
      )
    ),
    WorkingDir: nullish(hostileText),
    User: nullish(fc.constantFrom("", "0", "1000:1000", "app", "app", "a:b:c", "\nUser=0")),
    Labels: nullish(labels()),
    Volumes: nullish(fc.dictionary(hostileText, fc.constant({}), { maxKeys: 3 })),
    ExposedPorts: nullish(
      fc.dictionary(
        fc.oneof(
          hostileText,
          fc.constantFrom("80/tcp", "53/udp", "8000-8010", "9/sctp", "0/tcp", "80/tcp\nUser=0")
        ),
        fc.constant({}),
        { maxKeys: 3 }
      )
    ),
    StopSignal: nullish(
      fc.oneof({ weight: 9, arbitrary: fc.constantFrom("SIGINT", "15", "rtmin+3") }, hostileText)
    ),
    StopTimeout: nullish(fc.constantFrom(-2, -1, 0, 1, 600)),
    Memory: nullish(fc.constantFrom(0, 1, 2 ** 31)),
    MemorySwap: nullish(fc.constantFrom(-1, 0, 2 ** 32)),
    CpuShares: nullish(fc.integer({ min: -1, max: 300_000 })),
    NetworkDisabled: nullish(fc.boolean()),
    Hostname: nullish(hostileText)
  })
  .chain((fields) =>
    fc
      .dictionary(hostileText, hostileText, { maxKeys: 2 })
      // Of a name that is known, the known type is wanted.
      .map((others) => ({ ...others, ...fields }))
  )
  .map((fields) => withoutUndefined(fields) as ProcessConfig)

/** What an administrator may say of an image. */
export const imageSettings: fc.Arbitrary<ImageSettings.ImageSettings> = fc
  .record({
    root: fc.constantFrom(...ImageSettings.ROOT_MODES),
    profile: fc.constantFrom(...ImageSettings.PROFILES),
    network: fc.constantFrom(...ImageSettings.NETWORKS),
    ports: fc.constantFrom(...ImageSettings.PORT_RULES),
    restart: fc.constantFrom(...ImageSettings.RESTARTS),
    capabilities: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom(...CapabilitySettings.NAMES, "all" as const),
        isAdded: fc.boolean()
      }),
      { selector: ({ name }) => name, maxLength: 3 }
    ),
    devices: fc.uniqueArray(
      fc.constantFrom(
        { host: "/dev/kvm", image: "/dev/kvm", mode: "rw" },
        { host: "/dev/a%h", image: "/dev/b/c", mode: "r" },
        { host: "char-*", image: undefined, mode: "rwm" }
      ),
      { maxLength: 2 }
    )
  })
  .map((chosen) => ({ ...ImageSettings.DEFAULTS, ...chosen }))

export function labels(): fc.Arbitrary<Record<string, string>> {
  return fc.dictionary(
    fc.oneof(
      hostileText,
      fc.constantFrom(
        "org.opencontainers.image.title",
        "org.opencontainers.image.url",
        "org.opencontainers.image.source",
        "org.opencontainers.image.documentation"
      )
    ),
    fc.oneof(
      hostileText,
      hostileText.map((text) => `https://example.com/${text}`)
    ),
    { maxKeys: 4 }
  )
}

const withoutUndefined = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

const DIFF_ID = `sha256:${"a".repeat(64)}` as Digest

/** An image that holds nothing but its configuration. */
export const imageOf = (
  config: ProcessConfig,
  annotations: Readonly<Record<string, string>> = {}
): ResolvedImage => {
  const image: ImageConfig = {
    architecture: "amd64",
    os: "linux",
    config,
    rootfs: { type: "layers", diff_ids: [DIFF_ID] }
  }
  const configDescriptor = {
    mediaType: "application/vnd.oci.image.config.v1+json",
    digest: `sha256:${"c".repeat(64)}` as Digest,
    size: 2
  }
  return {
    namedDigest: `sha256:${"b".repeat(64)}` as Digest,
    manifestDigest: `sha256:${"b".repeat(64)}` as Digest,
    manifest: { schemaVersion: 2, config: configDescriptor, layers: [], annotations },
    configDescriptor,
    config: image,
    platform: { os: "linux", architecture: "amd64" },
    notes: [],
    chainId: DIFF_ID
  }
}

export const contextOf = (overrides: Partial<ImageContext> = {}): ImageContext => ({
  name: { layout: "myorg.com/myapp", ref: "stable" },
  stem: "com.myorg.myapp.ref.stable",
  units: UnitName.all(overrides.stem ?? "com.myorg.myapp.ref.stable", sha256),
  settings: ImageSettings.DEFAULTS,
  origins: {},
  faults: [],
  system: SystemSettings.DEFAULTS,
  host: { systemdVersion: 252, cli: ["/usr/bin/oci-systemd"], configFile: undefined, servesRecords: true },
  sha256,
  ...overrides
})
