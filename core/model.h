// What is known of a model before its first event: its task, its series (columns) and its class
// names.
//
// A ModelSchema is made once, from the configuration and the reference, and is then shared by all
// lanes. It is immutable save for its two name tables, which have their own lock.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/clock.h"
#include "core/ids.h"
#include "core/names.h"

namespace driftd {

enum class Task : std::uint8_t { binary, multiclass, regression };
enum class SeriesType : std::uint8_t { numeric, categorical };
enum class SeriesRole : std::uint8_t { feature, prediction, predicted_class, latency };

[[nodiscard]] std::string_view to_string(Task task);
[[nodiscard]] std::string_view to_string(SeriesType type);

// Lets a hash map with std::string keys be asked with a std::string_view, without an allocation.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};
using TextIndex = std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>>;

// One monitored column of a model. For categories, code i is the reference's i-th category; where
// there are more than are told apart the rest share the last code.
struct SeriesSchema {
  std::string name;
  SeriesType type = SeriesType::numeric;
  SeriesRole role = SeriesRole::feature;
  TextIndex categories;
  std::uint32_t sharing = 0;  // how many categories share the last code

  [[nodiscard]] std::uint32_t category_codes() const {
    return static_cast<std::uint32_t>(categories.size()) - sharing + (sharing > 0 ? 1 : 0);
  }
};

// Limits on names that come from events; beyond them a new name is counted as `other`.
inline constexpr std::size_t kMaxVersions = 1'024;
inline constexpr std::size_t kMaxClasses = 4'096;

struct ModelSchema {
  ModelIndex index{};
  std::string name;
  Task task = Task::binary;
  // All series, features first in the order of the reference's columns (an array of features is
  // taken in that order).
  std::vector<SeriesSchema> series;
  std::size_t feature_count = 0;
  TextIndex feature_by_name;   // feature name -> position in `series`
  int prediction_series = -1;  // position in `series`, or -1 where the reference has no such column
  int predicted_class_series = -1;
  int latency_series = -1;
  // Class names as canonical text. The first `reference_classes` are those of the reference, sorted
  // by name.
  std::unique_ptr<Names> classes = std::make_unique<Names>(kMaxClasses);
  std::uint32_t reference_classes = 0;
  ClassCode positive_class = kNoClass;  // binary only
  // Multiclass only: the classes that have a score_<class> column, in code order; scores of an
  // event follow this order.
  std::vector<ClassCode> scored_classes;
  std::unique_ptr<Names> versions = std::make_unique<Names>(kMaxVersions);
  DurationMs skew = 3'600'000;   // how far ahead of the clock an event may lie
  DurationMs label_horizon = 0;  // how long after its prediction a label counts
};

// Canonical text of a category or class, by which JSON 6, CSV `6` and `6.0` are one, and `True` is
// `true`. Returns a view into `text` or into `buffer`; allocates only while `buffer` grows for the
// first time.
[[nodiscard]] std::string_view canonical_category(std::string_view text, std::string& buffer);

}  // namespace driftd
