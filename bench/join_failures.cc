// What a store does when the disk does not: prints a row of the table of join_failures.sh.
//
//   bench_join_failures STORE FOLDER full|write|sync
//
// A child process commits 2,000 predictions and labels of 2,000 at a time until a call fails: with
// `full` because FOLDER is a small file system, with the others because writes or syncs fail from
// the sixth commit on. Then what it lacked is there again (FOLDER/../ballast is removed, the fault
// ends); it rolls back, reads every committed row and does the work again, for 20 s if need be. The
// parent opens the store afresh and reads all that the child had been promised; `and more` says
// that the commit which failed is there as well.
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <new>
#include <string>
#include <thread>

#include "bench/join_store.h"
#include "bench/join_store_faults.h"

namespace driftd {
namespace {

constexpr std::uint64_t kRowsOfCommit = 2'000;
constexpr std::uint64_t kRowsOfRange = 8'000;
constexpr std::uint64_t kCommitsBeforeFault = 5;
constexpr std::uint64_t kMaxCommits = 1'000;
constexpr unsigned kSecondsAtMost = 60;
constexpr std::chrono::seconds kRecovery{20};
constexpr std::chrono::milliseconds kPause{100};

// What the child has come to, in memory that outlives it.
struct Account {
  std::atomic<std::uint64_t> committed{0};  // rows
  std::atomic<bool> failed{false};
  std::atomic<bool> readable{false};
  std::atomic<bool> went_on{false};
  char message[160] = "";     // of the failed call
  char message_on[160] = "";  // of the last call that failed though the cause was gone
};

void keep(char (&to)[160], const Error& error) {
  std::strncpy(to, error.message.c_str(), sizeof to - 1);
}

// The label that a row has after `commits` commits: each commit labels what the one before
// inserted.
std::uint64_t label_of(std::uint64_t number, std::uint64_t committed) {
  return (number / kRowsOfCommit + 2) * kRowsOfCommit <= committed ? number + 1 : 0;
}

Result<> commit_once(JoinStore& store, std::uint64_t committed) {
  if (committed % kRowsOfRange == 0) {
    auto begun = store.begin_range(static_cast<std::uint32_t>(committed / kRowsOfRange));
    if (!begun) return begun;
  }
  for (std::uint64_t number = committed; number < committed + kRowsOfCommit; ++number) {
    auto done = store.insert(static_cast<std::uint32_t>(number / kRowsOfRange), join_key_of(number),
                             join_row_of(number, 0));
    if (!done) return done;
    if (number < kRowsOfCommit) continue;
    const std::uint64_t labelled = number - kRowsOfCommit;
    auto found = store.find(join_key_of(labelled));
    if (!found) return std::unexpected(found.error());
    if (!*found) return fail(ErrorCode::corrupted, "a pending row is gone");
    done = store.replace(**found, join_key_of(labelled), join_row_of(labelled, labelled + 1));
    if (!done) return done;
  }
  return store.commit();
}

// All rows that were promised, as they were promised.
Result<> check(JoinStore& store, std::uint64_t committed) {
  for (std::uint64_t number = 0; number < committed; ++number) {
    auto found = store.find(join_key_of(number));
    if (!found) return std::unexpected(found.error());
    if (!*found) return fail(ErrorCode::corrupted, fmt::format("row {} is gone", number));
    if ((*found)->row != join_row_of(number, label_of(number, committed))) {
      return fail(ErrorCode::corrupted, fmt::format("row {} is another one", number));
    }
  }
  return {};
}

void run_child(const char* name, const JoinStoreOptions& options, const std::string& fault,
               Account& account) {
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  setrlimit(RLIMIT_CORE, &no_core);
  alarm(kSecondsAtMost);
  auto store = open_join_store(name, options);
  if (!store) return keep(account.message, store.error());
  for (std::uint64_t commits = 0; commits < kMaxCommits && !account.failed; ++commits) {
    if (commits == kCommitsBeforeFault && fault == "write") set_disk_fault(DiskFault::write);
    if (commits == kCommitsBeforeFault && fault == "sync") set_disk_fault(DiskFault::sync);
    if (auto done = commit_once(**store, account.committed); !done) {
      keep(account.message, done.error());
      account.failed = true;
    } else {
      account.committed += kRowsOfCommit;
    }
  }
  set_disk_fault(DiskFault::none);
  std::filesystem::remove(std::filesystem::path(options.folder).parent_path() / "ballast");
  // Some stores recover by themselves, in their own time.
  const auto deadline = std::chrono::steady_clock::now() + kRecovery;
  while (!account.went_on && std::chrono::steady_clock::now() < deadline) {
    auto done = (*store)->rollback();
    account.readable = check(**store, account.committed).has_value();
    if (done) done = commit_once(**store, account.committed);
    if (done) {
      account.committed += kRowsOfCommit;
      account.went_on = true;
    } else {
      keep(account.message_on, done.error());
      std::this_thread::sleep_for(kPause);
    }
  }
  _exit(0);
}

std::string end_of(int status) {
  if (WIFSIGNALED(status)) return fmt::format("SIG{}", sigabbrev_np(WTERMSIG(status)));
  return WEXITSTATUS(status) == 0 ? "lives" : fmt::format("status {}", WEXITSTATUS(status));
}

int run(const char* name, const JoinStoreOptions& options, const std::string& fault) {
  void* shared =
      ::mmap(nullptr, sizeof(Account), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    std::perror("mmap");
    return 71;
  }
  auto& account = *new (shared) Account;
  const pid_t child = ::fork();
  if (child == 0) {
    run_child(name, options, fault, account);
    _exit(1);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) {
    std::perror("child");
    return 71;
  }
  std::filesystem::remove(std::filesystem::path(options.folder).parent_path() / "ballast");
  auto store = open_join_store(name, options);
  std::uint64_t committed = account.committed;
  auto checked = store ? check(**store, committed) : Result<>(std::unexpected(store.error()));
  // A commit that was not answered, or with an error, may have come to pass nevertheless.
  bool with_failed = false;
  if (store && !checked && check(**store, committed + kRowsOfCommit)) {
    checked = {};
    with_failed = true;
    committed += kRowsOfCommit;
  }
  const auto resumed = checked ? commit_once(**store, committed) : checked;
  const char* reopened = with_failed ? "and more" : checked ? "yes" : "no";
  fmt::print("{:<14}  {:<5}  {:>8}  {:<7}  {:<8}  {:<7}  {:<8}  {:<7}  {}\n", name, fault,
             account.committed.load(), end_of(status), account.readable ? "yes" : "no",
             account.went_on ? "yes" : "no", reopened, resumed ? "yes" : "no", account.message);
  if (account.message_on[0] != '\0') fmt::print("{:<14}  then: {}\n", "", account.message_on);
  if (!checked) fmt::print("{:<14}  opened afresh: {}\n", "", checked.error().message);
  if (checked && !resumed) fmt::print("{:<14}  resumed: {}\n", "", resumed.error().message);
  return 0;
}

}  // namespace
}  // namespace driftd

int main(int argc, char** argv) {
  const std::string fault = argc == 4 ? argv[3] : "";
  if (fault != "full" && fault != "write" && fault != "sync") {
    fmt::print(stderr, "usage: {} STORE FOLDER full|write|sync\nstores: {}\n", argv[0],
               fmt::join(driftd::kJoinStores, " "));
    return 64;
  }
  // Small, as the file system is: what RocksDB keeps in memory would never reach it.
  const driftd::JoinStoreOptions options{
      .folder = argv[2], .rows = 100'000, .cache_bytes = 4U << 20U};
  return driftd::run(argv[1], options, fault);
}
