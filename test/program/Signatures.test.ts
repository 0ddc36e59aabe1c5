/** `signedby`: which images are signed by a key of their settings, wherever a layout has the signature, and what happens to others. */
import * as crypto from "node:crypto"
import { mkdirSync, unlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Logger from "effect/Logger"
import { assert, describe, expect, it } from "vitest"
import { fromLines, type Line } from "../../src/domain/settings/Settings.ts"
import * as SigstoreBundle from "../../src/domain/signature/SigstoreBundle.ts"
import { LAYER } from "../../src/domain/signature/SimpleSigning.ts"
import * as Catalog from "../../src/program/Catalog.ts"
import * as Extract from "../../src/program/Extract.ts"
import * as NeedFacts from "../../src/program/garbage/NeedFacts.ts"
import * as Inspection from "../../src/program/Inspection.ts"
import * as Render from "../../src/program/Render.ts"
import * as Summary from "../../src/program/Summary.ts"
import * as Verify from "../../src/program/Verify.ts"
import * as ExtractionServices from "../../src/services/ExtractionServices.ts"
import { InputRecord } from "../../src/services/files/InputRecord.ts"
import * as RecordedFiles from "../../src/services/files/RecordedFiles.ts"
import type * as Deadline from "../../src/services/layout/Deadline.ts"
import { HOST, PLATFORM } from "../support/Host.ts"
import { INDEX, LayoutWriter, MANIFEST, temporary, type WrittenDescriptor } from "../support/LayoutWriter.ts"
import * as Signer from "../support/Signer.ts"

const PLACE = "/etc/oci-generator.conf"

/** Keys are made once: of RSA, that takes a while. */
const OURS = Object.fromEntries(
  Object.keys(Signer.KINDS).map((kind) => [kind, Signer.signer(kind as keyof typeof Signer.KINDS)])
) as Record<keyof typeof Signer.KINDS, Signer.Signer>
const OUR = OURS["ECDSA P-256"]
const OTHER = Signer.signer()

const publicPem = ({ publicKey }: { readonly publicKey: crypto.KeyObject }): string =>
  publicKey.export({ type: "spki", format: "pem" }).toString()
const WEAK = {
  rsa: publicPem(crypto.generateKeyPairSync("rsa", { modulusLength: 1024 })),
  ec: publicPem(crypto.generateKeyPairSync("ec", { namedCurve: "P-521" })),
  ed448: publicPem(crypto.generateKeyPairSync("ed448"))
}

interface Place {
  readonly path: string
  readonly layout: LayoutWriter
  /** The path of a key file: of our key, unless another text is given. */
  readonly key: (text?: string, name?: string) => string
  readonly load: (
    signedby: string,
    more?: Readonly<Record<string, string>>,
    budget?: Deadline.Deadline
  ) => Catalog.Catalog
  /** The key of `example.org/app:v1`, or why it has none. */
  readonly outcome: (signedby: string, more?: Readonly<Record<string, string>>) => string
}

const linesOf = (path: string, pairs: Readonly<Record<string, string>>): readonly Line[] => [
  { file: PLACE, line: 1, section: "system", key: "imagelayoutdir", value: join(path, "layouts") },
  { file: PLACE, line: 2, section: "system", key: "extractsdir", value: join(path, "extracts") },
  { file: PLACE, line: 3, section: "system", key: "roots", value: "directories" },
  ...Object.entries(pairs).map(([key, value], index) => ({
    file: PLACE,
    line: index + 5,
    section: "image *",
    key,
    value
  }))
]

const withPlace = async <A>(test: (place: Place) => A | Promise<A>): Promise<A> => {
  using directory = temporary()
  const { path } = directory
  const load: Place["load"] = (signedby, more = {}, budget) => {
    const { settings } = fromLines(linesOf(path, { signedby, ...more }))
    return Catalog.load(settings, HOST, PLATFORM, budget)
  }
  return await test({
    path,
    layout: new LayoutWriter(join(path, "layouts/example.org/app")),
    key: (text = OUR.publicPem, name = "our.pem") => {
      writeFileSync(join(path, name), text)
      return join(path, name)
    },
    load,
    outcome: (signedby, more) => outcomeOf(one(load(signedby, more)))
  })
}

const one = ({ images }: Catalog.Catalog, name = "example.org/app:v1"): Catalog.CatalogImage => {
  const image = images.find((each) => Catalog.nameOf(each) === name)
  if (image === undefined) throw new Error(`there is no ${name}`)
  return image
}
const outcomeOf = (image: Catalog.CatalogImage): string =>
  Either.match(image.resolve(), {
    onLeft: ({ message }) => message,
    onRight: ({ signedBy }) => `signed by ${signedBy?.replace(/.*\//, "")}`
  })

const tagOf = ({ digest }: WrittenDescriptor, suffix = "") => digest.replace(":", "-") + suffix
const referrers = (layout: LayoutWriter, ...manifests: readonly WrittenDescriptor[]): WrittenDescriptor =>
  layout.blob(INDEX, { schemaVersion: 2, mediaType: INDEX, manifests })
/** An image that several signatures of one manifest sign, the first signer's being the oldest. */
const together = (
  layout: LayoutWriter,
  digest: string,
  signers: readonly Signer.Signer[]
): WrittenDescriptor => {
  const text = Signer.simpleText(digest)
  return layout.image(
    {},
    {
      layers: signers.map(({ sign }) => ({
        ...layout.blob(LAYER, text),
        annotations: Signer.simpleAnnotations(sign(text))
      }))
    }
  )
}

describe("a signature counts", () => {
  for (const kind of Object.keys(Signer.KINDS) as ReadonlyArray<keyof typeof Signer.KINDS>)
    it(`of simple signing and in a bundle, by a key of the kind ${kind}`, () =>
      withPlace(({ key, layout, outcome }) => {
        const image = layout.image()
        const file = key(OURS[kind].publicPem)
        for (const signature of [
          Signer.simple(layout, OURS[kind], image.digest),
          Signer.bundle(layout, OURS[kind], image)
        ]) {
          layout.index(layout.named("v1", image), signature)
          assert.equal(outcome(file), "signed by our.pem")
          assert.match(outcome(key(OTHER.publicPem, "other.pem")), /is by another key; sign/)
        }
      }))

  it("not in a bundle of Ed25519's other variant, and the message says so", () =>
    withPlace(({ key, layout, outcome }) => {
      const image = layout.image()
      layout.index(layout.named("v1", image), Signer.bundle(layout, OTHER, image))
      assert.match(
        outcome(key(OURS.Ed25519.publicPem)),
        /is by another key \(what cosign 3 signs by an Ed25519 key cannot be checked/
      )
    }))

  it("of simple signing by P-384 with SHA-256, as cosign 2 signs", () =>
    withPlace(({ key, layout, outcome }) => {
      const image = layout.image()
      const { publicPem, sign } = OURS["ECDSA P-384"]
      const signer = { ...OURS["ECDSA P-384"], sign: (message: Uint8Array) => sign(message, "sha256") }
      layout.index(layout.named("v1", image), Signer.simple(layout, signer, image.digest))
      assert.equal(outcome(key(publicPem)), "signed by our.pem")
    }))

  const places: Readonly<
    Record<string, (layout: LayoutWriter, image: WrittenDescriptor) => readonly WrittenDescriptor[]>
  > = {
    "by its tag": (layout, image) => [
      layout.named(tagOf(image, ".sig"), Signer.simple(layout, OUR, image.digest))
    ],
    "without a name, as cosign save writes it": (layout, image) => [Signer.simple(layout, OUR, image.digest)],
    "as a referrer": (layout, image) => [Signer.bundle(layout, OUR, image)],
    "as a referrer with a name of its own": (layout, image) => [
      layout.named("bundle", Signer.bundle(layout, OUR, image))
    ],
    "as a referrer that the index calls empty": (layout, image) => [
      {
        ...Signer.bundle(layout, OUR, image),
        artifactType: "application/vnd.oci.empty.v1+json"
      } as WrittenDescriptor
    ],
    "by the tag of an index of referrers": (layout, image) => [
      layout.named(tagOf(image), referrers(layout, Signer.bundle(layout, OUR, image)))
    ],
    "in an index of referrers without a name": (layout, image) => [
      referrers(layout, Signer.bundle(layout, OUR, image))
    ],
    "beside one of another key": (layout, image) => [
      layout.named(tagOf(image, ".sig"), together(layout, image.digest, [OUR, OTHER]))
    ],
    "beside one of another key, in another place": (layout, image) => [
      layout.named(tagOf(image, ".sig"), Signer.simple(layout, OTHER, image.digest)),
      Signer.bundle(layout, OUR, image)
    ],
    "beside documents that cannot be used": (layout, image) => [
      layout.named(tagOf(image, ".sig"), layout.image({}, { layers: [layout.blob(LAYER, "text")] })),
      layout.blob(MANIFEST, "no manifest"),
      Signer.bundle(layout, OUR, image)
    ]
  }
  for (const [name, write] of Object.entries(places))
    it(name, () =>
      withPlace(({ key, layout, outcome }) => {
        const image = layout.image()
        layout.index(layout.named("v1", image), ...write(layout, image))
        assert.equal(outcome(key()), "signed by our.pem")
        assert.equal(
          outcome(`${key(OTHER.publicPem, "other.pem")} ${key()}`).replace("other", "our"),
          "signed by our.pem"
        )
      })
    )

  it("in a layout of 2016", () =>
    withPlace(({ key, layout, outcome }) => {
      const image = layout.image()
      layout.write("oci-layout", JSON.stringify({ imageLayoutVersion: "1.0.0" }))
      layout.write("refs/v1", JSON.stringify(image))
      layout.write(`refs/${tagOf(image, ".sig")}`, JSON.stringify(Signer.simple(layout, OUR, image.digest)))
      assert.equal(outcome(key()), "signed by our.pem")
    }))

  it("over the index that the name stands for, or over the manifest of this platform, and not over those of others", () =>
    withPlace(({ key, layout, outcome }) => {
      const own = layout.image()
      const other = layout.image({ architecture: "other", author: "other" })
      const inner = referrers(layout, {
        ...own,
        platform: { os: "linux", architecture: PLATFORM.architecture }
      })
      const outer = referrers(layout, { ...other, platform: { os: "linux", architecture: "riscv64" } }, inner)
      const file = key()
      for (const [signed, expected] of [
        [outer, /^signed by our/],
        [own, /^signed by our/],
        [inner, /it has no signature in its layout/],
        [other, /it has no signature in its layout/]
      ] as const) {
        layout.index(layout.named("v1", outer), Signer.simple(layout, OUR, signed.digest))
        assert.match(outcome(file), expected)
      }
    }))

  it("for as many images as there are, each with its own", () =>
    withPlace(({ key, layout, load }) => {
      const images = Array.from({ length: 30 }, (_, number) => layout.image({ author: `${number}` }))
      layout.index(
        ...images.map((image, number) => layout.named(`v${number}`, image)),
        ...images.map((image, number) =>
          number % 2 === 0
            ? layout.named(tagOf(image, ".sig"), Signer.simple(layout, OUR, image.digest))
            : Signer.bundle(layout, OUR, image)
        )
      )
      const catalog = load(key())
      assert.deepEqual(
        catalog.images.filter(Catalog.isImage).map(outcomeOf),
        images.map(() => "signed by our.pem")
      )
    }))
})

describe("an image does not run", () => {
  const refused = (
    name: string,
    write: (layout: LayoutWriter, image: WrittenDescriptor) => readonly WrittenDescriptor[],
    reason: RegExp,
    settings: Readonly<Record<string, string>> = {}
  ) =>
    it(name, () =>
      withPlace(({ key, layout, outcome }) => {
        const image = layout.image()
        layout.index(layout.named("v1", image), ...write(layout, image))
        const message = outcome(key(), settings)
        assert.match(message, reason)
        assert.include(message, `${PLACE}:5`)
        assert.include(message, "our.pem")
      })
    )

  refused(
    "without a signature",
    () => [],
    /it has no signature in its layout.*copy the signature into the layout/
  )
  refused(
    "with a signature by another key",
    (layout, image) => [Signer.bundle(layout, OTHER, image)],
    /sha256:[0-9a-f]{64} is by another key; sign sha256:[0-9a-f]{64} by such a key/
  )
  refused(
    "with a signature that was moved from another image, by its name",
    (layout, image) => {
      const other = layout.image({ author: "other" })
      return [layout.named(tagOf(image, ".sig"), Signer.simple(layout, OUR, other.digest))]
    },
    /sha256-[0-9a-f]{64}\.sig is of sha256:[0-9a-f]{64}, and not of sha256:[0-9a-f]{64}/
  )
  refused(
    "with a bundle that is attached to it, and signs another image",
    (layout, image) => {
      const other = layout.image({ author: "other" })
      return [Signer.bundle(layout, OUR, image, Signer.statementOf(other.digest))]
    },
    /is of sha256:[0-9a-f]{64}, and not of sha256/
  )
  refused(
    "with an attestation by our key",
    (layout, image) => [
      Signer.bundle(
        layout,
        OUR,
        image,
        Signer.statementOf(image.digest, { predicateType: "https://slsa.dev/provenance/v1" })
      )
    ],
    /cannot be used: the statement is malformed: predicateType: Expected "https:\/\/sigstore.dev\/cosign\/sign\/v1"/
  )
  refused(
    "with a text that was changed after it was signed",
    (layout, image) => {
      const text = Signer.simpleText(image.digest, "other")
      const annotations = Signer.simpleAnnotations(OUR.sign(Signer.simpleText(image.digest)))
      return [layout.image({}, { layers: [{ ...layout.blob(LAYER, text), annotations }] })]
    },
    /is by another key/
  )
  refused(
    "with a signature of the payload of a bundle alone",
    (layout, image) => {
      const payload = Buffer.from(JSON.stringify(Signer.statementOf(image.digest)))
      const signatures = [{ sig: OUR.sign(payload).toString("base64") }]
      const bundle = Signer.bundleOf(OUR, Signer.statementOf(image.digest), { signatures })
      return [layout.image({}, { layers: [layout.blob(SigstoreBundle.LAYER, bundle)] })]
    },
    /is by another key/
  )
  refused(
    "with a keyless signature",
    (layout, image) => {
      const bundle = Signer.bundleOf(OTHER, Signer.statementOf(image.digest))
      const keyless = { ...bundle, verificationMaterial: { certificate: { rawBytes: "AAAA" } } }
      return [layout.image({}, { layers: [layout.blob(SigstoreBundle.LAYER, keyless)] })]
    },
    /is by a certificate \(keyless\), which is not checked/
  )
  refused(
    "with a signature whose text is damaged",
    (layout, image) => {
      const signature = Signer.simple(layout, OUR, image.digest)
      layout.write(layout.blobPath(layout.blob(LAYER, Signer.simpleText(image.digest)).digest), "damaged")
      return [layout.named(tagOf(image, ".sig"), signature)]
    },
    /\.sig cannot be used: the signature \/.* has 7 bytes/
  )
  refused(
    "with a signature whose text is a directory",
    (layout, image) => {
      const signature = Signer.simple(layout, OUR, image.digest)
      const path = join(
        layout.path,
        layout.blobPath(layout.blob(LAYER, Signer.simpleText(image.digest)).digest)
      )
      unlinkSync(path)
      mkdirSync(path)
      return [layout.named(tagOf(image, ".sig"), signature)]
    },
    /is a directory, not a file/
  )
  refused(
    "with a signature whose text is too large",
    (layout, image) => {
      const descriptor = { ...layout.blob(LAYER, Signer.simpleText(image.digest)), size: 5 * 1024 * 1024 }
      const manifest = layout.image({}, { layers: [descriptor] })
      return [layout.named(tagOf(image, ".sig"), manifest)]
    },
    /cannot be used: it is more than is read to find signatures/
  )
  refused(
    "with a good signature behind more than are read",
    (layout, image) => [
      layout.named(
        tagOf(image, ".sig"),
        together(layout, image.digest, [OUR, ...Array<Signer.Signer>(300).fill(OTHER)])
      )
    ],
    /is by another key; sha256-[0-9a-f]{64}\.sig cannot be used: it is more than is read to find signatures/
  )
  refused(
    "with layers whose types are names of JavaScript",
    (layout, image) =>
      ["constructor", "__proto__", "toString"].map((type) =>
        layout.image(
          {},
          { layers: [{ ...layout.blob(type, Signer.simpleText(image.digest)), annotations: {} }] }
        )
      ),
    /it has no signature in its layout/
  )
  refused(
    "with a good signature behind more entries of its layout than are read",
    (layout, image) => [
      ...Array.from({ length: 1001 }, (_, number) => ({
        ...layout.named(`other${number}`, layout.image({}, { annotations: { number: `${number}` } }))
      })),
      Signer.bundle(layout, OUR, image)
    ],
    /the rest of the layout cannot be used: it is more than is read to find signatures/
  )
  refused(
    "by the name of another repository",
    (layout, image) => [Signer.simple(layout, OUR, image.digest, "example.org/other")],
    /is for the name "example.org\/other", and signedidentity = repository wants "example.org\/app"/,
    { signedidentity: "repository" }
  )
  refused(
    "by a name without the reference, where it has to be exact",
    (layout, image) => [Signer.simple(layout, OUR, image.digest, "example.org/app")],
    /signedidentity = exact wants "example.org\/app:v1"/,
    { signedidentity: "exact" }
  )
  refused(
    "by a bundle, which has no name",
    (layout, image) => [Signer.bundle(layout, OUR, image)],
    /gives the image no name, and signedidentity = repository wants/,
    { signedidentity: "repository" }
  )

  it("and runs by its name where that is right", () =>
    withPlace(({ key, layout, outcome }) => {
      const image = layout.image()
      layout.index(layout.named("v1", image), Signer.simple(layout, OUR, image.digest, "example.org/app:v1"))
      for (const signedidentity of ["any", "repository", "exact"])
        assert.equal(outcome(key(), { signedidentity }), "signed by our.pem")
    }))

  const badKeys: ReadonlyArray<readonly [string, string | undefined, RegExp]> = [
    ["missing", undefined, /bad\.pem of signedby is missing: put the key there, or change the line/],
    ["empty", "", /holds no public key: PEM is expected/],
    ["text", "a key", /holds no public key/],
    ["damaged", OUR.publicPem.replace("MFkw", "MFkx"), /holds a public key that is damaged: copy it again/],
    ["several", OUR.publicPem + OTHER.publicPem, /holds 2 keys: put each into a file of its own/],
    ["private", OUR.privatePem, /holds a private key, which should not be on this machine/],
    ["encrypted", "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n", /holds a private key/],
    ["certificate", "-----BEGIN CERTIFICATE-----\n", /holds a certificate.*openssl x509 -pubkey -noout/],
    ["large", "x".repeat(64 * 1024 + 1), /has 65537 bytes, more than the 65536 allowed/],
    ["weak", WEAK.rsa, /holds a key of the kind rsa 1024 bits: ECDSA P-256 or P-384/],
    ["of another curve", WEAK.ec, /of the kind ec secp521r1/],
    ["Ed448", WEAK.ed448, /of the kind ed448/]
  ]
  for (const [name, text, reason] of badKeys)
    it(`with a key file that is ${name}, even beside the right key`, () =>
      withPlace(({ key, layout, outcome, path }) => {
        const image = layout.image()
        layout.index(layout.named("v1", image), Signer.simple(layout, OUR, image.digest))
        const bad = text === undefined ? join(path, "bad.pem") : key(text, "bad.pem")
        const message = outcome(`${key()} ${bad}`)
        assert.match(message, reason)
        assert.include(message, `${PLACE}:5: the key ${bad} of signedby`)
      }))

  it("with a line for keys that cannot be used, though an earlier one could be", () =>
    withPlace(({ layout, key, load }) => {
      const image = layout.image()
      layout.index(layout.named("v1", image), Signer.simple(layout, OUR, image.digest))
      const catalog = load("keys/our.pem")
      assert.match(
        outcomeOf(one(catalog)),
        /oci-generator\.conf:5: signedby = .*an absolute path is expected/
      )
      assert.match(
        outcomeOf(one(load(key(), { signedidentity: "name" }))),
        /:6: signedidentity = "name": one of any/
      )
    }))

  it("where no time is left to look for its signature", () =>
    withPlace(({ key, layout, load }) => {
      const image = layout.image()
      layout.index(layout.named("v1", image), Signer.simple(layout, OUR, image.digest))
      let isSpent = false
      const catalog = load(key(), {}, { seconds: 1, isSpent: () => isSpent })
      const listed = one(catalog)
      const documents = Either.getOrThrow(listed.documents())
      isSpent = true
      assert.match(
        Either.match(listed.signed(documents), { onLeft: ({ message }) => message, onRight: () => "" }),
        /^the signature of the image was not read, as the generator had no time left/
      )
    }))

  it("without a check of each signature after the generator's time, also of those that were found before", () =>
    withPlace(({ key, layout, load }) => {
      const image = layout.image()
      layout.index(layout.named("v1", image), Signer.bundle(layout, OUR, image))
      let isSpent = false
      const listed = one(load(key(), {}, { seconds: 1, isSpent: () => isSpent }))
      const documents = Either.getOrThrow(listed.documents())
      assert.isTrue(Either.isRight(listed.signed(documents)))
      isSpent = true
      assert.match(
        Either.match(listed.signed(documents), { onLeft: ({ message }) => message, onRight: () => "" }),
        /^the signature of the image was not read, as the generator had no time left/
      )
    }))
})

it("all that decides is an input of the generator's memory: keys, also missing ones, and the documents of signatures", () =>
  withPlace(({ key, layout, load, path }) => {
    const image = layout.image()
    const signature = Signer.simple(layout, OTHER, image.digest)
    const bundle = Signer.bundle(layout, OUR, image)
    layout.index(layout.named("v1", image), layout.named(tagOf(image, ".sig"), signature), bundle)
    const read = (signedby: string) => {
      const record = new InputRecord()
      RecordedFiles.recordIn(record)
      try {
        one(load(signedby)).resolve()
      } finally {
        RecordedFiles.recordIn(undefined)
      }
      return [...record.paths.keys()]
    }
    const paths = read(key())
    for (const { digest } of [signature, bundle, layout.blob(LAYER, Signer.simpleText(image.digest))])
      assert.include(paths, join(layout.path, layout.blobPath(digest)))
    assert.include(paths, key())
    assert.include(read(join(path, "missing.pem")), join(path, "missing.pem"))
  }))

describe("commands", () => {
  /** `v1` is signed, `v2` is not. */
  const both = ({ layout }: Place) => {
    const image = layout.image()
    layout.index(
      layout.named("v1", image),
      layout.named("v2", layout.image({ author: "unsigned" })),
      layout.named(tagOf(image, ".sig"), Signer.simple(layout, OUR, image.digest))
    )
  }
  const run = <A, E>(effect: Effect.Effect<A, E, never>) =>
    Effect.runPromise(effect.pipe(Effect.either, Effect.provide(Logger.remove(Logger.defaultLogger))))

  it("write a failing unit with the reason, and other images go on", () =>
    withPlace((place) => {
      both(place)
      const { images } = place.load(place.key())
      const [v1, v2] = images.filter(Catalog.isImage).map(Render.image)
      assert.isUndefined(v1?.problem)
      assert.match(v2?.problem ?? "", /^example\.org\/app:v2: it has no signature in its layout/)
      const [stub] = v2?.files ?? []
      assert.match(stub?.text ?? "", /\(cannot run: it has no signature in its layout, and /)
    }))

  it("show the key, and what an unsigned image is", () =>
    withPlace(async (place) => {
      both(place)
      const catalog = place.load(place.key())
      const [v1, v2] = await Effect.runPromise(
        Effect.forEach(catalog.images.filter(Catalog.isImage), Summary.of)
      )
      assert.equal(v1?.signedBy, place.key())
      assert.isNull(v2?.signedBy)
      assert.isNotNull(v2?.manifest)
      assert.match(v2?.problem ?? "", /no signature/)
      const inspected = await Effect.runPromise(Inspection.of(one(catalog)))
      assert.equal(inspected.signedBy, place.key())
      assert.deepEqual(inspected.signedByPlaces, [`${PLACE}:5`])
      const unsigned = await Effect.runPromise(Inspection.of(one(catalog, "example.org/app:v2")))
      assert.match(unsigned.problem ?? "", /no signature/)
      assert.lengthOf(unsigned.layers, 1)
    }))

  it("extract what is signed and nothing else, also where it is extracted already", () =>
    withPlace(async (place) => {
      both(place)
      const services = ExtractionServices.layer(join(place.path, "extracts"))
      const extract = (signedby: string, name: string) =>
        run(Extract.extract(one(place.load(signedby), name)).pipe(Effect.provide(services)))
      for (const signedby of [place.key(), "", place.key()]) {
        assert.isTrue(Either.isRight(await extract(signedby, "example.org/app:v1")))
        const unsigned = await extract(signedby, "example.org/app:v2")
        assert.equal(Either.isRight(unsigned), signedby === "")
      }
      const root = await run(
        Extract.root(one(place.load(place.key()), "example.org/app:v2")).pipe(Effect.provide(services))
      )
      assert.isTrue(Either.isLeft(root))
    }))

  it("verify signatures, and the rest of an image without one", () =>
    withPlace(async (place) => {
      both(place)
      const findings: string[] = []
      const verified = await Effect.runPromise(
        Verify.verify(place.load(place.key()).images, {
          onFinding: ({ context }, finding) => findings.push(`${context.name.ref} ${finding._tag}`)
        }).pipe(
          Effect.provide(ExtractionServices.layer(join(place.path, "extracts"))),
          Effect.provide(Logger.remove(Logger.defaultLogger))
        )
      )
      assert.deepEqual(findings, ["v2 Unsigned"])
      assert.deepEqual(
        verified.map(({ layers }) => layers),
        [1, 1]
      )
    }))

  it("keep what an image needs that has lost its signature", () =>
    withPlace((place) => {
      both(place)
      const { settings } = fromLines(linesOf(place.path, { signedby: place.key() }))
      const facts = NeedFacts.collect(place.load(place.key()), settings, { pieces: [] } as never)
      expect(
        facts.images
          .filter(({ name }) => !name.ref.startsWith("sha256"))
          .map(({ content }) => "chainId" in content)
      ).toEqual([true, true])
    }))
})
