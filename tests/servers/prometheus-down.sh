#!/usr/bin/env bash
# Stops the server that prometheus-up.sh started: SIGTERM, and SIGKILL after 10 s. No server is no
# error.
#
#   PROM_DIR     as for prometheus-up.sh
#   PROM_WIPE=1  deletes its state, too
set -u
. "$(dirname "$(readlink -f "$0")")/process.sh"
say() { echo "prometheus-down: $*" >&2; }

dir=${PROM_DIR:-${TMPDIR:-/tmp}/driftd-prometheus}

if is_running "$dir/pid" prometheus; then stop_process "$(cat "$dir/pid")" 10 TERM
else say "no server is running in $dir"; fi
rm -f "$dir/pid"
if [ "${PROM_WIPE:-0}" = 1 ]; then wipe_folder "$dir"; fi
exit 0
