#include "daemon/alert_story.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace driftd {
namespace {

// An estimate that is lower by less than this (a share; of an error, of its size) is no fall.
constexpr double kLeastFall = 0.01;
// More sentences than this are not read at three in the morning; the findings themselves have all.
constexpr std::size_t kMostEvidence = 20;
constexpr std::size_t kNamed = 4;
constexpr std::string_view kCombined = "combined";

struct Moved {
  std::string series;
  double weight = 0;
  int windows = 0;  // began so many windows ago; 0: not known
};

[[nodiscard]] double correlation_of(const Reference& reference, std::string_view series) {
  const auto found = std::ranges::find(reference.series, series, &SeriesReference::name);
  if (found == reference.series.end() || !found->influence) return 1;
  return std::sqrt(*found->influence);
}

// How far beyond its limit.
[[nodiscard]] double distance_of(const Finding& finding) {
  if (finding.budget) return finding.budget->distance;
  if (finding.threshold_on_p_value || !finding.statistic || !finding.threshold) return 1;
  return *finding.threshold > 0 ? std::abs(*finding.statistic) / *finding.threshold : 1;
}

[[nodiscard]] std::string sentence_of(const Finding& finding) {
  if (finding.budget) return finding.budget->reason;
  const double statistic = finding.statistic.value_or(0);
  if (finding.threshold_on_p_value && finding.p_value)
    return fmt::format("{}: {} is {:.3g}, with p = {:.2g} below {:.2g}", finding.series,
                       finding.detector, statistic, *finding.p_value,
                       finding.threshold.value_or(0));
  return fmt::format("{}: {} is {:.3g}, beyond {:.3g}", finding.series, finding.detector, statistic,
                     finding.threshold.value_or(0));
}

[[nodiscard]] std::string_view main_metric(Task task) {
  return task == Task::regression ? "mae" : "accuracy";
}

[[nodiscard]] const MetricValue* judged_metric(std::span<const Report> reports,
                                               std::string_view name) {
  for (const Report& report : reports) {
    const auto* metric = std::get_if<MetricValue>(&report);
    if (metric != nullptr && metric->metric == name && metric->value &&
        metric->level != Level::insufficient_data)
      return metric;
  }
  return nullptr;
}

[[nodiscard]] std::string number_words(const MetricValue& metric, const MetricEstimate& reference) {
  std::string text = fmt::format("{} is {:.3g}", metric.metric, *metric.value);
  if (reference.value) text += fmt::format(" where the reference has {:.3g}", *reference.value);
  return text;
}

// How the model does, and the words for it.
[[nodiscard]] std::pair<ModelPerformance, std::string> performance_of(const AlertFacts& facts) {
  const std::string name(main_metric(facts.task));
  const MetricEstimate reference = facts.reference_metric(name);
  const MetricValue* const realised = judged_metric(facts.reports, name);
  if (facts.fell) {
    return {ModelPerformance::fell,
            "performance fell" + (realised ? ": " + number_words(*realised, reference) : "")};
  }
  if (realised) {
    return {ModelPerformance::unaffected,
            "performance is unaffected: " + number_words(*realised, reference)};
  }
  const MetricValue* const estimated = judged_metric(facts.reports, name + "_estimated");
  if (!estimated || !reference.value)
    return {ModelPerformance::unknown, "nothing is known of performance yet"};
  std::optional<Interval> interval;
  if (estimated->low && estimated->high) interval = Interval{*estimated->low, *estimated->high};
  const auto drop = metric_drop(worse_direction(name), reference, {estimated->value, interval});
  const double least = facts.task == Task::regression ? kLeastFall * *reference.value : kLeastFall;
  const bool falls = drop && drop->drop >= least && drop->surely_above.value_or(0) > 0;
  return {falls ? ModelPerformance::estimated_to_fall : ModelPerformance::unaffected,
          (falls ? "performance is estimated to fall: "
                 : "performance is unaffected as far as it can be estimated: ") +
              number_words(*estimated, reference)};
}

[[nodiscard]] std::string capitalised(std::string text) {
  if (!text.empty())
    text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return text;
}

// The names in order of weight, a few of them.
[[nodiscard]] std::string names_of(const std::vector<Moved>& moved) {
  std::vector<std::string_view> names;
  for (const Moved& one : moved) {
    if (names.size() == kNamed) break;
    names.push_back(one.series);
  }
  const std::string_view more = moved.size() > names.size() ? ", .." : "";
  return fmt::format("{}{}", fmt::join(names, ", "), more);
}

void group(std::vector<Moved> moved, Transition& transition) {
  std::erase_if(moved, [](const Moved& one) { return one.windows == 0; });
  std::ranges::stable_sort(moved, {}, &Moved::windows);
  for (std::size_t from = 0; from < moved.size();) {
    std::size_t to = from;
    std::vector<std::string_view> names;
    while (to < moved.size() && moved[to].windows <= 2 * moved[from].windows)
      names.push_back(moved[to++].series);
    if (names.size() > 1) transition.together.push_back(fmt::format("{}", fmt::join(names, ", ")));
    from = to;
  }
}

}  // namespace

void tell_story(const AlertFacts& facts, Transition& transition) {
  const auto [performance, words] = performance_of(facts);
  transition.performance = performance;
  if (transition.to == HealthState::learning) {
    transition.message = "What is normal is being learnt from live windows; nothing is judged yet.";
    return;
  }
  if (transition.to == HealthState::healthy) {
    transition.message = transition.from == HealthState::unknown
                             ? "Everything that could be judged is as expected."
                             : "As expected again: nothing that is judged is beyond its limit.";
    return;
  }
  struct Sentence {
    double weight;
    std::string text;
  };
  std::vector<Sentence> sentences;
  std::vector<Moved> moved;
  bool together = false;
  for (const Report& report : facts.reports) {
    const auto* finding = std::get_if<Finding>(&report);
    if (finding == nullptr || finding->level != Level::drift) continue;
    const bool of_errors = finding->budget && finding->budget->of_errors;
    const double weight = distance_of(*finding) * correlation_of(*facts.reference, finding->series);
    // What the model does wrong comes before what may be why.
    sentences.push_back({of_errors ? HUGE_VAL : weight, sentence_of(*finding)});
    // All numeric columns together are no series of their own beside those that moved.
    together |= finding->detector == kCombined;
    if (of_errors || finding->detector == kCombined) continue;
    const int windows = finding->budget ? finding->budget->windows : 0;
    const auto known = std::ranges::find(moved, finding->series, &Moved::series);
    if (known == moved.end()) {
      moved.push_back({finding->series, weight, windows});
    } else if (weight > known->weight) {
      *known = {finding->series, weight, windows};
    }
  }
  std::ranges::stable_sort(sentences, std::greater<>(), &Sentence::weight);
  std::ranges::stable_sort(moved, std::greater<>(), &Moved::weight);
  for (Sentence& sentence : sentences) {
    if (transition.evidence.size() == kMostEvidence) break;
    transition.evidence.push_back(std::move(sentence.text));
  }
  const std::string drift =
      !moved.empty() ? fmt::format("drift in {} series ({})", moved.size(), names_of(moved))
      : together     ? "a small drift of many numeric columns together"
                     : "";
  transition.message = drift.empty() ? capitalised(words) + "."
                       : performance == ModelPerformance::fell
                           ? capitalised(fmt::format("{}; {}.", words, drift))
                           : capitalised(fmt::format("{}; {}.", drift, words));
  group(std::move(moved), transition);
}

}  // namespace driftd
