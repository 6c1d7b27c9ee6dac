#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "daemon/commands.h"
#include "daemon/exit_codes.h"
#include "daemon/file_comparison.h"
#include "daemon/shown_text.h"
#include "sinks/json_writer.h"

namespace driftd {
namespace {

[[nodiscard]] std::vector<std::string> all_shown(const std::vector<std::string>& names) {
  std::vector<std::string> made;
  made.reserve(names.size());
  for (const std::string& name : names) made.push_back(shown(name));
  return made;
}

void print_json(const ComparedColumn& column) {
  for (const ComparedDetector& detector : column.detectors) {
    std::string line;
    JsonWriter json(line);
    json.begin_object();
    json.field("column", column.name);
    json.field("detector", detector.name);
    json.field("statistic", detector.verdict.statistic);
    json.field("p_value", detector.verdict.p_value);
    json.field("n_reference", column.reference_rows);
    json.field("n_current", column.current_rows);
    json.end_object();
    fmt::print("{}\n", line);
  }
}

[[nodiscard]] double share_of(std::uint64_t count, std::uint64_t rows) {
  return rows == 0 ? 0 : static_cast<double>(count) / static_cast<double>(rows);
}

// A bar a bin, the tallest of both samples as high as a line.
[[nodiscard]] std::string bars_of(const std::vector<std::uint64_t>& counts, std::uint64_t rows,
                                  double tallest) {
  static constexpr const char* kBlocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr double kSteps = 8;
  std::string bars;
  for (const std::uint64_t count : counts) {
    const double height = tallest == 0 ? 0 : share_of(count, rows) / tallest * kSteps;
    // Something is never shown as nothing.
    const double step = count == 0 ? 0 : std::max(1.0, height + 0.5);
    bars += kBlocks[static_cast<std::size_t>(std::min(step, kSteps))];
  }
  return bars;
}

void print_histogram(const ComparedColumn& column) {
  const Histogram& histogram = column.histogram;
  double tallest = 0;
  for (std::size_t i = 0; i < histogram.reference.size(); ++i) {
    tallest = std::max({tallest, share_of(histogram.reference[i], column.reference_rows),
                        share_of(histogram.current[i], column.current_rows)});
  }
  if (histogram.labels.empty()) return;
  if (column.type == SeriesType::numeric) {
    fmt::print("  reference  |{}|\n", bars_of(histogram.reference, column.reference_rows, tallest));
    fmt::print("  current    |{}|  {} to {}\n",
               bars_of(histogram.current, column.current_rows, tallest), histogram.labels.front(),
               histogram.labels.back());
    return;
  }
  constexpr std::size_t kLabelWidth = 24;
  constexpr double kBarWidth = 24;
  const auto bar = [&](std::uint64_t count, std::uint64_t rows) {
    const double share = share_of(count, rows);
    std::string blocks;
    const double width = tallest == 0 ? 0 : share / tallest * kBarWidth;
    for (double i = 0; i + 0.5 < width; ++i) blocks += "█";
    return fmt::format("{:6.1f} % {}", 100 * share, blocks);
  };
  for (std::size_t i = 0; i < histogram.labels.size(); ++i) {
    const std::string label = shown(histogram.labels[i], kLabelWidth);
    fmt::print("  {:<{}}  reference {}\n", label, kLabelWidth,
               bar(histogram.reference[i], column.reference_rows));
    fmt::print("  {:<{}}  current   {}\n", "", kLabelWidth,
               bar(histogram.current[i], column.current_rows));
  }
}

[[nodiscard]] std::string number_of(const std::optional<double>& number, const char* none) {
  return number ? fmt::format("{:.4g}", *number) : none;
}

void print_column(const ComparedColumn& column) {
  fmt::print("{} ({})\n", shown(column.name), to_string(column.type));
  fmt::print("  n {} and {}, missing {} and {}\n", grouped(column.reference_rows),
             grouped(column.current_rows), grouped(column.reference_missing),
             grouped(column.current_missing));
  print_histogram(column);
  fmt::print("  {:<16}  {:>10}  {:>10}  {}\n", "detector", "statistic", "p", "level");
  for (const ComparedDetector& detector : column.detectors) {
    const Verdict& verdict = detector.verdict;
    fmt::print("  {:<16}  {:>10}  {:>10}  {}{}\n", detector.name, number_of(verdict.statistic, "-"),
               number_of(verdict.p_value, "-"),
               verdict.statistic ? to_string(verdict.level) : "not defined",
               detector.by_default ? " *" : "");
  }
  fmt::print("\n");
}

void print_only(std::FILE* to, const std::string& file, const std::vector<std::string>& columns) {
  if (!columns.empty())
    fmt::print(to, "only in {}: {}\n", file, fmt::join(all_shown(columns), ", "));
}

void print_conclusion(const FileComparison& comparison) {
  std::vector<std::string> drifted;
  std::vector<std::string> warned;
  for (const ComparedColumn& column : comparison.columns) {
    if (column.level() == Level::drift) drifted.push_back(column.name);
    if (column.level() == Level::warning) warned.push_back(column.name);
  }
  fmt::print("{} of {} columns differ by the detectors marked *", drifted.size(),
             comparison.columns.size());
  if (!drifted.empty()) fmt::print(": {}", fmt::join(all_shown(drifted), ", "));
  if (!warned.empty()) fmt::print("; a warning for {}", fmt::join(all_shown(warned), ", "));
  fmt::print("\n");
}

}  // namespace

int command_compare(const CompareOptions& options) {
  const Result<FileComparison> comparison = compare_files(options.reference, options.current);
  if (!comparison) {
    fmt::print(stderr, "driftd: {}\n", comparison.error().message);
    return comparison.error().code == ErrorCode::invalid_argument ? kExitConfig : kExitIo;
  }
  // JSON is all that standard output is for when it was asked for.
  std::FILE* const notes = options.json ? stderr : stdout;
  if (!options.json) {
    fmt::print("reference  {}: {} rows\ncurrent    {}: {} rows\n\n", options.reference,
               grouped(comparison->reference_rows), options.current,
               grouped(comparison->current_rows));
  }
  for (const ComparedColumn& column : comparison->columns)
    options.json ? print_json(column) : print_column(column);
  print_only(notes, options.reference, comparison->only_reference);
  print_only(notes, options.current, comparison->only_current);
  if (!options.json) print_conclusion(*comparison);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    fmt::print(stderr, "driftd: the result could not be written completely: is the disk full?\n");
    return kExitIo;
  }
  return kExitOk;
}

}  // namespace driftd
