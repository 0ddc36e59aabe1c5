// @ts-check
/**
 * Watches a directory of layouts, and writes all units anew whenever something in it has changed and then been still.
 *
 *     node examples/watch.mjs LAYOUTS UNITS
 *
 * A host with the generator needs no such program: there, `systemctl daemon-reload` does it.
 */
import { watch } from "node:fs"
import { Generate, HostFacts, Session, Settings } from "oci-systemd-generator"

const STILL = 300 // milliseconds

const [imagelayoutdir = "", directory = ""] = process.argv.slice(2)
const settings = Settings.make({ system: { imagelayoutdir } })
const session = Session.open(settings)
const log = {
  debug: console.log,
  warn: console.warn,
  error: console.error
}

/** One after the other. */
let written = Promise.resolve()
const generate = () => {
  written = written.then(() =>
    session.run(
      Generate.generate({
        settings,
        host: HostFacts.unitHost(settings.system),
        platform: HostFacts.platform(),
        directory,
        log
      })
    )
  )
}

/** @type {NodeJS.Timeout | undefined} */
let timer
const watcher = watch(imagelayoutdir, { recursive: true }, () => {
  clearTimeout(timer)
  timer = setTimeout(generate, STILL)
})
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    watcher.close()
    clearTimeout(timer)
    written.finally(() => session.close())
  })
}
generate()
