#!/usr/bin/env bash
# Starts a PostgreSQL server of its own for tests: on 127.0.0.1 and on a Unix socket in PG_DIR, user
# driftd, no password, no fsync. Prints its DSN as the last line on standard output; all else goes
# to standard error. Run again while the server lives, it prints the same DSN.
#
#   PG_PORT    15432
#   PG_DIR     its state, log and socket: ${TMPDIR:-/tmp}/driftd-postgres, wiped at the start
#   PG_KEEP=1  keeps that state: the server goes on where it was stopped
#   PG_EXTRA   further options of the server, as in "-c max_connections=5 -c log_statement=all"
#   PG_BIN     where initdb is: the newest /usr/lib/postgresql/*/bin, or else the PATH
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/process.sh"
say() { echo "postgres-up: $*" >&2; }

port=${PG_PORT:-15432} dir=${PG_DIR:-${TMPDIR:-/tmp}/driftd-postgres}
bin=${PG_BIN:-$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)}
bin=${bin:-$(dirname "$(command -v initdb || echo /missing/initdb)")}
dsn=postgresql://driftd@127.0.0.1:$port/postgres

# PostgreSQL refuses to run as root.
as_owner() {
  if ((EUID == 0)); then
    setpriv --reuid=postgres --regid=postgres --clear-groups -- env -C "$dir" "$@"
  else "$@"; fi
}

# Ready is a server that answers a query, over TCP and over the socket.
answers() {
  [ "$(psql -X -w -Atc 'select 1' "$dsn" 2>/dev/null)" = 1 ] &&
    [ "$(psql -X -w -Atc 'select 1' -h "$dir" -p "$port" -U driftd postgres 2>/dev/null)" = 1 ]
}

give_up() {
  say "$1"
  if [ -s "$dir/postgres.log" ]; then tail -n 20 "$dir/postgres.log" >&2; fi
  exit 1
}

# The locale is fixed, so that text sorts alike on every machine.
create_cluster() {
  [ ! -e "$dir/data/PG_VERSION" ] || return 0
  as_owner "$bin/initdb" -D "$dir/data" -A trust -U driftd --no-sync -E UTF8 --locale=C.UTF-8 \
    >"$dir/initdb.log" 2>&1 </dev/null || { cat "$dir/initdb.log" >&2; give_up "initdb failed"; }
}

[ -x "$bin/initdb" ] || { say "no PostgreSQL server is installed: run ./dev setup test"; exit 1; }
mkdir -p "$dir"
dir=$(readlink -f "$dir")
# The kernel allows 107 bytes for a socket's path.
[ ${#dir} -le 80 ] || { say "the path $dir is too long for a Unix socket; set PG_DIR"; exit 1; }
if is_running "$dir/data/postmaster.pid" postgres && answers; then
  say "already running on 127.0.0.1:$port"
  echo "$dsn"
  exit
fi
if port_open "$port"; then say "port $port is taken; set PG_PORT"; exit 1; fi

claim_folder "$dir" "${PG_KEEP:-0}"
if ((EUID == 0)); then
  chown postgres:postgres "$dir"
  as_owner test -w . || give_up "the user postgres cannot reach $dir; set PG_DIR"
fi
create_cluster
options="-p $port -k '$dir' -c listen_addresses=127.0.0.1 -c fsync=off"
options+=" -c timezone=UTC -c log_timezone=UTC ${PG_EXTRA:-}"
as_owner "$bin/pg_ctl" start -w -t 60 -s -D "$dir/data" -l "$dir/postgres.log" -o "$options" \
  </dev/null >&2 || give_up "the server did not start:"

trap 'as_owner "$bin/pg_ctl" stop -s -m immediate -D "$dir/data"' EXIT
trap 'exit 1' INT TERM
answers || give_up "the server does not answer on $dsn:"
trap - EXIT
say "ready on 127.0.0.1:$port (pid $(head -n 1 "$dir/data/postmaster.pid"), socket in $dir)"
echo "$dsn"
