import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { assert, describe, it } from "vitest"
import { Catalog, Extract, HostFacts, Selection, Session, Settings } from "../../src/index.ts"
import { LayoutWriter, MANIFEST, sha256, temporary } from "../support/LayoutWriter.ts"
import { archive, member } from "../support/TarWriter.ts"

/** Two images, `example.org/app:v1` of one file, which is extracted, and `example.org/bad:v1`, whose layer is damaged. */
const place = () => {
  const directory = temporary()
  const at = (name: string) => join(directory.path, name)
  for (const [name, damaged] of [
    ["app", false],
    ["bad", true]
  ] as const) {
    const writer = new LayoutWriter(at(`layouts/example.org/${name}`))
    const tar = archive(member({ name: "file" }, "content"), member({ name: "file" }, "again"))
    const layer = writer.blob("application/vnd.oci.image.layer.v1.tar", tar)
    const diffId = damaged ? sha256(Buffer.from("something else")) : sha256(tar)
    writer.index(
      writer.named(
        "v1",
        writer.image(
          { ...host(), rootfs: { type: "layers", diff_ids: [diffId] } },
          { mediaType: MANIFEST, layers: [layer] }
        )
      )
    )
  }
  const settings = Settings.make({
    system: { imagelayoutdir: at("layouts"), extractsdir: at("extracts"), volumesdir: at("volumes") }
  })
  return { settings, extracts: at("extracts"), [Symbol.dispose]: () => directory[Symbol.dispose]() }
}

const host = () => {
  const { architecture, os } = HostFacts.platform()
  return { architecture, os }
}

const find = async (session: Session.Session, settings: Settings.Settings, name: string) =>
  session.run(Selection.one(await session.run(Catalog.load(settings)), name))

describe("a session", () => {
  it("extracts with promises alone, and tells warnings to whoever asked for them", async () => {
    using at = place()
    const warnings: string[] = []
    await using session = Session.open(at.settings, { onWarning: (message) => warnings.push(message) })
    const events: string[] = []
    const image = await find(session, at.settings, "example.org/app:v1")
    const { root } = await session.run(Extract.extract(image, { onEvent: ({ _tag }) => events.push(_tag) }))
    assert.deepEqual(readdirSync(root), ["file"])
    assert.strictEqual(events[0], "Begun")
    assert.strictEqual(events.at(-1), "Published")
    assert.lengthOf(warnings, 1)
    assert.match(warnings[0] ?? "", /file/)
  })

  it("gives errors as results with their types, and rejects with the same where results alone are wanted", async () => {
    using at = place()
    await using session = Session.open(at.settings)
    const image = await find(session, at.settings, "example.org/bad:v1")
    const outcome = await session.attempt(Extract.extract(image))
    if (outcome._tag === "Right") throw new Error("a damaged layer was extracted")
    assert.strictEqual(outcome.left._tag, "ExtractFailed")
    assert.match(outcome.left.message, /^example\.org\/bad:v1: /)
    const thrown = await session.run(Extract.extract(image)).catch((error: unknown) => error)
    assert.instanceOf(thrown, Extract.ExtractFailed)
    assert.propertyVal((thrown as Extract.ExtractFailed).cause as object, "_tag", "DiffIdMismatch")
  })

  it("stops at a signal, and leaves nothing behind", async () => {
    using at = place()
    await using session = Session.open(at.settings)
    const image = await find(session, at.settings, "example.org/app:v1")
    const controller = new AbortController()
    const reason = new Error("enough")
    const onEvent = () => controller.abort(reason)
    const thrown = await session
      .attempt(Extract.extract(image, { onEvent }), { signal: controller.signal })
      .catch((error: unknown) => error)
    assert.strictEqual(thrown, reason)
    assert.deepEqual(readdirSync(join(at.extracts, "tmp")), [])
    assert.isFalse(existsSync(join(at.extracts, "dirs/chainID/sha256")))
  })

  it("starts nothing for a signal that was given already", async () => {
    await using session = Session.open()
    let ran = false
    const effect = Effect.sync(() => {
      ran = true
    })
    const signal = AbortSignal.abort("never")
    assert.strictEqual(await session.run(effect, { signal }).catch((error: unknown) => error), "never")
    assert.isFalse(ran)
  })

  it("rejects with what was thrown where that is no error of the library's", async () => {
    await using session = Session.open()
    const bug = new TypeError("a bug")
    const effect = Effect.sync(() => {
      throw bug
    })
    assert.strictEqual(await session.attempt(effect).catch((error: unknown) => error), bug)
  })
})
