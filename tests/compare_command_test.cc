// `driftd compare` as a script sees it: the binary, on files made here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <boost/json.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "daemon/exit_codes.h"
#include "detectors/registry.h"
#include "tests/support/golden.h"
#include "tests/support/process.h"

namespace driftd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::chrono::seconds kLimit{60};

class CompareCommand : public testing::Test {
 protected:
  struct Said {
    int status = 0;
    std::string output;
    std::string errors;
  };
  [[nodiscard]] Said compare(const std::string& words) const {
    const std::string out = folder_.path() / "out";
    const std::string err = folder_.path() / "err";
    const std::string command = "cd '" + folder_.path().string() +
                                "' && exec '" DRIFTD_BINARY "' compare " + words + " >'" + out +
                                "' 2>'" + err + "'";
    const CommandResult result = run_command({"/bin/sh", "-c", command}, kLimit);
    return {result.status, read_text(out), read_text(err)};
  }
  void write(const std::string& name, const std::string& text) const {
    write_text(folder_.path() / name, text);
  }
  void write_packed(const std::string& name, const std::string& text) const {
    const gzFile file = gzopen((folder_.path() / name).c_str(), "wb");
    ASSERT_EQ(gzwrite(file, text.data(), static_cast<unsigned>(text.size())),
              static_cast<int>(text.size()));
    ASSERT_EQ(gzclose(file), Z_OK);
  }

  using Lines = std::map<std::string, boost::json::object>;  // by "column detector"
  [[nodiscard]] Lines lines_of(const std::string& words) const {
    const Said said = compare("--json " + words);
    EXPECT_EQ(said.status, kExitOk) << said.errors;
    Lines lines;
    std::istringstream stream(said.output);
    for (std::string line; std::getline(stream, line);) {
      const boost::json::object object = boost::json::parse(line).as_object();
      lines[std::string(object.at("column").as_string()) + " " +
            std::string(object.at("detector").as_string())] = object;
    }
    return lines;
  }

  TemporaryFolder folder_;
};

[[nodiscard]] std::optional<double> number(const boost::json::value& value) {
  if (value.is_null()) return std::nullopt;
  return value.to_number<double>();
}

// Boost.JSON reads a number to within a few units in its last place.
void expect_same(const std::optional<double>& read, const std::optional<double>& expected,
                 const std::string& where) {
  ASSERT_EQ(read.has_value(), expected.has_value()) << where;
  if (read) {
    EXPECT_NEAR(*read, *expected, 1e-14 * std::abs(*expected)) << where;
  }
}

// One file a side with a column a pair, shorter samples padded with missing cells.
[[nodiscard]] std::string csv_of(const std::vector<SamplePair>& pairs,
                                 std::vector<double> SamplePair::* side) {
  std::string csv;
  std::size_t rows = 0;
  for (const SamplePair& pair : pairs) {
    csv += (csv.empty() ? "" : ",") + pair.id;
    rows = std::max(rows, (pair.*side).size());
  }
  for (std::size_t row = 0; row < rows; ++row) {
    csv += "\n";
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      if (i > 0) csv += ",";
      const std::vector<double>& values = pairs[i].*side;
      if (row >= values.size() || std::isnan(values[row])) continue;
      char digits[32];
      std::snprintf(digits, sizeof digits, "%.17g", values[row]);
      csv += digits;
    }
  }
  return csv + "\n";
}

TEST_F(CompareCommand, SaysOfFilesWhatTheDetectorsSayOfTheGoldenPairs) {
  const auto shared = find_shared();
  if (!shared) GTEST_SKIP() << kNoShared;
  const std::vector<SamplePair> pairs = read_sample_pairs(*shared);
  write("a.csv", csv_of(pairs, &SamplePair::a));
  write_packed("b.csv.gz", csv_of(pairs, &SamplePair::b));
  const Lines lines = lines_of("a.csv b.csv.gz");
  std::size_t compared = 0;
  for (const SamplePair& pair : pairs) {
    std::vector<double> a = pair.a;
    std::vector<double> b = pair.b;
    std::erase_if(a, [](double v) { return std::isnan(v); });
    std::erase_if(b, [](double v) { return std::isnan(v); });
    const NumericComparison samples = compare_samples(a, b);
    for (const Detector& detector : detectors()) {
      const Outcome expected = detector.numeric(samples);
      const boost::json::object& line = lines.at(pair.id + " " + std::string(detector.name));
      expect_same(number(line.at("statistic")), expected.statistic, pair.id);
      expect_same(number(line.at("p_value")), expected.p_value, pair.id);
      EXPECT_EQ(line.at("n_reference").as_int64(), static_cast<std::int64_t>(a.size()));
      EXPECT_EQ(line.at("n_current").as_int64(), static_cast<std::int64_t>(b.size()));
      ++compared;
    }
  }
  EXPECT_EQ(compared, lines.size());
}

TEST_F(CompareCommand, TakesEventsAndTablesAlike) {
  write("a.csv",
        "id,ts,amount,country,prediction,weight_kg\n1,5,1.5,FR,0.5,\n2,6,2.5,ES,0.25,nan\n");
  write(
      "b.ndjson",
      R"({"id":"7","ts":1,"features":{"amount":2.5,"country":"FR"},"prediction":0.5,"latency_ms":3})"
      "\n"
      R"({"id":"8","ts":2,"features":{"amount":null,"country":"IT"},"prediction":0.75})"
      "\n");
  const Lines lines = lines_of("a.csv b.ndjson");
  EXPECT_TRUE(lines.contains("amount ks"));
  EXPECT_TRUE(lines.contains("prediction wasserstein"));
  EXPECT_TRUE(lines.contains("country chi2"));
  EXPECT_FALSE(lines.contains("country ks"));
  EXPECT_FALSE(lines.contains("id psi"));
  EXPECT_FALSE(lines.contains("ts ks"));
  EXPECT_EQ(lines.at("amount ks").at("n_current").as_int64(), 1);
  const Said said = compare("a.csv b.ndjson");
  EXPECT_EQ(said.status, kExitOk);
  EXPECT_THAT(said.output, HasSubstr("only in a.csv: weight_kg"));
  EXPECT_THAT(said.output, HasSubstr("only in b.ndjson: latency_ms"));
}

TEST_F(CompareCommand, MakesAColumnCategoricalWhereOneCellIsNoNumber) {
  write("a.csv", "x,y\n6,1\n6.0,inf\n1e3,2\n");
  write("b.csv", "x,y\n6,-inf\nsix,1\n1000,3\n");
  const Lines lines = lines_of("a.csv b.csv");
  EXPECT_FALSE(lines.contains("x ks"));
  EXPECT_TRUE(lines.contains("y ks"));
  // 6 and 6.0 are one category, 1e3 and 1000 are; a third of b is `six`.
  EXPECT_NEAR(*number(lines.at("x tv").at("statistic")), 1.0 / 3, 1e-15);
  EXPECT_EQ(number(lines.at("y wasserstein").at("statistic")), std::nullopt);
}

TEST_F(CompareCommand, ShowsPeopleWhatDiffers) {
  std::string a = "amount,country\n";
  std::string b = a;
  for (int i = 0; i < 500; ++i) {
    a += std::to_string(i % 50) + (i % 2 == 0 ? ",FR\n" : ",\x1b[31m\n");
    b += std::to_string(i % 50 + 40) + (i % 2 == 0 ? ",FR\n" : ",\x1b[31m\n");
  }
  write("a.csv", a);
  write("b.csv", b);
  const Said said = compare("a.csv b.csv");
  EXPECT_EQ(said.status, kExitOk) << "drift is no error";
  EXPECT_THAT(said.output, HasSubstr("amount (numeric)"));
  EXPECT_THAT(said.output, HasSubstr("country (categorical)"));
  EXPECT_THAT(said.output, HasSubstr("█"));
  EXPECT_THAT(said.output, HasSubstr("1 of 2 columns differ by the detectors marked *: amount\n"));
  EXPECT_THAT(said.output, Not(HasSubstr("\x1b"))) << "a file must not command the terminal";
  EXPECT_EQ(said.errors, "");
}

TEST_F(CompareCommand, SaysWhatIsWrong) {
  write("a.csv", "x\n1\n");
  write("other.csv", "y\n1\n");
  write("ragged.csv", "x,y\n1\n");
  const Said missing = compare("a.csv no-such-file.csv");
  EXPECT_EQ(missing.status, kExitIo);
  EXPECT_THAT(missing.errors, HasSubstr("no-such-file.csv"));
  const Said ragged = compare("a.csv ragged.csv");
  EXPECT_EQ(ragged.status, kExitIo);
  EXPECT_THAT(ragged.errors, HasSubstr("ragged.csv:2"));
  const Said apart = compare("a.csv other.csv");
  EXPECT_EQ(apart.status, kExitConfig);
  EXPECT_THAT(apart.errors, HasSubstr("no column in common"));
  EXPECT_EQ(compare("a.csv").status, kExitUsage);
  EXPECT_THAT(compare("--help").output, HasSubstr("driftd compare reference.csv.gz last-week.csv"));
}

}  // namespace
}  // namespace driftd
