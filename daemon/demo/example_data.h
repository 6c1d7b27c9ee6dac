// The stream that the demo shows: examples/car-loan, whose README says what drifts in it, and when.
//
// Thread rule: pure functions. Allocation rule: the whole stream is held, some 6 MB. Failure rule:
// what is missing or cannot be read is `io` or `corrupted`, with the file's name and what to do.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace driftd {

// From row 6250 on, half way through; see the README beside the data.
inline constexpr TimeMs kExampleDriftBegins = 1'554'001'200'000;  // 2019-03-31 03:00 UTC

struct ExampleEvent {
  TimeMs ts = 0;
  bool is_label = false;
  std::string json;
};

struct ExampleData {
  std::string reference;             // path
  std::vector<ExampleEvent> events;  // by time of arrival; not empty
  std::size_t predictions = 0;
  std::size_t labels = 0;
};

// The folder with the data: `given` if it is not empty, else the environment's DRIFTD_EXAMPLES,
// else examples/car-loan in a folder above the binary or the current folder, else the installed
// one.
[[nodiscard]] Result<std::string> find_example(const std::string& given);
[[nodiscard]] Result<ExampleData> load_example(const std::string& folder);

}  // namespace driftd
