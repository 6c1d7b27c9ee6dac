// Damage in the files of the state database is found and named, and never becomes numbers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "state/database_check.h"
#include "state/sqlite.h"
#include "state/state_store.h"
#include "tests/support/checkpoints.h"
#include "tests/support/state_files.h"

namespace driftd {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr std::size_t kPage = 4'096;
constexpr std::size_t kFrame = 24 + kPage;

void flip_a_bit(std::string& bytes, std::size_t at) {
  bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
}

class StateCorruption : public ::testing::Test {
 protected:
  // A state that was closed as it should be: all in the main file.
  void SetUp() override {
    {
      auto store = StateStore::open(state());
      ASSERT_TRUE(store) << store.error().message;
      ASSERT_TRUE((*store)->write(one_of_everything()));
      text_ = text_of_state(**store).value();
    }
    files_ = StateFiles::of(state());
    ASSERT_EQ(files_.log, "") << "a closed state has no log";
    ASSERT_EQ(files_.main.size() % kPage, 0U);
  }
  [[nodiscard]] std::string state() const { return folder_ / "state"; }
  [[nodiscard]] std::string path() const { return state() + "/state.db"; }
  [[nodiscard]] Result<std::string> load(const StateFiles& files) const {
    files.put(state());
    return text_of_state(state());
  }
  // Opening and reading everything fails, with the file's name and what to do.
  void expect_damage(const StateFiles& files, const std::string& what) {
    const auto text = load(files);
    ASSERT_FALSE(text) << what;
    EXPECT_EQ(text.error().code, ErrorCode::corrupted) << text.error().message;
    EXPECT_THAT(text.error().message, AllOf(HasSubstr(path()), HasSubstr(what),
                                            HasSubstr("put a copy back"), HasSubstr("state_dir")));
  }

  MemoryFolder folder_;
  StateFiles files_;
  std::string text_;
};

// Every byte in turn, in as many test cases as may run beside each other.
constexpr std::size_t kShards = 4;
class StateCorruptionOfEveryByte : public StateCorruption,
                                   public ::testing::WithParamInterface<std::size_t> {};

TEST_P(StateCorruptionOfEveryByte, IsFoundAndNamed) {
  std::fstream file(path(), std::ios::binary | std::ios::in | std::ios::out);
  const auto put = [&](std::size_t at, char byte) {
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
    file.flush();
    return file.good();
  };
  std::size_t refused = 0;
  std::size_t tried = 0;
  for (std::size_t at = GetParam(); at < files_.main.size(); at += kShards) {
    std::string page = files_.main.substr(at, 1);
    ASSERT_TRUE(put(at, static_cast<char>(page[0] ^ (1 << (at % 8)))));
    const auto text = text_of_state(state());
    const auto check = verify_database_file(path());
    ASSERT_TRUE(put(at, page[0]));
    ++tried;
    ASSERT_TRUE(check) << at << ": " << check.error().message;
    ASSERT_EQ(check->damaged_pages, 1U) << at;
    ASSERT_EQ(check->damaged[0].first, at / kPage + 1) << at;
    // Of an index that nobody reads only the check knows.
    if (text) {
      ASSERT_EQ(*text, text_) << at;
      continue;
    }
    ++refused;
    ASSERT_EQ(text.error().code, ErrorCode::corrupted) << at << ": " << text.error().message;
    ASSERT_NE(text.error().message.find(path() + ": page " + std::to_string(at / kPage + 1) + " "),
              std::string::npos)
        << at << ": " << text.error().message;
  }
  EXPECT_GT(refused, tried * 3 / 4);
  EXPECT_EQ(read_file(path()), files_.main) << "nothing was written to a damaged database";
  EXPECT_EQ(text_of_state(state()).value(), text_);
}
INSTANTIATE_TEST_SUITE_P(Shard, StateCorruptionOfEveryByte,
                         ::testing::Range(std::size_t{0}, kShards));

TEST_F(StateCorruption, IsFoundInAFileThatWasCutOff) {
  for (std::size_t pages = 1; pages < files_.main.size() / kPage; ++pages) {
    expect_damage({files_.main.substr(0, pages * kPage), ""}, "it was cut off");
    expect_damage({files_.main.substr(0, pages * kPage + 1'000), ""}, "it was cut off");
  }
  expect_damage({files_.main.substr(0, 1'000), ""}, "page 1 ");
  expect_damage({"", ""}, "it is empty");
}

TEST_F(StateCorruption, IsFoundInAFileThatWasMadeLonger) {
  for (const std::string& more :
       {std::string(1, 'x'), std::string(kPage, '\0'), files_.main.substr(kPage, kPage)})
    expect_damage({files_.main + more, ""}, "it was made longer");
}

TEST_F(StateCorruption, IsFoundWherePagesChangedPlaces) {
  std::string main = files_.main;
  std::swap_ranges(main.begin() + 3 * kPage, main.begin() + 4 * kPage, main.begin() + 5 * kPage);
  const auto text = load({main, ""});
  ASSERT_FALSE(text);
  EXPECT_THAT(text.error().message, AnyOf(HasSubstr("page 4 "), HasSubstr("page 6 ")));
  const auto check = verify_database_file(path());
  ASSERT_EQ(check->damaged.size(), 2U);
  EXPECT_EQ(check->damaged[0].first, 4U);
  EXPECT_EQ(check->damaged[1].last, 6U);
}

TEST_F(StateCorruption, IsListedInRangesByTheCheck) {
  auto check = verify_database_file(path());
  ASSERT_TRUE(check) << check.error().message;
  EXPECT_TRUE(check->is_whole());
  EXPECT_EQ(check->pages, files_.main.size() / kPage);
  std::string main = files_.main;
  std::fill(main.begin() + 2 * kPage, main.begin() + 5 * kPage, '\0');
  write_file(path(), main);
  check = verify_database_file(path());
  EXPECT_FALSE(check->is_whole());
  EXPECT_EQ(check->damaged_pages, 3U);
  ASSERT_EQ(check->damaged.size(), 1U);
  EXPECT_EQ(check->damaged[0].first, 3U);
  EXPECT_EQ(check->damaged[0].last, 5U);
  write_file(path(), files_.main + "x");
  EXPECT_THAT(verify_database_file(path())->problem, HasSubstr("made longer"));
  EXPECT_EQ(verify_database_file(path() + "-none").error().code, ErrorCode::not_found);
}

TEST_F(StateCorruption, IsNotSaidOfAFormatWithoutChecksums) {
  std::filesystem::remove(path());
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path().c_str(), &database), SQLITE_OK);
  const char* sql =
      "PRAGMA journal_mode = WAL; CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT); "
      "INSERT INTO meta VALUES('format_version', '1')";
  ASSERT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK);
  // With its log, as a crash leaves it, and without.
  const StateFiles crashed = StateFiles::of(state());
  sqlite3_close(database);
  const StateFiles closed = StateFiles::of(state());
  ASSERT_NE(crashed.log, "");
  for (const StateFiles& files : {crashed, closed}) {
    const auto text = load(files);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().code, ErrorCode::incompatible);
    EXPECT_THAT(text.error().message,
                AllOf(HasSubstr(path()), HasSubstr("format 1"), HasSubstr("state_dir")));
    EXPECT_EQ(verify_database_file(path()).error().code, ErrorCode::incompatible);
  }
}

// A state as a crash leaves it, with a log of several checkpoints.
class StateLogCorruption : public StateCorruption {
 protected:
  void SetUp() override {
    StateCorruption::SetUp();
    auto store = StateStore::open(state());
    ASSERT_TRUE(store) << store.error().message;
    texts_.push_back(text_);
    for (int n = 1; n <= 3; ++n) {
      const Result<> written = (*store)->write(change_of_everything(n));
      ASSERT_TRUE(written) << written.error().message;
      texts_.push_back(text_of_state(**store).value());
    }
    crashed_ = StateFiles::of(state());
    // What a copy of the log makes of the main file, before the log begins anew.
    const auto other = SqliteConnection::open(path());
    ASSERT_TRUE((*other)->execute("PRAGMA wal_checkpoint(PASSIVE)"));
    copied_ = StateFiles::of(state());
    ASSERT_EQ(copied_.log, crashed_.log);
    ASSERT_NE(copied_.main, crashed_.main);
  }
  [[nodiscard]] std::size_t frames() const { return (crashed_.log.size() - 32) / kFrame; }
  // The frames that end a transaction: a checkpoint's and its seal's in turn.
  [[nodiscard]] std::vector<std::size_t> ends() const {
    std::vector<std::size_t> found;
    for (std::size_t frame = 0; frame < frames(); ++frame) {
      if (crashed_.log.compare(32 + frame * kFrame + 4, 4, std::string(4, '\0')) != 0)
        found.push_back(frame);
    }
    return found;
  }
  // Killed in the midst of the copy: SQLite copies the pages in rising order.
  [[nodiscard]] StateFiles half_copied() const {
    const std::size_t half = crashed_.main.size() / kPage / 2 * kPage;
    return {copied_.main.substr(0, half) + crashed_.main.substr(half), crashed_.log};
  }
  // A bit anywhere but in the last seal, which holds no numbers.
  void expect_every_flip_is_found(StateFiles files) {
    ASSERT_EQ(load(files).value(), texts_.back());
    const std::size_t seal = files.log.size() - kFrame;
    for (std::size_t at = 0; at < files.log.size(); at += at < 200 ? 1 : 61) {
      flip_a_bit(files.log, at);
      const auto text = load(files);
      flip_a_bit(files.log, at);
      if (at >= seal) {
        ASSERT_TRUE(text) << at << ": " << text.error().message;
        ASSERT_EQ(*text, texts_.back()) << at;
        continue;
      }
      ASSERT_FALSE(text) << at;
      ASSERT_EQ(text.error().code, ErrorCode::corrupted) << at << ": " << text.error().message;
      ASSERT_THAT(text.error().message, HasSubstr(path() + "-wal")) << at;
    }
  }

  std::vector<std::string> texts_;  // after each commit
  StateFiles crashed_;
  StateFiles copied_;
};

TEST_F(StateLogCorruption, IsFoundBeforeTheLogIsCopied) { expect_every_flip_is_found(crashed_); }

TEST_F(StateLogCorruption, IsFoundAfterTheLogWasCopied) { expect_every_flip_is_found(copied_); }

TEST_F(StateLogCorruption, IsFoundWhereTheCopyWasCutShort) {
  expect_every_flip_is_found(half_copied());
}

TEST_F(StateLogCorruption, IsFoundWhereTheLogHoldsLessThanWasCopied) {
  for (std::size_t kept = 1; kept + 1 < frames(); ++kept) {
    const auto text = load({copied_.main, copied_.log.substr(0, 32 + kept * kFrame)});
    // Nothing of it counts before its first transaction is whole: then the main file is the newest.
    if (text) {
      ASSERT_EQ(*text, texts_.back()) << kept;
    } else {
      ASSERT_EQ(text.error().code, ErrorCode::corrupted) << kept;
    }
  }
  const auto text = load({copied_.main, copied_.log.substr(0, copied_.log.size() / 2)});
  ASSERT_FALSE(text);
  EXPECT_THAT(text.error().message, HasSubstr("it ends before a transaction"));
}

TEST_F(StateLogCorruption, IsFoundWhereOnlyTheLogIsLeft) {
  crashed_.put(state());
  std::filesystem::remove(path());
  const auto text = text_of_state(state());
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::corrupted);
  EXPECT_THAT(text.error().message, HasSubstr("its log (-wal) is there"));
}

// What a power failure leaves is no damage: it must be an earlier commit, without an error.
TEST_F(StateLogCorruption, IsNotSaidOfATornEnd) {
  for (std::size_t size = 0; size <= crashed_.log.size(); size += 1'030) {
    const auto text = load({crashed_.main, crashed_.log.substr(0, size)});
    ASSERT_TRUE(text) << size << ": " << text.error().message;
    ASSERT_THAT(texts_, ::testing::Contains(*text)) << size;
  }
  // The last checkpoint was not flushed and has no seal: any of its frames may be missing.
  const std::string unsealed = crashed_.log.substr(0, crashed_.log.size() - kFrame);
  for (std::size_t back = 1; back <= 3; ++back) {
    std::string log = unsealed;
    std::fill(log.end() - static_cast<std::ptrdiff_t>(back * kFrame),
              log.end() - static_cast<std::ptrdiff_t>((back - 1) * kFrame), '\0');
    const auto text = load({crashed_.main, log});
    ASSERT_TRUE(text) << back << ": " << text.error().message;
    ASSERT_EQ(*text, texts_[2]) << back;
  }
  // Nor was the seal before it, which is flushed together with it.
  const std::size_t seal = ends()[ends().size() - 3];
  std::string log = unsealed;
  log.replace(32 + seal * kFrame, kFrame, kFrame, '\0');
  const auto text = load({crashed_.main, log});
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, texts_[2]);
}

TEST_F(StateLogCorruption, IsNotSaidOfPagesThatTheLogHas) {
  // Torn while the log was copied.
  StateFiles files = half_copied();
  std::fill(files.main.begin() + 1'000, files.main.begin() + kPage, 'x');
  const auto text = load(files);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, texts_.back());
  files.put(state());
  const auto check = verify_database_file(path());
  ASSERT_TRUE(check) << check.error().message;
  EXPECT_TRUE(check->is_whole()) << check->problem << check->damaged_pages;
}

}  // namespace
}  // namespace driftd
