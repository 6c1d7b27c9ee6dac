// The floor under every consumer: reads a topic with driftd's own client settings, counts bytes and
// does nothing else. Prints `seconds of CPU` and `seconds` of the whole process, up to the last
// event, and its largest resident size in MiB.
//
//   bench_anchor_consume BROKERS TOPIC EVENTS PARTITIONS
#include <librdkafka/rdkafka.h>
#include <malloc.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "sources/kafka_client.h"

namespace {

struct Tally {
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
};

void count(rd_kafka_message_t* message, void* opaque) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  auto& tally = *static_cast<Tally*>(opaque);
  ++tally.events;
  tally.bytes += message->len;
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace driftd;
  const auto begun = std::chrono::steady_clock::now();
  if (argc != 5) {
    std::fprintf(stderr, "usage: %s BROKERS TOPIC EVENTS PARTITIONS\n", argv[0]);
    return 64;
  }
  // Fetches of 4 MB stay in the heap: mapped afresh each time they cost as much again as reading.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  KafkaSourceConfig config;
  config.name = "anchor";
  config.brokers = argv[1];
  config.group_id = "bench-anchor";
  const std::uint64_t events = std::strtoull(argv[3], nullptr, 10);
  auto conf = make_kafka_conf(config, "");
  auto client = conf ? make_kafka_consumer(config, std::move(*conf))
                     : Result<KafkaHandle>(std::unexpected(conf.error()));
  if (!client) {
    std::fprintf(stderr, "%s\n", client.error().message.c_str());
    return 69;
  }
  rd_kafka_poll_set_consumer(client->get());
  const int partitions = std::atoi(argv[4]);
  const PartitionList assigned(rd_kafka_topic_partition_list_new(partitions));
  for (int i = 0; i < partitions; ++i) {
    rd_kafka_topic_partition_list_add(assigned.get(), argv[2], i)->offset = 0;
  }
  rd_kafka_assign(client->get(), assigned.get());
  const KafkaQueue queue(rd_kafka_queue_get_consumer(client->get()));
  Tally tally;
  while (tally.events < events) rd_kafka_consume_callback_queue(queue.get(), 1'000, count, &tally);

  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begun;
  std::printf("%.3f %.3f %ld\n", seconds(usage.ru_utime) + seconds(usage.ru_stime), wall.count(),
              usage.ru_maxrss / 1'024);
  std::fflush(stdout);
  std::quick_exit(tally.bytes > 0 ? 0 : 1);  // leaving the group politely is not what is measured
}
