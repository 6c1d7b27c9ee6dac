#include "daemon/file_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "core/check.h"
#include "core/event_batch.h"
#include "detectors/judge.h"
#include "detectors/registry.h"
#include "state/column_file.h"

namespace driftd {
namespace {

constexpr std::array<std::string_view, 2> kNotCompared = {"id", "ts"};
constexpr double kAlpha = 0.05;  // as a configuration has it that says nothing
constexpr std::size_t kNumericBars = 24;
constexpr std::size_t kCategoryBars = 6;
// The share of both samples that a histogram leaves to its outer bars at either end.
constexpr double kTail = 0.005;

using CategoryCounts = std::map<std::string, std::uint64_t, std::less<>>;

// One column of one file. Numbers stand for their texts as well where they can: where writing them
// gives the same category back.
struct Sample {
  std::vector<double> numbers;
  CategoryCounts categories;
  bool is_numeric = true;
  bool has_categories = false;
  std::uint64_t missing = 0;
};

[[nodiscard]] std::string text_of(double number) {
  char digits[400];  // 1.8e308 written out in full has 309
  const auto end = std::to_chars(digits, std::end(digits), number, std::chars_format::fixed).ptr;
  return {digits, end};
}

[[nodiscard]] bool is_missing(const std::optional<std::string_view>& cell) {
  return !cell || *cell == "nan" || *cell == "NaN";
}

[[nodiscard]] Sample sample_of(const CellColumn& column) {
  Sample sample;
  std::string buffer;
  sample.numbers.reserve(column.size());
  for (std::size_t row = 0; row < column.size() && sample.is_numeric; ++row) {
    const auto cell = column.cell(row);
    const std::optional<double> number = cell ? parse_number(*cell) : missing_number();
    if (!number) {
      sample.is_numeric = false;
    } else if (std::isnan(*number)) {
      ++sample.missing;
    } else {
      sample.numbers.push_back(*number + 0.0);
      sample.has_categories |=
          std::isinf(*number) || canonical_category(*cell, buffer) != text_of(*number + 0.0);
    }
  }
  if (sample.is_numeric && !sample.has_categories) return sample;
  if (!sample.is_numeric) sample.numbers = {};
  sample.has_categories = true;
  std::uint64_t missing = 0;
  for (std::size_t row = 0; row < column.size(); ++row) {
    const auto cell = column.cell(row);
    if (is_missing(cell)) {
      ++missing;
      continue;
    }
    const std::string_view text = canonical_category(*cell, buffer);
    const auto found = sample.categories.find(text);
    if (found != sample.categories.end()) {
      ++found->second;
    } else {
      sample.categories.emplace(text, 1);
    }
  }
  if (!sample.is_numeric) sample.missing = missing;
  return sample;
}

// The categories of a column that turned out to be none of numbers in the other file.
[[nodiscard]] const CategoryCounts& categories_of(Sample& sample) {
  if (!sample.has_categories) {
    for (const double number : sample.numbers) ++sample.categories[text_of(number)];
    sample.has_categories = true;
  }
  return sample.categories;
}

struct NamedSample {
  std::string name;
  Sample sample;
};

struct SampleFile {
  std::vector<NamedSample> columns;
  std::uint64_t rows = 0;
};

[[nodiscard]] Result<SampleFile> read_samples(const std::string& path) {
  Result<ColumnFile> file = read_column_file(path);
  if (!file) return std::unexpected(file.error());
  SampleFile made;
  made.rows = file->rows;
  for (CellColumn& column : file->columns) {
    const std::string name = column.name();
    if (std::ranges::find(kNotCompared, name) == kNotCompared.end())
      made.columns.push_back({name, sample_of(column)});
    column = CellColumn(name);  // its text is not needed any more
  }
  return made;
}

[[nodiscard]] BinCounts bins_of(const CategoryCounts& reference, const CategoryCounts& current) {
  BinCounts bins;
  const auto add = [&bins](std::uint64_t in_reference, std::uint64_t in_current) {
    bins.reference.push_back(in_reference);
    bins.current.push_back(in_current);
    bins.reference_total += in_reference;
    bins.current_total += in_current;
  };
  for (const auto& [text, times] : reference) {
    const auto found = current.find(text);
    add(times, found == current.end() ? 0 : found->second);
  }
  for (const auto& [text, times] : current) {
    if (!reference.contains(text)) add(0, times);
  }
  return bins;
}

// Of two sorted samples.
[[nodiscard]] Histogram histogram_of(const std::vector<double>& reference,
                                     const std::vector<double>& current) {
  Histogram made;
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const auto* sample : {&reference, &current}) {
    if (sample->empty()) continue;
    const auto last = static_cast<double>(sample->size() - 1);
    const double from = (*sample)[static_cast<std::size_t>(last * kTail)];
    const double to = (*sample)[static_cast<std::size_t>(std::ceil(last * (1 - kTail)))];
    if (std::isfinite(from)) low = std::min(low, from);
    if (std::isfinite(to)) high = std::max(high, to);
  }
  if (!(low <= high)) return made;
  made.labels = {fmt::format("{:.6g}", low), fmt::format("{:.6g}", high)};
  const auto count = [&](const std::vector<double>& sorted, std::vector<std::uint64_t>& bars) {
    bars.assign(kNumericBars, 0);
    for (const double value : sorted) {
      // Halves, because the width itself may be beyond a double's range.
      const double share = (value / 2 - low / 2) / (high / 2 - low / 2);
      const double at = std::isnan(share) ? 0 : std::clamp(share, 0.0, 1.0) * kNumericBars;
      ++bars[std::min(static_cast<std::size_t>(at), kNumericBars - 1)];
    }
  };
  count(reference, made.reference);
  count(current, made.current);
  return made;
}

[[nodiscard]] Histogram histogram_of(const CategoryCounts& reference,
                                     const CategoryCounts& current) {
  const auto times_in = [](const CategoryCounts& counts, const std::string& text) {
    const auto found = counts.find(text);
    return found == counts.end() ? std::uint64_t{0} : found->second;
  };
  std::vector<std::pair<std::uint64_t, const std::string*>> order;
  for (const auto& [text, times] : reference)
    order.emplace_back(times + times_in(current, text), &text);
  for (const auto& [text, times] : current) {
    if (!reference.contains(text)) order.emplace_back(times, &text);
  }
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [](const auto& one) { return one.first; });
  Histogram made;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::string& text = *order[i].second;
    if (i <= kCategoryBars) {
      made.labels.push_back(
          i < kCategoryBars ? text : fmt::format("({} others)", order.size() - kCategoryBars));
      made.reference.push_back(0);
      made.current.push_back(0);
    }
    made.reference.back() += times_in(reference, text);
    made.current.back() += times_in(current, text);
  }
  return made;
}

void add_detectors(const Comparison& samples, ComparedColumn& column) {
  const bool numeric = column.type == SeriesType::numeric;
  for (const Detector& detector : detectors()) {
    if (numeric ? detector.numeric == nullptr : detector.categorical == nullptr) continue;
    const Verdict verdict =
        judge(run(detector, samples), limits_for(detector, {}, false, kAlpha), 0);
    column.detectors.push_back({detector.name,
                                numeric ? detector.default_numeric : detector.default_categorical,
                                verdict});
  }
}

[[nodiscard]] ComparedColumn compare_column(const std::string& name, Sample& reference,
                                            Sample& current) {
  ComparedColumn column;
  column.name = name;
  column.reference_missing = reference.missing;
  column.current_missing = current.missing;
  if (reference.is_numeric && current.is_numeric) {
    column.reference_rows = reference.numbers.size();
    column.current_rows = current.numbers.size();
    const Comparison samples = compare_samples(reference.numbers, current.numbers);
    column.histogram = histogram_of(reference.numbers, current.numbers);
    add_detectors(samples, column);
    return column;
  }
  column.type = SeriesType::categorical;
  const CategoryCounts& before = categories_of(reference);
  const CategoryCounts& now = categories_of(current);
  const BinCounts bins = bins_of(before, now);
  column.reference_rows = bins.reference_total;
  column.current_rows = bins.current_total;
  column.histogram = histogram_of(before, now);
  add_detectors(bins, column);
  return column;
}

}  // namespace

Level ComparedColumn::level() const {
  Level worst = Level::insufficient_data;
  for (const ComparedDetector& detector : detectors) {
    if (detector.by_default) worst = std::max(worst, detector.verdict.level);
  }
  return worst;
}

Result<FileComparison> compare_files(const std::string& reference, const std::string& current) {
  Result<SampleFile> before = read_samples(reference);
  if (!before) return std::unexpected(before.error());
  Result<SampleFile> now = read_samples(current);
  if (!now) return std::unexpected(now.error());
  FileComparison made;
  made.reference_rows = before->rows;
  made.current_rows = now->rows;
  const auto find = [](std::vector<NamedSample>& columns, const std::string& name) {
    return std::ranges::find(columns, name, &NamedSample::name);
  };
  for (NamedSample& column : before->columns) {
    const auto other = find(now->columns, column.name);
    if (other == now->columns.end()) {
      made.only_reference.push_back(column.name);
      continue;
    }
    made.columns.push_back(compare_column(column.name, column.sample, other->sample));
    column.sample = {};
    other->sample = {};
  }
  for (const NamedSample& column : now->columns) {
    if (find(before->columns, column.name) == before->columns.end())
      made.only_current.push_back(column.name);
  }
  if (made.columns.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} and {} have no column in common: check that both have the same "
                            "names in their headers",
                            reference, current));
  }
  return made;
}

}  // namespace driftd
