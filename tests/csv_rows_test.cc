#include "sources/csv_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace driftd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Csv : public testing::Test {
 protected:
  [[nodiscard]] Result<CsvRows> open(const std::string& text) {
    const std::string path = folder_.path() / "file.csv";
    std::ofstream(path, std::ios::binary) << text;
    return CsvRows::open(path);
  }
  [[nodiscard]] static std::vector<std::string> next(CsvRows& rows) {
    const auto fields = rows.next();
    EXPECT_TRUE(fields) << (fields ? "" : fields.error().message);
    return fields ? std::vector<std::string>(fields->begin(), fields->end())
                  : std::vector<std::string>{"failed"};
  }
  // The error of the first row that has one.
  [[nodiscard]] std::string error_of(const std::string& text) {
    auto rows = open(text);
    if (!rows) return rows.error().message;
    for (;;) {
      const auto fields = rows->next();
      if (!fields) return fields.error().message;
      if (fields->empty()) return "";
    }
  }

  TemporaryFolder folder_;
};

TEST_F(Csv, ReadsFieldsAsRfc4180HasThem) {
  auto rows = open("a,\"b,\"\"c\"\"\",d\r\n1,,\"\"\r\n\r\n\"x\ny\",\" \",\"\"\"\"\n5,6,7");
  ASSERT_TRUE(rows);
  EXPECT_THAT(rows->header(), ElementsAre("a", "b,\"c\"", "d"));
  EXPECT_THAT(next(*rows), ElementsAre("1", "", ""));
  EXPECT_THAT(next(*rows), ElementsAre("x\ny", " ", "\""));
  EXPECT_THAT(next(*rows), ElementsAre("5", "6", "7"));
  EXPECT_THAT(next(*rows), IsEmpty());
  EXPECT_THAT(next(*rows), IsEmpty());
}

TEST_F(Csv, PassesOverAByteOrderMark) {
  auto rows = open("\xEF\xBB\xBFx\n1\n");
  ASSERT_TRUE(rows);
  EXPECT_THAT(rows->header(), ElementsAre("x"));
}

TEST_F(Csv, ReadsGzip) {
  const std::string path = folder_.path() / "file.csv.gz";
  gzFile file = ::gzopen(path.c_str(), "wb");
  ::gzputs(file, "x,y\n1,2\n");
  ::gzclose(file);
  auto rows = CsvRows::open(path);
  ASSERT_TRUE(rows);
  EXPECT_THAT(next(*rows), ElementsAre("1", "2"));
}

TEST_F(Csv, NamesTheLineOfWhatIsWrong) {
  EXPECT_THAT(error_of(""), HasSubstr("is empty"));
  EXPECT_THAT(error_of("\n\n"), HasSubstr("is empty"));
  EXPECT_THAT(error_of("a,b\n1,2\n\n1\n"), HasSubstr("file.csv:4: the row has 1 fields, the "
                                                     "header 2"));
  EXPECT_THAT(error_of("a\n\"1\"2\n"), HasSubstr("file.csv:2: a quoted field goes on"));
  EXPECT_THAT(error_of("a\n1\n\"2\n3\n"), HasSubstr("file.csv:3: a quoted field does not end"));
  EXPECT_THAT(error_of("a\n\"" + std::string(CsvRows::kMostRowBytes, 'x')),
              HasSubstr("file.csv:2: the row is longer than 1 MiB"));
  std::string unclosed = "a\n\"";
  for (int i = 0; i < 100'000; ++i) unclosed += "0123456789abcdef\n";
  EXPECT_THAT(error_of(unclosed), HasSubstr("is a quote not closed?"));
  EXPECT_EQ(error_of("a\n" + std::string(CsvRows::kMostRowBytes - 1, 'x') + "\n"), "");
}

TEST_F(Csv, SaysThatAFileIsNotThere) {
  const auto rows = CsvRows::open(folder_.path() / "absent.csv");
  ASSERT_FALSE(rows);
  EXPECT_THAT(rows.error().message, HasSubstr("cannot be opened"));
}

}  // namespace
}  // namespace driftd
