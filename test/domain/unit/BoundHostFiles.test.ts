import { assert, describe, it } from "@effect/vitest"
import * as HostFiles from "../../../src/domain/HostFiles.ts"

const USUAL: HostFiles.HostFilesContext = {
  states: { "/etc/resolv.conf": "file", "/etc/hosts": "file", "/etc/localtime": "file" },
  writable: true,
  alone: false,
  setsTimeZone: false
}

const bound = (context: Partial<HostFiles.HostFilesContext>): string =>
  HostFiles.directives({ ...USUAL, ...context })
    .map(({ key, value }) => `${key}=${value}`)
    .join("\n")

const all = (state: HostFiles.State) => ({
  "/etc/resolv.conf": state,
  "/etc/hosts": state,
  "/etc/localtime": state
})

describe("HostFiles.directives", () => {
  for (const [what, context, expected] of [
    ["files of the image's are replaced, but for its time zone", {}, "-/etc/resolv.conf -/etc/hosts"],
    ["missing ones are made", { states: all("nothing") }, "-/etc/resolv.conf -/etc/hosts -/etc/localtime"],
    [
      "an image that sets TZ keeps it",
      { states: all("nothing"), setsTimeZone: true },
      "-/etc/resolv.conf -/etc/hosts"
    ],
    ["behind a link to nothing they are made", { states: all("dangling") }, "-/etc/resolv.conf -/etc/hosts"],
    [
      "for a root that cannot be written they have been made",
      { states: all("nothing"), writable: false },
      "-/etc/resolv.conf -/etc/hosts -/etc/localtime"
    ],
    ["but nothing behind a link there", { states: all("dangling"), writable: false }, ""],
    ["there files are replaced", { writable: false }, "-/etc/resolv.conf -/etc/hosts"],
    ["nothing is mounted on a directory", { states: all("other") }, ""],
    ["a service that is alone asks no name server", { alone: true }, "-/etc/hosts"],
    [
      "before the image is extracted, what most images need",
      { states: undefined },
      "-/etc/resolv.conf -/etc/hosts"
    ]
  ] as const) {
    it(what, () => assert.strictEqual(bound(context), expected && `BindReadOnlyPaths=${expected}`))
  }
})
