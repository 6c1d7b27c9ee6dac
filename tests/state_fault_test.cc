// The state database where the disk fails or the process ends: a checkpoint is written as a whole
// or not at all, and can be repeated.
#include "state/fault_points.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "state/state_store.h"
#include "tests/support/checkpoints.h"
#include "tests/support/state_files.h"

namespace driftd {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

// While it lives, the calls at `point` from number `from` on, at most `times` of them, fail.
class FailingCalls {
 public:
  FailingCalls(FaultPoint point, int error, int from, int times) {
    hook_ = [=, this](FaultPoint asked) {
      if (asked == FaultPoint::checkpoint_committed) is_committed_ = true;
      if (asked != point) return 0;
      const int call = calls_++;
      if (call < from || call >= from + times) return 0;
      if (!has_failed_) failed_before_commit_ = !is_committed_;
      has_failed_ = true;
      return error;
    };
    set_fault_hook(&hook_);
  }
  ~FailingCalls() { set_fault_hook(nullptr); }
  FailingCalls(const FailingCalls&) = delete;
  FailingCalls& operator=(const FailingCalls&) = delete;

  [[nodiscard]] bool has_failed() const { return has_failed_; }
  [[nodiscard]] bool failed_before_commit() const { return failed_before_commit_; }

 private:
  FaultHook hook_;
  int calls_ = 0;
  bool is_committed_ = false;
  bool has_failed_ = false;
  bool failed_before_commit_ = false;
};

class StateFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = StateStore::open(state());
    ASSERT_TRUE(store) << store.error().message;
    ASSERT_TRUE((*store)->write(one_of_everything()));
    ASSERT_TRUE((*store)->write(change_of_everything(1)));
    before_ = text_of_state(**store).value();
    files_ = StateFiles::of(state());
  }
  [[nodiscard]] std::string state() const { return folder_ / "state"; }
  [[nodiscard]] std::unique_ptr<StateStore> open_anew() {
    files_.put(state());
    auto store = StateStore::open(state());
    EXPECT_TRUE(store) << store.error().message;
    return std::move(*store);
  }
  // As the next process would find it, were this one killed now.
  [[nodiscard]] std::string text_after_a_crash() {
    StateFiles::of(state()).put(folder_ / "crashed");
    const auto text = text_of_state(folder_ / "crashed");
    return text ? *text : text.error().message;
  }
  [[nodiscard]] std::string text_after(const Checkpoint& next) {
    const auto store = open_anew();
    EXPECT_TRUE(store->write(next));
    return text_of_state(*store).value();
  }

  MemoryFolder folder_;
  StateFiles files_;
  std::string before_;
};

struct DiskCase {
  FaultPoint point;
  int error;
  int times;          // 1: one call; more: the disk stays so
  std::size_t bytes;  // of the checkpoint
  int step;           // of the calls that fail in turn
};

class StateFaultsOfTheDisk : public StateFaults, public ::testing::WithParamInterface<DiskCase> {};

TEST_P(StateFaultsOfTheDisk, FailACheckpointAsAWhole) {
  const auto [point, error, times, bytes, step] = GetParam();
  const Checkpoint next = change_of_everything(2, bytes);
  const std::string after = text_after(next);
  ASSERT_NE(after, before_);
  int failures = 0;
  for (int from = 0;; from += step) {
    const auto store = open_anew();
    Result<> written;
    {
      const FailingCalls calls(point, error, from, times);
      written = store->write(next);
      if (!calls.has_failed()) break;
      // What fails after the commit is the seal or a copy of the log; both are made good later.
      ASSERT_EQ(written.has_value(), !calls.failed_before_commit()) << from;
    }
    const std::string crashed = text_after_a_crash();
    if (written) {
      ASSERT_EQ(crashed, after) << from;
    } else {
      ++failures;
      ASSERT_EQ(written.error().code, ErrorCode::io) << written.error().message;
      ASSERT_THAT(written.error().message,
                  AllOf(HasSubstr(state() + "/state.db"),
                        HasSubstr(error == ENOSPC ? "free some space" : "look at the disk")));
      ASSERT_THAT(crashed, AnyOf(before_, after)) << from;
      ASSERT_EQ(text_of_state(*store).value(), before_) << from;
      const Result<> repeated = store->write(next);
      ASSERT_TRUE(repeated) << from << ": " << repeated.error().message;
    }
    ASSERT_EQ(text_of_state(*store).value(), after) << from;
    ASSERT_EQ(text_after_a_crash(), after) << from;
  }
  EXPECT_GT(failures, 0);
}
constexpr int kForEver = 1'000'000;
// Three megabytes do not fit into SQLite's cache, and are more than it leaves in the log.
INSTANTIATE_TEST_SUITE_P(
    Cases, StateFaultsOfTheDisk,
    ::testing::Values(DiskCase{FaultPoint::database_write, EIO, 1, 0, 1},
                      DiskCase{FaultPoint::database_write, ENOSPC, 1, 0, 1},
                      DiskCase{FaultPoint::database_write, EIO, kForEver, 0, 1},
                      DiskCase{FaultPoint::database_write, ENOSPC, kForEver, 0, 1},
                      DiskCase{FaultPoint::database_sync, EIO, 1, 0, 1},
                      DiskCase{FaultPoint::database_sync, ENOSPC, kForEver, 0, 1},
                      DiskCase{FaultPoint::database_write, EIO, 1, 3'000'000, 131},
                      DiskCase{FaultPoint::database_write, ENOSPC, kForEver, 3'000'000, 173},
                      DiskCase{FaultPoint::database_sync, EIO, 1, 3'000'000, 1}));

TEST_F(StateFaults, OfReadingAreErrorsAndPassAway) {
  int failures = 0;
  for (int from = 0;; ++from) {
    const auto store = open_anew();
    Result<std::string> text;
    {
      const FailingCalls calls(FaultPoint::database_read, EIO, from, 1);
      text = text_of_state(*store);
      if (!calls.has_failed()) break;
    }
    ++failures;
    ASSERT_FALSE(text) << from;
    EXPECT_EQ(text.error().code, ErrorCode::io) << text.error().message;
    EXPECT_THAT(text.error().message,
                AllOf(HasSubstr(state() + "/state.db"), HasSubstr("Input/output error")));
    EXPECT_EQ(text_of_state(*store).value(), before_) << from;
  }
  EXPECT_GT(failures, 5);
}

TEST_F(StateFaults, OfReadingAtTheStartAreErrorsAndPassAway) {
  int failures = 0;
  for (int from = 0;; ++from) {
    files_.put(state());
    {
      const FailingCalls calls(FaultPoint::database_read, EIO, from, 1);
      const auto store = StateStore::open(state());
      if (!calls.has_failed()) break;
      ++failures;
      ASSERT_FALSE(store) << from;
      EXPECT_EQ(store.error().code, ErrorCode::io) << store.error().message;
    }
    EXPECT_EQ(text_of_state(state()).value(), before_) << from;
  }
  EXPECT_GT(failures, 5);
}

TEST_F(StateFaults, OfMakingADatabaseLeaveNothingInTheWay) {
  for (const FaultPoint point : {FaultPoint::database_write, FaultPoint::database_sync}) {
    int failures = 0;
    for (int from = 0;; ++from) {
      std::filesystem::remove_all(state());
      {
        const FailingCalls calls(point, ENOSPC, from, kForEver);
        const auto store = StateStore::open(state());
        if (!calls.has_failed()) break;
        ++failures;
        // Where only the seal failed, it is open.
        EXPECT_TRUE(store || store.error().code == ErrorCode::io);
      }
      const auto text = text_of_state(state());
      ASSERT_TRUE(text) << from << ": " << text.error().message;
    }
    EXPECT_GT(failures, 0) << to_string(point);
  }
}

constexpr std::array kCheckpointPoints = {
    FaultPoint::checkpoint_begin,    FaultPoint::checkpoint_partitions,
    FaultPoint::checkpoint_panes,    FaultPoint::checkpoint_windows,
    FaultPoint::checkpoint_monitors, FaultPoint::checkpoint_outbox,
    FaultPoint::checkpoint_commit};

TEST_F(StateFaults, OfACheckpointsOwnPointsRollItBack) {
  const Checkpoint next = change_of_everything(2);
  const std::string after = text_after(next);
  for (const FaultPoint point : kCheckpointPoints) {
    const auto store = open_anew();
    {
      const FailingCalls calls(point, EIO, 0, 1);
      const Result<> refused = store->write(next);
      ASSERT_FALSE(refused) << to_string(point);
      EXPECT_EQ(refused.error().code, ErrorCode::io);
      EXPECT_THAT(refused.error().message, HasSubstr(std::string(to_string(point))));
    }
    EXPECT_EQ(text_of_state(*store).value(), before_) << to_string(point);
    ASSERT_TRUE(store->write(next)) << to_string(point);
    EXPECT_EQ(text_of_state(*store).value(), after) << to_string(point);
  }
}

// In a process of its own, which ends at `point` of its `call`th visit, as by a kill.
[[nodiscard]] bool was_killed_at(const std::string& state, const Checkpoint& next, FaultPoint point,
                                 int call) {
  constexpr int kKilled = 77;
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = StateStore::open(state);
    int calls = 0;
    const FaultHook hook = [&](FaultPoint asked) {
      if (asked == point && calls++ == call) ::_exit(kKilled);
      return 0;
    };
    set_fault_hook(&hook);
    const Result<> written = (*store)->write(next);
    ::_exit(written ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  return WEXITSTATUS(status) == kKilled;
}

TEST_F(StateFaults, OfTheProcessLeaveAWholeCheckpointOrNone) {
  const Checkpoint next = change_of_everything(2);
  const std::string after = text_after(next);
  for (const FaultPoint point : kCheckpointPoints) {
    files_.put(state());
    ASSERT_TRUE(was_killed_at(state(), next, point, 0)) << to_string(point);
    EXPECT_EQ(text_of_state(state()).value(), before_) << to_string(point);
  }
  files_.put(state());
  ASSERT_TRUE(was_killed_at(state(), next, FaultPoint::checkpoint_committed, 0));
  EXPECT_EQ(text_of_state(state()).value(), after);
}

TEST_F(StateFaults, OfTheProcessAtAnyWriteLeaveAWholeCheckpointOrNone) {
  // Large enough that the log is copied at the end.
  const Checkpoint next = change_of_everything(2, 3'000'000);
  const std::string after = text_after(next);
  std::size_t befores = 0;
  std::size_t afters = 0;
  for (int call = 0;; call += 101) {
    files_.put(state());
    if (!was_killed_at(state(), next, FaultPoint::database_write, call)) break;
    const auto text = text_of_state(state());
    ASSERT_TRUE(text) << call << ": " << text.error().message;
    ASSERT_THAT(*text, AnyOf(before_, after)) << call;
    ++(*text == before_ ? befores : afters);
  }
  EXPECT_GT(befores, 0U);
  EXPECT_GT(afters, 0U) << "one was killed while the log was copied";
}

TEST_F(StateFaults, OfACrashWhileItIsMadeLeaveNothingInTheWay) {
  for (const FaultPoint point : {FaultPoint::database_write, FaultPoint::database_sync}) {
    int crashes = 0;
    for (bool is_over = false; !is_over; ++crashes) {
      const std::string fresh = folder_ / "fresh";
      std::filesystem::remove_all(fresh);
      const pid_t child = ::fork();
      if (child == 0) {
        int calls = 0;
        const FaultHook hook = [&](FaultPoint asked) {
          if (asked == point && calls++ == crashes) ::_exit(1);
          return 0;
        };
        set_fault_hook(&hook);
        ::_exit(StateStore::open(fresh).has_value() ? 0 : 2);
      }
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 2);
      is_over = WEXITSTATUS(status) == 0;
      const auto store = StateStore::open(fresh);
      ASSERT_TRUE(store) << to_string(point) << ", call " << crashes << ": "
                         << store.error().message;
      EXPECT_TRUE((*store)->write(one_of_everything()));
      EXPECT_FALSE(std::filesystem::exists(fresh + "/state.db.new"));
    }
    EXPECT_GT(crashes, 2);
  }
}

TEST_F(StateFaults, OfAFullDiskPassWhenThereIsSpace) {
  // In a name space of its own the mount goes with the process, whatever becomes of it.
  const std::string full = folder_ / "full";
  std::filesystem::create_directories(full);
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", full.c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "a file system of 1 MB cannot be mounted here ("
                 << std::error_code(errno, std::generic_category()).message()
                 << "), which takes the right to mount (root)";
  }
  {
    const auto store = StateStore::open(full + "/state").value();
    ASSERT_TRUE(store->write(one_of_everything()));
    const std::string before = text_of_state(*store).value();
    write_file(full + "/ballast", std::string(500'000, 'x'));
    const Checkpoint next = change_of_everything(1, 300'000);
    for (int tries = 0; tries < 3; ++tries) {
      const Result<> refused = store->write(next);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, ErrorCode::io);
      EXPECT_THAT(refused.error().message, HasSubstr("free some space"));
      EXPECT_EQ(text_of_state(*store).value(), before);
    }
    std::filesystem::remove(full + "/ballast");
    const Result<> written = store->write(next);
    ASSERT_TRUE(written) << written.error().message;
    EXPECT_NE(text_of_state(*store).value(), before);
  }
  EXPECT_TRUE(text_of_state(full + "/state"));
  EXPECT_EQ(::umount(full.c_str()), 0);
}

}  // namespace
}  // namespace driftd
