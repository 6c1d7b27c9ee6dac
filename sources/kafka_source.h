// Events from Kafka topics, by librdkafka: one consumer, whose partitions are spread evenly over
// the lanes.
//
// Each partition's queue is forwarded to the queue of its lane, so that lanes read without meeting
// each other; the coordinator's `control` serves rebalances. Positions come from the host's stored
// progress, are set explicitly and proven by the last message counted; the offsets committed to
// Kafka are for lag tools, and tell by their metadata which state directory has counted a
// partition. A partition whose stored position the broker does not hold is read as `offset_lost`
// says; one that another instance counts is not read; `not_ready` says why.
//
// Thread rule: as sources/source.h says; `counters`, `lag` and `not_ready` from any thread,
// between `start` and `stop`. Allocation rule: none per message. Failure rule: a wrong
// configuration is said by `start`; a broker that is down is logged, counted, retried.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "config/config.h"
#include "sources/discarded.h"
#include "sources/formats/format.h"
#include "sources/kafka_client.h"
#include "sources/source.h"

namespace driftd {

// How often a stored position was of no use, and how many messages are known to be passed over by
// that.
struct OffsetLosses {
  std::uint64_t retention = 0;
  std::uint64_t recreated = 0;
  std::uint64_t messages = 0;
};

struct KafkaCounters {
  std::uint64_t errors_total = 0;
  std::uint64_t rebalances_total = 0;
  // Of this source's topics, how many partitions other members of the group have now.
  std::size_t foreign_partitions = 0;
  std::map<std::string, OffsetLosses> losses;  // by topic
};

class KafkaSource : public Source {
 public:
  // Why `ready` is false; empty when it is true.
  [[nodiscard]] virtual std::string not_ready() const = 0;
  [[nodiscard]] virtual KafkaCounters counters() const = 0;
  // How many messages each assigned partition is behind, by what the broker said in its last
  // answer.
  [[nodiscard]] virtual std::map<PartitionId, std::int64_t> lag() const = 0;
};

// The models, the clock and `discarded` outlive the source. `instance_id` is the state directory's:
// with the source's name it is the static group membership by which a restart takes its partitions
// back at once, and offsets are committed under it.
[[nodiscard]] std::unique_ptr<KafkaSource> make_kafka_source(
    const KafkaSourceConfig& config, std::span<const ModelSchema* const> models, const Clock& clock,
    DiscardedMessages& discarded, const DecoderOptions& options, std::string instance_id);

}  // namespace driftd
