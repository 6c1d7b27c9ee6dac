// The load of the label join on one store, for run.sh to put beside the others.
//
//   bench_join_stores load STORE FOLDER ROWS PAIRS   fills it with ROWS pending predictions, then
//                                                    PAIRS times a new one and a label of a
//                                                    pending one; prints a row of the table
//   bench_join_stores open STORE FOLDER ROWS PAIRS [cold]
//                                                    opens what `load` left; milliseconds; cold:
//                                                    without what the page cache has of it
//
// Predictions arrive in the order of their numbers at an even rate; ROWS of them are a horizon. The
// process ends without closing the store, as kill -9 would end it.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "bench/event_generator.h"
#include "bench/join_store.h"

namespace driftd {
namespace {

constexpr std::uint64_t kRangesOfHorizon = 16;
constexpr std::uint64_t kPairsOfCommit = 200'000;  // a second of the traffic that is the goal
constexpr std::size_t kCacheBytes = std::size_t{512} << 20U;
constexpr double kMiB = 1'048'576;

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

// Seconds of CPU of the whole process, the store's own threads included.
double cpu_used() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double wall_clock() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double peak_mib() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1'024;
}

// What /proc says after `name`: bytes in /proc/self/io, KiB in /proc/self/status.
double proc_value(const char* file, const std::string& name) {
  std::ifstream lines(file);
  std::string word;
  double value = 0;
  while (lines >> word) {
    if (word == name) {
      lines >> value;
      return value;
    }
  }
  return value;
}

double mib_in(const std::string& folder) {
  std::uintmax_t bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    if (file.is_regular_file()) bytes += file.file_size();
  }
  return static_cast<double>(bytes) / kMiB;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[(values.size() - 1) / 2];
}

class Load {
 public:
  Load(JoinStore& store, std::uint64_t rows)
      : store_(store), rows_(rows), rows_of_range_(rows / kRangesOfHorizon), random_(7) {}

  Result<> fill() {
    const double cpu = cpu_used();
    while (next_ < rows_) {
      if (auto added = predict(); !added) return added;
      if (next_ % kPairsOfCommit != 0 && next_ != rows_) continue;
      if (auto done = commit(); !done) return done;
    }
    fill_rate_ = static_cast<double>(rows_) / (cpu_used() - cpu);
    commits_.clear();
    return {};
  }

  Result<> steady(std::uint64_t pairs) {
    const double cpu = cpu_used();
    const double begun = wall_clock();
    const double written = proc_value("/proc/self/io", "write_bytes:");
    double cpu_of_commit = cpu;
    for (std::uint64_t done = 1; done <= pairs; ++done) {
      auto did = predict();
      if (did) did = label();
      if (did && done % kPairsOfCommit == 0) {
        did = commit();
        const double now = cpu_used();
        rates_.push_back(static_cast<double>(kPairsOfCommit) / (now - cpu_of_commit));
        // Drops are told apart from what goes on all the time, and are part of the total.
        if (did) did = expire();
        cpu_of_commit = cpu_used();
      }
      if (!did) return did;
    }
    const auto count = static_cast<double>(pairs);
    total_rate_ = count / (cpu_used() - cpu);
    wall_rate_ = count / (wall_clock() - begun);
    written_ = (proc_value("/proc/self/io", "write_bytes:") - written) / count;
    return {};
  }

  void print(const char* name, const std::string& folder) const {
    fmt::print(
        "{:<14} {:>9.0f} {:>9.0f} {:>9.0f} {:>8.0f} {:>8.0f} {:>8.0f} {:>8.0f} {:>8.0f} {:>8.0f}"
        " {:>8.1f}\n",
        name, fill_rate_, median(rates_), total_rate_, wall_rate_, median(commits_) * 1e3, written_,
        mib_in(folder), peak_mib(), proc_value("/proc/self/status", "RssAnon:") / 1'024,
        median(drops_) * 1e3);
    std::fflush(stdout);
  }

 private:
  Result<> predict() {
    if (next_ % rows_of_range_ == 0) {
      auto begun = store_.begin_range(static_cast<std::uint32_t>(next_ / rows_of_range_));
      if (!begun) return begun;
    }
    const JoinKey key = join_key_of(next_);
    // A prediction that is pending already would be a duplicate.
    auto found = store_.find(key);
    if (!found) return std::unexpected(found.error());
    if (*found) return fail(ErrorCode::corrupted, "found what was never inserted");
    const std::uint64_t number = next_++;
    return store_.insert(static_cast<std::uint32_t>(number / rows_of_range_), key,
                         join_row_of(number, 0));
  }

  Result<> label() {
    const std::uint64_t oldest = next_ > rows_ ? next_ - rows_ : 0;
    const std::uint64_t number = oldest + random_() % (next_ - oldest);
    const JoinKey key = join_key_of(number);
    auto found = store_.find(key);
    if (!found) return std::unexpected(found.error());
    if (!*found || !is_join_row_of(number, (*found)->row)) {
      return fail(ErrorCode::corrupted, "a pending row is not there, or not as it was written");
    }
    return store_.replace(**found, key, join_row_of(number, next_));
  }

  Result<> commit() {
    const double begun = wall_clock();
    auto done = store_.commit();
    commits_.push_back(wall_clock() - begun);
    return done;
  }

  // Ranges of which every row is beyond the horizon.
  Result<> expire() {
    while (next_ >= rows_ + (first_range_ + 1) * rows_of_range_) {
      const double begun = wall_clock();
      auto done = store_.drop_range(static_cast<std::uint32_t>(first_range_));
      if (done) done = store_.commit();
      if (!done) return done;
      drops_.push_back(wall_clock() - begun);
      ++first_range_;
    }
    return {};
  }

  JoinStore& store_;
  std::uint64_t rows_;
  std::uint64_t rows_of_range_;
  TrafficRandom random_;
  std::uint64_t next_ = 0;  // prediction
  std::uint64_t first_range_ = 0;
  double fill_rate_ = 0;
  std::vector<double> rates_;
  double total_rate_ = 0;
  double wall_rate_ = 0;
  double written_ = 0;
  std::vector<double> commits_;
  std::vector<double> drops_;
};

Result<> load(const char* name, const JoinStoreOptions& options, std::uint64_t pairs) {
  auto store = open_join_store(name, options);
  if (!store) return std::unexpected(store.error());
  Load work(**store, options.rows);
  if (auto filled = work.fill(); !filled) return filled;
  if (auto done = work.steady(pairs); !done) return done;
  work.print(name, options.folder);
  std::quick_exit(0);
}

void forget_pages(const std::string& folder) {
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    const int descriptor = ::open(file.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) continue;
    ::fdatasync(descriptor);  // pages that are not written yet would stay
    ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    ::close(descriptor);
  }
}

Result<> open(const char* name, const JoinStoreOptions& options, std::uint64_t pairs, bool cold) {
  if (cold) forget_pages(options.folder);
  const double begun = wall_clock();
  auto store = open_join_store(name, options);
  if (!store) return std::unexpected(store.error());
  const double opened = wall_clock();
  // The load ends with a commit if `pairs` is a multiple of kPairsOfCommit.
  for (std::uint64_t number = pairs; number < options.rows + pairs; number += 9'973) {
    auto found = (*store)->find(join_key_of(number));
    if (!found) return std::unexpected(found.error());
    if (!*found || !is_join_row_of(number, (*found)->row)) {
      return fail(ErrorCode::corrupted, fmt::format("prediction {} is gone", number));
    }
  }
  fmt::print("{:<14} {:<5} {:>9.0f} {:>8.0f}\n", name, cold ? "cold" : "warm",
             (opened - begun) * 1e3, peak_mib());
  std::fflush(stdout);
  std::quick_exit(0);
}

}  // namespace
}  // namespace driftd

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (argc < 6 || (verb != "load" && verb != "open")) {
    fmt::print(stderr, "usage: {} load|open STORE FOLDER ROWS PAIRS [cold]\nstores: {}\n", argv[0],
               fmt::join(driftd::kJoinStores, " "));
    return 64;
  }
  const driftd::JoinStoreOptions options{.folder = argv[3],
                                         .rows = std::strtoull(argv[4], nullptr, 10),
                                         .cache_bytes = driftd::kCacheBytes};
  const std::uint64_t pairs = std::strtoull(argv[5], nullptr, 10);
  if (options.rows < driftd::kRangesOfHorizon || pairs % driftd::kPairsOfCommit != 0) {
    fmt::print(stderr, "ROWS must be at least {}, PAIRS a multiple of {}\n",
               driftd::kRangesOfHorizon, driftd::kPairsOfCommit);
    return 64;
  }
  const auto done = verb == "load" ? driftd::load(argv[2], options, pairs)
                                   : driftd::open(argv[2], options, pairs, argc > 6);
  if (!done) fmt::print(stderr, "{}: {}\n", argv[2], done.error().message);
  return done ? 0 : 74;
}
