/** Installing puts everything in its place, again and again; uninstalling leaves what was there before. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { assert, describe, it } from "vitest"
import * as InstallTree from "../../src/domain/machine/InstallTree.ts"
import { TEXT } from "../../src/domain/settings/DefaultConfiguration.ts"
import * as Install from "../../src/program/Install.ts"
import * as Uninstall from "../../src/program/Uninstall.ts"
import type { InstallSource } from "../../src/services/install/InstallSource.ts"
import { temporary } from "../support/LayoutWriter.ts"

const NAMES = [
  "oci-systemd",
  "oci-systemd-generator",
  "oci-generator",
  "oci-health",
  "layer-worker.cjs",
  "code/layer-worker.js",
  "node_modules/koffi/index.js",
  "man/oci-systemd.1",
  "completions/bash/oci-systemd",
  "completions/zsh/_oci-systemd",
  "completions/fish/oci-systemd.fish",
  "systemd/oci.slice",
  "apparmor/oci-systemd-image",
  // No part of an installation.
  "index.js",
  "types/index.d.ts"
]
/** One file with two names. */
const TWINS: readonly string[] = ["oci-systemd", "oci-systemd-generator"]

/** Files that hold `content` and their names. */
const makeSource = (directory: string, content: string, names: readonly string[] = NAMES): InstallSource => ({
  directory,
  isComplete: true,
  suffix: "",
  files: names.map((name) => {
    const path = join(directory, content, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, `${content} ${TWINS.includes(name) ? "twin" : name}`)
    return {
      name,
      path,
      isExecutable: name.startsWith("oci-"),
      identity: TWINS.includes(name) ? "twin" : undefined
    }
  })
})

/** Each path below a directory, with what is there. */
const describeTree = (root: string, path = ""): Readonly<Record<string, string>> =>
  Object.assign(
    {},
    ...readdirSync(join(root, path)).map((name) => {
      const here = join(path, name)
      const file = join(root, here)
      const stat = lstatSync(file)
      if (stat.isSymbolicLink()) return { [here]: `-> ${readlinkSync(file)}` }
      if (stat.isDirectory()) return { [here]: "directory", ...describeTree(root, here) }
      return { [here]: `${(stat.mode & 0o7777).toString(8)} ${readFileSync(file, "utf8")}` }
    })
  )

const withPlaces = (
  test: (places: {
    readonly root: string
    readonly install: (
      source: InstallSource,
      prefix?: InstallTree.Prefix,
      version?: string
    ) => Install.Installation
    readonly uninstall: (prefix?: InstallTree.Prefix) => Uninstall.Removal
    readonly source: (content: string, names?: readonly string[]) => InstallSource
  }) => void
): void => {
  using directory = temporary()
  const root = join(directory.path, "root")
  mkdirSync(root)
  test({
    root,
    source: (content, names) => makeSource(directory.path, content, names),
    install: (source, prefix = "/usr/local", version = "1") =>
      Effect.runSync(Install.install({ source, root, prefix, version })),
    uninstall: (prefix = "/usr/local") => Effect.runSync(Uninstall.uninstall(root, prefix))
  })
}

describe.each(InstallTree.PREFIXES)("below %s", (prefix) => {
  it("everything has its place, and nothing else is there", () =>
    withPlaces(({ install, root, source }) => {
      install(source("new"), prefix)
      const below = prefix.slice(1)
      const { [`${below}/lib/oci-systemd-generator/installed.json`]: manifest, ...tree } = Object.fromEntries(
        Object.entries(describeTree(root)).filter(([, what]) => what !== "directory")
      )
      assert.match(manifest ?? "", /^644 \{/)
      const programs = `${below}/lib/oci-systemd-generator`
      assert.deepEqual(tree, {
        "etc/oci-generator.conf": `644 ${TEXT}`,
        "etc/apparmor.d/oci-systemd-image": "644 new apparmor/oci-systemd-image",
        [`${programs}/oci-systemd`]: "755 new twin",
        [`${programs}/oci-systemd-generator`]: "755 new twin",
        [`${programs}/oci-generator`]: "755 new oci-generator",
        [`${programs}/oci-health`]: "755 new oci-health",
        [`${programs}/layer-worker.cjs`]: "644 new layer-worker.cjs",
        [`${programs}/code/layer-worker.js`]: "644 new code/layer-worker.js",
        [`${programs}/node_modules/koffi/index.js`]: "644 new node_modules/koffi/index.js",
        [`${below}/bin/oci-systemd`]: "-> ../lib/oci-systemd-generator/oci-systemd",
        [`${below}/lib/systemd/system-generators/oci-systemd-generator`]:
          "-> ../../oci-systemd-generator/oci-generator",
        [`${below}/lib/systemd/system/oci.slice`]: "644 new systemd/oci.slice",
        [`${below}/share/man/man1/oci-systemd.1`]: "644 new man/oci-systemd.1",
        [`${below}/share/bash-completion/completions/oci-systemd`]: "644 new completions/bash/oci-systemd",
        [`${below}/share/zsh/site-functions/_oci-systemd`]: "644 new completions/zsh/_oci-systemd",
        [prefix === "/usr"
          ? "usr/share/fish/vendor_completions.d/oci-systemd.fish"
          : "etc/fish/completions/oci-systemd.fish"]: "644 new completions/fish/oci-systemd.fish"
      })
      const inode = (name: string) => statSync(join(root, programs, name)).ino
      assert.equal(inode("oci-systemd"), inode("oci-systemd-generator"))
      // The links lead where they should.
      assert.equal(readFileSync(join(root, below, "bin/oci-systemd"), "utf8"), "new twin")
      assert.equal(
        readFileSync(join(root, below, "lib/systemd/system-generators/oci-systemd-generator"), "utf8"),
        "new oci-generator"
      )
    }))

  it("uninstalling leaves what was there before", () =>
    withPlaces(({ install, root, source, uninstall }) => {
      mkdirSync(join(root, prefix, "bin"), { recursive: true })
      writeFileSync(join(root, prefix, "bin/other"), "other")
      mkdirSync(join(root, "var/lib/oci/volumes/x"), { recursive: true })
      const before = describeTree(root)
      install(source("new"), prefix)
      const { files, keepsConfiguration } = uninstall(prefix)
      assert.isFalse(keepsConfiguration)
      assert.isAbove(files.length, 10)
      assert.deepEqual(describeTree(root), before)
    }))
})

it("everybody can read what is installed, whatever the umask is", () =>
  withPlaces(({ install, root, source }) => {
    const files = source("new")
    const umask = process.umask(0o077)
    try {
      install(files)
    } finally {
      process.umask(umask)
    }
    const modes = (directory: string): readonly number[] =>
      readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
        const path = join(directory, entry.name)
        return [statSync(path).mode, ...(entry.isDirectory() ? modes(path) : [])]
      })
    for (const mode of modes(root)) assert.equal(mode & 0o044, 0o044)
  }))

it("installing again changes nothing", () =>
  withPlaces(({ install, root, source }) => {
    const files = source("new")
    install(files)
    const once = describeTree(root)
    assert.isFalse(install(files).keepsConfiguration)
    assert.deepEqual(describeTree(root), once)
  }))

it("another version replaces the files of the one before, and processes that have opened those still read them", () =>
  withPlaces(({ install, root, source, uninstall }) => {
    install(source("old", [...NAMES, "oci-forgotten"]))
    const program = join(root, "usr/local/lib/oci-systemd-generator/oci-health")
    const { ino } = statSync(program)
    install(source("new"), "/usr/local", "2")
    assert.equal(readFileSync(program, "utf8"), "new oci-health")
    assert.notEqual(statSync(program).ino, ino)
    assert.isFalse(existsSync(join(root, "usr/local/lib/oci-systemd-generator/oci-forgotten")))
    uninstall()
    assert.deepEqual(describeTree(root), {})
  }))

describe("a configuration", () => {
  const CONFIGURATION = "etc/oci-generator.conf"

  it("that was there is left alone, by both", () =>
    withPlaces(({ install, root, source, uninstall }) => {
      mkdirSync(join(root, "etc"))
      writeFileSync(join(root, CONFIGURATION), "mine")
      assert.isTrue(install(source("new")).keepsConfiguration)
      assert.isTrue(uninstall().keepsConfiguration)
      assert.equal(readFileSync(join(root, CONFIGURATION), "utf8"), "mine")
    }))

  it("that was edited is left alone, by both", () =>
    withPlaces(({ install, root, source, uninstall }) => {
      install(source("old"))
      writeFileSync(join(root, CONFIGURATION), "edited")
      assert.isTrue(install(source("new")).keepsConfiguration)
      assert.isTrue(uninstall().keepsConfiguration)
      assert.equal(readFileSync(join(root, CONFIGURATION), "utf8"), "edited")
    }))

  it("that enables images is named by the uninstallation, and left alone", () =>
    withPlaces(({ install, root, source, uninstall }) => {
      install(source("new"))
      const directory = `${CONFIGURATION}.d`
      mkdirSync(join(root, directory))
      const own = `${directory}/50-enabled-example.org%2Fapp:v1.conf`
      for (const file of [own, `${directory}/60-mine.conf`]) writeFileSync(join(root, file), "")
      assert.deepEqual(uninstall().enabling, [`/${own}`])
      assert.isTrue(existsSync(join(root, own)))
    }))

  it("that is a link to nowhere is left alone", () =>
    withPlaces(({ install, root, source }) => {
      mkdirSync(join(root, "etc"))
      symlinkSync("/nowhere", join(root, CONFIGURATION))
      assert.isTrue(install(source("new")).keepsConfiguration)
      assert.equal(readlinkSync(join(root, CONFIGURATION)), "/nowhere")
    }))
})

it("links in the tree lead into the tree", () =>
  withPlaces(({ install, root, source, uninstall }) => {
    using outside = temporary()
    mkdirSync(join(root, "usr"))
    mkdirSync(join(root, outside.path, "local"), { recursive: true })
    symlinkSync(`${outside.path}/local`, join(root, "usr/local"))
    const before = describeTree(root)
    install(source("new"))
    assert.deepEqual(readdirSync(outside.path), [])
    assert.isTrue(existsSync(join(root, outside.path, "local/lib/oci-systemd-generator/oci-health")))
    uninstall()
    assert.deepEqual(describeTree(root), before)
  }))

it("what stands in the way of a file is named", () =>
  withPlaces(({ root, source }) => {
    mkdirSync(join(root, "usr/local"), { recursive: true })
    writeFileSync(join(root, "usr/local/lib"), "a file")
    const result = Effect.runSync(
      Effect.either(Install.install({ source: source("new"), root, prefix: "/usr/local", version: "1" }))
    )
    assert.isTrue(Either.isLeft(result))
    if (Either.isLeft(result)) assert.include(result.left.message, `${root}/usr/local/lib/`)
  }))

it("there is nothing to uninstall where nothing was installed", () =>
  withPlaces(({ root }) => {
    const result = Effect.runSync(Effect.either(Uninstall.uninstall(root, "/usr")))
    assert.isTrue(Either.isLeft(result) && result.left._tag === "NotInstalled")
  }))

it("an installation does not install itself", () =>
  withPlaces(({ root, source }) => {
    const installed = { ...source("new"), isComplete: false }
    const result = Effect.runSync(
      Effect.either(Install.install({ source: installed, root, prefix: "/usr", version: "1" }))
    )
    assert.isTrue(Either.isLeft(result) && result.left._tag === "NothingToInstall")
    assert.deepEqual(readdirSync(root), [])
  }))
