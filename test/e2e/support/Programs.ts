/**
 * Images of real programs: Debian's nginx, redis, PostgreSQL and Node, with configurations such as their usual images
 * have. They share one layer, made once with apt and umoci and kept beside the machines' own trees.
 */
import { chmod, mkdir, rm, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { run } from "./Command.ts"
import * as PackageImages from "./PackageImages.ts"

const PACKAGES = ["nginx-light", "redis-server", "postgresql", "nodejs"]

/** Raised when the layer's making changes: an older one in the cache is not taken then. */
const VERSION = 3

/** `$1` is the tree. What no program here reads is removed: the layer is a third then. */
const TIDY = `
set -e
root=$1
rm -rf "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale "$root"/usr/lib/*/libLLVM* \\
  "$root"/var/lib/postgresql/* "$root"/etc/postgresql/*
install -d -o postgres -g postgres -m 2775 "$root/run/postgresql" 2>/dev/null ||
  chroot "$root" install -d -o postgres -g postgres -m 2775 /run/postgresql
chroot "$root" install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data
chroot "$root" install -d -o redis -g redis -m 755 /data
chroot "$root" useradd --system --uid 990 --create-home --home-dir /home/node node
`

/** As the official image has it: begins as root, makes its directory its user's own, and goes on as that user. */
const POSTGRES = `#!/bin/sh
set -e
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown -R postgres "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
[ -s "$PGDATA/PG_VERSION" ] || initdb --auth=trust --username=postgres >/dev/null
exec "$@"
`

/** Counts its visits in a volume and in its root, and says who it is. */
const WEB = `
const fs = require("node:fs")
const count = (file) => {
  const visits = (fs.existsSync(file) ? Number(fs.readFileSync(file, "utf8")) : 0) + 1
  fs.writeFileSync(file, String(visits))
  return visits
}
require("node:http")
  .createServer((request, response) =>
    response.end(JSON.stringify({
      kept: count("/home/node/data/visits"),
      root: count("/home/node/visits"),
      user: process.getuid(),
      pid: process.pid,
      greeting: process.env.GREETING
    }))
  )
  .listen(Number(process.env.PORT), "127.0.0.1", () => console.log("listening"))
process.on("SIGTERM", () => process.exit(0))
`

const NGINX = `
user www-data;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log notice;
events {}
http {
  access_log /var/log/nginx/access.log;
  server {
    listen 127.0.0.1:80;
    root /usr/share/nginx/html;
    location /kept/ { alias /var/www/kept/; }
  }
}
`

const SECOND = 1_000_000_000
const health = (...test: readonly string[]) => ({
  Test: test,
  Interval: SECOND,
  Timeout: 5 * SECOND,
  Retries: 3
})

/** By the image's reference. */
const CONFIGURATIONS: Readonly<Record<string, object>> = {
  nginx: {
    Entrypoint: ["nginx", "-g", "daemon off;"],
    ExposedPorts: { "80/tcp": {} },
    StopSignal: "SIGQUIT",
    Volumes: { "/var/www/kept": {} },
    Healthcheck: health("CMD-SHELL", "kill -0 $(pidof nginx | cut -d' ' -f1)")
  },
  redis: {
    User: "redis",
    WorkingDir: "/data",
    Entrypoint: ["redis-server"],
    Cmd: ["--bind", "127.0.0.1", "--save", "3600 1", "--dir", "/data"],
    ExposedPorts: { "6379/tcp": {} },
    Volumes: { "/data": {} },
    Healthcheck: health("CMD", "redis-cli", "ping")
  },
  postgres: {
    Entrypoint: ["docker-entrypoint.sh"],
    Cmd: [
      "postgres",
      "-c",
      "listen_addresses=127.0.0.1",
      "-c",
      "unix_socket_directories=/var/run/postgresql"
    ],
    ExposedPorts: { "5432/tcp": {} },
    StopSignal: "SIGINT",
    Volumes: { "/var/lib/postgresql/data": {} },
    Env: ["PATH=/usr/local/bin:/usr/lib/postgresql/17/bin:/usr/bin:/bin", "PGDATA=/var/lib/postgresql/data"],
    Healthcheck: health("CMD-SHELL", "pg_isready -q -U postgres -h /var/run/postgresql")
  },
  node: {
    User: "node",
    WorkingDir: "/home/node",
    Entrypoint: ["node"],
    Cmd: ["server.js"],
    Env: ["PATH=/usr/local/bin:/usr/bin:/bin", "PORT=8080", "GREETING=100% of $HOME"],
    ExposedPorts: { "8080/tcp": {} },
    Volumes: { "/home/node/data": {} },
    Healthcheck: health(
      "CMD",
      "node",
      "-e",
      "fetch('http://127.0.0.1:8080').then(() => process.exit(0), () => process.exit(1))"
    )
  }
}

/** A layout with an image for each program, by its name as the reference. Made when it is missing. */
export const programs = (): Promise<string> =>
  PackageImages.make({
    name: `programs-${VERSION}`,
    packages: PACKAGES,
    fill,
    configurations: CONFIGURATIONS
  })

const fill = async (root: string): Promise<void> => {
  await run(["sh", "-c", TIDY, "tidy", root])
  await writeFile(join(root, "usr/local/bin/docker-entrypoint.sh"), POSTGRES)
  await chmod(join(root, "usr/local/bin/docker-entrypoint.sh"), 0o755)
  await writeFile(join(root, "etc/nginx/nginx.conf"), NGINX)
  await writeFile(join(root, "home/node/server.js"), WEB)
  // As the official image has it.
  for (const [log, stream] of [
    ["access", "stdout"],
    ["error", "stderr"]
  ]) {
    await rm(join(root, `var/log/nginx/${log}.log`), { force: true })
    await symlink(`/dev/${stream}`, join(root, `var/log/nginx/${log}.log`))
  }
  for (const path of ["var/www/kept", "home/node/data"]) await mkdir(join(root, path), { recursive: true })
  await run(["chroot", root, "chown", "www-data", "/var/www/kept"])
  await run(["chroot", root, "chown", "node", "/home/node/data"])
}

export { copyTo } from "./PackageImages.ts"
