#include "state/column_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

namespace driftd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ColumnFileTest : public ::testing::Test {
 protected:
  ColumnFileTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "driftd-columns-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ColumnFileTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& content) {
    std::ofstream(folder_ / "file", std::ios::binary) << content;
    return folder_ / "file";
  }
  std::string write_gzip(const std::string& content) {
    const std::string path = folder_ / "file.gz";
    const gzFile file = ::gzopen(path.c_str(), "wb");
    ::gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
    ::gzclose(file);
    return path;
  }
  [[nodiscard]] ColumnFile read(const std::string& content) {
    auto file = read_column_file(write(content));
    EXPECT_TRUE(file) << file.error().message;
    return file ? std::move(*file) : ColumnFile{};
  }
  [[nodiscard]] std::string error_of(const std::string& content) {
    const auto file = read_column_file(write(content));
    EXPECT_FALSE(file) << content;
    return file ? "" : file.error().message;
  }

  std::filesystem::path folder_;
};

// `-` stands for a missing cell.
[[nodiscard]] std::vector<std::string> cells(const ColumnFile& file, const std::string& column) {
  const CellColumn* const found = file.find(column);
  if (found == nullptr) return {"no such column"};
  std::vector<std::string> texts;
  for (std::size_t row = 0; row < found->size(); ++row)
    texts.emplace_back(found->cell(row).value_or("-"));
  return texts;
}

TEST_F(ColumnFileTest, ReadsCsvAsRfc4180HasIt) {
  struct Case {
    const char* what;
    std::string content;
    std::vector<std::string> a, b;
  };
  const std::vector<Case> cases = {
      {"plain", "a,b\n1,2\n3,4\n", {"1", "3"}, {"2", "4"}},
      {"no line end at the end", "a,b\n1,2", {"1"}, {"2"}},
      {"CRLF", "a,b\r\n1,2\r\n3,4\r\n", {"1", "3"}, {"2", "4"}},
      {"a byte-order mark",
       "\xEF\xBB\xBF"
       "a,b\n1,2\n",
       {"1"},
       {"2"}},
      {"a mark and a quoted header", "\xEF\xBB\xBF\"a\",b\n1,2\n", {"1"}, {"2"}},
      {"missing cells", "a,b\n,2\n3,\n,\n", {"-", "3", "-"}, {"2", "-", "-"}},
      {"quotes", "a,b\n\"x,y\",\"say \"\"hi\"\"\"\n", {"x,y"}, {"say \"hi\""}},
      {"a line end inside quotes",
       "a,b\n\"x\ny\",2\r\n3,\"4\r\n\"\r\n",
       {"x\ny", "3"},
       {"2", "4\r\n"}},
      {"an empty quoted cell", "a,b\n\"\",2\n", {"-"}, {"2"}},
      {"empty lines", "\na,b\n\n1,2\n\r\n\n3,4\n\n", {"1", "3"}, {"2", "4"}},
      {"spaces belong to the cell", "a,b\n 1,2 \n", {" 1"}, {"2 "}},
      {"bytes that are not ASCII", "a,b\nKöln,\xFF\n", {"Köln"}, {"\xFF"}},
  };
  for (const Case& row : cases) {
    const ColumnFile file = read(row.content);
    EXPECT_EQ(file.columns.size(), 2U) << row.what;
    EXPECT_EQ(file.rows, row.a.size()) << row.what;
    EXPECT_EQ(cells(file, "a"), row.a) << row.what;
    EXPECT_EQ(cells(file, "b"), row.b) << row.what;
  }
}

TEST_F(ColumnFileTest, SaysInWhichLineAFileIsBad) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {"a,b\n1,2\n3\n", {":3:", "has 1 fields, the header 2"}},
      {"a,b\n1,2,3\n", {":2:", "has 3 fields"}},
      {"a,b\n\"x\ny\",2\n\n3\n", {":5:"}},
      {"a,b\r\n1,2\r\n3\r\n", {":3:"}},
      {"a,b,a\n1,2,3\n", {":1:", "the column `a` twice"}},
      {"a,,b\n1,2,3\n", {":1:", "without a name"}},
      {"a,b\n1,2\n3,\"4\n5,6\n", {":3:", "quote"}},
      {"a\n\"x\"y\nz\n", {":2:", "quote"}},
      {"\"a\n", {":1:", "quote"}},
      {"a,b\n", {"no rows"}},
      {"", {"empty"}},
      {"\n\r\n", {"empty"}},
      {"{\"a\":1}\n{\"a\":\n", {":2:", "not a JSON object"}},
      {"{\"a\":1}\n\n[1]\n", {":3:", "not a JSON object"}},
      {"{\"a\":1} {\"a\":2}\n", {":1:"}},
  };
  for (const auto& [content, parts] : cases) {
    const std::string message = error_of(content);
    EXPECT_THAT(message, HasSubstr((folder_ / "file").string()));
    for (const std::string& part : parts) EXPECT_THAT(message, HasSubstr(part)) << content;
  }
}

TEST_F(ColumnFileTest, SaysThatAFileCannotBeRead) {
  const auto missing = read_column_file(folder_ / "nowhere.csv");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::invalid_reference);
  EXPECT_THAT(missing.error().message, AllOf(HasSubstr("nowhere.csv"), HasSubstr("exists")));
  const auto folder = read_column_file(folder_);
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().message, HasSubstr(folder_.string()));
}

TEST_F(ColumnFileTest, ReadsGzipAndRefusesOneThatIsCutOff) {
  std::string content = "a,b\n";
  std::mt19937 random(7);
  for (int i = 0; i < 200'000; ++i)
    content += std::to_string(random()) + "," + std::to_string(i) + "\n";
  const std::string path = write_gzip(content);
  const auto whole = read_column_file(path);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(whole->rows, 200'000U);
  EXPECT_EQ(whole->find("b")->cell(199'999), "199999");
  EXPECT_EQ(whole->sha256, read(content).sha256) << "the hash is of what is in it";

  const auto size = std::filesystem::file_size(path);
  for (const std::uintmax_t kept : {size - 1, size - 8, size - 9, size / 2, std::uintmax_t{30}}) {
    std::filesystem::resize_file(path, kept);
    const auto cut = read_column_file(path);
    ASSERT_FALSE(cut) << kept << " of " << size << " bytes";
    EXPECT_THAT(cut.error().message, HasSubstr("cut off"));
  }
}

TEST_F(ColumnFileTest, ReadsFlatJson) {
  const ColumnFile file = read(
      "{\"a\":1,\"b\":\"x\"}\r\n"
      "\n"
      "{\"b\":null,\"c\":true}\n"
      "{\"c\":\"\",\"a\":-2.5}");
  EXPECT_EQ(file.rows, 3U);
  ASSERT_EQ(file.columns.size(), 3U);
  EXPECT_EQ(file.columns[2].name(), "c") << "in the order of their first appearance";
  EXPECT_THAT(cells(file, "b"), ElementsAre("x", "-", "-"));
  EXPECT_THAT(cells(file, "c"), ElementsAre("-", "true", "-"));
  EXPECT_EQ(cells(file, "a")[0], "1");
  EXPECT_EQ(parse_number(*file.find("a")->cell(2)), -2.5);
}

TEST_F(ColumnFileTest, ReadsJsonWithAByteOrderMark) {
  EXPECT_THAT(cells(read("\xEF\xBB\xBF{\"a\":1}\n"), "a"), ElementsAre("1"));
}

TEST_F(ColumnFileTest, ReadsEventsWithTheirFeaturesAndScoresAsColumns) {
  const ColumnFile file = read(
      "{\"id\":\"1\",\"features\":{\"amount\":12,\"country\":\"DE\"},\"scores\":{\"cat\":1,\"dog\":"
      "0},\"prediction\":\"cat\"}\n"
      "{\"id\":\"2\",\"features\":{\"country\":\"FR\"},\"prediction\":\"dog\"}\n");
  EXPECT_THAT(cells(file, "amount"), ElementsAre("12", "-"));
  EXPECT_THAT(cells(file, "country"), ElementsAre("DE", "FR"));
  EXPECT_THAT(cells(file, "score_cat"), ElementsAre("1", "-"));
  EXPECT_THAT(cells(file, "score_dog"), ElementsAre("0", "-"));
  EXPECT_THAT(cells(file, "prediction"), ElementsAre("cat", "dog"));
  EXPECT_EQ(file.find("features"), nullptr);
}

// A value that is off by one unit in the last place is no longer equal to the same value in an
// event.
TEST_F(ColumnFileTest, ReadsNumbersInJsonToTheLastBit) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> mantissa(1, 10);
  std::uniform_int_distribution<int> exponent(-30, 30);
  std::vector<double> values;
  std::string content;
  for (int i = 0; i < 2'000; ++i) {
    values.push_back(mantissa(random) * std::pow(10, i % 2 == 0 ? 0 : exponent(random)));
    char text[40];
    const auto end = std::to_chars(text, text + sizeof text, values.back()).ptr;
    content += "{\"a\":" + std::string(text, end) + "}\n";
  }
  const ColumnFile file = read(content);
  ASSERT_EQ(file.rows, values.size());
  std::size_t off = 0;
  for (std::size_t row = 0; row < values.size(); ++row)
    off += parse_number(*file.find("a")->cell(row)) != values[row];
  EXPECT_EQ(off, 0U);
}

TEST(ParseNumber, TakesEveryDecimalAndNothingElse) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<std::pair<const char*, double>> numbers = {{"1", 1},
                                                               {"-0.5", -0.5},
                                                               {"+2", 2},
                                                               {" 3 ", 3},
                                                               {"1e3", 1'000},
                                                               {".5", 0.5},
                                                               {"inf", kInfinity},
                                                               {"-INF", -kInfinity},
                                                               {"Infinity", kInfinity},
                                                               {"1e999", kInfinity},
                                                               {"-1e999", -kInfinity},
                                                               {"1e-999", 0},
                                                               {"0.1", 0.1},
                                                               {"007", 7}};
  for (const auto& [text, value] : numbers) EXPECT_EQ(parse_number(text), value) << text;
  EXPECT_TRUE(std::isnan(parse_number("nan").value()));
  EXPECT_TRUE(std::isnan(parse_number("NaN").value()));
  for (const char* text : {"", " ", "x", "1x", "1,5", "1 2", "true", "0x10", "--1", "1e", "-"}) {
    EXPECT_FALSE(parse_number(text)) << text;
  }
}

}  // namespace
}  // namespace driftd
