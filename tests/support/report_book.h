// What was published, as two runs over the same events compare: of every finding and metric of
// every window its highest revision.
//
// Thread rule: one thread. Allocation rule: may allocate. Failure rule: what does not fit is a
// failed expectation of the test.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/report.h"

namespace driftd {

// A report as it compares: what it is about, and what it says in its highest revision.
struct Said {
  std::int32_t revision = -1;
  std::string exact;
  std::vector<double> rounded;
};
using Book = std::map<std::string, Said>;

[[nodiscard]] inline double value_of(const std::optional<double>& value) {
  return value.value_or(-1e300);
}

inline void note(Book& book, const Report& report) {
  std::string key;
  Said said;
  if (const auto* finding = std::get_if<Finding>(&report)) {
    const WindowName& window = finding->window;
    key = finding->monitor.version + " " + finding->series + "/" + finding->detector + " " +
          std::to_string(window.index);
    said.revision = window.revision;
    said.exact = std::to_string(window.start) + " " + std::to_string(window.end) +
                 " n=" + std::to_string(window.n) + " " + std::string(to_string(finding->level));
    said.rounded = {value_of(finding->statistic), value_of(finding->p_value)};
  } else if (const auto* metric = std::get_if<MetricValue>(&report)) {
    const WindowName& window = metric->window;
    key = metric->monitor.version + " " + metric->metric + " " + std::to_string(window.index);
    said.revision = window.revision;
    said.exact = std::to_string(window.start) + " " + std::to_string(window.end) +
                 " n=" + std::to_string(window.n) +
                 " labelled=" + std::to_string(metric->labelled) + " " +
                 std::string(to_string(metric->level));
    said.rounded = {value_of(metric->value), metric->coverage};
  } else {
    return;
  }
  Said& before = book[key];
  // The outbox is written with the offsets, so that no revision is ever said twice.
  EXPECT_NE(before.revision, said.revision) << key;
  if (said.revision > before.revision) before = said;
}

inline void expect_same(const Book& book, const Book& expected) {
  for (const auto& [key, said] : expected) {
    const auto found = book.find(key);
    ASSERT_NE(found, book.end()) << key << " is missing";
    EXPECT_EQ(found->second.exact, said.exact) << key;
    ASSERT_EQ(found->second.rounded.size(), said.rounded.size());
    for (std::size_t i = 0; i < said.rounded.size(); ++i) {
      EXPECT_NEAR(found->second.rounded[i], said.rounded[i],
                  1e-9 * std::max(1.0, std::abs(said.rounded[i])))
          << key;
    }
  }
  for (const auto& [key, said] : book) EXPECT_TRUE(expected.contains(key)) << key << " is too much";
}

}  // namespace driftd
