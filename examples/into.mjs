// @ts-check
/**
 * Task: writes the root of an image to a directory of your own. The layout is named by its directory, without a catalog;
 * the image may be a base image without a command, and be for any platform.
 *
 *     node examples/into.mjs LAYOUT REF DIRECTORY [PLATFORM]
 */
import { Extract, Layouts, Platform, Session } from "oci-systemd-generator"

const [layout = "", ref = "", directory = "", wanted] = process.argv.slice(2)
const platform = wanted === undefined ? undefined : Platform.parse(wanted)
const session = Session.open()
try {
  const image = await session.run(Layouts.open(layout, ref))
  const options = platform === undefined ? {} : { platform: Platform.machineOf(platform) }
  const { missingPrivileges, root } = await session.run(Extract.into(image, directory, options))
  console.log(root)
  // Without root, owners and devices are not what the image says: it is for the program to decide whether that will do.
  for (const { count, lack, path } of missingPrivileges)
    console.error(`lacks ${lack}: ${count}, the first ${path}`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  await session.close()
}
