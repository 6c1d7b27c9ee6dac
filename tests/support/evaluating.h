// One model and its evaluator behind one lane, without files but for the reference, threads or a
// store: what tests of the evaluator feed and read.
#pragma once

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/evaluator.h"
#include "daemon/model_setup.h"
#include "tests/support/fake_source.h"
#include "tests/support/memory_join.h"
#include "windows/label_join.h"
#include "windows/lane_windows.h"

namespace driftd {

inline constexpr TimeMs kBegin = 1'000'000;
inline constexpr DurationMs kSize = 100;

[[nodiscard]] inline FakeMessage prediction(const std::string& id, DurationMs after,
                                            double amount = 1) {
  FakeMessage message;
  message.id = id;
  message.ts = kBegin + after;
  message.amount = amount;
  return message;
}

// One model and the evaluator behind one lane. The test says when windows close.
class Evaluating {
 public:
  // `rows`: of the reference, with its header; empty: amounts from 0 to 9, one channel, no times.
  explicit Evaluating(const std::function<void(ModelConfig&)>& adjust = {}, bool with_labels = true,
                      WindowArchive::Loader loader = nullptr, const std::string& rows = {})
      : clock_(2 * kBegin), archive_(std::move(loader)) {
    spdlog::set_level(spdlog::level::off);
    std::string pattern = std::filesystem::temp_directory_path() / "driftd-evaluator-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    std::ofstream reference(folder_ / "reference.csv");
    reference << rows;
    if (rows.empty()) {
      reference << "amount,channel\n";
      for (int i = 0; i < 100; ++i) reference << i % 10 << ",web\n";
    }
    reference.close();
    config_.resize(1);
    config_[0].name = "fraud";
    config_[0].reference = folder_ / "reference.csv";
    config_[0].window.size = kSize;
    config_[0].min_samples = 1;
    config_[0].alerts.policy = AlertPolicy::fixed;
    if (adjust) adjust(config_[0]);
    models_ = ModelSetup::load(config_, with_labels).value();
    evaluator_ = std::make_unique<Evaluator>(models_->evaluated(), clock_, archive_);
    join_ = make_memory_join(*models_->schemas()[0], join_memory_);
    LabelJoin* const joins[] = {with_labels ? join_.get() : nullptr};
    lane_ = std::make_unique<LaneWindows>(models_->monitored(), joins, false);
    batch_.predictions.emplace_back(*models_->schemas()[0]);
    batch_.labels.emplace_back(*models_->schemas()[0]);
  }
  ~Evaluating() { std::filesystem::remove_all(folder_); }

  void take(const FakeMessage& message) {
    append(batch_, ModelIndex{0}, message);
    LaneWindows::Cursor cursor;
    EXPECT_TRUE(lane_->fold(ModelIndex{0}, batch_, cursor));
    batch_.clear();
  }
  // `rows` predictions at the beginning of a window, as the reference is distributed, the first
  // `labelled` labelled.
  void fill(DurationMs window, int rows, int labelled = 0, const std::string& actual = "1") {
    for (int i = 0; i < rows; ++i) {
      const std::string id = std::to_string(window) + "/" + std::to_string(i);
      take(prediction(id, window + i % kSize, i % 10));
      if (i < labelled) take(label_of(id, kBegin + window, actual));
    }
  }
  void label(DurationMs window, int row, const std::string& actual = "1") {
    take(label_of(std::to_string(window) + "/" + std::to_string(row), kBegin + window, actual));
  }
  // Everything that is in the lane: new windows close, and what belongs to closed ones is added to
  // them.
  std::vector<Report> close(bool partial = false) {
    for (auto& [key, pane] : lane_->panes()) evaluator_->absorb(key, std::move(pane));
    lane_->panes().clear();
    evaluator_->evaluate([](const PaneKey&) { return true; }, partial);
    return evaluator_->take_reports();
  }
  // The same for the windows that end by `until`; the others stay open.
  std::vector<Report> close_until(TimeMs until) {
    for (auto& [key, pane] : lane_->panes()) evaluator_->absorb(key, std::move(pane));
    lane_->panes().clear();
    evaluator_->evaluate(
        [&](const PaneKey& window) { return window.pane + config_[0].window.size <= until; });
    return evaluator_->take_reports();
  }
  std::vector<Report> amend(bool all = false) {
    evaluator_->amend(all);
    return evaluator_->take_reports();
  }
  std::vector<Report> mature(TimeMs predictions_until, TimeMs labels_until = kEndOfTime) {
    evaluator_->mature(ModelIndex{0}, predictions_until, labels_until);
    return evaluator_->take_reports();
  }
  void wait() { clock_.advance(config_[0].amend_interval); }

  [[nodiscard]] Evaluator& evaluator() { return *evaluator_; }
  [[nodiscard]] WindowArchive& archive() { return archive_; }
  [[nodiscard]] ManualClock& clock() { return clock_; }
  [[nodiscard]] const MonitorHealth& health() { return evaluator_->monitors().at({}).health; }

 private:
  ManualClock clock_;
  WindowArchive archive_;
  std::filesystem::path folder_;
  std::vector<ModelConfig> config_;
  std::unique_ptr<ModelSetup> models_;
  std::unique_ptr<Evaluator> evaluator_;
  MemoryBudget join_memory_{kJoinMemory};
  std::unique_ptr<LabelJoin> join_;
  std::unique_ptr<LaneWindows> lane_;
  LaneBatch batch_;
};

template <typename Kind>
[[nodiscard]] std::vector<Kind> of(const std::vector<Report>& reports) {
  std::vector<Kind> found;
  for (const Report& report : reports) {
    if (const auto* one = std::get_if<Kind>(&report)) found.push_back(*one);
  }
  return found;
}

[[nodiscard]] inline std::optional<MetricValue> metric(const std::vector<Report>& reports,
                                                       const std::string& name) {
  for (const MetricValue& value : of<MetricValue>(reports)) {
    if (value.metric == name) return value;
  }
  return std::nullopt;
}

[[nodiscard]] inline std::optional<Finding> finding(const std::vector<Report>& reports,
                                                    const std::string& series,
                                                    const std::string& detector) {
  for (const Finding& one : of<Finding>(reports)) {
    if (one.series == series && one.detector == detector) return one;
  }
  return std::nullopt;
}

}  // namespace driftd
