#!/usr/bin/env bash
# Starts a real Apache Kafka broker (KRaft, one node) for tests.
# Prints the broker's process id as its only line on standard output; all else goes to standard
# error. Run again while the broker lives, it prints the same id. Needs Java 17, and Maven once.
#
#   KAFKA_PORT        19092; the controller takes the next port
#   KAFKA_DIR         the broker's state and log: ${TMPDIR:-/tmp}/driftd-kafka, wiped at the start
#   KAFKA_KEEP=1      keeps that state: the broker goes on where it was stopped
#   KAFKA_PARTITIONS  num.partitions: 1
#   KAFKA_EXTRA       further lines of server.properties
#   KAFKA_HEAP        1g
#   KAFKA_FAST_JIT=1  starts quicker, runs slower: for short tests, not for benchmarks
#   KAFKA_CACHE       jars and archives: ${XDG_CACHE_HOME:-$HOME/.cache}/driftd/kafka
#   KAFKA_VERSION     4.3.1
#   KAFKA_FETCH_ONLY=1  fetches the jars if they are missing, starts nothing
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/process.sh"

version=${KAFKA_VERSION:-4.3.1}
port=${KAFKA_PORT:-19092}
controller_port=$((port + 1))
cache=${KAFKA_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/driftd/kafka}
dir=${KAFKA_DIR:-${TMPDIR:-/tmp}/driftd-kafka}
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
jars=$cache/libs-$version
log_options=(
  -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.logFile=System.err
  -Dlog4j2.disable.jmx=true -Djava.awt.headless=true -Djava.net.preferIPv4Stack=true
)

say() { echo "kafka-up: $*" >&2; }

write_pom() {
  cat >"$1/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>kafka-libs</artifactId><version>1</version>
<packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
  <version>$version</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId>
  <version>$version</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId>
  <version>1.7.36</version></dependency>
</dependencies></project>
POM
}

# -U: Maven would otherwise remember a download that failed and not try it again for a day.
copy_jars() {
  mvn -B -U -ntp -f "$1/pom.xml" ${MAVEN_REPO_LOCAL:+-Dmaven.repo.local="$MAVEN_REPO_LOCAL"} \
    -Dmaven.wagon.http.retryHandler.count=5 -Dmaven.wagon.http.pool=false \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DoutputDirectory="$2" -DincludeScope=runtime </dev/null >"$cache/maven.log" 2>&1
}

# The folder of jars appears whole or not at all: it is renamed into place at the end.
fetch_jars() {
  [ ! -e "$jars/.complete" ] || return 0
  local attempt work=$cache/fetch-$version
  command -v mvn >/dev/null || { say "mvn is missing: run ./dev setup test"; return 1; }
  say "fetching Kafka $version from Maven Central (55 MB, once)"
  rm -rf "$work" "$jars"
  mkdir -p "$work"
  write_pom "$work"
  for attempt in 1 2 3 4; do
    copy_jars "$work" "$work/libs" && [ -s "$work/libs/kafka_2.13-$version.jar" ] && break
    if [ "$attempt" = 4 ]; then
      say "Maven failed four times, see $cache/maven.log:"
      grep -m 2 '^\[ERROR\] .' "$cache/maven.log" >&2 || tail -n 5 "$cache/maven.log" >&2
      return 1
    fi
    say "attempt $attempt failed, see $cache/maven.log; trying again"
    sleep $((attempt * 5))
  done
  # Two bindings of the logging facade would make it warn at every start.
  rm -f "$work"/libs/log4j-slf4j*-impl-*.jar "$work"/libs/slf4j-reload4j-*.jar
  touch "$work/libs/.complete"
  mv "$work/libs" "$jars"
  rm -rf "$work"
  say "fetched $(du -sh "$jars" | cut -f1)"
}

write_properties() {
  cat >"$dir/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller_port
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/data
num.partitions=${KAFKA_PARTITIONS:-1}
auto.create.topics.enable=true
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
background.threads=2
log.cleaner.dedupe.buffer.size=4194304
log.segment.bytes=1073741824
log.retention.ms=-1
message.max.bytes=10485760
socket.send.buffer.bytes=1048576
socket.receive.buffer.bytes=1048576
fetch.max.bytes=104857600
auto.include.jmx.reporter=false
metric.reporters=
${KAFKA_EXTRA:-}
PROPERTIES
}

# A formatted, empty data folder is kept in the cache: a warm start needs one JVM, not two.
format_data() {
  local template=$cache/format-$version
  [ ! -e "$dir/data/meta.properties" ] || return 0
  if [ ! -e "$template/meta.properties" ]; then
    "$java" -Xshare:auto -XX:TieredStopAtLevel=1 "${log_options[@]}" -cp "$class_path" \
      kafka.tools.StorageTool format -t AAAAAAAAQACAAAAAAAAAAQ -c "$dir/server.properties" \
      >"$dir/format.log" 2>&1 || { cat "$dir/format.log" >&2; return 1; }
    rm -rf "$template" "$template.new"
    cp -r "$dir/data" "$template.new"
    mv "$template.new" "$template"
  else
    mkdir -p "$dir/data"
    cp -r "$template/." "$dir/data/"
  fi
}

# The first run dumps an archive of its classes when it ends, which kafka-down.sh puts into the
# cache: later runs start in a third of the time.
start_broker() {
  local archive options
  archive=$cache/kafka-$version-$("$java" -version 2>&1 | cksum | cut -d' ' -f1).jsa
  options=(-Xmx"${KAFKA_HEAP:-1g}" -Xms256m -XX:+UseG1GC -XX:MaxGCPauseMillis=50
    -Xlog:cds=off -Xlog:cds+dynamic=off)
  if [ -e "$archive" ]; then options+=(-XX:SharedArchiveFile="$archive" -Xshare:auto)
  else
    options+=(-XX:ArchiveClassesAtExit="$dir/classes.jsa" -Xlog:class+path=off)
    echo "$archive" >"$dir/archive"
  fi
  [ "${KAFKA_FAST_JIT:-0}" = 1 ] && options+=(-XX:TieredStopAtLevel=1)
  setsid "$java" "${options[@]}" "${log_options[@]}" -cp "$class_path" \
    kafka.Kafka "$dir/server.properties" >"$dir/kafka.log" 2>&1 </dev/null 9>&- &
  pid=$!
  echo "$pid" >"$dir/pid"
}

# Ready is a broker that answers an ApiVersions request (version 0) with error code 0.
answers() {
  local reply
  exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf '\x00\x00\x00\x0c\x00\x12\x00\x00\x00\x00\x00\x01\x00\x02up' >&3
  reply=$(timeout 2 head -c 10 <&3 | od -An -tx1 | tr -d ' \n')
  exec 3>&- 3<&-
  [ "${reply:8}" = 000000010000 ]
}

give_up() {
  say "$1; the end of $dir/kafka.log:"
  tail -n 20 "$dir/kafka.log" >&2
  exit 1
}

mkdir -p "$cache"
exec 9>"$cache/lock"
if [ "${KAFKA_FETCH_ONLY:-0}" = 1 ]; then
  flock 9
  fetch_jars
  exit
fi
if is_running "$dir/pid" kafka.Kafka && answers 2>/dev/null; then
  say "already running on 127.0.0.1:$port"
  cat "$dir/pid"
  exit
fi
if port_open "$port" || port_open "$controller_port"; then
  say "port $port or $controller_port is taken; set KAFKA_PORT"
  exit 1
fi
flock 9
fetch_jars
# Class-data archives want the very same class path each time, hence the sorted list.
class_path=$(printf '%s:' "$jars"/*.jar)
class_path=${class_path%:}
claim_folder "$dir" "${KAFKA_KEEP:-0}"
write_properties
format_data
start_broker
exec 9>&-

# Whatever ends this script before the broker is ready takes the broker with it.
trap 'stop_process "$pid" 5 TERM; rm -f "$dir/pid"' EXIT
trap 'exit 1' INT TERM
for _ in $(seq 1 600); do
  kill -0 "$pid" 2>/dev/null || give_up "the broker died"
  if answers 2>/dev/null; then
    trap - EXIT
    say "ready on 127.0.0.1:$port (pid $pid, Kafka $version)"
    echo "$pid"
    exit 0
  fi
  sleep 0.1
done
give_up "not ready after 60 s"
