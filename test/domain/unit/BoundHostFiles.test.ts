import { assert, describe, it } from "@effect/vitest"
import type { HostFileState } from "../../../src/domain/process/RootFacts.ts"
import * as BoundHostFiles from "../../../src/domain/unit/BoundHostFiles.ts"

const USUAL: BoundHostFiles.BoundHostFilesContext = {
  states: { "/etc/resolv.conf": "file", "/etc/hosts": "file", "/etc/localtime": "file" },
  alone: false,
  setsTimeZone: false
}

const bound = (context: Partial<BoundHostFiles.BoundHostFilesContext>): string =>
  BoundHostFiles.of({ ...USUAL, ...context }).join(" ")

const all = (state: HostFileState) => ({
  "/etc/resolv.conf": state,
  "/etc/hosts": state,
  "/etc/localtime": state
})

describe("BoundHostFiles.of", () => {
  for (const [what, context, expected] of [
    ["files of the image's are replaced, but for its time zone", {}, "/etc/resolv.conf /etc/hosts"],
    ["missing ones are made", { states: all("nothing") }, "/etc/resolv.conf /etc/hosts /etc/localtime"],
    [
      "an image that sets TZ keeps it",
      { states: all("nothing"), setsTimeZone: true },
      "/etc/resolv.conf /etc/hosts"
    ],
    ["behind a link to nothing they are made", { states: all("dangling") }, "/etc/resolv.conf /etc/hosts"],
    ["nothing is mounted on a directory", { states: all("other") }, ""],
    ["a service that is alone asks no name server", { alone: true }, "/etc/hosts"],
    [
      "before the image is extracted, what most images need",
      { states: undefined },
      "/etc/resolv.conf /etc/hosts"
    ]
  ] as const) {
    it(what, () => assert.strictEqual(bound(context), expected))
  }
})
