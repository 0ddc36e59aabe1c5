/** The documents of signatures: what they say, and what is refused. */
import * as Either from "effect/Either"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as Base64 from "../../../src/domain/signature/Base64.ts"
import * as SignedName from "../../../src/domain/signature/SignedName.ts"
import * as SigstoreBundle from "../../../src/domain/signature/SigstoreBundle.ts"
import * as SimpleSigning from "../../../src/domain/signature/SimpleSigning.ts"
import {
  bundleOf,
  preAuthenticated,
  signer,
  simpleAnnotations,
  simpleText,
  statementOf
} from "../../support/Signer.ts"

const DIGEST = `sha256:${"1a".repeat(32)}`
const LONG = `sha512:${"2b".repeat(64)}`
const SIGNATURE = Buffer.from([1, 2, 3])
const key = signer()
const bytes = (value: unknown): Buffer =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value))
const reasonOf = (parsed: Either.Either<unknown, { readonly reason: string }>): string =>
  Either.match(parsed, { onLeft: ({ reason }) => reason, onRight: () => "accepted" })

describe("simple signing", () => {
  const text = simpleText(DIGEST, "registry.example/app")
  it("says digest and name, and is signed as it is written", () => {
    const parsed = Either.getOrThrow(SimpleSigning.parse(text, simpleAnnotations(SIGNATURE)))
    assert.deepEqual<readonly string[]>(parsed.digests, [DIGEST])
    assert.equal(parsed.name, "registry.example/app")
    assert.strictEqual(parsed.message, text)
    assert.deepEqual([...parsed.signature], [1, 2, 3])
    assert.isFalse(parsed.isKeyless)
  })

  const critical = (more: object) => bytes({ critical: { ...JSON.parse(text.toString()).critical, ...more } })
  it.each([
    ["no JSON", bytes("signature"), /^the signed text cannot be used: not JSON/],
    ["bytes that are no text", Buffer.from([0xff, 0xfe]), /^the signed text is not UTF-8 text$/],
    ["a number", bytes(1), /^the signed text is malformed: Expected object/],
    ["nothing critical", bytes({ optional: {} }), /malformed: critical: is missing/],
    ["no digest", critical({ image: {} }), /docker-manifest-digest: is missing/],
    [
      "a digest that is too short",
      critical({ image: { "docker-manifest-digest": "sha256:1" } }),
      /is not a sha256/
    ],
    ["a list of digests", critical({ image: { "docker-manifest-digest": [DIGEST] } }), /Expected string/],
    ["another type", critical({ type: "atomic container signature" }), /critical.type: Expected/],
    ["one key twice", bytes(`{"critical": 1, "critical": 2}`), /appears twice/],
    ["deep nesting", bytes(`${"[".repeat(1000)}${"]".repeat(1000)}`), /nested more than/]
  ])("refuses %s", (_, message, reason) => {
    assert.match(reasonOf(SimpleSigning.parse(message, simpleAnnotations(SIGNATURE))), reason)
  })

  it.each([
    ["without annotations", undefined],
    ["without a signature", {}],
    ["with an empty one", simpleAnnotations(Buffer.alloc(0))],
    ["with one that is not base64", { "dev.cosignproject.cosign/signature": "a b" }]
  ])("refuses a layer %s", (_, annotations) => {
    assert.match(reasonOf(SimpleSigning.parse(text, annotations)), /missing or is not base64/)
  })

  it("refuses whatever is cut off", () => {
    for (let length = 0; length < text.length; length++)
      assert.isTrue(
        Either.isLeft(SimpleSigning.parse(text.subarray(0, length), simpleAnnotations(SIGNATURE)))
      )
  })
})

describe("a sigstore bundle", () => {
  const good = bundleOf(key, statementOf(DIGEST)) as { dsseEnvelope: Record<string, unknown> }
  const enveloped = (more: object) => bytes({ ...good, dsseEnvelope: { ...good.dsseEnvelope, ...more } })
  const stated = (statement: unknown) => enveloped({ payload: bytes(statement).toString("base64") })

  it("says digests, and is signed over type and payload with their lengths", () => {
    const parsed = Either.getOrThrow(SigstoreBundle.parse(bytes(good)))
    assert.deepEqual<readonly string[]>(parsed.digests, [DIGEST])
    assert.isUndefined(parsed.name)
    const expected = preAuthenticated(Buffer.from(JSON.stringify(statementOf(DIGEST))))
    assert.deepEqual(Buffer.from(parsed.message), expected)
    assert.isFalse(parsed.isKeyless)
  })

  it("is known as keyless by its certificate", () => {
    const keyless = { ...good, verificationMaterial: { certificate: { rawBytes: "" } } }
    assert.isTrue(Either.getOrThrow(SigstoreBundle.parse(bytes(keyless))).isKeyless)
  })

  it("may have several subjects, of which those with other hashes do not count", () => {
    const subject = [
      { digest: { sha1: "1a", sha256: DIGEST.slice(7) } },
      { digest: { sha512: LONG.slice(7) } },
      { digest: { sha256: "1A" } }
    ]
    const parsed = SigstoreBundle.parse(stated({ ...statementOf(DIGEST), subject }))
    assert.deepEqual<readonly string[]>(Either.getOrThrow(parsed).digests, [DIGEST, LONG])
  })

  it.each([
    ["no JSON", bytes("bundle"), /^the bundle cannot be used: not JSON/],
    [
      "another version",
      bytes({ ...good, mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.2" }),
      /mediaType/
    ],
    [
      "a signature of a message",
      bytes({ ...good, dsseEnvelope: undefined, messageSignature: {} }),
      /dsseEnvelope: is missing/
    ],
    ["no verification material", bytes({ ...good, verificationMaterial: undefined }), /verificationMaterial/],
    ["another type of payload", enveloped({ payloadType: "text/plain" }), /payloadType/],
    ["no signature", enveloped({ signatures: [] }), /the signature is missing/],
    ["two signatures", enveloped({ signatures: [{ sig: "AAAA" }, { sig: "AAAA" }] }), /at most 1, actual 2/],
    ["a signature that is not base64", enveloped({ signatures: [{ sig: "A A" }] }), /is not base64/],
    [
      "a payload that is not base64",
      enveloped({ payload: "{}" }),
      /^the payload is missing or is not base64/
    ],
    ["a payload that is no statement", stated({}), /^the statement is malformed/],
    [
      "an attestation",
      stated(statementOf(DIGEST, { predicateType: "https://slsa.dev/provenance/v1" })),
      /predicateType/
    ],
    ["another kind of statement", stated(statementOf(DIGEST, { _type: "statement" })), /_type/],
    ["a subject that is no list", stated(statementOf(DIGEST, { subject: {} })), /subject: Expected list/],
    [
      "too many subjects",
      stated(statementOf(DIGEST, { subject: Array(101).fill({ digest: {} }) })),
      /at most 100/
    ]
  ])("is refused with %s", (_, document, reason) => {
    assert.match(reasonOf(SigstoreBundle.parse(document)), reason)
  })

  it("is refused wherever it is cut off", () => {
    const whole = bytes(good)
    for (let length = 0; length < whole.length; length++)
      assert.isTrue(Either.isLeft(SigstoreBundle.parse(whole.subarray(0, length))))
  })

  it("never throws, whatever the document", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.jsonValue(), fc.string()),
        fc.constantFrom("payload", "signatures", "whole"),
        (value, at) => {
          if (at === "whole")
            return void [SigstoreBundle.parse(bytes(value)), SimpleSigning.parse(bytes(value), {})]
          SigstoreBundle.parse(enveloped({ [at]: value }))
          SigstoreBundle.parse(stated(value))
        }
      )
    )
  })
})

describe("base64", () => {
  it("is read back in each of its forms", () => {
    fc.assert(
      fc.property(
        fc.uint8Array(),
        fc.constantFrom("base64", "base64url"),
        fc.boolean(),
        (all, form, isPadded) => {
          const text = Buffer.from(all)
            .toString(form as "base64")
            .replace(/=+$/, "")
          const padding = isPadded ? "=".repeat((4 - (text.length % 4)) % 4) : ""
          assert.deepEqual(Base64.decode(text + padding), new Uint8Array(all))
        }
      )
    )
  })
  it.each([
    "A",
    "AAAAA",
    "A=",
    "AA=",
    "AAA==",
    "AAAA=",
    "AAAA==",
    "=",
    "==",
    "A A=",
    "AA\n=",
    "+_AA",
    "AA==AA==",
    "ä",
    "AAA\u0000"
  ])("is not %j", (text) => assert.isUndefined(Base64.decode(text)))
  it("may be large", () => {
    const large = Buffer.alloc(3 * 1024 * 1024, 0xfb)
    assert.equal(Base64.decode(large.toString("base64"))?.length, large.length)
    assert.isUndefined(Base64.decode(`${large.toString("base64")}!`))
  })
})

describe("the name in a signature", () => {
  const image = { layout: "registry.example/app", ref: "v1" }
  it.each([
    ["registry.example/app", image, "repository"],
    ["registry.example/app", image, "any"],
    ["anything", image, "any"],
    ["registry.example/app:v1", image, "repository"],
    ["registry.example/app:v1", image, "exact"],
    [`registry.example/app:v1@${DIGEST}`, image, "exact"],
    ["localhost:5000/app:v1", { layout: "localhost:5000/app", ref: "v1" }, "exact"],
    ["localhost:5000/app", { layout: "localhost:5000/app", ref: "v1" }, "repository"],
    ["index.docker.io/library/nginx", { layout: "library/nginx", ref: "stable" }, "repository"],
    ["docker.io/library/nginx:stable", { layout: "nginx", ref: "stable" }, "exact"],
    ["myorg/app", { layout: "docker.io/myorg/app", ref: "v1" }, "repository"]
  ] as const)("%s is that of %j for %s", (name, image, rule) => {
    assert.isTrue(SignedName.matches(rule, image, name))
  })
  it.each([
    ["registry.example/app", image, "exact"],
    ["registry.example/app:v2", image, "exact"],
    [`registry.example/app@${DIGEST}`, image, "exact"],
    ["registry.example/other", image, "repository"],
    ["registry.example/app/v1", image, "repository"],
    ["other.example/app", image, "repository"],
    ["app", image, "repository"],
    ["registry.example:5000/app", image, "repository"],
    ["REGISTRY.example/app", image, "repository"],
    ["", image, "repository"]
  ] as const)("%s is not that of %j for %s", (name, image, rule) => {
    assert.isFalse(SignedName.matches(rule, image, name))
  })
})
