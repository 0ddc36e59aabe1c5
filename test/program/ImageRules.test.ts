/** The rules of docs/layers.md that only a whole image shows, by number: from its layout to its root, or to its unit. */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import * as SystemSettings from "../../src/domain/settings/SystemSettings.ts"
import * as Generate from "../../src/program/Generate.ts"
import { type ExtractionPlace, withPlace } from "../support/ExtractionPlace.ts"
import { HOST, PLATFORM } from "../support/Host.ts"
import { LayoutWriter, sha256, temporary, type WrittenDescriptor } from "../support/LayoutWriter.ts"
import * as Systemd from "../support/SystemdSyntax.ts"
import * as Tar from "../support/TarWriter.ts"

const LAYER = "application/vnd.oci.image.layer.v1.tar"
const ONE = Tar.archive(Tar.member({ name: "one" }, "1"))
const TWO = Tar.archive(Tar.member({ name: "two" }, "2"))

const diffIds = (...ids: readonly string[]) => ({ rootfs: { type: "layers", diff_ids: ids } })
const namesIn = (root: string) => fs.readdirSync(root).sort()
const file = (layout: LayoutWriter, { digest }: WrittenDescriptor) =>
  join(layout.path, layout.blobPath(digest))

/** Two layers with these diff ids. */
const two = (layout: LayoutWriter, ids: readonly string[]) =>
  layout.index(layout.image(diffIds(...ids), { layers: [layout.blob(LAYER, ONE), layout.blob(LAYER, TWO)] }))

const refuses = (
  what: string,
  fill: (place: ExtractionPlace) => void,
  why: RegExp,
  repair?: (place: ExtractionPlace) => void
) =>
  it(what, () =>
    withPlace(async (place) => {
      fill(place)
      const outcome = await place.extract()
      assert.match(Either.isLeft(outcome) ? outcome.left : "no error", why)
      if (repair === undefined) return
      repair(place)
      assert.deepEqual(Either.map(await place.extract(), namesIn), Either.right(["one", "two"]))
    })
  )

describe("rule 25: nothing unverified survives", () => {
  refuses(
    "where the second layer is not the one of its diff id",
    ({ layout }) => two(layout, [sha256(ONE), sha256(ONE)]),
    /layer sha256:[0-9a-f]{64}: the image expects the uncompressed digest sha256:[0-9a-f]{64}, but it is/,
    ({ layout }) => two(layout, [sha256(ONE), sha256(TWO)])
  )
  refuses(
    "where the layers are in another order than the diff ids",
    ({ layout }) => two(layout, [sha256(TWO), sha256(ONE)]),
    /the image expects the uncompressed digest/
  )
  refuses(
    "where there are more layers than diff ids",
    ({ layout }) => two(layout, [sha256(ONE)]),
    /has 2 layers, but its configuration has 1 diff ids$/
  )
  refuses(
    "where there are fewer layers than diff ids",
    ({ layout }) => two(layout, [sha256(ONE), sha256(TWO), sha256(TWO)]),
    /has 2 layers, but its configuration has 3 diff ids$/
  )
  refuses(
    "where the second layer is of another size than its descriptor says",
    ({ layout }) => {
      const [one, other] = [layout.blob(LAYER, ONE), layout.blob(LAYER, TWO)]
      const layers = [one, { ...other, size: other.size + 512 }]
      layout.index(layout.image(diffIds(sha256(ONE), sha256(TWO)), { layers }))
    },
    /layer sha256:[0-9a-f]{64}: its descriptor says [0-9]+ bytes, but the blob has [0-9]+$/
  )
})

describe("rule 28: layers", () => {
  it("that are foreign are used when they are there, and an error when they are not", () =>
    withPlace(async ({ extract, layout }) => {
      const foreign = (bytes: Uint8Array) => ({
        ...layout.blob("application/vnd.oci.image.layer.nondistributable.v1.tar", bytes),
        urls: ["http://127.0.0.1:9/layer"]
      })
      const layers = [foreign(ONE), foreign(TWO)]
      layout.index(layout.image(diffIds(sha256(ONE), sha256(TWO)), { layers }))
      const blob = file(layout, layers[1] as WrittenDescriptor)
      fs.renameSync(blob, `${blob}.away`)
      const outcome = await extract()
      assert.match(
        Either.isLeft(outcome) ? outcome.left : "",
        /not distributed with images and is missing here; nothing is fetched \(the descriptor names http:.*\)$/
      )
      fs.renameSync(`${blob}.away`, blob)
      assert.deepEqual(Either.map(await extract(), namesIn), Either.right(["one", "two"]))
    }))
})

describe("rule 28: a layer that its descriptor embeds", () => {
  const embedded = (place: ExtractionPlace, bytes: Uint8Array) => {
    const { layout } = place
    const blob = layout.blob(LAYER, TWO)
    const layers = [
      layout.blob(LAYER, ONE),
      { ...blob, data: Buffer.from(bytes).toString("base64") } as WrittenDescriptor
    ]
    layout.index(layout.image(diffIds(sha256(ONE), sha256(TWO)), { layers }))
    fs.rmSync(file(layout, blob))
    return place.extract()
  }
  it("needs no blob", () =>
    withPlace(async (place) =>
      assert.deepEqual(Either.map(await embedded(place, TWO), namesIn), Either.right(["one", "two"]))
    ))
  it("is refused where it is not what its digest says", () =>
    withPlace(async (place) => {
      const outcome = await embedded(place, ONE.map((byte) => byte ^ 1).slice(0, TWO.length))
      assert.match(Either.isLeft(outcome) ? outcome.left : "", /is damaged, its digest is|the blob has/)
    }))
})

describe("rule 29: the blob of a layer", () => {
  const right = ({ layout }: ExtractionPlace) => two(layout, [sha256(ONE), sha256(TWO)])
  const blobOf = ({ layout }: ExtractionPlace) => file(layout, layout.blob(LAYER, TWO))
  const instead = (make: (path: string) => void) => (place: ExtractionPlace) => {
    right(place)
    const path = blobOf(place)
    fs.rmSync(path)
    make(path)
  }
  const again = (place: ExtractionPlace) => {
    const path = join(place.layout.path, place.layout.blobPath(sha256(TWO)))
    fs.rmSync(path, { recursive: true, force: true })
    right(place)
  }
  for (const [what, make, why] of [
    ["a fifo, which nobody waits for", (path) => execFileSync("mkfifo", [path]), /is a fifo, not a file$/],
    ["a directory", (path) => fs.mkdirSync(path), /is a directory, not a file$/],
    ["a device", (path) => fs.symlinkSync("/dev/zero", path), /is a device, not a file$/],
    ["missing", () => {}, /is missing$/],
    ["a symlink to itself", (path) => fs.symlinkSync(path, path), /form a circle$/]
  ] as ReadonlyArray<readonly [string, (path: string) => void, RegExp]>) {
    refuses(
      `is ${what}`,
      instead(make),
      new RegExp(`^example\\.org/app:latest: layer sha256:.*${why.source}`),
      again
    )
  }

  it("may be a symlink out of the blobs directory", () =>
    withPlace(async (place) => {
      right(place)
      const path = blobOf(place)
      const pool = join(place.layout.path, "pool")
      fs.mkdirSync(pool)
      fs.renameSync(path, join(pool, "layer"))
      fs.symlinkSync("../../pool/layer", path)
      assert.deepEqual(Either.map(await place.extract(), namesIn), Either.right(["one", "two"]))
    }))

  it("and all the others may have sha512", () =>
    withPlace(async ({ extract, layout }) => {
      const sha512 = (bytes: Uint8Array | string) =>
        `sha512:${createHash("sha512").update(bytes).digest("hex")}`
      const blob = (mediaType: string, content: Uint8Array | string): WrittenDescriptor => {
        layout.write(layout.blobPath(sha512(content)), content)
        return { mediaType, digest: sha512(content), size: content.length }
      }
      const usual = layout.image(diffIds(sha512(ONE)), { layers: [blob(LAYER, ONE)] })
      const manifest = JSON.parse(fs.readFileSync(file(layout, usual), "utf8"))
      const config = blob(manifest.config.mediaType, fs.readFileSync(file(layout, manifest.config), "utf8"))
      layout.index(blob(usual.mediaType, JSON.stringify({ ...manifest, config })))
      const outcome = Either.getOrThrow(await extract())
      assert.deepEqual(namesIn(outcome), ["one"])
      // The chain id of one layer is its diff id.
      assert.include(outcome, `/sha512/${sha512(ONE).slice(7, 9)}/${sha512(ONE).slice(7)}`)
    }))
})

describe("rule 30: an image alone fails", () => {
  it("whose layer is missing, and the others do not", () =>
    withPlace(async ({ extract, layout }) => {
      const broken = layout.image(
        { author: "broken", ...diffIds(sha256(TWO)) },
        { layers: [layout.blob(LAYER, TWO)] }
      )
      const fine = layout.image(diffIds(sha256(ONE)), { layers: [layout.blob(LAYER, ONE)] })
      layout.index(layout.named("broken", broken), layout.named("fine", fine))
      fs.rmSync(file(layout, layout.blob(LAYER, TWO)))
      const outcome = await extract("broken")
      assert.match(
        Either.isLeft(outcome) ? outcome.left : "",
        /^example\.org\/app:broken: layer .* is missing$/
      )
      assert.deepEqual(Either.map(await extract("fine"), namesIn), Either.right(["one"]))
    }))

  it("that is being written: each time cleanly, until it is there", () =>
    withPlace(async ({ extract, layout }) => {
      two(layout, [sha256(ONE), sha256(TWO)])
      const blobs = [ONE, TWO].map((bytes) => [file(layout, layout.blob(LAYER, bytes)), bytes] as const)
      for (const [path] of blobs) fs.rmSync(path)
      for (const [path, bytes] of blobs) {
        for (const length of [0, 512, bytes.length - 1]) {
          fs.writeFileSync(path, bytes.subarray(0, length))
          const outcome = await extract()
          assert.match(
            Either.isLeft(outcome) ? outcome.left : "",
            /is missing$|bytes, but the blob has [0-9]+$/
          )
        }
        fs.writeFileSync(path, bytes)
      }
      assert.deepEqual(Either.map(await extract(), namesIn), Either.right(["one", "two"]))
    }))
})

describe("rule 33: labels and annotations are data", () => {
  /** By section, the directives of every unit of an image; what they say is another matter. */
  const unitsOf = (labels: object, annotations: object) => {
    using directory = temporary()
    const layouts = join(directory.path, "layouts")
    const layout = new LayoutWriter(join(layouts, "example.org/app"))
    layout.index(layout.image({ config: { Cmd: ["/app"], Labels: labels } }, { annotations }))
    const output = join(directory.path, "normal")
    fs.mkdirSync(output)
    const settings = {
      system: {
        ...SystemSettings.DEFAULTS,
        imagelayoutdir: layouts,
        extractsdir: join(directory.path, "extracts")
      },
      rules: []
    }
    const fail = (message: string) => assert.fail(message)
    const log = { debug: () => {}, warn: fail, error: fail }
    Generate.generate({ settings, host: HOST, platform: PLATFORM, directory: output, log })
    return fs
      .readdirSync(output)
      .sort()
      .map((name) => [name, Systemd.readUnit(fs.readFileSync(join(output, name), "utf8"))] as const)
  }
  /** As many as there are labels to say something; nothing of them is run. */
  const FILLED_BY_LABELS = ["Documentation", "LogExtraFields"]
  const shape = (units: ReturnType<typeof unitsOf>) =>
    units.map(([unit, sections]) => [
      unit,
      sections.map(({ entries, name }) => [
        name,
        entries.map(([key]) => key).filter((key) => !FILLED_BY_LABELS.includes(key))
      ])
    ])
  /** All but what labels may fill. */
  const commands = (units: ReturnType<typeof unitsOf>) =>
    units.flatMap(([, sections]) =>
      sections.flatMap(({ entries }) =>
        entries.filter(([key]) => !["Description", "SourcePath", ...FILLED_BY_LABELS].includes(key))
      )
    )

  const evil = "x\n[Service]\nExecStartPre=/bin/evil\r\nUser=0\0 %n $HOME $(id) \\\n; /bin/evil"
  const everywhere = Object.fromEntries(
    ["title", "description", "documentation", "url", "source", "vendor", "version", "ref.name"].map((key) => [
      `org.opencontainers.image.${key}`,
      evil
    ])
  )
  const others = {
    [evil]: evil,
    "io.systemd.ExecStart": "/bin/evil",
    ExecStart: "/bin/evil",
    "org.opencontainers.image.documentation": "https://example.org/\nExecStart=/bin/evil",
    "": evil
  }
  for (const [what, labels, annotations] of [
    ["labels", everywhere, {}],
    ["annotations", {}, everywhere],
    ["both, under names of directives", { ...everywhere, ...others }, others]
  ] as const) {
    it(`whatever ${what} hold, no unit has a directive or a command more`, () => {
      const [plain, filled] = [unitsOf({}, {}), unitsOf(labels, annotations)]
      assert.isAbove(plain.length, 1)
      assert.deepEqual(shape(filled), shape(plain))
      assert.deepEqual(commands(filled).map(withoutPaths), commands(plain).map(withoutPaths))
    })
  }
})

/** Each run has a temporary directory of its own, and each image a template: its name is a hash. */
function withoutPaths([key, value]: readonly [string, string]): readonly [string, string] {
  return [
    key,
    value
      .replaceAll(/oci-test-[A-Za-z0-9]{6}/g, "oci-test")
      .replace(/(\/templates\/[^/]+\/)[0-9a-f]{32}/, "$1")
  ]
}
