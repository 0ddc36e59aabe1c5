/** What random entries of layers get beside their names: attributes, times, owners and sizes. */
import * as fc from "fast-check"
import type { LayerEntry, Metadata } from "../../src/domain/archive/LayerEntry.ts"
import { type ByteString, fromText } from "../../src/domain/text/ByteString.ts"

const CAPABILITY = Buffer.from("0100000200040000000000000000000000000000", "hex")

const xattrs: fc.Arbitrary<Metadata["xattrs"]> = fc
  .array(
    fc.oneof(
      fc.constant<readonly [string, Uint8Array]>(["security.capability", CAPABILITY]),
      fc.tuple(
        fc.constantFrom("user.a", "user.b", "trusted.c", "security.d"),
        fc.oneof(fc.uint8Array({ maxLength: 5 }), fc.constantFrom(Buffer.alloc(600, 1), Buffer.alloc(450, 2)))
      )
    ),
    { maxLength: 3 }
  )
  .map((pairs) => new Map<ByteString, Uint8Array>(pairs.map(([name, value]) => [fromText(name), value])))

/** What the entries of an image get beside what they have: attributes, times, owners and sizes. */
export const changes = fc.array(
  fc.record({
    xattrs: fc.oneof({ weight: 3, arbitrary: fc.constant(new Map()) }, xattrs),
    seconds: fc.oneof(fc.constantFrom(-1, 0), fc.integer({ min: -(2 ** 40), max: 2 ** 40 })),
    nanoseconds: fc.nat(999_999_999),
    uid: fc.nat(2 ** 21 - 1),
    size: fc.oneof(fc.nat(3), fc.constantFrom(511, 512, 513, 5000))
  }),
  { minLength: 1, maxLength: 20 }
)

/** Returns the entry that has this number in its image, with what one of the changes gives it. */
export const changed = (entry: LayerEntry, changes: Changes, number: number): LayerEntry => {
  const change = changes[number % changes.length]
  if (entry._tag === "Hardlink" || change === undefined) return entry
  const { nanoseconds, seconds, size, uid, xattrs } = change
  const metadata = { ...entry.metadata, uid, mtime: { seconds, nanoseconds }, xattrs }
  return entry._tag === "File" ? { ...entry, metadata, size } : { ...entry, metadata }
}

type Changes = typeof changes extends fc.Arbitrary<infer A> ? A : never
