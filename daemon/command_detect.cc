#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <span>
#include <vector>

#include "core/closest.h"
#include "core/sequential_catalog.h"
#include "daemon/commands.h"
#include "daemon/exit_codes.h"
#include "detectors/sequential/sequential_detector.h"
#include "sinks/json_writer.h"
#include "sources/csv_rows.h"
#include "state/column_file.h"

namespace driftd {
namespace {

// What a cell was that is no number, with the first of its kind.
struct Skipped {
  std::uint64_t missing = 0;  // empty, or NaN
  std::uint64_t infinite = 0;
  std::uint64_t text = 0;
  std::uint64_t first_text_row = 0;
  std::string first_text;

  [[nodiscard]] std::uint64_t all() const { return missing + infinite + text; }
};

// Errors often come as Python writes booleans.
[[nodiscard]] std::optional<double> truth(std::string_view cell) {
  if (cell == "true" || cell == "True") return 1;
  if (cell == "false" || cell == "False") return 0;
  return std::nullopt;
}

// The number in a cell; where there is none, it is counted.
[[nodiscard]] std::optional<double> number_in(std::string_view cell, bool binary, std::uint64_t row,
                                              Skipped& skipped) {
  constexpr std::size_t kShown = 40;  // characters of a cell in a message
  if (cell.empty()) {
    ++skipped.missing;
    return std::nullopt;
  }
  std::optional<double> number = parse_number(cell);
  if (!number && binary) number = truth(cell);
  if (!number) {
    if (skipped.text++ == 0) {
      skipped.first_text_row = row;
      skipped.first_text = cell.substr(0, kShown);
    }
    return std::nullopt;
  }
  if (std::isfinite(*number)) return number;
  ++(std::isnan(*number) ? skipped.missing : skipped.infinite);
  return std::nullopt;
}

[[nodiscard]] std::string listed(const std::vector<std::string>& columns) {
  constexpr std::size_t kMostListed = 50;
  std::string text;
  for (std::size_t i = 0; i < std::min(columns.size(), kMostListed); ++i) {
    text += fmt::format("{}`{}`", i == 0 ? "" : ", ", columns[i]);
  }
  if (columns.size() > kMostListed)
    text += fmt::format(" and {} more", columns.size() - kMostListed);
  return text;
}

[[nodiscard]] std::string_view name_of(const DetectOptions& options) {
  return options.file == "-" ? "standard input" : std::string_view(options.file);
}

[[nodiscard]] Result<std::size_t> column_of(const DetectOptions& options,
                                            const std::vector<std::string>& columns) {
  if (!options.column) {
    if (columns.size() == 1) return 0;
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} has {} columns; say which with --column: {}", name_of(options),
                            columns.size(), listed(columns)));
  }
  const auto found = std::ranges::find(columns, *options.column);
  if (found == columns.end()) {
    const std::vector<std::string_view> known(columns.begin(), columns.end());
    const auto near = closest(*options.column, known);
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("{} has no column `{}`; {}it has {}", name_of(options), *options.column,
                    near ? fmt::format("did you mean `{}`? ", *near) : "", listed(columns)));
  }
  if (std::ranges::count(columns, *options.column) > 1) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} has the column `{}` more than once; rename one of them",
                            name_of(options), *options.column));
  }
  return static_cast<std::size_t>(found - columns.begin());
}

// A row of standard output for a row that fired (and, as JSON, for one that warned).
void print_row(std::uint64_t row, const SequentialDetector& detector, bool json,
               std::string& scratch) {
  if (!json) {
    if (detector.drift_detected()) fmt::print("{}\n", row);
    return;
  }
  const SequentialReading said = detector.reading();
  scratch.clear();
  JsonWriter out(scratch);
  out.begin_object();
  out.field("row", row);
  out.field("level", detector.drift_detected() ? "drift" : "warning");
  out.field("statistic", said.statistic);
  out.field("threshold", said.threshold);
  out.field("p_value", said.p_value);
  out.end_object();
  fmt::print("{}\n", scratch);
}

void say(const DetectOptions& options, const std::string& column, std::uint64_t rows,
         std::uint64_t drifts, const SequentialDetector& detector, const Skipped& skipped) {
  fmt::print(stderr, "{} on `{}`: {} drift{} in {} row{}\n", options.name, column, drifts,
             drifts == 1 ? "" : "s", rows, rows == 1 ? "" : "s");
  if (skipped.all() > 0) {
    fmt::print(stderr, "  skipped: {} missing, {} infinite, {} text", skipped.missing,
               skipped.infinite, skipped.text);
    if (skipped.text > 0) {
      fmt::print(stderr, " (first `{}` in row {})", skipped.first_text, skipped.first_text_row);
    }
    fmt::print(stderr, "\n");
  }
  if (detector.restarts() > 0) {
    fmt::print(stderr, "  began anew {} times, because values left the range of doubles\n",
               detector.restarts());
  }
}

[[nodiscard]] int failed(const Error& error, int code) {
  fmt::print(stderr, "driftd: {}\n", error.message);
  return code;
}

// Gives a detector its values in blocks, which is what it is fast at, and prints the rows it fires
// at (as JSON, those it warns at, too).
class Feed {
 public:
  Feed(SequentialDetector& detector, bool json) : detector_(detector), json_(json) {
    values_.reserve(kBlock);
    rows_.reserve(kBlock);
  }

  void take(double value, std::uint64_t row) {
    values_.push_back(value);
    rows_.push_back(row);
    if (values_.size() == kBlock) flush();
  }

  // To be called after the last value.
  void flush() {
    const StopAt stop = json_ ? StopAt::drift_or_warning : StopAt::drift;
    const std::span<const double> values = values_;
    for (std::size_t taken = 0; taken < values.size();) {
      taken += detector_.update_until(stop, values.subspan(taken));
      drifts_ += detector_.drift_detected() ? 1 : 0;
      if (detector_.drift_detected() || (json_ && detector_.warning_detected())) {
        print_row(rows_[taken - 1], detector_, json_, scratch_);
      }
    }
    values_.clear();
    rows_.clear();
  }

  [[nodiscard]] std::uint64_t drifts() const { return drifts_; }

 private:
  static constexpr std::size_t kBlock = 1'024;  // values

  SequentialDetector& detector_;
  bool json_;
  std::vector<double> values_;
  std::vector<std::uint64_t> rows_;
  std::uint64_t drifts_ = 0;
  std::string scratch_;
};

[[nodiscard]] int detect(const DetectOptions& options, SequentialDetector& detector) {
  auto rows = CsvRows::open(options.file);
  if (!rows) return failed(rows.error(), kExitIo);
  const auto column = column_of(options, rows->header());
  if (!column) return failed(column.error(), kExitUsage);
  const bool binary = detector.kind().binary;
  Skipped skipped;
  Feed feed(detector, options.json);
  std::uint64_t row = 0;
  for (;; ++row) {
    const auto fields = rows->next();
    if (!fields) {
      feed.flush();
      std::fflush(stdout);
      return failed(fields.error(), kExitIo);
    }
    if (fields->empty()) break;
    const auto number = number_in((*fields)[*column], binary, row, skipped);
    if (number) feed.take(*number, row);
  }
  feed.flush();
  if (std::fflush(stdout) != 0) {
    return failed({ErrorCode::io, "standard output could not be written: is the disk full?"},
                  kExitIo);
  }
  const std::string& name = rows->header()[*column];
  if (row > 0 && skipped.text == row) {
    return failed({ErrorCode::invalid_argument,
                   fmt::format("the column `{}` of {} holds texts (first `{}`), no numbers; "
                               "choose another with --column",
                               name, name_of(options), skipped.first_text)},
                  kExitUsage);
  }
  say(options, name, row, feed.drifts(), detector, skipped);
  return kExitOk;
}

}  // namespace

std::string sequential_detectors_text() {
  std::string text;
  for (const SequentialKind& kind : sequential_kinds()) {
    text += fmt::format("  {:<13} {}{}\n", kind.name, kind.summary,
                        kind.binary ? " (of errors: not 0 = error)" : "");
    for (const SequentialParameter& parameter : kind.parameters) {
      const std::string assigned =
          fmt::format("{}={}", parameter.name, to_text(parameter, parameter.fallback));
      text +=
          fmt::format("      {:<26} {}; {}\n", assigned, parameter.meaning, range_text(parameter));
    }
  }
  return text;
}

int command_detect(const DetectOptions& options) {
  const auto settings = read_sequential_settings(options.name, options.settings);
  if (!settings) {
    fmt::print(stderr, "driftd: {}\n  help: {}\n", settings.error().message, settings.error().help);
    return kExitUsage;
  }
  SequentialDetector detector(*settings);
  return detect(options, detector);
}

}  // namespace driftd
