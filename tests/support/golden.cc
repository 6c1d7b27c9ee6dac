#include "tests/support/golden.h"

#include <gtest/gtest.h>
#include <simdjson.h>
#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>

#include "core/event_batch.h"
#include "tests/support/samples.h"

namespace driftd {
namespace {

namespace fs = std::filesystem;
using simdjson::dom::element;

[[nodiscard]] std::string unpacked(const fs::path& file) {
  std::string text;
  const gzFile in = gzopen(file.c_str(), "rb");
  EXPECT_NE(in, nullptr) << file;
  if (in == nullptr) return text;
  char buffer[1 << 16];
  for (int read = 0; (read = gzread(in, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(read));
  }
  EXPECT_EQ(gzclose(in), Z_OK) << file;
  return text;
}

// Calls `take` with each line's object.
template <typename Take>
void for_each_object(const fs::path& file, Take take) {
  const std::string text = unpacked(file);
  simdjson::dom::parser parser;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    element object;
    const auto error = parser.parse(std::string(rest.substr(0, end))).get(object);
    ASSERT_EQ(error, simdjson::SUCCESS) << file;
    take(object);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

// Numbers; NaN and the infinities are written as texts.
[[nodiscard]] double number_of(element value) {
  double number = 0;
  if (value.get(number) == simdjson::SUCCESS) return number;
  std::string_view text;
  EXPECT_EQ(value.get(text), simdjson::SUCCESS);
  if (text == "Infinity") return kInfinity;
  if (text == "-Infinity") return -kInfinity;
  EXPECT_EQ(text, "NaN");
  return missing_number();
}

[[nodiscard]] std::vector<double> numbers_of(element list) {
  std::vector<double> numbers;
  for (const element value : simdjson::dom::array(list)) numbers.push_back(number_of(value));
  return numbers;
}

[[nodiscard]] std::string text_of(element object, std::string_view key) {
  return std::string(std::string_view(object[key]));
}

}  // namespace

std::optional<fs::path> find_shared() {
  const char* const given = std::getenv("DRIFTD_SHARED");
  fs::path folder = given != nullptr ? fs::path(given) : fs::path(DRIFTD_ROOT) / ".." / "shared";
  if (fs::is_directory(folder / "data" / "golden")) return folder;
  std::printf("SKIPPED: %s\n", kNoShared);
  return std::nullopt;
}

std::vector<std::vector<std::string>> read_csv(const fs::path& file) {
  std::ifstream in(file);
  EXPECT_TRUE(in.good()) << file;
  std::vector<std::vector<std::string>> rows;
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    if (line.ends_with('\r')) line.pop_back();
    std::vector<std::string>& cells = rows.emplace_back(1);
    bool quoted = false;
    for (const char c : line) {
      // A doubled quote inside a cell leaves and enters the quotes; none of our columns needs it.
      if (c == '"') {
        quoted = !quoted;
      } else if (c == ',' && !quoted) {
        cells.emplace_back();
      } else {
        cells.back() += c;
      }
    }
  }
  return rows;
}

std::vector<double> read_number_column(const fs::path& file) {
  std::istringstream lines(unpacked(file));
  std::string line;
  std::getline(lines, line);
  std::vector<double> numbers;
  while (std::getline(lines, line)) numbers.push_back(std::stod(line));
  return numbers;
}

std::vector<SamplePair> read_sample_pairs(const fs::path& shared) {
  std::vector<SamplePair> pairs;
  for_each_object(shared / "data/golden/stats/pairs.jsonl.gz", [&](element pair) {
    pairs.push_back({text_of(pair, "id"), numbers_of(pair["a"]), numbers_of(pair["b"])});
  });
  return pairs;
}

std::vector<MetricCase> read_metric_cases(const fs::path& shared) {
  std::vector<MetricCase> cases;
  for_each_object(shared / "data/golden/metrics/cases.jsonl.gz", [&](element object) {
    MetricCase& row = cases.emplace_back();
    row.id = text_of(object, "id");
    row.task = text_of(object, "task");
    row.actual = numbers_of(object["y_true"]);
    row.predicted = numbers_of(object["y_pred"]);
    if (row.task == "binary") row.scores = numbers_of(object["y_score"]);
    if (row.task != "multiclass") return;
    row.classes = numbers_of(object["labels"]).size();
    for (const element scores : simdjson::dom::array(object["y_score"])) {
      for (const double score : numbers_of(scores)) row.scores.push_back(score);
    }
  });
  return cases;
}

}  // namespace driftd
