// @ts-check
/**
 * Renders the units of an image from its configuration alone: no layout, no files, no systemd, and no promise.
 *
 *     node examples/render.mjs
 */
import { Render, Settings, UnitFile } from "oci-systemd-generator"

const units = Render.fromConfig({
  name: { layout: "myorg.com/myapp", ref: "stable" },
  config: {
    os: "linux",
    architecture: "amd64",
    config: {
      Entrypoint: ["/usr/bin/myapp"],
      Cmd: ["--greeting", "100% of $HOME; yours"],
      Env: ["PORT=8080"],
      StopSignal: "SIGINT"
    },
    rootfs: { type: "layers", diff_ids: [`sha256:${"0".repeat(64)}`] }
  },
  settings: Settings.make({
    images: { "myorg.com/*": { restart: "on-failure", wantedby: ["multi-user.target"] } }
  }),
  host: {
    systemdVersion: 257,
    cli: ["/usr/lib/oci-systemd-generator/oci-systemd.cjs"],
    configFile: undefined,
    servesRecords: true
  }
})
if (units._tag === "Left") throw units.left
for (const file of units.right.files) console.log(`# ${file.name}\n${UnitFile.render(file)}`)
for (const { path, target } of units.right.links) console.log(`# ${path} -> ${target}`)
