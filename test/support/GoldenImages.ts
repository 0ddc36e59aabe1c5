/** The images of test/fixtures/images, and what the generator makes of them. */
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { assert } from "vitest"
import type { Digest } from "../../src/domain/document/Digest.ts"
import * as ImageOverrides from "../../src/domain/settings/ImageOverrides.ts"
import * as Settings from "../../src/domain/settings/Settings.ts"
import * as Generate from "../../src/program/Generate.ts"
import * as FactsFile from "../../src/services/extracts/FactsFile.ts"
import * as SettingsFile from "../../src/services/host/SettingsFile.ts"
import { EMPTY_TAR, LayoutWriter, temporary } from "./LayoutWriter.ts"

export const FIXTURES = fileURLToPath(new URL("../fixtures/images/", import.meta.url))
export const INPUTS = ["image.json", "facts.json", "oci-generator.conf"]
const PLATFORM = { os: "linux", architecture: "amd64", variants: ["v1"] }
/** Where the temporary directory of a run is said to be. */
const STATE = "/var/lib/oci"

export const input = (image: string, name: string): string | undefined => {
  const file = join(FIXTURES, image, name)
  return existsSync(file) ? readFileSync(file, "utf8") : undefined
}

/** Everything below a directory, by its path there: the text of a file, or "-> target" of a link. */
const treeOf = (directory: string, below = ""): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(join(directory, below), { withFileTypes: true }).flatMap((entry): Array<[string, string]> => {
      const path = join(below, entry.name)
      if (entry.isDirectory()) return [...treeOf(directory, path)]
      const text = entry.isSymbolicLink()
        ? `-> ${readlinkSync(join(directory, path))}`
        : readFileSync(join(directory, path), "utf8")
      return [[path, text]]
    })
  )

export const images: readonly string[] = readdirSync(FIXTURES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

/** Writes the image `example.org/NAME:v1` as a layout, and runs the generator on it, with its configuration or another. */
export const generate = (
  image: string,
  configurationText = input(image, "oci-generator.conf") ?? ""
): ReadonlyMap<string, string> => {
  using directory = temporary()
  const at = (name: string) => join(directory.path, name)
  const layout = new LayoutWriter(at(`layouts/example.org/${image}`))
  // Not compressed: what gzip makes of it, and so every digest, is not the same everywhere.
  const layer = layout.blob("application/vnd.oci.image.layer.v1.tar", EMPTY_TAR)
  const manifest = layout.image(JSON.parse(input(image, "image.json") ?? ""), { layers: [layer] })
  layout.index(layout.named("v1", manifest))
  const configuration = at("oci-generator.conf")
  writeFileSync(configuration, configurationText)
  const { settings, warnings } = Effect.runSync(SettingsFile.load(configuration))
  assert.deepEqual(warnings, [])
  const facts = input(image, "facts.json")
  if (facts !== undefined) {
    const { config } = JSON.parse(readFileSync(join(layout.path, layout.blobPath(manifest.digest)), "utf8"))
    const own = Settings.forImage(settings, { layout: `example.org/${image}`, ref: "v1" })
    const question = ImageOverrides.question(own, JSON.parse(input(image, "image.json") ?? ""))
    Effect.runSync(FactsFile.write(at("extracts"), config.digest as Digest, question, JSON.parse(facts)))
  }
  mkdirSync(at("normal"))
  Generate.generate({
    settings: {
      ...settings,
      system: { ...settings.system, imagelayoutdir: at("layouts"), extractsdir: at("extracts") }
    },
    host: {
      systemdVersion: settings.system.systemdversion ?? 257,
      cli: ["/usr/bin/oci-systemd"],
      configFile: undefined,
      servesRecords: true
    },
    platform: PLATFORM,
    directory: at("normal"),
    log: { debug: () => {}, warn: () => {}, error: () => {} }
  })
  return new Map(
    [...treeOf(at("normal"))].map(([name, text]) => [
      name,
      text.replaceAll(directory.path, STATE).replace(TEMPLATE, "$1DIGEST")
    ])
  )
}

/** Its name is a hash of the units, with the paths that they have here. */
const TEMPLATE = /(\/templates\/[^/"]+\/)[0-9a-f]{32}/
