#include "config/catalog.h"

#include <algorithm>

namespace driftd {
namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

constexpr Support kNever = Support::never;
constexpr Support kNow = Support::now;

// name, for numeric series, for categorical series, p-value, highest statistic (the lowest is 0),
// needs the values in the gaps
constexpr DetectorEntry kDetectors[] = {
    {"ks", kNow, kNever, true, 1},
    {"psi", kNow, kNow, false, kNoLimit},
    {"js", kNow, kNow, false, 1},
    {"hellinger", kNow, kNow, false, 1},
    {"tv", kNow, kNow, false, 1},
    {"linf", kNow, kNow, false, 1},
    {"wasserstein", kNow, kNever, false, kNoLimit, true},
    {"kuiper", kNow, kNever, true, 1},
    {"cvm", kNow, kNever, true, kNoLimit, true},
    {"anderson_darling", kNow, kNever, true, kNoLimit, true},
    {"mann_whitney", kNow, kNever, true, kNoLimit, true},
    {"mean_shift", kNow, kNever, true, kNoLimit},
    {"variance_shift", kNow, kNever, true, kNoLimit, true},
    {"chi2", kNow, kNow, true, kNoLimit},
    {"g_test", kNow, kNow, true, kNoLimit},
};

// name, binary, multiclass, regression, lowest, highest value
constexpr MetricEntry kMetrics[] = {
    {"accuracy", true, true, false, 0, 1},
    {"balanced_accuracy", true, true, false, 0, 1},
    {"precision", true, false, false, 0, 1},
    {"recall", true, false, false, 0, 1},
    {"f1", true, false, false, 0, 1},
    {"precision_macro", false, true, false, 0, 1},
    {"precision_micro", false, true, false, 0, 1},
    {"precision_weighted", false, true, false, 0, 1},
    {"recall_macro", false, true, false, 0, 1},
    {"recall_micro", false, true, false, 0, 1},
    {"recall_weighted", false, true, false, 0, 1},
    {"f1_macro", false, true, false, 0, 1},
    {"f1_micro", false, true, false, 0, 1},
    {"f1_weighted", false, true, false, 0, 1},
    {"roc_auc", true, true, false, 0, 1},
    {"average_precision", true, false, false, 0, 1},
    {"log_loss", true, true, false},
    {"brier", true, true, false, 0, 2},
    {"mcc", true, true, false, -1, 1},
    {"cohen_kappa", true, true, false, -1, 1},
    {"ece", true, true, false, 0, 1},
    {"mae", false, false, true},
    {"rmse", false, false, true},
    {"mape", false, false, true},
    {"r2", false, false, true, -kNoLimit, 1},
    {"median_ae", false, false, true},
    {"bias", false, false, true, -kNoLimit, kNoLimit},
    {"accuracy_estimated", true, true, false, 0, 1},
    {"precision_estimated", true, false, false, 0, 1},
    {"recall_estimated", true, false, false, 0, 1},
    {"f1_estimated", true, false, false, 0, 1},
    {"precision_macro_estimated", false, true, false, 0, 1},
    {"recall_macro_estimated", false, true, false, 0, 1},
    {"f1_macro_estimated", false, true, false, 0, 1},
    {"roc_auc_estimated", true, true, false, 0, 1},
    {"mae_estimated", false, false, true},
    {"rmse_estimated", false, false, true},
    {"mape_estimated", false, false, true},
    {"latency_mean", true, true, true, 0, kNoLimit, true},
    {"latency_p50", true, true, true, 0, kNoLimit, true},
    {"latency_p90", true, true, true, 0, kNoLimit, true},
    {"latency_p99", true, true, true, 0, kNoLimit, true},
};

[[nodiscard]] bool fits(const MetricEntry& metric, std::optional<Task> task) {
  if (!task) return true;
  switch (*task) {
    case Task::binary: return metric.binary;
    case Task::multiclass: return metric.multiclass;
    case Task::regression: return metric.regression;
  }
  return false;
}

}  // namespace

const DetectorEntry* find_detector_entry(std::string_view name) {
  for (const DetectorEntry& detector : kDetectors) {
    if (detector.name == name) return &detector;
  }
  return nullptr;
}

Support support_of(const DetectorEntry& detector, std::optional<SeriesType> type) {
  if (!type) return std::max(detector.numeric, detector.categorical);
  return *type == SeriesType::numeric ? detector.numeric : detector.categorical;
}

std::vector<std::string_view> available_detectors(std::optional<SeriesType> type) {
  std::vector<std::string_view> names;
  for (const DetectorEntry& detector : kDetectors) {
    if (support_of(detector, type) == Support::now) names.push_back(detector.name);
  }
  return names;
}

const MetricEntry* find_metric_entry(std::string_view name, std::optional<Task> task) {
  for (const MetricEntry& metric : kMetrics) {
    if (metric.name == name && fits(metric, task)) return &metric;
  }
  return nullptr;
}

std::vector<std::string_view> metrics_of(std::optional<Task> task) {
  std::vector<std::string_view> names;
  for (const MetricEntry& metric : kMetrics) {
    if (fits(metric, task)) names.push_back(metric.name);
  }
  return names;
}

}  // namespace driftd
