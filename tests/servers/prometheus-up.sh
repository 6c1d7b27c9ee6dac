#!/usr/bin/env bash
# Starts a Prometheus server for tests that scrapes one target every second, job "driftd". Prints
# its URL as the last line on standard output; all else goes to standard error. Run again while the
# server lives, it prints the same URL.
#
#   PROM_PORT    19090
#   PROM_TARGET  what to scrape, host:port: 127.0.0.1:9464; need not be there yet;
#                the first scrape comes some 5 s after the start, Prometheus wants it so
#   PROM_DIR     the server's state and log: ${TMPDIR:-/tmp}/driftd-prometheus, wiped at the start
#   PROM_KEEP=1  keeps that state
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/process.sh"
say() { echo "prometheus-up: $*" >&2; }

port=${PROM_PORT:-19090} target=${PROM_TARGET:-127.0.0.1:9464}
dir=${PROM_DIR:-${TMPDIR:-/tmp}/driftd-prometheus}
url=http://127.0.0.1:$port

# Ready is a server that says so, and that answers a query.
answers() {
  curl -fsS --noproxy '*' -m 2 -o /dev/null "$url/-/ready" 2>/dev/null &&
    curl -fsS --noproxy '*' -m 2 "$url/api/v1/query?query=1" 2>/dev/null | grep -q '"success"'
}

give_up() {
  say "$1; the end of $dir/prometheus.log:"
  tail -n 20 "$dir/prometheus.log" >&2
  exit 1
}

write_configuration() {
  cat >"$dir/prometheus.yml" <<YAML
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
scrape_configs:
  - job_name: driftd
    static_configs: [ { targets: [ "$target" ] } ]
YAML
}

command -v prometheus >/dev/null || { say "prometheus is missing: run ./dev setup test"; exit 1; }
if is_running "$dir/pid" prometheus && answers; then
  say "already running on $url"
  echo "$url"
  exit
fi
if port_open "$port"; then say "port $port is taken; set PROM_PORT"; exit 1; fi
claim_folder "$dir" "${PROM_KEEP:-0}"
write_configuration
setsid prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/data" \
  --web.listen-address="127.0.0.1:$port" --log.level=warn \
  >"$dir/prometheus.log" 2>&1 </dev/null &
pid=$!
echo "$pid" >"$dir/pid"

# Whatever ends this script before the server is ready takes the server with it.
trap 'stop_process "$pid" 5 TERM; rm -f "$dir/pid"' EXIT
trap 'exit 1' INT TERM
for _ in $(seq 1 300); do
  kill -0 "$pid" 2>/dev/null || give_up "the server died"
  if answers; then
    trap - EXIT
    say "ready on $url (pid $pid), scraping $target"
    echo "$url"
    exit 0
  fi
  sleep 0.1
done
give_up "not ready after 30 s"
