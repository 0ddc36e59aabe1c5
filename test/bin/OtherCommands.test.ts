/** What people are told who type a command of a container engine. */
import { assert, it } from "vitest"
import * as OtherCommands from "../../src/bin/OtherCommands.ts"

const cases: ReadonlyArray<readonly [readonly [string, ...string[]], string | undefined]> = [
  [["run"], "systemctl start UNIT; oci-systemd list shows the units"],
  [["start", "library/nginx:stable"], "systemctl start library.nginx.ref.stable.service"],
  [["logs", "library/nginx:stable"], "journalctl -u library.nginx.ref.stable.service"],
  [["ps"], "oci-systemd list shows the images, and systemctl list-units --type=service what runs"],
  [
    ["exec", "myorg.com/app:v1", "sh"],
    'nsenter --target "$(systemctl show -P MainPID com.myorg.app.ref.v1.service)" --all --root --wd COMMAND'
  ],
  [
    ["pull"],
    "skopeo copy docker://IMAGE oci:/var/lib/oci/layouts/LAYOUT:REF, and then systemctl daemon-reload"
  ],
  [
    ["pull", "library/nginx:stable"],
    "skopeo copy docker://IMAGE oci:/var/lib/oci/layouts/library/nginx:stable, and then systemctl daemon-reload"
  ],
  [["rm", "library/nginx:stable"], "oci-systemd remove library/nginx:stable"],
  // The unit has backslashes, and a name may be anything: a shell reads both.
  [["stop", "my org/a-b:v1"], "systemctl stop 'my\\x20org.a-b.ref.v1.service'"],
  [["rmi", "a'b:v1"], "oci-systemd remove 'a'\\''b:v1'"],
  [["lst"], undefined],
  [["constructor"], undefined]
]

it.each(cases)("%j", ([name, ...others], expected) => {
  assert.strictEqual(OtherCommands.instead(name, others), expected)
})
