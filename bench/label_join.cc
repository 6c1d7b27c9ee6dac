// The label join as the daemon runs it, over files, with a durable checkpoint every 200,000 pairs:
// fills it with pending predictions, then measures predictions and labels of random pending ones,
// and last a start on what is there.
//
//   bench_label_join FOLDER [PENDING [PAIRS]]
//
// Prints pairs per second of CPU time and of wall time, the share of the CPU time that checkpoints
// took, resident memory, bytes on disk, and the time of a start.
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "bench/event_generator.h"
#include "state/join_log.h"
#include "state/state_store.h"
#include "windows/label_join.h"

namespace driftd {
namespace {

constexpr std::size_t kRowsPerBatch = 4'096;
constexpr std::uint64_t kPairsPerCheckpoint = 200'000;
constexpr std::size_t kMemory = std::size_t{512} << 20;
constexpr DurationMs kHorizon = 7LL * 86'400'000;

[[nodiscard]] double cpu_s() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

[[nodiscard]] double wall_s() {
  using std::chrono::steady_clock;
  return std::chrono::duration<double>(steady_clock::now().time_since_epoch()).count();
}

[[nodiscard]] std::string resident() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return line.substr(6);
  }
  return "?";
}

void check(const Result<>& done) {
  if (done) return;
  fmt::print(stderr, "{}\n", done.error().message);
  std::exit(1);
}

[[nodiscard]] IdHash id_of(std::uint64_t number) {
  TrafficRandom random(number);
  const std::uint64_t high = random();
  return {high, random()};
}

// A join with its files and the database that says how many rows count.
class DurableJoin {
 public:
  explicit DurableJoin(const std::string& folder) : store_(open_store(folder)) {
    schema_.name = "scoring";
    schema_.label_horizon = kHorizon;
    const StoredState state = store_->load().value();
    std::vector<JoinSegment> stored;
    if (!state.joins.empty()) stored = state.joins.front().segments;
    auto log =
        JoinLog::open(join_folder(folder, schema_.name), LabelJoin::row_bytes(schema_), stored);
    if (!log) check(std::unexpected(log.error()));
    log_ = log->get();
    join_ = std::make_unique<LabelJoin>(schema_, budget_, std::move(*log));
    check(recall_rows(*join_, *log_, stored));
    predictions_ = std::make_unique<EventBatch>(schema_);
    labels_ = std::make_unique<LabelBatch>(schema_);
  }

  void predict(std::uint64_t first) {
    EventBatch& rows = *predictions_;
    rows.clear();
    for (std::uint64_t i = first; i < first + kRowsPerBatch; ++i) {
      rows.ts.push_back(static_cast<TimeMs>(i) * 60);
      rows.id.push_back(id_of(i));
      rows.version.push_back(VersionIndex{0});
      rows.score.push_back(0.5);
      rows.predicted_class.push_back(kNoClass);
    }
    join_->add_predictions(rows, 0, kRowsPerBatch, assigner_, accepted_, panes_, joined_,
                           discarded_);
  }
  void label(std::uint64_t first, std::uint64_t pending) {
    // A step that shares no factor with the numbers given so far meets each of them once.
    constexpr std::uint64_t kStep = 2'654'435'761;
    LabelBatch& rows = *labels_;
    rows.clear();
    for (std::uint64_t i = first; i < first + kRowsPerBatch; ++i) {
      rows.ts.push_back(static_cast<TimeMs>(pending) * 60);
      rows.id.push_back(id_of(i * kStep % pending));
      rows.value.push_back(0);
      rows.actual_class.push_back(1);
    }
    joined_.clear();
    labelled_ += join_->add_labels(rows, 0, kRowsPerBatch, joined_, discarded_);
  }
  void checkpoint() {
    const double before = cpu_s();
    join_->expire(kNoTime, kNoTime);
    Checkpoint checkpoint;
    checkpoint.joins.push_back({schema_.name, join_->begin_checkpoint(), kNoTime, kNoTime});
    check(log_->write());
    check(log_->sync());
    check(store_->write(checkpoint));
    join_->commit();
    checkpoint_cpu_s_ += cpu_s() - before;
  }

  [[nodiscard]] std::uint64_t labelled() const { return labelled_; }
  [[nodiscard]] std::uint64_t rows() const { return join_->counts().rows; }
  [[nodiscard]] double checkpoint_cpu_s() const { return checkpoint_cpu_s_; }

 private:
  [[nodiscard]] static std::unique_ptr<StateStore> open_store(const std::string& folder) {
    auto store = StateStore::open(folder);
    if (!store) check(std::unexpected(store.error()));
    return std::move(*store);
  }

  ModelSchema schema_;
  MemoryBudget budget_{kMemory};
  std::unique_ptr<StateStore> store_;
  std::unique_ptr<LabelJoin> join_;
  JoinLog* log_ = nullptr;
  PaneAssigner assigner_{{.size = 3'600'000}, false};
  std::unique_ptr<EventBatch> predictions_;
  std::unique_ptr<LabelBatch> labels_;
  std::vector<std::uint8_t> accepted_;
  std::vector<std::int64_t> panes_;
  JoinedRows joined_;
  DiscardCounts discarded_;
  std::uint64_t labelled_ = 0;
  double checkpoint_cpu_s_ = 0;
};

void run(const std::string& folder, std::uint64_t pending, std::uint64_t pairs) {
  std::filesystem::remove_all(folder);
  {
    DurableJoin join(folder);
    std::uint64_t next = 0;
    std::uint64_t due = kPairsPerCheckpoint;
    const auto go_on = [&](std::uint64_t done) {
      if (done < due) return;
      join.checkpoint();
      due = done + kPairsPerCheckpoint;
    };
    for (; next < pending; next += kRowsPerBatch) {
      join.predict(next);
      go_on(next);
    }
    join.checkpoint();
    fmt::print("pending {}, resident {}\n", join.rows(), resident());

    due = kPairsPerCheckpoint;
    const double cpu = cpu_s();
    const double wall = wall_s();
    const double checkpoints = join.checkpoint_cpu_s();
    for (std::uint64_t done = 0; done < pairs; done += kRowsPerBatch) {
      join.predict(next);
      join.label(done, pending);
      next += kRowsPerBatch;
      go_on(done);
    }
    join.checkpoint();
    const double used = cpu_s() - cpu;
    const auto joined = static_cast<double>(join.labelled());
    fmt::print("pairs {}, per CPU second {:.0f}, per second {:.0f}\n", join.labelled(),
               joined / used, joined / (wall_s() - wall));
    fmt::print("checkpoints {:.1f} % of the CPU time, {:.2f} us a pair; resident {}\n",
               100 * (join.checkpoint_cpu_s() - checkpoints) / used,
               1e6 * (join.checkpoint_cpu_s() - checkpoints) / joined, resident());
  }
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  const double cpu = cpu_s();
  const double wall = wall_s();
  const DurableJoin again(folder);
  fmt::print("start with {} rows, {} MiB on disk: {:.2f} s, {:.2f} s of CPU\n", again.rows(),
             bytes >> 20, wall_s() - wall, cpu_s() - cpu);
}

}  // namespace
}  // namespace driftd

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_label_join FOLDER [PENDING [PAIRS]]\n");
    return 64;
  }
  const auto number = [&](int at, std::uint64_t otherwise) {
    return argc > at ? std::strtoull(argv[at], nullptr, 10) : otherwise;
  };
  driftd::run(argv[1], number(2, 10'000'000), number(3, 2'000'000));
}
