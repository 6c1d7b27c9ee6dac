#include "daemon/replay.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "daemon/evaluator.h"
#include "daemon/model_setup.h"
#include "sources/discarded.h"
#include "sources/replay_source.h"
#include "windows/lane_windows.h"

namespace driftd {
namespace {

constexpr std::uint32_t kRowsPerBatch = 4'096;
// A replay keeps its rows in memory beside the index; the index alone may take this much.
constexpr std::size_t kJoinMemory = std::size_t{8} << 30;

// A replay has no partitions that come and go, and nothing stored.
class NothingStored final : public SourceHost {
 public:
  [[nodiscard]] const PartitionStates& stored() const override { return states_; }
  void checkpoint_before_revoke() override {}

 private:
  PartitionStates states_;
};

// One policy's view of the windows.
struct Judge {
  Judge(std::span<const EvaluatedModel> models, const Clock& clock)
      : evaluator(models, clock, archive) {}

  WindowArchive archive;
  Evaluator evaluator;
  std::int64_t cpu_us = 0;
};

class Replay {
 public:
  // `policies`: how many there are beside the configuration.
  Replay(const Config& config, const ReplayOptions& options, ModelSetup& models,
         std::size_t policies, ReplayObserver& observer)
      : options_(options),
        models_(models),
        observer_(observer),
        discarded_(system_clock_, "", 0),
        traffic_(models.schemas().size()),
        arrived_(models.schemas().size(), kNoTime) {
    for (std::size_t policy = 0; policy <= policies; ++policy)
      judges_.push_back(std::make_unique<Judge>(models.evaluated(policy), clock_));
    std::vector<LabelJoin*> joins;
    for (const ModelSchema* schema : models.schemas()) {
      joins_.push_back(options.labels.empty()
                           ? nullptr
                           : std::make_unique<LabelJoin>(
                                 *schema, join_memory_,
                                 std::make_unique<MemoryJoinRows>(LabelJoin::row_bytes(*schema))));
      joins.push_back(joins_.back().get());
      batch_.predictions.emplace_back(*schema);
      batch_.labels.emplace_back(*schema);
    }
    windows_ = std::make_unique<LaneWindows>(models.monitored(), joins, true);
    DecoderOptions decoder;
    decoder.max_event_bytes = config.daemon.max_event_bytes;
    source_ = make_replay_source(options.predictions, options.labels, models.schemas(),
                                 system_clock_, discarded_, decoder);
  }

  [[nodiscard]] Result<PolicyReplay> run() {
    NothingStored host;
    if (auto begun = source_->start(host, 1); !begun) return std::unexpected(begun.error());
    const TimeMs begun_at = system_clock_.steady();
    bool more = true;
    while (more) {
      batch_.clear();
      more = source_->poll(0, batch_, kRowsPerBatch, 0);
      pace(begun_at);
      for (const ModelSchema* schema : models_.schemas()) fold(schema->index);
      windows_->totals().discarded.merge(batch_.discarded);
      publish();
      observer_.progress(windows_->totals().predictions, windows_->totals().labels);
    }
    if (const auto error = source_->failed()) return std::unexpected(*error);
    finish();
    PolicyReplay result;
    result.summary = summary(static_cast<double>(system_clock_.steady() - begun_at) / 1000);
    result.traffic = traffic_;
    for (const auto& judge : judges_) {
      result.policies.push_back(
          {judge->evaluator.alerts(), static_cast<double>(judge->cpu_us) / 1e6});
    }
    return result;
  }

 private:
  // What they have in common can be asked of any of them: which panes and windows there are.
  [[nodiscard]] Evaluator& first() { return judges_.front()->evaluator; }

  template <typename Work>
  void judge(const Work& work) {
    for (const auto& judge : judges_) {
      const std::int64_t before = thread_cpu_us();
      work(judge->evaluator);
      judge->cpu_us += thread_cpu_us() - before;
    }
  }

  void absorb(const PaneKey& key, std::unique_ptr<Pane> pane) {
    ModelTraffic& traffic = traffic_[position(key.monitor.model)];
    traffic.predictions += pane->predictions;
    traffic.first_time = std::min(traffic.first_time, pane->first_time);
    traffic.last_time = std::max(traffic.last_time, pane->last_time);
    for (std::size_t i = 0; i + 1 < judges_.size(); ++i)
      judges_[i]->evaluator.absorb(key, std::make_unique<Pane>(*pane));
    judges_.back()->evaluator.absorb(key, std::move(pane));
  }

  void fold(ModelIndex model) {
    const EventBatch& predictions = batch_.predictions[position(model)];
    const LabelBatch& labels = batch_.labels[position(model)];
    LaneWindows::Cursor cursor;
    // The clock starts with the first event, so that what arrives in the first batch has not been
    // waiting since 1970.
    if (predictions.size() > 0) advance_clock(predictions.ts.front());
    if (labels.size() > 0 && predictions.size() == 0) advance_clock(labels.ts.front());
    for (;;) {
      const bool used_up = windows_->fold(model, batch_, cursor);
      // The clock of a replay is the time of arrival of what it has read last.
      if (cursor.prediction > 0) arrive(model, predictions.ts[cursor.prediction - 1]);
      if (cursor.label > 0) arrive(model, labels.ts[cursor.label - 1]);
      if (cursor.label > 0) labels_until_ = std::max(labels_until_, labels.ts[cursor.label - 1]);
      close(model);
      if (used_up) break;
    }
    if (joins_[position(model)] != nullptr) {
      joins_[position(model)]->expire(windows_->assigner(model).watermark(), labels_until_);
    }
  }

  // Models of a batch are folded one after the other, so that the clock may be ahead of a model.
  void arrive(ModelIndex model, TimeMs time) {
    advance_clock(time);
    TimeMs& arrived = arrived_[position(model)];
    arrived = std::max(arrived, time);
  }

  void advance_clock(TimeMs to) {
    if (to > clock_.now()) clock_.set(to);
  }

  // Hands over the panes of windows that are complete, and what came for windows that closed
  // before.
  void close(ModelIndex model) {
    PaneAssigner& assigner = windows_->assigner(model);
    const WindowSpec& spec = models_.monitored()[position(model)].window;
    TimeMs next_end = kEndOfTime;
    auto& panes = windows_->panes();
    for (auto entry = panes.begin(); entry != panes.end();) {
      const PaneKey key = entry->first;
      if (key.monitor.model != model) {
        ++entry;
        continue;
      }
      const TimeMs end = key.pane + spec.pane_size();
      const bool full = spec.by_count()
                            ? entry->second->predictions >= static_cast<std::uint64_t>(spec.count)
                            : end + spec.lateness <= assigner.watermark();
      if (full || first().was_complete(key)) {
        absorb(key, std::move(entry->second));
        entry = panes.erase(entry);
        continue;
      }
      next_end = std::min(next_end, end);
      ++entry;
    }
    const Evaluator::IsOver is_over = [&](const PaneKey& window) {
      if (window.monitor.model != model) return false;
      return spec.by_count() || window.pane + spec.size + spec.lateness <= assigner.watermark();
    };
    judge([&](Evaluator& evaluator) { evaluator.evaluate(is_over); });
    write_reports(arrived_[position(model)]);
    assigner.closed(std::min(next_end, first().next_end(model)));
  }

  void publish() {
    const TimeMs labels_until = options_.labels.empty() ? kEndOfTime : labels_until_;
    judge([&](Evaluator& evaluator) {
      for (const ModelSchema* schema : models_.schemas())
        evaluator.set_event_time(schema->index, clock_.now());
      evaluator.amend(false);
      for (const ModelSchema* schema : models_.schemas()) {
        evaluator.mature(schema->index, windows_->assigner(schema->index).watermark(),
                         labels_until);
      }
    });
    std::ranges::fill(arrived_, clock_.now());
    write_reports(clock_.now());
  }

  void write_reports(TimeMs arrived) {
    for (std::size_t policy = 0; policy < judges_.size(); ++policy) {
      for (const Report& report : judges_[policy]->evaluator.take_reports()) {
        if (policy == 0) observer_.report(report);
        observer_.judged(policy, report, arrived);
      }
    }
  }

  // At the end of the input a window that the predictions have passed is complete; one they have
  // not is partial.
  void finish() {
    for (auto& [key, pane] : windows_->panes()) absorb(key, std::move(pane));
    windows_->panes().clear();
    const Evaluator::IsOver is_over = [this](const PaneKey& window) {
      const WindowSpec& spec = models_.monitored()[position(window.monitor.model)].window;
      const TimeMs largest =
          windows_->assigner(window.monitor.model).watermark() + spec.out_of_orderness;
      return !spec.by_count() && window.pane + spec.size <= largest;
    };
    judge([&](Evaluator& evaluator) {
      evaluator.evaluate(is_over);
      evaluator.evaluate([](const PaneKey&) { return true; }, true);
      evaluator.amend(true);
    });
    write_reports(clock_.now());
  }

  void pace(TimeMs begun_at) {
    if (options_.speed <= 0 || batch_.rows == 0) return;
    TimeMs latest = kNoTime;
    for (const EventBatch& batch : batch_.predictions) {
      if (batch.size() > 0) latest = std::max(latest, batch.ts.back());
    }
    if (latest == kNoTime) return;
    if (first_time_ == kNoTime) first_time_ = latest;
    const auto due =
        begun_at + static_cast<TimeMs>(static_cast<double>(latest - first_time_) / options_.speed);
    const TimeMs wait = due - system_clock_.steady();
    if (wait > 0) std::this_thread::sleep_for(std::chrono::milliseconds(wait));
  }

  [[nodiscard]] ReplaySummary summary(double seconds) {
    const LaneTotals& totals = windows_->totals();
    ReplaySummary summary;
    summary.predictions = totals.predictions;
    summary.labels = totals.labels;
    summary.joined = totals.joined;
    for (std::size_t i = 0; i < kDiscardReasonNames.size(); ++i) {
      const std::uint64_t count = totals.discarded.by_reason[i];
      if (count > 0) summary.discarded.emplace(kDiscardReasonNames[i], count);
    }
    summary.windows = first().windows_closed();
    summary.alerts = first().alerts();
    summary.seconds = seconds;
    return summary;
  }

  const ReplayOptions& options_;
  ModelSetup& models_;
  ReplayObserver& observer_;
  SystemClock system_clock_;
  ManualClock clock_;
  DiscardedMessages discarded_;
  MemoryBudget join_memory_{kJoinMemory};
  std::vector<ModelTraffic> traffic_;
  std::vector<TimeMs> arrived_;  // by model: the latest event time that has been folded
  std::vector<std::unique_ptr<Judge>> judges_;  // the configuration's own first
  std::vector<std::unique_ptr<LabelJoin>> joins_;
  std::unique_ptr<LaneWindows> windows_;
  std::unique_ptr<ReplaySource> source_;
  LaneBatch batch_;
  TimeMs labels_until_ = kNoTime;
  TimeMs first_time_ = kNoTime;
};

}  // namespace

Result<PolicyReplay> replay_policies(const Config& config, std::span<const Policy> policies,
                                     const ReplayOptions& options, ReplayObserver& observer) {
  Result<std::unique_ptr<ModelSetup>> models =
      ModelSetup::load(config.models, !options.labels.empty(), policies);
  if (!models) return std::unexpected(models.error());
  for (const std::string& note : (*models)->notes()) spdlog::debug("{}", note);
  Replay run(config, options, **models, policies.size(), observer);
  return run.run();
}

Result<ReplaySummary> replay(const Config& config, const ReplayOptions& options,
                             ReplayObserver& observer) {
  Result<PolicyReplay> result = replay_policies(config, {}, options, observer);
  if (!result) return std::unexpected(result.error());
  return std::move(result->summary);
}

}  // namespace driftd
