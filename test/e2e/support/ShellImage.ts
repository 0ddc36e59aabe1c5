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
    ...["bin/", "run/"].map((name) => member({ name, type: "5", mode: 0o755 })),
    // For marks that anybody may leave.
    member({ name: "mark/", type: "5", mode: 0o1777 }),
    member({ name: "bin/busybox", mode: 0o755 }, busybox),
    ...APPLETS.map((applet) => member({ name: `bin/${applet}`, type: "2", link: "busybox" }))
  )
}

/** Besides the line of shell, what an image's configuration says. */
export interface ShellImage {
  readonly line: string
  readonly config: object
  /** Whether the image has a layer, and so an extract, of its own. */
  readonly isApart?: boolean
}

/** Returns the archive with one directory more, which only root may enter. */
const apart = (tar: Buffer): Buffer =>
  Buffer.concat([member({ name: "closed/", type: "5", mode: 0o700 }), tar])

/** The layout `example.org/NAME` below `layouts`, with an image for each reference, and the line of shell that it runs. */
export const writeShellImages = async (
  layouts: string,
  name: string,
  images: Readonly<Record<string, string | ShellImage>>
): Promise<void> => {
  layer ??= busyboxLayer()
  const tar = await layer
  const writer = new LayoutWriter(join(layouts, "example.org", name))
  writer.index(
    ...Object.entries(images).map(([ref, image]) => {
      const {
        line,
        config: own,
        isApart = false
      } = typeof image === "string" ? { line: image, config: {} } : image
      const config = { Entrypoint: ["/bin/sh", "-c", line], ...own }
      return writer.named(ref, writer.image({ config }, {}, isApart ? apart(tar) : tar))
    })
  )
}

/** The unit of such an image. */
export const shellUnit = (name: string, ref = "v1"): string => `org.example.${name}.ref.${ref}.service`
