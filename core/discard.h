// Why a consumed message was not counted: the closed list behind driftd_discarded_total{reason}.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace driftd {

enum class DiscardReason : std::uint8_t {
  empty,
  invalid_utf8,
  malformed_json,
  missing_field,
  wrong_type,
  unknown_model,
  too_large,
  too_far_ahead,
  duplicate_prediction,
  duplicate_label,
  conflicting_label,
  late_label,
};

inline constexpr std::array<std::string_view, 12> kDiscardReasonNames = {
    "empty",           "invalid_utf8",      "malformed_json",
    "missing_field",   "wrong_type",        "unknown_model",
    "too_large",       "too_far_ahead",     "duplicate_prediction",
    "duplicate_label", "conflicting_label", "late_label"};

[[nodiscard]] constexpr std::string_view to_string(DiscardReason reason) {
  return kDiscardReasonNames[static_cast<std::size_t>(reason)];
}

// How many messages were dropped, by reason.
struct DiscardCounts {
  std::array<std::uint64_t, kDiscardReasonNames.size()> by_reason{};

  void add(DiscardReason reason, std::uint64_t times = 1) {
    by_reason[static_cast<std::size_t>(reason)] += times;
  }
  void merge(const DiscardCounts& other) {
    for (std::size_t i = 0; i < by_reason.size(); ++i) by_reason[i] += other.by_reason[i];
  }
};

}  // namespace driftd
