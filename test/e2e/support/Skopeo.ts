/** The host's skopeo for machines of any release: with its libraries and its loader, so that it needs none of theirs. */
import { chmod, copyFile, mkdir, writeFile } from "node:fs/promises"
import { basename, join } from "node:path"
import { run } from "./Command.ts"

const PLACE = "/opt/skopeo"

/** Puts it into a machine's root, as `/usr/bin/skopeo`; `registry` is spoken to without TLS. */
export const install = async (root: string, registry: string): Promise<void> => {
  const place = join(root, PLACE)
  await mkdir(place, { recursive: true })
  const skopeo = (await run(["sh", "-c", 'readlink -f "$(command -v skopeo)"'])).stdout.trim()
  const libraries = (await run(["ldd", skopeo])).stdout.match(/\/\S+/g) ?? []
  for (const file of [skopeo, ...libraries]) await copyFile(file, join(place, basename(file)))
  const loader = libraries.find((file) => /\/ld-linux/.test(file))
  if (loader === undefined) throw new Error("skopeo has no loader")
  const command = `${PLACE}/${basename(loader)} --library-path ${PLACE} ${PLACE}/${basename(skopeo)}`
  await writeFile(join(root, "usr/bin/skopeo"), `#!/bin/sh\nexec ${command} "$@"\n`)
  for (const file of [join(root, "usr/bin/skopeo"), join(place, basename(skopeo))]) await chmod(file, 0o755)
  await mkdir(join(root, "etc/containers/registries.conf.d"), { recursive: true })
  await writeFile(
    join(root, "etc/containers/policy.json"),
    JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] })
  )
  await writeFile(
    join(root, "etc/containers/registries.conf.d/test.conf"),
    `[[registry]]\nlocation = "${registry}"\ninsecure = true\n`
  )
}
