// The table of sequential detectors: from the catalogue's name to what makes one.
//
// A new one is a header here, a row in core/sequential_catalog.cc, a row in registry.cc and an
// alternative of AnySequential. Thread rule: immutable. Allocation rule: makes detectors. Failure
// rule: none; settings were checked when they were made.
#pragma once

#include <span>
#include <string_view>

#include "core/sequential_catalog.h"
#include "detectors/sequential/sequential_detector.h"

namespace driftd {

struct SequentialRow {
  std::string_view name;
  AnySequential (*make)(const SequentialSettings& settings);
};

[[nodiscard]] std::span<const SequentialRow> sequential_rows();
[[nodiscard]] AnySequential make_sequential(const SequentialSettings& settings);

}  // namespace driftd
