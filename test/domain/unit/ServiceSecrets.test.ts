import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as ImageSettings from "../../../src/domain/settings/ImageSettings.ts"
import * as SecretSettings from "../../../src/domain/settings/SecretSettings.ts"
import * as ServiceSecrets from "../../../src/domain/unit/ServiceSecrets.ts"

const settings = (texts: readonly string[], profile: ImageSettings.Profile = "default") => ({
  ...ImageSettings.DEFAULTS,
  profile,
  secret: texts.map((text) => Either.getOrThrow(SecretSettings.parse(text)))
})
const OVERLAY = { name: "org.example", scratch: "/s", upper: "/s/upper", work: "/s/work" }
const ALL = ["key", "db:env=DB", "/srv/tls.pem:/etc/tls.pem:7:8:0400", "key:env=KEY"]

describe("secrets of a service", () => {
  it("are credentials of the unit that prepares its root, each asked for once in both kinds of stores", () =>
    assert.deepStrictEqual(
      ServiceSecrets.credentials({ settings: settings(ALL), origins: {} }).map(
        ({ key, value }) => `${key}=${value}`
      ),
      [
        "LoadCredentialEncrypted=key:/etc/credstore.encrypted/key",
        "SetCredential=key:(oci-systemd: missing)",
        "LoadCredential=key~plain:key",
        "LoadCredentialEncrypted=db:/etc/credstore.encrypted/db",
        "SetCredential=db:(oci-systemd: missing)",
        "LoadCredential=db~plain:db"
      ]
    ))

  it("are files in memory, mounted in the root, and a file of variables", () => {
    assert.deepStrictEqual(
      ServiceSecrets.mounts(settings(ALL), OVERLAY).map(({ path, source }) => `${source} ${path}`),
      ["/run/oci/secrets/org.example/0 /run/secrets/key", "/run/oci/secrets/org.example/1 /etc/tls.pem"]
    )
    assert.strictEqual(
      ServiceSecrets.environmentFile(settings(ALL), OVERLAY),
      "/run/oci/secrets/org.example/environment"
    )
    assert.isUndefined(ServiceSecrets.environmentFile(settings(["key"]), OVERLAY))
    assert.deepStrictEqual(ServiceSecrets.hostFiles(settings(ALL)), ["/srv/tls.pem"])
  })

  it("are listed for the script that writes them", () =>
    assert.deepStrictEqual(ServiceSecrets.lines(settings(ALL)), [
      "file 0 0:0 0444 key",
      "file 1 7:8 0400 /srv/tls.pem",
      "variable DB - - db",
      "variable KEY - - key"
    ]))

  it("are not read from a volume of the image, whose processes could put a link to any file there", () => {
    const refused = (text: string) =>
      ServiceSecrets.refused(settings([text]), [
        { kind: "own", path: "/data", directory: "/srv/data", readonly: false }
      ])?.message
    for (const text of ["/srv/data/key", "/srv/data/in/key:env=KEY", "/srv//data/key"])
      assert.match(refused(text) ?? "", /^the secret \/srv\/data\/\S+ lies in the volume \/data, where /)
    assert.isUndefined(refused("/srv/data2/key"))
    assert.isUndefined(refused("key:/data/key"))
  })

  it("cannot be where something else is", () => {
    const refused = (texts: readonly string[], profile?: ImageSettings.Profile) =>
      ServiceSecrets.refused(settings(texts, profile), [
        { kind: "own", path: "/data", directory: "/v/data", readonly: false }
      ])?.message
    assert.strictEqual(refused(["key:/data"]), "the secret key cannot be at /data, which is a volume")
    assert.isUndefined(refused(["key:/data/key", "key:/data/key2"]))
    assert.strictEqual(
      refused(["a:/etc/a", "b:/etc/a/b"]),
      "the secret b cannot be at /etc/a/b, which lies in the secret a"
    )
    assert.isUndefined(refused(["key:/tmp/key"]))
    assert.strictEqual(
      refused(["key:/var/tmp/key"], "strict"),
      "the secret key cannot be at /var/tmp/key, which lies in a directory that profile = strict makes anew"
    )
  })

  it("are printed so that they are read back", () => {
    for (const text of [...ALL, "key:/a:1:2:0440:envfile=KEY_FILE"]) {
      const secret = Either.getOrThrow(SecretSettings.parse(text))
      assert.deepStrictEqual(Either.getOrThrow(SecretSettings.parse(SecretSettings.print(secret))), secret)
    }
  })
})
