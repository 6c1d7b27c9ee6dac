// Sequential detectors against River 0.26.1: the same rows fire and warn, all of them.
//
// golden/sequential.csv was made by make_sequential.py there, with River 0.26.1 and SciPy 1.17.1,
// seed 2026, on streams that are made here again (support/seeded_values.h). There is no tolerance:
// rows are whole numbers. The shared data folder's golden/detectors has others, of data sets, too.
#include <gtest/gtest.h>

#include <charconv>
#include <filesystem>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "detectors/sequential/registry.h"
#include "tests/support/golden.h"
#include "tests/support/seeded_values.h"

namespace driftd {
namespace {

struct Rows {
  std::vector<std::uint64_t> drifts;
  std::vector<std::uint64_t> warnings;
};

[[nodiscard]] Rows rows_of(SequentialDetector& detector, const std::vector<double>& stream) {
  SequentialDetector in_blocks = detector;
  Rows rows;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    if (detector.update(stream[i])) rows.drifts.push_back(i);
    if (detector.warning_detected()) rows.warnings.push_back(i);
  }
  // The same again, as it comes in blocks: until it fires.
  std::vector<std::uint64_t> drifts;
  const std::span<const double> values = stream;
  for (std::size_t taken = 0; taken < values.size();) {
    taken += in_blocks.update_until(StopAt::drift, values.subspan(taken));
    if (in_blocks.drift_detected()) drifts.push_back(taken - 1);
  }
  EXPECT_EQ(drifts, rows.drifts);
  return rows;
}

// Settings from `key=value` words, and numbers from words.
[[nodiscard]] SequentialDetector detector_of(const std::string& name, const std::string& words) {
  std::istringstream stream(words);
  std::vector<std::string> pairs;
  for (std::string word; stream >> word;) pairs.push_back(word);
  auto settings = read_sequential_settings(name, pairs);
  EXPECT_TRUE(settings) << name << " " << words << (settings ? "" : settings.error().message);
  return SequentialDetector(settings ? *settings
                                     : SequentialSettings(*find_sequential_kind("adwin")));
}

[[nodiscard]] std::vector<std::uint64_t> numbers_of(std::string text) {
  for (char& c : text) {
    if (c == '[' || c == ']' || c == ',') c = ' ';
  }
  std::istringstream stream(text);
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t number = 0; stream >> number;) numbers.push_back(number);
  return numbers;
}

[[nodiscard]] std::uint64_t fnv1a(const std::vector<std::uint64_t>& numbers) {
  std::uint64_t value = 0xCBF29CE484222325U;
  for (const std::uint64_t number : numbers) value = (value ^ number) * 0x100000001B3U;
  return value;
}

TEST(SequentialGolden, FiresAtRiversRowsOnSeededStreams) {
  std::size_t compared = 0;
  std::size_t fired = 0;
  for (const auto& row : read_csv(DRIFTD_TEST_DATA "/golden/sequential.csv")) {
    ASSERT_EQ(row.size(), 8U);
    SCOPED_TRACE(row[3] + " " + row[4] + " on " + row[0] + " " + row[1]);
    SequentialDetector detector = detector_of(row[3], row[4]);
    const Rows rows =
        rows_of(detector, seeded_values(row[0], std::stoull(row[1]), std::stoull(row[2])));
    EXPECT_EQ(rows.drifts, numbers_of(row[5]));
    EXPECT_EQ(rows.warnings.size(), std::stoull(row[6]));
    EXPECT_EQ(fnv1a(rows.warnings), std::stoull(row[7]));
    EXPECT_EQ(detector.restarts(), 0U);
    fired += rows.drifts.size();
    ++compared;
  }
  EXPECT_GE(compared, 90U);
  EXPECT_GE(fired, 1'000U);
}

// River's names in the shared goldens.
const std::map<std::string, std::string>& driftd_names() {
  static const std::map<std::string, std::string> kNames = {
      {"ADWIN", "adwin"},  {"PageHinkley", "page_hinkley"},
      {"KSWIN", "kswin"},  {"DDM", "ddm"},
      {"EDDM", "eddm"},    {"HDDMA", "hddm_a"},
      {"HDDMW", "hddm_w"},
  };
  return kNames;
}

// {delta: 0.05, mode: up} (its quotes were taken off) to delta=0.05 mode=up.
[[nodiscard]] std::string words_of(const std::string& params) {
  std::string words;
  for (const char c : params) {
    if (c == ':') {
      words += '=';
    } else if (c == ',') {
      words += ' ';
    } else if (c != '{' && c != '}' && c != ' ') {
      words += c;
    }
  }
  return words;
}

[[nodiscard]] double number_in(const std::string& state, const std::string& key) {
  const std::size_t at = state.find(key + ": ");
  EXPECT_NE(at, std::string::npos) << key << " in " << state;
  return at == std::string::npos ? 0 : std::stod(state.substr(at + key.size() + 2));
}

// The shared streams with whatever was recorded of them. KSWIN fires at River's rows as well,
// because it draws with Python's generator.
TEST(SequentialGolden, FiresAtRiversRowsOnTheSharedStreams) {
  const auto shared = find_shared();
  if (!shared) GTEST_SKIP() << kNoShared;
  const auto folder = *shared / "data/golden/detectors";
  std::map<std::string, std::vector<double>> streams;
  std::size_t compared = 0;
  for (const auto& row : read_csv(folder / "golden.csv")) {
    ASSERT_EQ(row.size(), 8U);
    SCOPED_TRACE(row[1] + " " + row[2] + " on " + row[0]);
    auto [stream, added] = streams.try_emplace(row[0]);
    if (added) stream->second = read_number_column(folder / "streams" / (row[0] + ".csv.gz"));
    SequentialDetector detector = detector_of(driftd_names().at(row[1]), words_of(row[2]));
    const Rows rows = rows_of(detector, stream->second);
    EXPECT_EQ(rows.drifts.size(), std::stoull(row[3]));
    EXPECT_EQ(rows.drifts, numbers_of(row[4]));
    EXPECT_EQ(rows.warnings.size(), std::stoull(row[5]));
    // Of many warnings only the first ones are recorded.
    const std::vector<std::uint64_t> warnings = numbers_of(row[6]);
    ASSERT_LE(warnings.size(), rows.warnings.size());
    EXPECT_TRUE(std::equal(warnings.begin(), warnings.end(), rows.warnings.begin()));
    if (const auto* adwin = std::get_if<Adwin>(&detector.inner())) {
      EXPECT_EQ(adwin->width(), number_in(row[7], "width"));
      EXPECT_NEAR(adwin->total(), number_in(row[7], "total"), 1e-6);
      EXPECT_NEAR(adwin->squares(), number_in(row[7], "variance"), 1e-6);
    }
    ++compared;
  }
  EXPECT_GE(compared, 200U);
}

}  // namespace
}  // namespace driftd
