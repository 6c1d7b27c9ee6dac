#!/usr/bin/env bash
# Stops the broker that kafka-up.sh started: SIGTERM, and SIGKILL after 20 s. No broker is no error.
#
#   KAFKA_DIR     as for kafka-up.sh
#   KAFKA_KILL=1  SIGKILL at once: the broker that crashes
#   KAFKA_WIPE=1  deletes its state, too
set -u
. "$(dirname "$(readlink -f "$0")")/process.sh"
say() { echo "kafka-down: $*" >&2; }

dir=${KAFKA_DIR:-${TMPDIR:-/tmp}/driftd-kafka}
signal=TERM
[ "${KAFKA_KILL:-0}" = 1 ] && signal=KILL

if is_running "$dir/pid" kafka.Kafka; then stop_process "$(cat "$dir/pid")" 20 $signal
else say "no broker is running in $dir"; fi
rm -f "$dir/pid"

# Renamed into place, so that a broker that starts meanwhile never reads half an archive.
if [ -s "$dir/classes.jsa" ] && [ -s "$dir/archive" ]; then
  archive=$(cat "$dir/archive")
  mv "$dir/classes.jsa" "$archive.$$" && mv "$archive.$$" "$archive"
fi
if [ "${KAFKA_WIPE:-0}" = 1 ]; then wipe_folder "$dir"; fi
exit 0
