#!/usr/bin/env bash
# Stops the server that postgres-up.sh started: it rolls open transactions back and ends, or is
# killed after 20 s. No server is no error.
#
#   PG_DIR     as for postgres-up.sh
#   PG_KILL=1  stops it at once, without a shutdown checkpoint: the server that crashes
#   PG_WIPE=1  deletes its state, too
set -u
. "$(dirname "$(readlink -f "$0")")/process.sh"
say() { echo "postgres-down: $*" >&2; }

dir=${PG_DIR:-${TMPDIR:-/tmp}/driftd-postgres}
pid_file=$dir/data/postmaster.pid
# PostgreSQL's own words: SIGINT is the fast shutdown, SIGQUIT the immediate one.
signal=INT
[ "${PG_KILL:-0}" = 1 ] && signal=QUIT

if is_running "$pid_file" postgres; then stop_process "$(head -n 1 "$pid_file")" 20 $signal
else say "no server is running in $dir"; fi
if [ "${PG_WIPE:-0}" = 1 ]; then wipe_folder "$dir"; fi
exit 0
