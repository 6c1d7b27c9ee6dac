#include "sources/kafka_errors.h"

#include <librdkafka/rdkafka.h>
#include <spdlog/spdlog.h>

namespace driftd {
namespace {

constexpr DurationMs kLogInterval = 10'000;

}  // namespace

void KafkaErrors::note(int error, const std::string& text) {
  total_.fetch_add(1, std::memory_order_relaxed);
  const TimeMs now = clock_.steady();
  const std::scoped_lock lock(mutex_);
  const auto [last, is_first] = last_logged_.try_emplace(error, now);
  if (!is_first && now - last->second < kLogInterval) return;
  last->second = now;
  spdlog::error("{}: {} ({})", source_, text,
                rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(error)));
}

void KafkaErrors::note_always(const std::string& text) {
  total_.fetch_add(1, std::memory_order_relaxed);
  spdlog::error("{}: {}", source_, text);
}

}  // namespace driftd
