/** Images of a static busybox that run a line of shell: quick to make and to extract, and all of the same one layer. */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { LayoutWriter } from "../../support/LayoutWriter.ts"
import { archive, member } from "../../support/TarWriter.ts"
import { run } from "./Command.ts"

const APPLETS = ["sh", "cat", "echo", "false", "ls", "mkdir", "sleep", "touch"]

let layer: Promise<Buffer> | undefined

const busyboxLayer = async (): Promise<Buffer> => {
  const busybox = await readFile(
    (await run(["sh", "-c", 'readlink -f "$(command -v busybox)"'])).stdout.trim()
  )
  return archive(
    ...["bin/", "run/", "tmp/"].map((name) => member({ name, type: "5", mode: 0o755 })),
    member({ name: "bin/busybox", mode: 0o755 }, busybox),
    ...APPLETS.map((applet) => member({ name: `bin/${applet}`, type: "2", link: "busybox" }))
  )
}

/** The layout `example.org/NAME` below `layouts`, with an image for each reference, and the line of shell that it runs. */
export const writeShellImages = async (
  layouts: string,
  name: string,
  lines: Readonly<Record<string, string>>
): Promise<void> => {
  layer ??= busyboxLayer()
  const tar = await layer
  const writer = new LayoutWriter(join(layouts, "example.org", name))
  writer.index(
    ...Object.entries(lines).map(([ref, line]) => {
      const config = { Entrypoint: ["/bin/sh", "-c", line], StopSignal: "SIGKILL" }
      return writer.named(ref, writer.image({ config }, {}, tar))
    })
  )
}

/** The unit of such an image. */
export const shellUnit = (name: string, ref = "v1"): string => `org.example.${name}.ref.${ref}.service`
