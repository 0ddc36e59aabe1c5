/**
 * What is asked of an image of a popular program on each system: it starts with default settings, answers over its protocol,
 * keeps its volume over a restart, stops by its own signal, and complains of nothing of which it does not complain under podman.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { temporary } from "../../support/LayoutWriter.ts"
import { allReleases, cacheDirectory } from "./BaseRoot.ts"
import { complaints } from "./Complaints.ts"
import { installed } from "./Installed.ts"
import { type Machine, type Release, releases, skipReason } from "./Machine.ts"
import * as Podman from "./Podman.ts"
import { IMAGES, writeLayout } from "./PopularImages.ts"
import type { PopularImage } from "./popular/PopularImage.ts"

const unit = (name: string) => `org.debian.popular.ref.${name}.service`
/** An init that has to be process 1 does not start where systemd has no namespaces of process ids. */
const NEEDS_NAMESPACE = ["s6"]
const runsOn = (name: string, release: Release) => release !== "bookworm" || !NEEDS_NAMESPACE.includes(name)

const DOCUMENT = new URL("../../../docs/popular-images.md", import.meta.url)
/** What podman's logs of the images complain of: UPDATE_GOLDEN=1 writes the file anew. */
const COMPLAINTS = new URL("../../fixtures/popularComplaints.json", import.meta.url)
const complaintsOfPodman = (): Record<string, readonly string[]> =>
  JSON.parse(readFileSync(COMPLAINTS, "utf8"))

/** The rows of the document's table, by the image's name. */
const rows = new Map(
  readFileSync(DOCUMENT, "utf8")
    .split("\n")
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim())
    )
    .flatMap(([name, ...cells]) =>
      name?.startsWith("`") ? [[name.replaceAll("`", ""), cells] as const] : []
    )
)
/** What the document says of an image on a system: the table ends with a column for each. */
const documented = (name: string, release: Release): string | undefined =>
  rows.get(name)?.at(allReleases.indexOf(release) - allReleases.length)

const imageOf = (name: string): PopularImage => {
  const image = IMAGES[name]
  if (image === undefined) throw new Error(name)
  return image
}

/** What a text of the program complains of, but for what the machine has to say of itself. */
const complaintsOf = (name: string, text: string, host: string): readonly string[] => {
  const { early } = imageOf(name)
  // systemd 262 finds no controller of numbers of processes in a container of nspawn, for any service.
  return complaints(text, [host]).filter(
    (line) => !/: Failed to read pids\.max /.test(line) && early?.test(line) !== true
  )
}

export const document = (): void => {
  it("the document's table has every image", () => {
    assert.deepEqual([...rows.keys()], Object.keys(IMAGES))
  })
}

const reason = skipReason()

/** Runs the images of these names on each system. */
export const onSystemd = (names: readonly string[]): void => {
  describe.skipIf(reason !== undefined).each(releases())(`popular images on %s${reason ?? ""}`, (release) => {
    let machine: Machine
    beforeAll(async () => {
      machine = await installed(release, (directory) =>
        writeLayout(join(directory, "debian.org/popular"), names)
      )
      await machine.boot()
    })
    afterAll(async () => machine?.dispose())

    const systemctl = (...words: readonly string[]) => machine.run(["systemctl", ...words], { check: false })
    const show = async (name: string, property: string) =>
      (await systemctl("show", "-P", property, unit(name))).stdout.trim()
    /** Asks again until the program answers: it says in its own way, or not at all, that it is ready. */
    const answers = async (name: string, line: string, answer: RegExp) => {
      const script = `in="nsenter --target $(systemctl show -P MainPID ${unit(name)}) --mount --root --"; ${line}`
      let said = ""
      for (let round = 0; round < 120; round++) {
        const { stderr, stdout } = await machine.run(["bash", "-c", script], { check: false })
        said = `${stdout}${stderr}`
        if (answer.test(stdout)) return
        await machine.run("sleep 0.5")
      }
      throw new Error(`${name} answers ${JSON.stringify(said)}\n${await machine.journal(unit(name))}`)
    }

    it.each(names.filter((name) => runsOn(name, release)))(
      "%s starts, answers, is restarted with its volume, and stops",
      async (name) => {
        const { answer, ask, keep, kept, says, unhandled } = imageOf(name)
        const isFirst = release !== "bookworm"
        try {
          const started = await systemctl("start", unit(name))
          assert.strictEqual(started.code, 0, await machine.journal(unit(name)))
          await answers(name, ask, answer)
          if (keep !== undefined) await answers(name, keep, /kept/)
          await systemctl("restart", unit(name))
          await answers(name, ask, answer)
          if (kept !== undefined) await answers(name, kept, /kept/)
        } finally {
          await systemctl("stop", unit(name))
        }
        const journal = await machine.journal(unit(name))
        assert.deepEqual(
          [await show(name, "ActiveState"), await show(name, "Result"), await show(name, "NRestarts")],
          unhandled !== undefined && isFirst ? ["failed", "exit-code", "0"] : ["inactive", "success", "0"],
          journal
        )
        // A program that handles its signal exits; one that does not dies of it, but never of SIGKILL.
        const [code, status] = [await show(name, "ExecMainCode"), await show(name, "ExecMainStatus")]
        assert.isTrue(code === "1" || status !== "9", `${code} ${status}\n${journal}`)
        if (unhandled !== undefined && isFirst) assert.strictEqual(status, unhandled)
        if (says !== undefined) assert.match(journal, says)
        const known = complaintsOfPodman()[name] ?? []
        const unknown = complaintsOf(name, journal, release).filter((line) => !known.includes(line))
        const ofStop = unknown.filter((line) => line.endsWith("Failed with result 'exit-code'."))
        assert.deepEqual(unknown, unhandled !== undefined && isFirst ? ofStop : [], journal)
        const errors = await machine.run(
          ["journalctl", "-b", "-p", "err", "-o", "cat", "-u", unit(name), "-u", `oci-*@${unit(name)}`],
          { check: false }
        )
        assert.strictEqual(errors.stdout.replace(/^-- No entries --\n/, ""), "")
        assert.strictEqual(
          documented(name, release),
          unhandled !== undefined && isFirst ? `runs; stops with status ${unhandled}` : "runs"
        )
      }
    )

    it.runIf(names.some((name) => !runsOn(name, release)))(
      "an init that cannot be process 1 is told before its start",
      async () => {
        for (const name of names.filter((name) => !runsOn(name, release))) {
          const { stdout } = await machine.run(["oci-systemd", "inspect", `debian.org/popular:${name}`])
          assert.include(stdout.replace(/\s+/g, " "), 'its program "/init" looks like an init')
          assert.match(documented(name, release) ?? "", /^no: /)
        }
      }
    )
  })
}

/** Runs each image under podman, and compares what it complains of with the list that the journals are held to. */
export const underPodman = (names: readonly string[]): void => {
  describe.skipIf(reason !== undefined || !Podman.isUsable())("popular images under podman", () => {
    const layout = join(cacheDirectory, "popular", `layout-${process.pid}`)
    beforeAll(() => writeLayout(layout, names))
    afterAll(() => {
      rmSync(layout, { recursive: true, force: true })
    })

    it.each(names)("%s complains of what the list says", async (name) => {
      const { answer, ask, says } = imageOf(name)
      using work = temporary()
      const log = await Podman.logOf(work.path, layout, name, ask, answer.source)
      if (says !== undefined) assert.match(log, says)
      const found = complaintsOf(name, log, "popular")
      if (process.env.UPDATE_GOLDEN === "1") {
        const list = { ...complaintsOfPodman(), [name]: found }
        writeFileSync(COMPLAINTS, `${JSON.stringify(list, undefined, 2)}\n`)
      } else assert.includeMembers([...(complaintsOfPodman()[name] ?? [])], [...found])
    })
  })
}
