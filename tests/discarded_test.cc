#include "sources/discarded.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace driftd {
namespace {

class Discarded : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "driftd-discarded-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path() const { return folder_ / "dead-letters.ndjson"; }
  [[nodiscard]] std::string content() const {
    std::stringstream text;
    text << std::ifstream(path()).rdbuf();
    return text.str();
  }

  std::filesystem::path folder_;
  ManualClock clock_;
};

TEST_F(Discarded, KeepsTheOriginTheReasonAndTheBytes) {
  DiscardedMessages discarded(clock_, path(), 10'000);
  discarded.discard(DiscardReason::malformed_json, {"predictions", 3, 17}, "{\"a\"");
  discarded.discard(DiscardReason::empty, {"a \"file\"\\\n", 0, 0}, "");
  discarded.discard(DiscardReason::invalid_utf8, {"t", 0, 1}, std::string_view("\xff\x00", 2));
  EXPECT_EQ(content(),
            "{\"topic\":\"predictions\",\"partition\":3,\"offset\":17,\"reason\":\"malformed_"
            "json\",\"bytes\":\"eyJhIg==\"}\n"
            "{\"topic\":\"a "
            "\\\"file\\\"\\\\\\u000a\",\"partition\":0,\"offset\":0,\"reason\":\"empty\",\"bytes\":"
            "\"\"}\n"
            "{\"topic\":\"t\",\"partition\":0,\"offset\":1,\"reason\":\"invalid_utf8\",\"bytes\":"
            "\"/wA=\"}\n");
  EXPECT_EQ(discarded.not_kept(), 0u);
}

TEST_F(Discarded, EncodesEveryRemainderInBase64) {
  DiscardedMessages discarded(clock_, path(), 10'000);
  for (const char* bytes : {"f", "fo", "foo", "foob", "fooba", "foobar"}) {
    discarded.discard(DiscardReason::empty, {"t", 0, 0}, bytes);
  }
  // RFC 4648, section 10.
  for (const char* expected :
       {"\"Zg==\"", "\"Zm8=\"", "\"Zm9v\"", "\"Zm9vYg==\"", "\"Zm9vYmE=\"", "\"Zm9vYmFy\""}) {
    EXPECT_NE(content().find(expected), std::string::npos) << expected;
  }
}

TEST_F(Discarded, IsReadableByTheOwnerAlone) {
  DiscardedMessages discarded(clock_, path(), 10'000);
  struct stat status{};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(Discarded, OnlyCountsBeyondItsSizeAlsoAfterARestart) {
  {
    DiscardedMessages discarded(clock_, path(), 200);
    for (int i = 0; i < 5; ++i) discarded.discard(DiscardReason::empty, {"topic", 0, i}, "abc");
    EXPECT_EQ(discarded.not_kept(), 3u);
  }
  const std::string kept = content();
  EXPECT_LE(kept.size(), 200u);
  DiscardedMessages again(clock_, path(), 200);
  again.discard(DiscardReason::empty, {"topic", 0, 9}, "abc");
  EXPECT_EQ(again.not_kept(), 1u);
  EXPECT_EQ(content(), kept);
}

TEST_F(Discarded, BeginsANewLineBehindOneThatACrashCutShort) {
  std::ofstream(path()) << "{\"topic\":\"pre";
  DiscardedMessages discarded(clock_, path(), 1'000);
  discarded.discard(DiscardReason::empty, {"t", 0, 0}, "");
  EXPECT_TRUE(content().starts_with("{\"topic\":\"pre\n{\"topic\":\"t\""));
}

TEST_F(Discarded, CountsWhereTheFileCannotBeWritten) {
  DiscardedMessages discarded(clock_, folder_ / "no" / "such" / "folder", 1'000);
  discarded.discard(DiscardReason::empty, {"t", 0, 0}, "");
  EXPECT_EQ(discarded.not_kept(), 1u);
}

TEST_F(Discarded, KeepsNothingWithoutAPath) {
  DiscardedMessages discarded(clock_, "", 1'000);
  discarded.discard(DiscardReason::empty, {"t", 0, 0}, "");
  EXPECT_EQ(discarded.not_kept(), 0u);
}

}  // namespace
}  // namespace driftd
