/** Secrets are written at a start for the service alone, and are gone after its stop. */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "vitest"
import { temporary } from "../support/LayoutWriter.ts"
import { place } from "../support/RootScripts.ts"

const asRoot = process.geteuid?.() === 0 ? it : it.skip
const OK = "0 "
const otherwise = (file: string) => ["--", "sh", "-c", 'echo ran >"$1"', "sh", file]

const made = (
  path: string,
  lines: readonly string[],
  credentials: Readonly<Record<string, string | Uint8Array>>
) => {
  const at = place(path)
  at.template("U", { secrets: lines })
  mkdirSync(at.at("credentials"))
  for (const [name, value] of Object.entries(credentials)) writeFileSync(at.at(`credentials/${name}`), value)
  return at
}

/** Returns how the preparation ended with this value as a variable, and the file that systemd reads. */
const variable = (value: string | Uint8Array) => {
  using directory = temporary()
  const at = made(directory.path, ["variable V - - token"], { token: value })
  const ended = at.prepare("U", "ephemeral")
  const file = `${at.paths("U").secrets}/environment`
  return { ended, text: existsSync(file) ? readFileSync(file, "latin1") : undefined }
}

describe("secrets", () => {
  asRoot("are files with the owner and mode of the configuration, on a file system of their own", () => {
    using directory = temporary()
    const at = made(
      directory.path,
      [`file 0 0:0 0444 encrypted`, `file 1 7:8 0400 plain`, `file 2 0:0 0440 ${directory.path}/a$b`],
      {
        encrypted: "\0\xff\n\n",
        plain: "(oci-systemd: missing)",
        "plain~plain": "",
        "encrypted~plain": "not this"
      }
    )
    at.write(at.at("a$b"), "of the host")
    assert.strictEqual(at.prepare("U", "ephemeral"), OK)
    const { secrets } = at.paths("U")
    const shown = readdirSync(secrets).map((name) => {
      const { gid, mode, uid } = lstatSync(`${secrets}/${name}`)
      return [name, uid, gid, (mode & 0o7777).toString(8), readFileSync(`${secrets}/${name}`, "utf8")]
    })
    assert.deepStrictEqual(shown, [
      ["0", 0, 0, "444", "\0\xff\n\n"],
      ["1", 7, 8, "400", ""],
      ["2", 0, 0, "440", "of the host"]
    ])
    assert.strictEqual(lstatSync(at.at("secrets")).mode & 0o777, 0o700)
    assert.deepStrictEqual(at.said().slice(0, 10), [
      ...["umount", "-q", "--lazy", "--", secrets],
      ...["mount", "-t", "ramfs", "-o", "mode=0700,nodev,nosuid,noexec"]
    ])
  })

  it("are unmounted when the service has stopped", () => {
    using directory = temporary()
    const at = made(directory.path, ["file 0 0:0 0444 x"], { x: "x" })
    const { secrets } = at.paths("U")
    // What is not mounted would be left.
    mkdirSync(secrets, { recursive: true })
    assert.strictEqual(at.release("U", "ephemeral"), OK)
    assert.includeMembers([...at.said()], ["umount", "-q", "--lazy", "--", secrets])
    assert.deepStrictEqual(readdirSync(at.at("secrets")), [])
  })

  it.each([
    [
      ["file 0 0:0 0444 there", "file 1 0:0 0444 away"],
      "away",
      /systemd-creds encrypt --name=away - \/etc\/credstore\.encrypted\/away\n$/
    ],
    [["variable V - - away"], "away", /neither in \/etc\/credstore\.encrypted nor in \/etc\/credstore/],
    [["file 0 0:0 0444 /nowhere/key"], "/nowhere/key", /this host has no such file\n$/],
    [["variable V - - /"], "/", /this host has no such file\n$/]
  ] as const)("that are missing make a start that fails and says which: %j", (lines, name, hint) => {
    using directory = temporary()
    const at = made(directory.path, lines, { there: "" })
    const ended = at.prepare("U", "ephemeral", otherwise(at.at("ran")))
    assert.include(ended, `1 the secret ${name} is missing: `)
    assert.match(ended, hint)
    // Nothing else could make it, and nothing is mounted in the root.
    assert.isFalse(existsSync(at.at("ran")))
    assert.notInclude(at.said(), "overlay")
  })

  it("that are longer than a credential of systemd are refused", () => {
    using directory = temporary()
    const at = made(directory.path, ["file 0 0:0 0444 x"], { x: new Uint8Array(1048577) })
    assert.match(at.prepare("U", "ephemeral"), /^1 the secret x is longer than 1048576 bytes/)
  })
})

describe("a secret that is a variable", () => {
  it.each([
    ["", 'V=""\n'],
    ["plain", 'V="plain"\n'],
    ["one\ntwo\n\n", 'V="one\ntwo"\n'],
    ["a\"b\\c$d`e'f %n", 'V="a\\"b\\\\c\\$d\\`e\'f %n"\n'],
    [" # ; \t ", 'V=" # ; \t "\n'],
    ["-n\\", 'V="-n\\\\"\n'],
    ["\u00e4\u0800\ud7ff\ufdcf\ufffd\u{10000}\u{10fffd}", undefined]
  ])("is quoted for systemd: %j", (value, expected) => {
    const { ended, text } = variable(value)
    assert.strictEqual(ended, OK)
    assert.strictEqual(text, expected ?? Buffer.from(`V="${value}"\n`).toString("latin1"))
  })

  it.each([
    "a\0b",
    "a\rb",
    "\x1b[0m",
    "\x7f",
    "\ufdd0",
    "\ufffe",
    "\u{1ffff}",
    "\u{10fffe}",
    new Uint8Array([0xff]),
    new Uint8Array([0x61, 0xc3]),
    new Uint8Array([0xc0, 0x80]),
    new Uint8Array([0xe0, 0x80, 0x80]),
    new Uint8Array([0xed, 0xa0, 0x80]),
    new Uint8Array([0xf4, 0x90, 0x80, 0x80])
  ])("that systemd would not take is refused, and not shown: %j", (value) => {
    const { ended, text } = variable(value)
    assert.strictEqual(
      ended,
      "1 the secret token cannot be the variable V: it has control characters, or is not UTF-8\n"
    )
    assert.isUndefined(text)
  })

  it("may be as long as Linux takes, and no longer", () => {
    assert.strictEqual(variable("x".repeat(131072 - 3)).ended, OK)
    assert.match(variable("x".repeat(131072 - 2)).ended, /^1 .* no variable that is longer than 131072 bytes/)
  })
})
