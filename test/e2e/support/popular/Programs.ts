/** Programs in interpreted languages and on virtual machines, with their servers. */
import { DEFAULT_PATH, http, markIn, type PopularImages } from "./PopularImage.ts"

const NODE_ENTRYPOINT = `#!/bin/sh
set -e
if [ "\${1#-}" != "$1" ] || [ -z "$(command -v "$1")" ] || { [ -f "$1" ] && ! [ -x "$1" ]; }; then set -- node "$@"; fi
exec "$@"
`
const NODE_SERVER = `const server = require("node:http").createServer((request, response) => response.end("node is here\\n"))
server.listen(process.env.PORT, () => console.log("listening"))
process.on("SIGTERM", () => server.close(() => process.exit(0)))
`

const WSGI = `def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"gunicorn is here\\n"]
`

const PHP_ENTRYPOINT = `#!/bin/sh
set -e
if [ "\${1#-}" != "$1" ]; then set -- php-fpm "$@"; fi
exec "$@"
`
/** As the official image has them: before and after the pool's own file. */
const PHP_DOCKER = `[global]
error_log = /proc/self/fd/2
log_limit = 8192
[www]
access.log = /proc/self/fd/2
clear_env = no
catch_workers_output = yes
decorate_workers_output = no
`
const PHP_ZZ_DOCKER = "[global]\ndaemonize = no\n[www]\nlisten = 9000\n"
const PHP_PAGE = '<?php error_log("the page speaks"); echo "php is here\\n";\n'
/** The way of images that have both: php-fpm in the background, and the web server in place of the shell. */
const PHP_NGINX = `#!/bin/sh
set -e
php-fpm --daemonize
exec nginx -g 'daemon off;'
`
const PHP_NGINX_CONF = `user www-data;
error_log /dev/stderr notice;
pid /run/nginx.pid;
events {}
http {
  access_log /dev/stdout;
  server {
    listen 80;
    root /var/www/html;
    location ~ \\.php$ {
      include fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
      fastcgi_pass 127.0.0.1:9000;
    }
  }
}
`

export const programs: PopularImages = {
  layers: {
    node: {
      packages: ["nodejs"],
      files: {
        "usr/local/bin/docker-entrypoint.sh": [NODE_ENTRYPOINT, 0o755],
        "usr/src/app/server.js": [NODE_SERVER]
      },
      script: "useradd --create-home --uid 1000 node; chown -R node: /usr/src/app"
    },
    gunicorn: {
      packages: ["gunicorn"],
      files: { "app/app.py": [WSGI] },
      script: "useradd --create-home --uid 1000 app"
    },
    php: {
      packages: ["php8.4-fpm", "nginx", "libfcgi-bin"],
      files: {
        "usr/local/bin/docker-php-entrypoint": [PHP_ENTRYPOINT, 0o755],
        "usr/local/bin/start.sh": [PHP_NGINX, 0o755],
        "etc/php/8.4/fpm/pool.d/docker.conf": [PHP_DOCKER],
        "etc/php/8.4/fpm/pool.d/zz-docker.conf": [PHP_ZZ_DOCKER],
        "etc/nginx/nginx.conf": [PHP_NGINX_CONF],
        "var/www/html/index.php": [PHP_PAGE]
      },
      script: "ln -s php-fpm8.4 /usr/sbin/php-fpm; mkdir -p /run/php"
    },
    tomcat: {
      packages: ["default-jre-headless", "tomcat10"],
      files: { "var/lib/tomcat10/webapps/ROOT/index.html": ["java is here\n"] },
      script: `useradd --system --home-dir /usr/local/tomcat --uid 999 runner
cp -rL /var/lib/tomcat10 /usr/local/tomcat
mkdir -p /usr/local/tomcat/temp
chown -R runner /usr/local/tomcat
java -version`
    }
  },
  images: {
    node: {
      layer: "node",
      config: {
        Env: [DEFAULT_PATH, "NODE_VERSION=20", "PORT=3000"],
        User: "node",
        WorkingDir: "/usr/src/app",
        Entrypoint: ["docker-entrypoint.sh"],
        Cmd: ["server.js"],
        ExposedPorts: { "3000/tcp": {} }
      },
      ask: http(3000),
      answer: /200 OK[\s\S]*node is here/,
      says: /^listening$/m
    },
    gunicorn: {
      layer: "gunicorn",
      config: {
        Env: [DEFAULT_PATH, "PYTHONUNBUFFERED=1"],
        User: "app",
        WorkingDir: "/app",
        Cmd: ["gunicorn", "--bind", "0.0.0.0:8000", "--workers", "2", "--access-logfile", "-", "app:app"],
        ExposedPorts: { "8000/tcp": {} }
      },
      ask: http(8000),
      answer: /200 OK[\s\S]*gunicorn is here/,
      says: /Listening at: http:\/\/0\.0\.0\.0:8000/
    },
    "php-fpm": {
      layer: "php",
      config: {
        Env: [DEFAULT_PATH],
        WorkingDir: "/var/www/html",
        Entrypoint: ["docker-php-entrypoint"],
        Cmd: ["php-fpm"],
        ExposedPorts: { "9000/tcp": {} },
        StopSignal: "SIGQUIT"
      },
      ask: "$in env REQUEST_METHOD=GET SCRIPT_FILENAME=/var/www/html/index.php SCRIPT_NAME=/index.php cgi-fcgi -bind -connect 127.0.0.1:9000",
      answer: /php is here/,
      says: /ready to handle connections/
    },
    "php-nginx": {
      layer: "php",
      config: {
        Env: [DEFAULT_PATH],
        WorkingDir: "/var/www/html",
        Cmd: ["start.sh"],
        ExposedPorts: { "80/tcp": {} },
        StopSignal: "SIGQUIT"
      },
      ask: http(80, "/index.php"),
      answer: /200 OK[\s\S]*php is here/,
      says: /start worker process/
    },
    tomcat: {
      layer: "tomcat",
      config: {
        Env: [
          `PATH=/usr/share/tomcat10/bin:${DEFAULT_PATH.slice("PATH=".length)}`,
          "CATALINA_HOME=/usr/share/tomcat10",
          "CATALINA_BASE=/usr/local/tomcat",
          "JAVA_HOME=/usr/lib/jvm/default-java"
        ],
        User: "runner",
        WorkingDir: "/usr/local/tomcat",
        Cmd: ["catalina.sh", "run"],
        ExposedPorts: { "8080/tcp": {} },
        Volumes: { "/usr/local/tomcat/logs": {} }
      },
      ask: http(8080),
      answer: /HTTP\/1\.1 200[\s\S]*java is here/,
      says: /Server startup in/,
      ...markIn("/usr/local/tomcat/logs")
    }
  }
}
