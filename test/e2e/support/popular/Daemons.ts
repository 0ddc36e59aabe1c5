/** Programs that start others, that are logged in to, and that look at their host. */
import { DEFAULT_PATH, http, type PopularImages } from "./PopularImage.ts"

/** Jobs write to the output of the first process. Where process 1 is the host's, the script has left its number. */
const CRON_ENTRYPOINT = `#!/bin/sh
set -e
echo $$ >/run/first.pid
env >/etc/environment
exec "$@"
`
/** A job each minute is too seldom for a test: cron runs this one when it starts. */
const CRON_TAB =
  '@reboot root echo ran >/var/tmp/job; echo "cron is here" >"/proc/$(cat /run/first.pid)/fd/1"\n'

const SUPERVISORD_CONF = `[supervisord]
nodaemon=true
user=root
logfile=/dev/null
logfile_maxbytes=0
pidfile=/run/supervisord.pid
[program:web]
command=python3 -u -m http.server 8000
directory=/srv
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
stderr_logfile=/dev/stderr
stderr_logfile_maxbytes=0
[program:speaker]
command=sh -c "echo the child speaks; exec sleep infinity"
stdout_logfile=/dev/fd/1
stdout_logfile_maxbytes=0
redirect_stderr=true
`

/** s6-overlay's first program refuses to be another process than the first, prepares, and becomes the supervisor. */
const S6_INIT = `#!/bin/sh
set -e
[ $$ = 1 ] || { echo "s6-overlay-suexec: fatal: can only run as pid 1" >&2; exit 100; }
for script in /etc/cont-init.d/*; do echo "cont-init: running $script"; "$script"; done
mkdir -p /run/service
cp -r /etc/services.d/. /run/service/
exec s6-svscan -t0 /run/service
`
/** Stops the services, waits for them, and then the supervisor. */
const S6_TERM =
  "#!/bin/sh\ns6-svwait -d -t 5000 /run/service/web & s6-svc -d /run/service/web; wait\nexec s6-svscanctl -t /run/service\n"

const SSHD_ENTRYPOINT = `#!/bin/sh
set -e
mkdir -p /run/sshd
ssh-keygen -A
exec "$@"
`

export const daemons: PopularImages = {
  layers: {
    cron: {
      packages: ["cron", "tini"],
      files: {
        "usr/local/bin/entrypoint.sh": [CRON_ENTRYPOINT, 0o755],
        "etc/cron.d/app": [CRON_TAB],
        // The session of a job complains to syslog without it, which a container has not and a service has.
        "etc/locale.conf": [""]
      }
    },
    supervisord: {
      packages: ["supervisor", "python3"],
      files: { "etc/supervisor/supervisord.conf": [SUPERVISORD_CONF], "srv/index.html": ["supervised\n"] }
    },
    s6: {
      packages: ["s6", "busybox"],
      files: {
        init: [S6_INIT, 0o755],
        "etc/cont-init.d/01-data": ["#!/bin/sh\nchown www-data /config\n", 0o755],
        "etc/services.d/web/run": [
          "#!/bin/sh\nexec 2>&1\necho s6 is here\nexec s6-setuidgid www-data busybox httpd -f -p 8080 -h /srv\n",
          0o755
        ],
        "etc/services.d/.s6-svscan/SIGTERM": [S6_TERM, 0o755],
        "srv/index.html": ["supervised by s6\n"]
      },
      script: "mkdir -p /config"
    },
    sshd: {
      packages: ["openssh-server", "openssh-client"],
      files: { "usr/local/bin/entrypoint.sh": [SSHD_ENTRYPOINT, 0o755], "etc/locale.conf": [""] },
      script: `rm -f /etc/ssh/ssh_host_*
mkdir -p -m 700 /root/.ssh
ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
sed -i 's/^session *required *pam_loginuid.so/session optional pam_loginuid.so/' /etc/pam.d/sshd`
    },
    "node-exporter": { packages: ["prometheus-node-exporter"] }
  },
  images: {
    cron: {
      layer: "cron",
      config: { Env: [DEFAULT_PATH], Entrypoint: ["tini", "--", "entrypoint.sh"], Cmd: ["cron", "-f"] },
      ask: "$in cat /var/tmp/job",
      answer: /ran/,
      says: /^cron is here$/m
    },
    supervisord: {
      layer: "supervisord",
      config: {
        Env: [DEFAULT_PATH],
        Cmd: ["supervisord", "-c", "/etc/supervisor/supervisord.conf"],
        ExposedPorts: { "8000/tcp": {} }
      },
      ask: http(8000),
      answer: /200 OK[\s\S]*supervised/,
      says: /^the child speaks$/m
    },
    s6: {
      layer: "s6",
      config: {
        Env: [DEFAULT_PATH],
        Entrypoint: ["/init"],
        ExposedPorts: { "8080/tcp": {} },
        Volumes: { "/config": {} }
      },
      ask: http(8080),
      answer: /200 OK[\s\S]*supervised by s6/,
      says: /^s6 is here$/m,
      keep: "$in touch /config/mark && echo kept",
      kept: "$in ls /config/mark && echo kept"
    },
    sshd: {
      layer: "sshd",
      config: {
        Env: [DEFAULT_PATH],
        Entrypoint: ["entrypoint.sh"],
        Cmd: ["/usr/sbin/sshd", "-D", "-e"],
        ExposedPorts: { "22/tcp": {} }
      },
      ask: "$in ssh -i /root/.ssh/id_ed25519 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@127.0.0.1 'echo logged in'",
      answer: /^logged in/,
      says: /Server listening on/
    },
    "node-exporter": {
      layer: "node-exporter",
      config: {
        Env: [DEFAULT_PATH],
        User: "nobody",
        Entrypoint: ["/usr/bin/prometheus-node-exporter"],
        ExposedPorts: { "9100/tcp": {} }
      },
      ask: http(9100, "/metrics"),
      answer: /node_uname_info/,
      says: /Listening on/,
      unhandled: "2"
    }
  }
}
