/** Databases, caches and queues, as their usual images set them up at the first start and go on as another user. */
import { DEFAULT_PATH, type PopularImages, tcp } from "./PopularImage.ts"

/** Starts a server that nobody reaches for the first start, gives it its users, and stops it again. */
const POSTGRES = `#!/bin/bash
set -eo pipefail
if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA"
  find "$PGDATA" \\! -user postgres -exec chown postgres '{}' +
  mkdir -p /var/run/postgresql
  chmod 3777 /var/run/postgresql
  find /var/run/postgresql \\! -user postgres -exec chown postgres '{}' +
  exec gosu postgres "$BASH_SOURCE" "$@"
fi
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  : "\${POSTGRES_PASSWORD:?has to be set}"
  initdb --username=postgres --pwfile=<(printf '%s\\n' "$POSTGRES_PASSWORD") --auth-host=scram-sha-256
  printf '\\nhost all all all scram-sha-256\\n' >>"$PGDATA/pg_hba.conf"
  printf "\\nlisten_addresses = '*'\\nunix_socket_directories = '/var/run/postgresql'\\n" >>"$PGDATA/postgresql.conf"
  pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
  psql --username postgres --no-password -c 'CREATE DATABASE app'
  pg_ctl -D "$PGDATA" -m fast -w stop
  echo "PostgreSQL init process complete; ready for start up."
fi
exec "$@"
`

const MARIADB = `#!/bin/bash
set -eo pipefail
if [ "$1" = mariadbd ] && [ "$(id -u)" = 0 ]; then
  echo "[Note] [Entrypoint]: Switching to dedicated user 'mysql'"
  find /var/lib/mysql \\! -user mysql -exec chown mysql: '{}' +
  exec gosu mysql "$BASH_SOURCE" "$@"
fi
if [ "$1" = mariadbd ] && [ ! -d /var/lib/mysql/mysql ]; then
  : "\${MARIADB_ROOT_PASSWORD:?has to be set}"
  echo "[Note] [Entrypoint]: Initializing database files"
  mariadb-install-db --datadir=/var/lib/mysql --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve
  "$@" --skip-networking --socket=/run/mysqld/mysqld.sock &
  server=$!
  for attempt in $(seq 300); do
    mariadb -uroot -e 'SELECT 1' >/dev/null 2>&1 && break
    sleep 0.1
  done
  mariadb -uroot -e "CREATE DATABASE app; DROP USER root@127.0.0.1, root@'::1'; CREATE USER root@'%' IDENTIFIED BY '$MARIADB_ROOT_PASSWORD'; GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION; ALTER USER root@localhost IDENTIFIED BY '$MARIADB_ROOT_PASSWORD'"
  kill "$server"
  wait "$server"
  echo "[Note] [Entrypoint]: MariaDB init process done. Ready for start up."
fi
exec "$@"
`

const REDIS = `#!/bin/sh
set -e
if [ "\${1#-}" != "$1" ] || [ "\${1%.conf}" != "$1" ]; then set -- redis-server "$@"; fi
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
  find . \\! -user redis -exec chown redis '{}' +
  exec setpriv --reuid=redis --regid=redis --clear-groups "$0" "$@"
fi
um=$(umask)
if [ "$um" = 0022 ]; then umask 0077; fi
exec "$@"
`

/** MongoDB's image makes its first user in this way, with a server that only listens inside. */
const ETCD = `#!/bin/bash
set -eo pipefail
if [ "$1" = etcd ] && [ "$(id -u)" = 0 ]; then
  find /data/db \\! -user etcd -exec chown etcd '{}' +
  exec gosu etcd "$BASH_SOURCE" "$@"
fi
if [ "$1" = etcd ] && [ ! -d /data/db/member ]; then
  "$@" --listen-client-urls http://127.0.0.1:27017 --advertise-client-urls http://127.0.0.1:27017 &
  server=$!
  ask() { etcdctl --endpoints http://127.0.0.1:27017 "$@"; }
  for attempt in $(seq 300); do
    ask endpoint health >/dev/null 2>&1 && break
    sleep 0.1
  done
  ask user add "root:$ETCD_ROOT_PASSWORD"
  ask user grant-role root root
  ask auth enable
  kill "$server"
  wait "$server" || :
  echo "etcd init process complete; ready for start up."
fi
exec "$@"
`

const MEMCACHED = `#!/bin/sh
set -e
if [ "\${1#-}" != "$1" ]; then set -- memcached "$@"; fi
exec "$@"
`

const RABBITMQ = `#!/bin/bash
set -euo pipefail
if [[ "$1" == rabbitmq* ]] && [ "$(id -u)" = 0 ]; then
  if [ "$1" = rabbitmq-server ]; then find /var/lib/rabbitmq \\! -user rabbitmq -exec chown rabbitmq '{}' +; fi
  exec gosu rabbitmq "$BASH_SOURCE" "$@"
fi
exec "$@"
`

const entrypoint = (text: string) => ({ "usr/local/bin/docker-entrypoint.sh": [text, 0o755] as const })
const ENTRYPOINT = { Entrypoint: ["docker-entrypoint.sh"] }

const PSQL = "$in psql 'postgresql://postgres:secret@127.0.0.1/app' -Atc"
const MARIADB_CLIENT = "$in mariadb -h 127.0.0.1 -uroot -psecret -N app -e"
const ETCDCTL = "$in etcdctl --user root:secret"

export const databases: PopularImages = {
  layers: {
    postgres: {
      packages: ["postgresql-17", "gosu"],
      files: entrypoint(POSTGRES),
      script: `rm -rf /var/lib/postgresql/* /etc/postgresql
install -d -o postgres -g postgres -m 3777 /var/run/postgresql
install -d -o postgres -g postgres -m 1777 /var/lib/postgresql/data`
    },
    mariadb: {
      packages: ["mariadb-server", "gosu"],
      files: {
        ...entrypoint(MARIADB),
        "etc/mysql/mariadb.conf.d/90-docker.cnf": [
          "[mariadbd]\nbind-address = *\nhost-cache-size = 0\nskip-name-resolve\n"
        ]
      },
      script: `rm -rf /var/lib/mysql
install -d -o mysql -g mysql -m 1777 /var/lib/mysql /run/mysqld`
    },
    redis: {
      packages: ["redis-server"],
      files: entrypoint(REDIS),
      script: "install -d -o redis -g redis /data"
    },
    etcd: {
      packages: ["etcd-server", "etcd-client", "gosu"],
      files: entrypoint(ETCD),
      script: "install -d -o etcd -g etcd /data/db"
    },
    memcached: { packages: ["memcached"], files: entrypoint(MEMCACHED) },
    rabbitmq: {
      packages: ["rabbitmq-server", "gosu"],
      files: entrypoint(RABBITMQ),
      script: `rm -rf /var/lib/rabbitmq /var/log/rabbitmq/*
install -d -o rabbitmq -g rabbitmq -m 1777 /var/lib/rabbitmq
ln -sf /var/lib/rabbitmq/.erlang.cookie /root/.erlang.cookie`
    }
  },
  images: {
    postgres: {
      layer: "postgres",
      config: {
        ...ENTRYPOINT,
        Cmd: ["postgres"],
        Env: [
          `${DEFAULT_PATH}:/usr/lib/postgresql/17/bin`,
          "PGDATA=/var/lib/postgresql/data",
          "LANG=C.UTF-8",
          "POSTGRES_PASSWORD=secret"
        ],
        ExposedPorts: { "5432/tcp": {} },
        StopSignal: "SIGINT",
        Volumes: { "/var/lib/postgresql/data": {} }
      },
      ask: `${PSQL} "select 'ready'"`,
      answer: /^ready/,
      says: /database system is ready to accept connections/,
      early: /the database system is starting up/,
      keep: `${PSQL} 'create table kept (a int)' && echo kept`,
      kept: `${PSQL} "select 'kept' from pg_tables where tablename = 'kept'"`
    },
    mariadb: {
      layer: "mariadb",
      config: {
        ...ENTRYPOINT,
        Cmd: ["mariadbd"],
        Env: [DEFAULT_PATH, "LANG=C.UTF-8", "MARIADB_ROOT_PASSWORD=secret"],
        ExposedPorts: { "3306/tcp": {} },
        Volumes: { "/var/lib/mysql": {} }
      },
      ask: `${MARIADB_CLIENT} "select 'ready'"`,
      answer: /ready/,
      says: /ready for connections/,
      keep: `${MARIADB_CLIENT} 'create table kept (a int)' && echo kept`,
      kept: `${MARIADB_CLIENT} "show tables like 'kept'"`
    },
    redis: {
      layer: "redis",
      config: {
        ...ENTRYPOINT,
        Cmd: ["redis-server"],
        Env: [DEFAULT_PATH],
        ExposedPorts: { "6379/tcp": {} },
        Volumes: { "/data": {} },
        WorkingDir: "/data"
      },
      ask: tcp(6379, "PING\\r\\n"),
      answer: /^\+PONG/,
      says: /Ready to accept connections/,
      keep: `${tcp(6379, "SET mark kept\\r\\n")} | grep OK && echo kept`,
      kept: "$in redis-cli get mark"
    },
    etcd: {
      layer: "etcd",
      config: {
        ...ENTRYPOINT,
        Cmd: ["etcd", "--data-dir", "/data/db"],
        Env: [DEFAULT_PATH, "ETCD_ROOT_PASSWORD=secret"],
        ExposedPorts: { "2379/tcp": {} },
        Volumes: { "/data/db": {} }
      },
      ask: `${ETCDCTL} endpoint health 2>&1`,
      answer: /is healthy/,
      says: /ready to serve client requests/,
      keep: `${ETCDCTL} put mark kept && echo kept`,
      kept: `${ETCDCTL} get mark`
    },
    memcached: {
      layer: "memcached",
      config: {
        ...ENTRYPOINT,
        User: "memcache",
        Cmd: ["memcached"],
        Env: [DEFAULT_PATH],
        ExposedPorts: { "11211/tcp": {} }
      },
      ask: tcp(11_211, "version\\r\\n"),
      answer: /^VERSION/
    },
    rabbitmq: {
      layer: "rabbitmq",
      config: {
        ...ENTRYPOINT,
        Cmd: ["rabbitmq-server"],
        Env: [
          "PATH=/usr/lib/rabbitmq/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
          "RABBITMQ_DATA_DIR=/var/lib/rabbitmq",
          "RABBITMQ_LOGS=-",
          "HOME=/var/lib/rabbitmq",
          "LANG=C.UTF-8"
        ],
        ExposedPorts: { "4369/tcp": {}, "5671/tcp": {}, "5672/tcp": {}, "25672/tcp": {} },
        Volumes: { "/var/lib/rabbitmq": {} }
      },
      ask: "exec 3<>/dev/tcp/127.0.0.1/5672 && printf 'AMQP\\0\\0\\011\\001' >&3 && dd bs=4096 count=1 status=none <&3 | tr -cd '[:print:]'",
      answer: /RabbitMQ/,
      says: /started TCP listener on/,
      keep: "$in rabbitmqctl add_vhost kept && echo kept",
      kept: "$in rabbitmqctl list_vhosts"
    }
  }
}
