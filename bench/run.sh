#!/usr/bin/env bash
# Measures driftd against the floor that the machine sets; ./dev bench builds it and runs this.
#
#   bench/run.sh [kafka|labels|pending|replay|micro|detectors|memory|join|false_alarms|stores|
#                 sequential|all]   default: all but pending, false_alarms, stores and sequential
#
#   kafka   a real broker, lz4, 1 and 4 partitions: a program that only counts bytes and
#           `driftd run`, in turns; events per second of the whole process's CPU time
#   labels  `driftd run` with as many labels as predictions: events per CPU second, and the share
#           that its checkpoints take
#   pending resident memory of `driftd run` while BENCH_ROWS predictions wait for their labels;
#           3 GB of disk
#   memory  resident memory of `driftd run` at each quarter of the topic
#   replay  `driftd replay` over files, without and with labels
#   micro   single steps of the pipeline (Google Benchmark)
#   detectors  each window detector on 10,000 values a side, beside SciPy where BENCH_PYTHON has it
#   join    the label join over files, with durable checkpoints, and a start on it; 2 GB of disk
#   false_alarms [ARGUMENTS]  alerts on stable simulated traffic and delays after shifts, ours and the
#           usual rules'; about half an hour of two cores, with --quick a few minutes; --help
#   stores  the load of the label join on a log of our own, RocksDB, LMDB and SQLite, one after the
#           other, and what each does on a full disk; half an hour, 10 GB of disk
#   sequential  the sequential detectors and River's, on the same values; River comes from PyPI
#
#   BENCH_BUILD    where driftd was built: build/release
#   BENCH_DIR      topics, files and state: ${TMPDIR:-/tmp}/driftd-bench
#   BENCH_EVENTS   2000000 in a topic, half of it in the files
#   BENCH_TURNS    3
#   BENCH_ROWS     10000000 predictions pending in a store
#   BENCH_PAIRS    2000000 predictions and labels after that, a multiple of 200000
#   BENCH_STORES   log rocksdb rocksdb_one lmdb sqlite_arrival sqlite
#   BENCH_LANES    lanes of `driftd run`: 0, one a core
#   BENCH_KEEP=1   leaves the broker and its topics for the next run
#   BENCH_PYTHON   python3; one with SciPy for the comparison of `detectors`
#   KAFKA_PORT     29492
set -euo pipefail

root=$(dirname "$(dirname "$(readlink -f "$0")")")
build=$(readlink -f "${BENCH_BUILD:-$root/build/release}")
dir=${BENCH_DIR:-${TMPDIR:-/tmp}/driftd-bench}
events=${BENCH_EVENTS:-2000000}
turns=${BENCH_TURNS:-3}
lanes=${BENCH_LANES:-0}
export KAFKA_PORT=${KAFKA_PORT:-29492} KAFKA_DIR=$dir/kafka
http_port=$((KAFKA_PORT + 2))
brokers=127.0.0.1:$KAFKA_PORT
hertz=$(getconf CLK_TCK)
daemon=
broker=

say() { echo "bench: $*" >&2; }

finish() {
  if [ -n "$daemon" ]; then kill -KILL "$daemon" 2>/dev/null || true; fi
  if [ -n "$broker" ] && [ "${BENCH_KEEP:-0}" = 0 ]; then
    KAFKA_WIPE=1 "$root/tests/servers/kafka-down.sh"
  fi
}
trap finish EXIT
trap 'exit 1' INT TERM

# Seconds of CPU that a process has used so far, all threads, user and system.
cpu_of() {
  local stat
  stat=$(<"/proc/$1/stat")
  awk -v hertz="$hertz" '{ printf "%.2f", ($12 + $13) / hertz }' <<<"${stat##*) }"
}
resident_of() { awk '/^VmRSS:/ { printf "%d", $2 / 1024 }' "/proc/$1/status"; }
now() { date +%s.%N; }
median() { sort -g | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
compute() { awk "BEGIN { printf \"$1\", $2 }"; }

# About 10,000 events a window: three versions, an event a millisecond.
write_config() { # file, topic, state folder, checkpoint interval, label topic or nothing
  local labels=
  if [ -n "${5:-}" ]; then labels="labels = [\"$5\"]"; fi
  cat >"$1" <<TOML
[daemon]
listen = "127.0.0.1:$http_port"
state_dir = "$3"
checkpoint_interval = "$4"
lanes = $lanes
log_level = "warning"

[store]
url = "sqlite:$3/driftd.db"

[[source]]
brokers = "$brokers"
group_id = "$(basename "$3")"
predictions = ["$2"]
$labels
timestamps = "milliseconds"

[[model]]
name = "scoring"
reference = "$dir/data/reference.csv"

[model.window]
size = "${BENCH_WINDOW:-30s}"

[model.metrics]
accuracy = {}
f1 = {}
log_loss = {}
TOML
}

make_files() {
  [ ! -e "$dir/data/complete-$events" ] || return 0
  rm -rf "$dir/data"
  mkdir -p "$dir/data"
  "$build/bench/bench_make_files" "$dir/data" $((events / 2)) 10000
  touch "$dir/data/complete-$events"
}

start_broker() {
  if [ -z "$broker" ]; then broker=$("$root/tests/servers/kafka-up.sh"); fi
}

make_topics() {
  local partitions
  start_broker
  [ ! -e "$KAFKA_DIR/topics-$events" ] || return 0
  say "making the topics, about half a minute"
  for partitions in 1 4; do
    "$build/bench/bench_produce_events" \
      "$brokers" "events-$partitions" "$events" "$partitions" lz4 >&2
  done
  touch "$KAFKA_DIR/topics-$events"
}

# The sum of a family of the daemon's own metrics; it counts anew after every checkpoint.
metric() { # family, printf's format
  curl -sf "http://127.0.0.1:$http_port/metrics" 2>/dev/null |
    awk -v family="$1" 'index($1, family "{") == 1 || $1 == family { sum += $2 } END { printf "'"$2"'", sum }'
}
# Events counted so far.
counted_events() {
  echo $(($(metric driftd_predictions_total %d) + $(metric driftd_labels_total %d)))
}

# Runs the daemon until it has counted all events of its topics; sets `cpu`, `wall`, `checkpoints`,
# `checkpoint_cpu` and `quarters`, the resident MiB when it first said that a quarter, a half, ...
# had been counted.
run_daemon() { # topic, checkpoint interval, pause between two questions, events, label topic or nothing
  local state=$dir/state-$$-$RANDOM counted=0 next=1 begun all=$4
  quarters=()
  mkdir -p "$state"
  write_config "$state/driftd.toml" "$1" "$state" "$2" "${5:-}"
  begun=$(now)
  "$build/driftd" run --config "$state/driftd.toml" >"$dir/driftd.log" 2>&1 &
  daemon=$!
  while [ "$counted" -lt "$all" ]; do
    sleep "$3"
    if ! kill -0 "$daemon" 2>/dev/null; then
      say "driftd ended:"
      tail -n 5 "$dir/driftd.log" >&2
      exit 1
    fi
    counted=$(counted_events || echo 0)
    while [ "$next" -le 4 ] && [ $((counted * 4)) -ge $((all * next)) ]; do
      quarters+=("$(resident_of "$daemon")")
      next=$((next + 1))
    done
  done
  cpu=$(cpu_of "$daemon")
  checkpoints=$(metric driftd_checkpoints_total %d)
  checkpoint_cpu=$(metric driftd_checkpoint_cpu_seconds_total %.3f)
  wall=$(compute %.2f "$(now) - $begun")
  kill -TERM "$daemon"
  wait "$daemon" || say "driftd ended with status $?"
  daemon=
  rm -rf "$state"
}

rate() { compute %.0f "$events / $1"; } # events per second of CPU, from seconds of CPU

print_run() { # name, partitions, turn, seconds of CPU, seconds, MiB
  printf '%-12s  %10d  %4d  %5.2f  %6.2f  %21d  %3d\n' \
    "$1" "$2" "$3" "$4" "$5" "$(rate "$4")" "$6"
}

bench_kafka() {
  local partitions turn floor floors ours driftd
  make_files
  make_topics
  echo "consumer      partitions  turn  CPU s  wall s  events per CPU second  MiB"
  for partitions in 1 4; do
    floors= ours=
    for turn in $(seq "$turns"); do
      read -r -a floor < <("$build/bench/bench_anchor_consume" \
        "$brokers" "events-$partitions" "$events" "$partitions")
      print_run "count bytes" "$partitions" "$turn" "${floor[@]}"
      floors+="$(rate "${floor[0]}")"$'\n'
      run_daemon "events-$partitions" 1s 0.2 "$events"
      print_run "driftd run" "$partitions" "$turn" "$cpu" "$wall" "${quarters[3]}"
      ours+="$(rate "$cpu")"$'\n'
    done
    floor=$(printf %s "$floors" | median)
    driftd=$(printf %s "$ours" | median)
    echo "median, $partitions partitions, events per CPU second: count bytes $floor," \
      "driftd $driftd;" \
      "$(compute %.2f "$floor / $driftd") times the CPU time of the floor"
  done
}

bench_memory() {
  make_files
  make_topics
  local partitions
  for partitions in 1 4; do
    run_daemon "events-$partitions" 100ms 0.05 "$events"
    echo "resident MiB when 25, 50, 75 and 100 % of $events events were counted," \
      "$partitions partitions: ${quarters[*]}"
  done
}

make_topic() { # topic, events, kind
  start_broker
  [ ! -e "$KAFKA_DIR/topic-$1-$2" ] || return 0
  say "making the topic $1"
  "$build/bench/bench_produce_events" "$brokers" "$1" "$2" 1 lz4 "$3" >&2
  touch "$KAFKA_DIR/topic-$1-$2"
}

bench_labels() {
  make_files
  make_topic predictions "$events" predictions
  make_topic labels "$events" labels
  echo "turn  CPU s  wall s  events per CPU second  checkpoints  ms CPU each  share of CPU"
  for turn in $(seq "$turns"); do
    run_daemon predictions 1s 0.2 $((2 * events)) labels
    printf '%4d  %5.2f  %6.2f  %21d  %11d  %11.1f  %10.1f %%\n' "$turn" "$cpu" "$wall" \
      "$(compute %.0f "2 * $events / $cpu")" "$checkpoints" \
      "$(compute %.1f "1000 * $checkpoint_cpu / $checkpoints")" \
      "$(compute %.1f "100 * $checkpoint_cpu / $cpu")"
  done
}

bench_pending() {
  local rows=${BENCH_ROWS:-10000000}
  make_files
  make_topic short "$rows" short_predictions
  make_topic no_labels 0 labels
  BENCH_WINDOW=10m run_daemon short 1s 0.1 "$rows" no_labels
  echo "resident MiB when 25, 50, 75 and 100 % of $rows predictions waited for their label:" \
    "${quarters[*]}; $(compute %.0f "$rows / $cpu") predictions per CPU second"
}

replay_once() { # name, labels or nothing
  local times spent
  times=$({
    TIMEFORMAT='%U %S'
    time "$build/driftd" replay --config "$dir/replay.toml" \
      --predictions "$dir/data/predictions.ndjson" ${2:+--labels "$2"} --out /dev/null \
      >/dev/null 2>"$dir/driftd.log"
  } 2>&1)
  spent=$(awk '{ print $1 + $2 }' <<<"$times")
  printf '%-16s %5.2f  %21.0f\n' "$1" "$spent" "$(compute %.0f "$events / 2 / $spent")"
}

bench_replay() {
  make_files
  write_config "$dir/replay.toml" none "$dir/replay-state" 1s
  echo "replay           CPU s  events per CPU second"
  for _ in $(seq "$turns"); do
    replay_once features ""
    replay_once "with labels" "$dir/data/labels.ndjson"
  done
}

bench_stores() {
  local store folder=$dir/stores rows=${BENCH_ROWS:-10000000} pairs=${BENCH_PAIRS:-2000000}
  rm -rf "$folder"
  mkdir -p "$folder"
  # filling: predictions per CPU second; pairs per CPU second, of the median commit and in all, and
  # per second of wall time; medians of commits and drops in ms; bytes written for each pair.
  printf '%-14s %9s %9s %9s %8s %8s %8s %8s %8s %8s %8s\n' store filling pairs/CPU "in all" wall \
    commit bytes "disk MiB" "peak MiB" anon.MiB drop
  for store in ${BENCH_STORES:-log rocksdb rocksdb_one lmdb sqlite_arrival sqlite}; do
    "$build/bench/bench_join_stores" load "$store" "$folder/$store" "$rows" "$pairs"
    # What a start finds after a power cut, and what it finds when it is started again at once.
    "$build/bench/bench_join_stores" open "$store" "$folder/$store" "$rows" "$pairs" cold \
      >>"$folder/opened"
    "$build/bench/bench_join_stores" open "$store" "$folder/$store" "$rows" "$pairs" \
      >>"$folder/opened"
    rm -rf "${folder:?}/$store"
  done
  printf '\nstore          pages ms to open peak MiB\n'
  cat "$folder/opened"
  echo
  "$root/bench/join_failures.sh" "$build/bench/bench_join_failures" "$folder/full"
  rm -rf "$folder"
}

# River, in an environment of its own that the next run finds again.
bench_sequential() {
  local python=$dir/river/bin/python
  if ! "$python" -c 'import river' 2>/dev/null; then
    say "installing River from PyPI"
    python3 -m venv "$dir/river"
    "$python" -m pip install --quiet --disable-pip-version-check river==0.26.1
  fi
  "$python" "$root/bench/sequential.py" "$build/bench/bench_sequential" "$dir"
}

bench_false_alarms() { "$build/bench/bench_false_alarms" "$@"; }

bench_micro() { "$build/bench/bench_micro" --benchmark_counters_tabular=true; }

bench_detectors() {
  local ours=$dir/detectors theirs=$dir/detectors-scipy
  "$build/bench/bench_detectors" >"$ours"
  if ! "${BENCH_PYTHON:-python3}" "$root/bench/detectors_scipy.py" >"$theirs" 2>"$dir/scipy.log"; then
    say "no SciPy to compare with: set BENCH_PYTHON (its last word: $(tail -n 1 "$dir/scipy.log"))"
    : >"$theirs"
  fi
  echo "step                    driftd       SciPy   times"
  awk 'NR == FNR { scipy[$1] = $2; next }
       $1 in scipy { printf "%-20s %9.2f %s %8.1f %s %7.0f\n", $1, $2, $3, scipy[$1], $3, scipy[$1] / $2; next }
       { printf "%-20s %9.2f %s\n", $1, $2, $3 }' "$theirs" "$ours"
}

bench_join() {
  "$build/bench/bench_label_join" "$dir/label_join" "${BENCH_ROWS:-10000000}" "${BENCH_PAIRS:-2000000}"
  rm -rf "${dir:?}/label_join"
}

mkdir -p "$dir"
case ${1:-all} in
  kafka | labels | pending | memory | replay | micro | detectors | join | stores | sequential)
    "bench_$1"
    ;;
  false_alarms) bench_false_alarms "${@:2}" ;;
  all)
    bench_micro
    bench_detectors
    bench_join
    bench_replay
    bench_kafka
    bench_labels
    bench_memory
    ;;
  *)
    sed -n '2,33s/^# \{0,1\}//p' "$0"
    exit 64
    ;;
esac
