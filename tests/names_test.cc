#include "core/names.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace driftd {
namespace {

TEST(Names, GivesCodesInOrderOfAppearance) {
  Names names(10);
  EXPECT_EQ(names.code("b"), 0U);
  EXPECT_EQ(names.code("a"), 1U);
  EXPECT_EQ(names.code("b"), 0U);
  EXPECT_EQ(names.code(""), 2U);
  EXPECT_EQ(names.size(), 3U);
  EXPECT_EQ(names.text(1), "a");
}

TEST(Names, KeepsItsOwnCopyOfAText) {
  Names names(1'000);
  for (int i = 0; i < 500; ++i) {
    const std::string passing = "version " + std::to_string(i);
    EXPECT_EQ(names.code(passing), static_cast<std::uint32_t>(i));
  }
  const std::string& first = names.text(0);
  for (int i = 500; i < 900; ++i) EXPECT_EQ(names.code("version " + std::to_string(i)), i);
  EXPECT_EQ(first, "version 0");
  EXPECT_EQ(names.code("version 321"), 321U);
}

TEST(Names, TurnsWhatIsBeyondTheLimitIntoOther) {
  Names names(2);
  EXPECT_EQ(names.code("a"), 0U);
  EXPECT_EQ(names.code("b"), 1U);
  EXPECT_EQ(names.overflowed(), 0U);
  const std::uint32_t other = names.code("c");
  EXPECT_EQ(names.text(other), "other");
  EXPECT_EQ(names.code("d"), other);
  EXPECT_EQ(names.code("a"), 0U) << "what has a code keeps it";
  EXPECT_EQ(names.overflowed(), 2U);
  EXPECT_EQ(names.size(), 3U) << "the limit and `other`";
}

TEST(Names, UsesAnOtherThatWasThereBefore) {
  Names names(1);
  EXPECT_EQ(names.code("other"), 0U);
  EXPECT_EQ(names.code("a"), 0U);
  EXPECT_EQ(names.size(), 1U);
}

TEST(Names, GivesTwoThreadsTheSameCodes) {
  constexpr std::uint32_t kTexts = 2'000;
  Names names(kTexts);
  std::vector<std::uint32_t> upwards(kTexts);
  std::vector<std::uint32_t> downwards(kTexts);
  std::thread other([&] {
    for (std::uint32_t i = 0; i < kTexts; ++i) upwards[i] = names.code(std::to_string(i));
  });
  for (std::uint32_t i = kTexts; i-- > 0;) downwards[i] = names.code(std::to_string(i));
  other.join();
  EXPECT_EQ(upwards, downwards);
  for (std::uint32_t i = 0; i < kTexts; ++i) EXPECT_EQ(names.text(upwards[i]), std::to_string(i));
}

}  // namespace
}  // namespace driftd
