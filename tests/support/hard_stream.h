// Events for a pipeline under test, and a short stream of them with all that is hard to count once.
//
// Pure; may allocate; cannot fail.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/fake_source.h"

namespace driftd {

constexpr TimeMs kBegin = 1'000'000;  // event time at which the streams begin

using Stream = std::vector<std::pair<std::int32_t, FakeMessage>>;  // partition, message

[[nodiscard]] inline FakeMessage prediction(const std::string& id, DurationMs after,
                                            double amount = 1) {
  FakeMessage message;
  message.id = id;
  message.ts = kBegin + after;
  message.amount = amount;
  message.score = 0.1 * std::fmod(amount, 10);
  message.latency_ms = 10 + amount;
  message.channel = amount > 5 ? "fax" : "web";
  return message;
}

[[nodiscard]] inline FakeMessage label(const std::string& id, DurationMs after,
                                       const std::string& actual = "1") {
  return label_of(id, kBegin + after, actual);
}

// Two partitions of predictions and one of labels, with what is hard to count once: a duplicate, a
// prediction that comes after its window closed, labels before their prediction, twice, against
// each other, and late.
[[nodiscard]] inline Stream hard_stream(bool with_labels) {
  Stream all;
  const auto canary = [](FakeMessage message) {
    message.version = "v2";
    return message;
  };
  all.emplace_back(0, prediction("a", 10, 1));
  all.emplace_back(1, prediction("b", 20, 9));
  all.emplace_back(0, label("c", 30, "0"));
  all.emplace_back(1, prediction("c", 35, 3));
  all.emplace_back(0, canary(prediction("d", 40, 4)));
  all.emplace_back(0, label("a", 45));
  all.emplace_back(0, prediction("e", 110, 5));
  all.emplace_back(1, canary(prediction("f", 120, 6)));
  all.emplace_back(0, prediction("a", 125, 8));
  all.emplace_back(0, label("b", 130));
  all.emplace_back(1, prediction("g", 130, 7));
  all.emplace_back(0, label("b", 140, "0"));
  all.emplace_back(0, prediction("h", 210, 2));
  all.emplace_back(1, prediction("i", 215, 9));
  all.emplace_back(0, prediction("late", 60, 9));
  all.emplace_back(0, label("late", 216));
  all.emplace_back(0, label("e", 217));
  all.emplace_back(0, label("d", 218, "0"));
  all.emplace_back(1, canary(prediction("j", 330, 1)));
  all.emplace_back(0, canary(prediction("k", 340, 2)));
  all.emplace_back(0, label("f", 345));
  all.emplace_back(0, label("g", 346, "0"));
  all.emplace_back(0, label("g", 347, "0"));
  all.emplace_back(0, label("h", 350));
  all.emplace_back(1, prediction("y", 460, 1));
  all.emplace_back(0, prediction("z", 460, 1));
  if (!with_labels)
    std::erase_if(all, [](const auto& m) { return m.second.kind == MessageKind::label; });
  return all;
}

}  // namespace driftd
