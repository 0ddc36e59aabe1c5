/**
 * Makes the sample layout: one image, of two layers, whose program is a static executable of some two hundred bytes.
 *
 *     node scripts/sample.mjs DIRECTORY        writes DIRECTORY/example.org/hello, reference "latest"
 *
 * The program prints its arguments, one a line, and ends. Its machine code is assembled here, for x86-64 and ARM64.
 */
import { createHash } from "node:crypto"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import tar from "tar-stream"

const LOAD_ADDRESS = 0x400000
const ELF_HEADER = 64
const PROGRAM_HEADER = 56

/** The program: for each argument write(1, argument, its length) and write(1, "\n", 1); then exit(0). */
const CODE = {
  x64: Buffer.from(
    [
      "4989e4", //               mov r12, rsp
      "4983c408", //       next: add r12, 8              argv
      "498b3424", //             mov rsi, [r12]
      "4885f6", //               test rsi, rsi
      "7431", //                 jz exit
      "31d2", //                 xor edx, edx
      "803c1600", //             length: cmp byte [rsi+rdx], 0
      "7404", //                 jz write
      "ffc2", //                 inc edx
      "ebf6", //                 jmp length
      "b801000000", //           write: mov eax, 1
      "bf01000000", //           mov edi, 1
      "0f05", //                 syscall
      "6a0a", //                 push 10
      "4889e6", //               mov rsi, rsp
      "ba01000000", //           mov edx, 1
      "b801000000", //           mov eax, 1
      "bf01000000", //           mov edi, 1
      "0f05", //                 syscall
      "58", //                   pop rax
      "ebc2", //                 jmp next
      "b83c000000", //           exit: mov eax, 60
      "31ff", //                 xor edi, edi
      "0f05" //                  syscall
    ].join(""),
    "hex"
  ),
  arm64: words([
    0x910023f3, // add x19, sp, #8            argv
    0xf8408661, // next: ldr x1, [x19], #8
    0xb4000221, // cbz x1, exit
    0xd2800002, // mov x2, #0
    0x38626823, // length: ldrb w3, [x1, x2]
    0x34000063, // cbz w3, write
    0x91000442, // add x2, x2, #1
    0x17fffffd, // b length
    0xd2800020, // write: mov x0, #1
    0xd2800808, // mov x8, #64
    0xd4000001, // svc #0
    0x52800143, // mov w3, #10
    0x381f0fe3, // strb w3, [sp, #-16]!
    0x910003e1, // mov x1, sp
    0xd2800022, // mov x2, #1
    0xd2800020, // mov x0, #1
    0xd4000001, // svc #0
    0x910043ff, // add sp, sp, #16
    0x17ffffef, // b next
    0xd2800000, // exit: mov x0, #0
    0xd2800ba8, // mov x8, #93
    0xd4000001 //  svc #0
  ])
}

const MACHINE = { x64: 62, arm64: 183 }
const ARCHITECTURE = { x64: "amd64", arm64: "arm64" }

function words(values) {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, index * 4)
  return bytes
}

/** Returns an executable with one read-only, executable segment, which is the whole file (elf(5)). */
const executable = (arch) => {
  const code = CODE[arch]
  const start = ELF_HEADER + PROGRAM_HEADER
  const file = Buffer.alloc(start)
  Buffer.from("7f454c46020101", "hex").copy(file)
  file.writeUInt16LE(2, 16)
  file.writeUInt16LE(MACHINE[arch], 18)
  file.writeUInt32LE(1, 20)
  file.writeBigUInt64LE(BigInt(LOAD_ADDRESS + start), 24)
  file.writeBigUInt64LE(BigInt(ELF_HEADER), 32)
  file.writeUInt16LE(ELF_HEADER, 52)
  file.writeUInt16LE(PROGRAM_HEADER, 54)
  file.writeUInt16LE(1, 56)
  file.writeUInt32LE(1, ELF_HEADER)
  file.writeUInt32LE(5, ELF_HEADER + 4)
  file.writeBigUInt64LE(BigInt(LOAD_ADDRESS), ELF_HEADER + 16)
  file.writeBigUInt64LE(BigInt(LOAD_ADDRESS), ELF_HEADER + 24)
  file.writeBigUInt64LE(BigInt(start + code.length), ELF_HEADER + 32)
  file.writeBigUInt64LE(BigInt(start + code.length), ELF_HEADER + 40)
  file.writeBigUInt64LE(4096n, ELF_HEADER + 48)
  return Buffer.concat([file, code])
}

const archive = async (entries) => {
  const pack = tar.pack()
  for (const { content, ...header } of entries) pack.entry({ mtime: new Date(0), ...header }, content)
  pack.finalize()
  const chunks = []
  for await (const chunk of pack) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const digest = (bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`

export const makeSample = async (directory, arch = process.arch) => {
  if (!(arch in CODE))
    throw new Error(`the sample's program is for ${Object.keys(CODE).join(" and ")}, not for ${arch}`)
  const layout = join(directory, "example.org", "hello")
  mkdirSync(join(layout, "blobs", "sha256"), { recursive: true })
  const blob = (bytes, mediaType) => {
    const name = digest(bytes)
    writeFileSync(join(layout, "blobs", "sha256", name.slice("sha256:".length)), bytes)
    return { mediaType, digest: name, size: bytes.length }
  }
  const layers = [
    await archive([
      { name: "bin/", type: "directory", mode: 0o755 },
      { name: "etc/", type: "directory", mode: 0o755 },
      { name: "bin/hello", mode: 0o755, content: executable(arch) },
      { name: "etc/passwd", content: "root:x:0:0:root:/root:/bin/hello\nhello:x:4711:4711::/:/bin/hello\n" },
      { name: "etc/removed", content: "the second layer takes this file away\n" }
    ]),
    await archive([
      { name: "etc/.wh.removed", content: "" },
      { name: "etc/motd", content: "made by scripts/sample.mjs\n" }
    ])
  ]
  const config = {
    architecture: ARCHITECTURE[arch],
    os: "linux",
    created: "1970-01-01T00:00:00Z",
    config: {
      User: "hello",
      Env: ["PATH=/bin", "GREETING=100% $HOME"],
      Entrypoint: ["hello"],
      Cmd: ["Hello from an OCI image:", 'quotes " and \\, 100%, $HOME, ;', ""],
      Labels: {
        "org.opencontainers.image.title": "Hello",
        "org.opencontainers.image.url": "https://example.org/hello"
      }
    },
    rootfs: { type: "layers", diff_ids: layers.map(digest) }
  }
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: blob(Buffer.from(JSON.stringify(config)), "application/vnd.oci.image.config.v1+json"),
    layers: layers.map((layer) => blob(gzipSync(layer), "application/vnd.oci.image.layer.v1.tar+gzip"))
  }
  const descriptor = blob(Buffer.from(JSON.stringify(manifest)), manifest.mediaType)
  const index = {
    schemaVersion: 2,
    manifests: [{ ...descriptor, annotations: { "org.opencontainers.image.ref.name": "latest" } }]
  }
  writeFileSync(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }))
  writeFileSync(join(layout, "index.json"), JSON.stringify(index))
  return layout
}

if (process.argv[2] !== undefined) console.log(await makeSample(process.argv[2]))
