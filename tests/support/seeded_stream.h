// A random stream of predictions and labels, the same for the same seed: two versions, several
// partitions, labels in time, late, twice, against each other, before their prediction or never,
// and events that come after their window has closed.
//
// Pure; may allocate; cannot fail. Numbers come from the generator itself and not from a standard
// distribution, whose values the standard leaves open.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>

#include "tests/support/hard_stream.h"

namespace driftd {

inline constexpr std::uint32_t kPredictionPartitions = 3;
inline constexpr std::uint32_t kLabelPartitions = 2;

struct SeededStream {
  std::uint32_t seed = 1;
  std::size_t predictions = 0;
  DurationMs step = 0;     // event time from one prediction to the next
  DurationMs horizon = 0;  // labels later than this are written too
};

class StreamWriter {
 public:
  explicit StreamWriter(const SeededStream& wanted) : wanted_(wanted), random_(wanted.seed) {}

  [[nodiscard]] Stream write() {
    for (std::size_t i = 0; i < wanted_.predictions; ++i) {
      now_ = static_cast<DurationMs>(i) * wanted_.step;
      write_labels_due();
      write_prediction(static_cast<std::uint32_t>(i));
    }
    return std::move(stream_);
  }

 private:
  [[nodiscard]] std::uint32_t below(std::uint32_t limit) {
    return static_cast<std::uint32_t>(random_() % limit);
  }
  [[nodiscard]] bool once_in(std::uint32_t times) { return below(times) == 0; }

  void write_prediction(std::uint32_t number) {
    const std::string id = "id" + std::to_string(number);
    if (once_in(8)) write_label(number, now_);  // before its prediction
    const DurationMs behind = once_in(12) ? wanted_.horizon / 2 : below(20);
    FakeMessage message = prediction(id, std::max<DurationMs>(0, now_ - behind), below(11));
    if (once_in(3)) message.version = "v2";
    const auto partition = static_cast<std::int32_t>(number % kPredictionPartitions);
    stream_.emplace_back(partition, message);
    if (once_in(10)) stream_.emplace_back(partition, prediction(id, now_, below(11)));
    if (once_in(5)) return;  // never labelled, or only by what came before
    const DurationMs delay = once_in(6) ? wanted_.horizon + 1 + below(50)
                                        : below(static_cast<std::uint32_t>(wanted_.horizon) / 2);
    due_.emplace(now_ + delay, number);
    if (once_in(4)) due_.emplace(now_ + delay + below(40), number);
  }
  void write_labels_due() {
    while (!due_.empty() && due_.begin()->first <= now_) {
      write_label(due_.begin()->second, due_.begin()->first);
      due_.erase(due_.begin());
    }
  }
  void write_label(std::uint32_t number, DurationMs at) {
    stream_.emplace_back(static_cast<std::int32_t>(number % kLabelPartitions),
                         label("id" + std::to_string(number), at, once_in(3) ? "0" : "1"));
  }

  const SeededStream wanted_;
  std::mt19937 random_;
  DurationMs now_ = 0;
  std::multimap<DurationMs, std::uint32_t> due_;  // labels to come: when, and of which prediction
  Stream stream_;
};

}  // namespace driftd
