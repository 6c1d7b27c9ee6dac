#include "core/model.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace driftd {
namespace {

std::string canonical(std::string_view text) {
  std::string buffer;
  return std::string(canonical_category(text, buffer));
}

struct Case {
  std::string_view text;
  std::string_view canonical;
};

TEST(CanonicalCategory, GivesOneTextToAllSpellingsOfAValue) {
  const Case cases[] = {
      {"6", "6"},
      {"6.0", "6"},
      {"6.000", "6"},
      {"-6.0", "-6"},
      {"60", "60"},
      {"100.00", "100"},
      {"0", "0"},
      {"-0", "0"},
      {"-0.0", "0"},
      {"0.0", "0"},
      {"0.50", "0.5"},
      {"1.50", "1.5"},
      {"-1.50", "-1.5"},
      {"1e3", "1000"},
      {"1E3", "1000"},
      {"1e+3", "1000"},
      {"1.5e0", "1.5"},
      {"-2.5e-1", "-0.25"},
      {"-0e7", "0"},
      {"True", "true"},
      {"TRUE", "true"},
      {"true", "true"},
      {"False", "false"},
      {"FALSE", "false"},
      {"false", "false"},
      // Beyond 2^53 an integer is an id, of which every digit counts.
      {"9007199254740993", "9007199254740993"},
      {"9007199254740993.0", "9007199254740993"},
      {"123456789012345678901234567890", "123456789012345678901234567890"},
  };
  for (const Case& row : cases) EXPECT_EQ(canonical(row.text), row.canonical) << row.text;
}

TEST(CanonicalCategory, LeavesTextsThatAreNoNumberAlone) {
  for (const std::string_view text :
       {"",     "007",   "-007", "00",    "+1",    "1.",     ".5",
        "-",    "-.5",   "1e",   "1e+",   "1.5.0", "1_000",  "0x10",
        "1,5",  " 6",    "6 ",   "6a",    "inf",   "nan",    "NaN",
        "tRUE", "Truex", "yes",  "-true", "1e400", "1e-400", "\xC3\xA9t\xC3\xA9"}) {
    EXPECT_EQ(canonical(text), text);
  }
}

TEST(CanonicalCategory, IsItsOwnCanonicalText) {
  for (const std::string_view text : {"6.0", "1e3", "1.5e-7", "-0", "True", "1e300", "5e-324",
                                      "-2.2250738585072014e-308", "1.7976931348623157e308"}) {
    const std::string once = canonical(text);
    EXPECT_EQ(canonical(once), once) << text;
  }
}

TEST(CanonicalCategory, ReusesTheBuffer) {
  std::string buffer;
  EXPECT_EQ(canonical_category("1e300", buffer).size(), 301U);
  const char* const kept = buffer.data();
  EXPECT_EQ(canonical_category("2e3", buffer), "2000");
  EXPECT_EQ(buffer.data(), kept);
}

TEST(Model, NamesItsTasksAndTypes) {
  EXPECT_EQ(to_string(Task::binary), "binary");
  EXPECT_EQ(to_string(Task::multiclass), "multiclass");
  EXPECT_EQ(to_string(Task::regression), "regression");
  EXPECT_EQ(to_string(SeriesType::numeric), "numeric");
  EXPECT_EQ(to_string(SeriesType::categorical), "categorical");
}

}  // namespace
}  // namespace driftd
