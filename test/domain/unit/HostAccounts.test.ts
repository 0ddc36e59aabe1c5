import { assert, describe, it } from "vitest"
import * as HostAccounts from "../../../src/domain/unit/HostAccounts.ts"

describe("HostAccounts.logins", () => {
  it.each<[line: string, found: ReadonlyArray<[number, string]>]>([
    ["alice:x:1000:1000:Alice,,,:/home/alice:/bin/bash", [[1000, "alice"]]],
    ["bob:x:1001:1001::/home/bob:", [[1001, "bob"]]],
    ["root:x:0:0:root:/root:/bin/bash", []],
    ["www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin", []],
    ["postgres:x:113:120::/var/lib/postgresql:/bin/false", []],
    ["sync:x:4:65534:sync:/bin:/bin/sync", []],
    ["+::::::", []],
    ["broken", []],
    ["", []],
    ["far:x:99999999999:1::/:/bin/sh", []],
    ["\u001b[31m:x:1002:1::/:/bin/sh", []]
  ])("%j", (line, found) => assert.deepStrictEqual([...HostAccounts.logins(`${line}\n`)], found))

  it("has the first of two names for a number, as getpwuid(3)", () =>
    assert.deepStrictEqual(
      [...HostAccounts.logins("alice:x:1000:1::/:/bin/sh\nally:x:1000:1::/:/bin/sh\n")],
      [[1000, "alice"]]
    ))
})
