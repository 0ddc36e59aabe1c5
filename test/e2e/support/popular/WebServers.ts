/** Web servers and proxies, as their usual images configure and start them. */
import { DEFAULT_PATH, http, markIn, type PopularImages } from "./PopularImage.ts"

/** Runs the scripts of a directory before the server, as nginx's image does. */
const NGINX_ENTRYPOINT = `#!/bin/sh
set -e
if [ "$1" = nginx ] && find /docker-entrypoint.d/ -mindepth 1 -maxdepth 1 -type f | read -r _; then
  echo "$0: looking for scripts in /docker-entrypoint.d/"
  find /docker-entrypoint.d/ -follow -type f | sort -V | while read -r script; do
    echo "$0: launching $script"
    "$script"
  done
  echo "$0: configuration complete; ready for start up"
fi
exec "$@"
`
/** Writes the configuration from a template and the environment, and checks that it can. */
const NGINX_TEMPLATES = `#!/bin/sh
set -e
[ -w /etc/nginx/conf.d ] || { echo "$0: /etc/nginx/conf.d is not writable" >&2; exit 0; }
for template in /etc/nginx/templates/*.template; do
  output=/etc/nginx/conf.d/$(basename "$template" .template)
  echo "$0: running envsubst on $template to $output"
  envsubst '$NGINX_PORT' <"$template" >"$output"
done
`
const NGINX_CONF = `user www-data;
worker_processes auto;
error_log /var/log/nginx/error.log notice;
pid /run/nginx.pid;
events { worker_connections 1024; }
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  access_log /var/log/nginx/access.log;
  sendfile on;
  keepalive_timeout 65;
  include /etc/nginx/conf.d/*.conf;
}
`
const NGINX_SERVER = `server {
  listen \${NGINX_PORT};
  listen [::]:\${NGINX_PORT};
  server_name localhost;
  location / { root /usr/share/nginx/html; }
}
`

const HTTPD_FOREGROUND = `#!/bin/sh
set -e
. /etc/apache2/envvars
rm -f "$APACHE_PID_FILE"
mkdir -p "$APACHE_RUN_DIR" "$APACHE_LOCK_DIR"
exec apache2 -DFOREGROUND "$@"
`

const HAPROXY_ENTRYPOINT = `#!/bin/sh
set -e
if [ "\${1#-}" != "$1" ]; then set -- haproxy "$@"; fi
if [ "$1" = haproxy ]; then
  shift
  set -- haproxy -W -db "$@"
fi
exec "$@"
`
const HAPROXY_CFG = `global
  stats socket /var/lib/haproxy/stats
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend web
  bind :8080
  http-request return status 200 content-type text/plain string "haproxy is here"
`

/** A reverse proxy of the standard library before a server of its own, which ends in order when it is told to. */
const GO_PROXY = `package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go http.Serve(inner, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "go is here, behind %s\\n", r.Header.Get("X-Forwarded-For"))
	}))
	target, _ := url.Parse("http://" + inner.Addr().String())
	server := &http.Server{Addr: ":80", Handler: httputil.NewSingleHostReverseProxy(target)}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	done := make(chan struct{})
	go func() {
		<-stop
		log.Print("shutting down")
		server.Shutdown(context.Background())
		close(done)
	}()
	log.Print("listening on :80")
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
	<-done
}
`

const OPENRESTY_CONF = `load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
worker_processes 1;
error_log logs/error.log notice;
pid logs/nginx.pid;
events { worker_connections 1024; }
http {
  access_log logs/access.log;
  server {
    listen 80;
    location / { content_by_lua_block { ngx.say("lua is here") } }
  }
}
`

const EXPOSED = { ExposedPorts: { "80/tcp": {} } }

export const webServers: PopularImages = {
  layers: {
    nginx: {
      packages: ["nginx", "gettext-base"],
      files: {
        "docker-entrypoint.sh": [NGINX_ENTRYPOINT, 0o755],
        "docker-entrypoint.d/20-envsubst-on-templates.sh": [NGINX_TEMPLATES, 0o755],
        "etc/nginx/nginx.conf": [NGINX_CONF],
        "etc/nginx/templates/default.conf.template": [NGINX_SERVER],
        "usr/share/nginx/html/index.html": ["nginx is here\n"]
      },
      script:
        "ln -sf /dev/stdout /var/log/nginx/access.log; ln -sf /dev/stderr /var/log/nginx/error.log; rm -f /etc/nginx/conf.d/*"
    },
    httpd: {
      packages: ["apache2"],
      files: {
        "usr/local/bin/httpd-foreground": [HTTPD_FOREGROUND, 0o755],
        "etc/apache2/sites-available/000-default.conf": [
          "ServerName localhost\nDocumentRoot /var/www/html\nErrorLog /proc/self/fd/2\nCustomLog /proc/self/fd/1 combined\n"
        ],
        "var/www/html/index.html": ["it works\n"]
      },
      script: "sed -i 's#^ErrorLog .*#ErrorLog /proc/self/fd/2#' /etc/apache2/apache2.conf"
    },
    caddy: {
      packages: ["caddy", "libcap2-bin"],
      files: {
        "etc/caddy/Caddyfile": [":80 {\n\troot * /usr/share/caddy\n\tfile_server\n}\n"],
        "usr/share/caddy/index.html": ["caddy is here\n"]
      },
      script: "setcap cap_net_bind_service=+ep /usr/bin/caddy; mkdir -p /config/caddy /data/caddy /srv"
    },
    haproxy: {
      packages: ["haproxy"],
      files: {
        "usr/local/bin/docker-entrypoint.sh": [HAPROXY_ENTRYPOINT, 0o755],
        "usr/local/etc/haproxy/haproxy.cfg": [HAPROXY_CFG]
      },
      script: "mkdir -p /var/lib/haproxy; chown haproxy:haproxy /var/lib/haproxy"
    },
    "go-proxy": {
      packages: ["golang-go"],
      files: { "build/main.go": [GO_PROXY] },
      script:
        "mkdir /out; cd /build; HOME=/build GO111MODULE=off CGO_ENABLED=0 /usr/lib/go/bin/go build -trimpath -ldflags '-s -w' -o /out/proxy main.go; rm -rf /build",
      only: "/out"
    },
    openresty: {
      packages: ["nginx", "libnginx-mod-http-lua"],
      files: { "usr/local/openresty/nginx/conf/nginx.conf": [OPENRESTY_CONF] },
      script: `mkdir -p /usr/local/openresty/bin /usr/local/openresty/nginx/logs
ln -s /usr/sbin/nginx /usr/local/openresty/bin/openresty
ln -s /dev/stdout /usr/local/openresty/nginx/logs/access.log
ln -s /dev/stderr /usr/local/openresty/nginx/logs/error.log`
    }
  },
  images: {
    nginx: {
      layer: "nginx",
      config: {
        ...EXPOSED,
        Env: [DEFAULT_PATH, "NGINX_PORT=80"],
        Entrypoint: ["/docker-entrypoint.sh"],
        Cmd: ["nginx", "-g", "daemon off;"],
        StopSignal: "SIGQUIT"
      },
      ask: http(80),
      answer: /200 OK[\s\S]*nginx is here/,
      says: /start worker process/
    },
    httpd: {
      layer: "httpd",
      config: {
        ...EXPOSED,
        Env: [DEFAULT_PATH],
        WorkingDir: "/var/www",
        Cmd: ["httpd-foreground"],
        StopSignal: "SIGWINCH"
      },
      ask: http(80),
      answer: /200 OK[\s\S]*it works/,
      says: /resuming normal operations/
    },
    caddy: {
      layer: "caddy",
      config: {
        ExposedPorts: { "80/tcp": {}, "443/tcp": {}, "443/udp": {}, "2019/tcp": {} },
        Env: [DEFAULT_PATH, "XDG_CONFIG_HOME=/config", "XDG_DATA_HOME=/data"],
        WorkingDir: "/srv",
        Volumes: { "/config": {}, "/data": {} },
        Cmd: ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
      },
      ask: http(80),
      answer: /200 OK[\s\S]*caddy is here/,
      says: /serving initial configuration/,
      ...markIn("/data")
    },
    haproxy: {
      layer: "haproxy",
      config: {
        Env: [DEFAULT_PATH],
        User: "haproxy",
        WorkingDir: "/var/lib/haproxy",
        Entrypoint: ["docker-entrypoint.sh"],
        Cmd: ["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"],
        StopSignal: "SIGUSR1"
      },
      ask: http(8080),
      answer: /200 OK[\s\S]*haproxy is here/,
      says: /Loading success/
    },
    "go-proxy": {
      layer: "go-proxy",
      config: { ...EXPOSED, Entrypoint: ["/proxy"] },
      ask: http(80),
      answer: /200 OK[\s\S]*go is here, behind 127\.0\.0\.1/,
      says: /listening on :80/
    },
    openresty: {
      layer: "openresty",
      config: {
        ...EXPOSED,
        Env: ["PATH=/usr/local/openresty/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        Cmd: ["openresty", "-p", "/usr/local/openresty/nginx", "-c", "conf/nginx.conf", "-g", "daemon off;"],
        StopSignal: "SIGQUIT"
      },
      ask: http(80),
      answer: /200 OK[\s\S]*lua is here/,
      says: /start worker process/
    }
  }
}
