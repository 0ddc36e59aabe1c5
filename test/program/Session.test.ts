import { randomBytes } from "node:crypto"
import { chmodSync, existsSync, mkdirSync, readdirSync, statfsSync, statSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { assert, describe, it } from "vitest"
import type * as SystemSettings from "../../src/domain/settings/SystemSettings.ts"
import {
  Catalog,
  Extract,
  type ExtractionEvent,
  HostFacts,
  Selection,
  Session,
  Settings
} from "../../src/index.ts"
import { asUser, NOBODY } from "../support/AsUser.ts"
import * as ErofsPlace from "../support/ErofsPlace.ts"
import { LayoutWriter, MANIFEST, sha256, temporary } from "../support/LayoutWriter.ts"
import { imagesIn, unmount } from "../support/MountedPlace.ts"
import { archive, member } from "../support/TarWriter.ts"

/** linux/magic.h */
const EROFS = 0xe0f5e1e2

const noMounts = await ErofsPlace.whyNoMounts()
if (noMounts !== undefined) console.error(`skipped: ${noMounts}`)

/** Two images, `example.org/app:v1` of one file, which is extracted, and `example.org/bad:v1`, whose layer is damaged. */
const place = (roots: SystemSettings.RootsKind = "directories") => {
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
  const large = new LayoutWriter(at("layouts/example.org/large"))
  // Layers that are worth a thread each.
  const tars = [0, 1].map((layer) => archive(member({ name: `file${layer}` }, randomBytes(3 << 20))))
  large.index(
    large.named(
      "v1",
      large.image(
        { ...host(), rootfs: { type: "layers", diff_ids: tars.map((tar) => sha256(tar)) } },
        { layers: tars.map((tar) => large.blob("application/vnd.oci.image.layer.v1.tar", tar)) }
      )
    )
  )
  const settings = Settings.make({
    system: {
      imagelayoutdir: at("layouts"),
      extractsdir: at("extracts"),
      volumesdir: at("volumes"),
      roots
    }
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
  it("extracts with promises alone, and passes warnings to the function that was given for them", async () => {
    using at = place()
    const warnings: Session.Warning[] = []
    await using session = Session.open(at.settings, { onWarning: (warning) => warnings.push(warning) })
    const events: string[] = []
    const image = await find(session, at.settings, "example.org/app:v1")
    const onEvent = ({ _tag }: { readonly _tag: string }) => events.push(_tag)
    const { made, missingPrivileges, root } = await session.run(Extract.extract(image, { onEvent }))
    assert.deepEqual(readdirSync(root), ["file"])
    assert.isTrue(made)
    assert.deepEqual(missingPrivileges, [])
    assert.strictEqual(events[0], "Begun")
    assert.strictEqual(events.at(-1), "Published")
    assert.lengthOf(warnings, 1)
    assert.include(warnings[0], { code: "DuplicateEntry", path: "file" })
    assert.match(warnings[0]?.message ?? "", /file/)
    events.length = 0
    assert.isFalse((await session.run(Extract.extract(image, { onEvent }))).made)
    assert.deepEqual(events, ["Published"])
  })

  it("rejects with what a callback throws, on this thread and for a layer that another one reads", async () => {
    using at = place()
    await using session = Session.open(at.settings, { onWarning: () => {} })
    const thrown = new Error("a bug of the program")
    for (const name of ["example.org/app:v1", "example.org/large:v1"])
      for (const tag of ["Begun", "LayerRead", "LayerReady", "RootWritten"]) {
        const onEvent = (event: ExtractionEvent.ExtractionEvent) => {
          if (event._tag === tag) throw thrown
        }
        const image = await find(session, at.settings, name)
        const outcome = await session
          .run(Extract.extract(image, { onEvent }))
          .catch((error: unknown) => error)
        assert.strictEqual(outcome, thrown, `${name}: ${tag}`)
      }
    // Nothing of it is left, and the threads are still of use.
    const image = await find(session, at.settings, "example.org/large:v1")
    const { root } = await session.run(Extract.extract(image))
    assert.deepEqual(readdirSync(root), ["file0", "file1"])
    assert.deepEqual(readdirSync(join(at.extracts, "tmp")), [])
  })

  it("runs nothing after it was closed, and says so with an error", async () => {
    using at = place()
    const session = Session.open(at.settings)
    await session.close()
    await session.close()
    const image = Catalog.load(at.settings).images[0]
    if (image === undefined) return assert.fail("there is no image")
    for (const run of [
      () => session.run(Extract.extract(image)),
      () => session.attempt(Extract.extract(image)),
      () => session.run("a value")
    ]) {
      const thrown = await run().catch((error: unknown) => error)
      assert.instanceOf(thrown, Session.SessionClosed)
      assert.instanceOf(thrown, Error)
      assert.propertyVal(thrown as object, "message", "the session is closed: Session.open gives another one")
    }
  })

  it("stops what runs when it is closed", async () => {
    using at = place()
    const session = Session.open(at.settings)
    const image = await find(session, at.settings, "example.org/app:v1")
    const onEvent = () => void session.close()
    const thrown = await session.run(Extract.extract(image, { onEvent })).catch((error: unknown) => error)
    assert.instanceOf(thrown, Session.SessionClosed)
    assert.isFalse(existsSync(join(at.extracts, "roots/sha256")))
  })

  it("makes a root in any directory, and names what kept it from that", async () => {
    using at = place()
    await using session = Session.open(at.settings, { onWarning: () => {} })
    const image = await find(session, at.settings, "example.org/app:v1")
    const directory = join(at.extracts, "../mine")
    const { missingPrivileges, root } = await session.run(Extract.into(image, directory))
    assert.deepEqual([root, readdirSync(root), missingPrivileges], [directory, ["file"], []])
    assert.isFalse(existsSync(at.extracts))
    const bad = await find(session, at.settings, "example.org/bad:v1")
    const outcome = await session.attempt(Extract.into(bad, join(at.extracts, "../other")))
    if (outcome._tag === "Right" || outcome.left._tag !== "ExtractFailed") return assert.fail("no error")
    const { cause } = outcome.left
    // The compiler knows the facts of each cause by its tag.
    assert.strictEqual(
      cause._tag === "DiffIdMismatch" ? cause.expected : "",
      sha256(Buffer.from("something else"))
    )
  })

  const mountIt = it.skipIf(noMounts !== undefined)
  mountIt.each(["directories", "mounted"] as const)("mounts a root at a directory: %s", async (roots) => {
    using at = place(roots)
    await using session = Session.open(at.settings, { onWarning: () => {} })
    const image = await find(session, at.settings, "example.org/app:v1")
    const directory = join(at.extracts, "../looked-at")
    const early = await session.attempt(Extract.mount(image, directory))
    if (early._tag === "Right" || early.left._tag !== "PlaceUnfit") return assert.fail("no error")
    assert.strictEqual(early.left.message, `nothing is mounted at ${directory}: it does not exist`)
    mkdirSync(directory)
    const { made } = await session.run(Extract.mount(image, directory))
    try {
      assert.deepEqual([made, readdirSync(directory)], [true, ["file"]])
      assert.throws(() => mkdirSync(join(directory, "other")), /EROFS/)
      assert.strictEqual(statfsSync(directory).type === EROFS, roots === "mounted")
    } finally {
      const [image] = imagesIn(at.extracts)
      if (image !== undefined) unmount(join(image, "root"))
      await session.run(Extract.unmount(directory))
    }
    assert.deepEqual(readdirSync(directory), [])
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

  it.skipIf(process.getuid?.() !== 0)(
    "makes again as root what an ordinary user made with other owners",
    async () => {
      using at = place()
      mkdirSync(at.extracts)
      for (const path of [join(at.extracts, ".."), at.extracts]) chmodSync(path, 0o777)
      const warnings: Session.Warning[] = []
      const extract = async () => {
        await using session = Session.open(at.settings, { onWarning: (warning) => warnings.push(warning) })
        return await session.run(Extract.extract(await find(session, at.settings, "example.org/app:v1")))
      }
      const byUser = await Effect.runPromise(asUser(NOBODY, Effect.promise(extract)))
      assert.deepEqual(
        byUser.missingPrivileges.map(({ count, lack, path }) => [lack, count, path]),
        [["owner", 2, "file"]]
      )
      assert.strictEqual(statSync(join(byUser.root, "file")).uid, NOBODY)
      assert.include(
        warnings.map(({ code }) => code),
        "MissingPrivilege"
      )
      warnings.length = 0
      const byRoot = await extract()
      assert.strictEqual(byRoot.root, byUser.root)
      assert.isTrue(byRoot.made)
      assert.deepEqual(byRoot.missingPrivileges, [])
      assert.strictEqual(statSync(join(byRoot.root, "file")).uid, 0)
      assert.include(warnings[0], { code: "RootMadeWithoutPrivileges", path: byRoot.root })
      assert.isFalse((await extract()).made)
    }
  )

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
    assert.isFalse(existsSync(join(at.extracts, "roots/sha256")))
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
