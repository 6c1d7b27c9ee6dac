// The messages of topics between two times, as lines of a gzipped file: what a baseline is made of
// where the good time is in Kafka.
//
// Partitions are assigned by hand from the offsets of the first time: nobody joins the group, and
// nothing is committed, so that a driftd that reads the same topics notices nothing. Messages of
// all partitions are merged by their timestamps at the broker. Thread rule: blocks its caller.
// Allocation rule: what librdkafka fetches ahead, at most 16 MiB a partition. Failure rule: an
// Error that names the broker, topic or file and what to do.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/clock.h"
#include "core/result.h"

namespace driftd {

struct KafkaStretch {
  std::vector<std::string> topics;
  TimeMs start = 0;         // by the messages' timestamps
  TimeMs end = kEndOfTime;  // and before this; kEndOfTime: what is there now
  std::string file;         // is made, or made anew
  // For those who wait: the share of the messages that was read.
  std::function<void(double share)> progress;
};

// How many messages there were.
[[nodiscard]] Result<std::uint64_t> save_kafka_stretch(const KafkaSourceConfig& source,
                                                       const KafkaStretch& stretch);

}  // namespace driftd
