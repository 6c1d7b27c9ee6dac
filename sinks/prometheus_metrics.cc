#include "sinks/prometheus_metrics.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <sstream>
#include <tuple>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "sinks/utf8_text.h"

namespace driftd {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Labels;
template <typename T>
using Family = prometheus::Family<T>;

constexpr std::array kStates = {HealthState::unknown,  HealthState::healthy, HealthState::degraded,
                                HealthState::critical, HealthState::stale,   HealthState::learning};

Family<Gauge>& gauges(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

Family<Counter>& counters(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

// Label values must be UTF-8, or Prometheus refuses the whole scrape.
Labels monitor_labels(const MonitorName& monitor) {
  return {{"model", valid_utf8(monitor.model)},
          {"version", valid_utf8(monitor.version)},
          {"segment", valid_utf8(monitor.segment)}};
}

Labels with(Labels labels, std::string name, std::string_view value) {
  labels.insert_or_assign(std::move(name), valid_utf8(value));
  return labels;
}

void raise_to(Counter& counter, std::uint64_t total) {
  const double increase = static_cast<double>(total) - counter.Value();
  if (increase > 0) counter.Increment(increase);
}

// Which window a gauge shows. Greater is later; the revision decides between amendments of one
// window.
struct Shown {
  TimeMs end = kNoTime;
  std::int64_t index = 0;
  std::int32_t revision = 0;
  auto operator<=>(const Shown&) const = default;
};

// The registry and every family in it. Members are made in the order in which they stand, the
// registry first.
struct Families {
  prometheus::Registry registry;

  Family<Gauge>& build_info = gauges(registry, "driftd_build_info", "driftd's version; always 1.");
  Counter& predictions = counters(registry, "driftd_predictions_total",
                                  "Predictions accepted since the start, each id once.")
                             .Add({});
  Counter& labels = counters(registry, "driftd_labels_total",
                             "Labels accepted since the start, the first of each id.")
                        .Add({});
  Family<Counter>& discarded =
      counters(registry, "driftd_discarded_total",
               "Messages since the start that were not counted, by reason.");
  Counter& windows_closed =
      counters(registry, "driftd_windows_closed_total", "Windows closed since the start.").Add({});

  Family<Gauge>& drift_statistic = gauges(registry, "driftd_drift_statistic",
                                          "The detector's statistic in the last closed window.");
  Family<Gauge>& drift_detected =
      gauges(registry, "driftd_drift_detected",
             "1 where the last closed window drifted, 0 where it did not or had too little data.");
  Family<Gauge>& metric =
      gauges(registry, "driftd_metric", "The model's metric in the last closed window.");
  Family<Gauge>& label_coverage =
      gauges(registry, "driftd_label_coverage_ratio",
             "Share of the last closed window's predictions whose label has come, 0 to 1.");
  Family<Gauge>& class_coverage = gauges(
      registry, "driftd_label_coverage_class_ratio",
      "Share of a class's labels that has come to the last closed window, an estimate, 0 to 1.");
  Family<Gauge>& model_health = gauges(registry, "driftd_model_health",
                                       "1 for the monitor's current state, 0 for the others.");

  Family<Gauge>& watermark =
      gauges(registry, "driftd_watermark_timestamp_seconds",
             "Event time up to which predictions are complete, in seconds since the epoch.");
  Family<Gauge>& lag = gauges(registry, "driftd_consumer_lag_messages",
                              "Messages of the partition that are not consumed yet.");
  Family<Gauge>& outbox_entries =
      gauges(registry, "driftd_outbox_entries", "Entries that wait for the sink to take them.");
  Family<Counter>& deliveries = counters(registry, "driftd_deliveries_total",
                                         "Deliveries to the sink since the start, by result.");
  Counter& checkpoints =
      counters(registry, "driftd_checkpoints_total", "Checkpoints written since the start.")
          .Add({});
  Gauge& checkpoint_duration =
      gauges(registry, "driftd_checkpoint_duration_seconds", "How long the last checkpoint took.")
          .Add({});
  Counter& checkpoint_cpu =
      counters(registry, "driftd_checkpoint_cpu_seconds_total",
               "Processor time that checkpoints took since the start, without the evaluation of "
               "windows.")
          .Add({});
  Counter& dead_letters_not_kept =
      counters(registry, "driftd_dead_letters_not_kept_total",
               "Bad events since the start for which the dead-letter file had no room.")
          .Add({});
  Family<Gauge>& join_rows =
      gauges(registry, "driftd_join_rows", "Predictions and labels that the label join remembers.");
  Family<Counter>& join_evicted =
      counters(registry, "driftd_join_evicted_total",
               "Predictions and labels that left the label join early because it was full.");
  Family<Counter>& join_expired = counters(
      registry, "driftd_join_expired_total",
      "Predictions whose label, and labels whose prediction, did not come within the horizon.");
  Family<prometheus::Histogram>& label_delay =
      prometheus::BuildHistogram()
          .Name("driftd_label_delay_seconds")
          .Help("Label time less prediction time, of the labels since the start that count.")
          .Register(registry);
  Counter& too_late =
      counters(registry, "driftd_predictions_too_late_total",
               "Predictions accepted after their window was final; they are in no window.")
          .Add({});
  Counter& damaged_windows =
      counters(registry, "driftd_damaged_windows_total",
               "Times a stored window could not be read, so that nothing was published of it.")
          .Add({});
  Family<Counter>& source_errors =
      counters(registry, "driftd_source_errors_total", "Errors of the source since the start.");
  Family<Gauge>& foreign_partitions =
      gauges(registry, "driftd_source_foreign_partitions",
             "Partitions of the source's topics that another instance of its group reads.");
  Family<Counter>& offset_losses =
      counters(registry, "driftd_offset_lost_total",
               "Times a partition's next message was not in the partition any more, by reason.");
  Family<Counter>& lost_messages =
      counters(registry, "driftd_lost_messages_total",
               "Messages passed over because the broker no longer held the next one.");
  Counter& series_overflow = counters(registry, "driftd_series_overflow_total",
                                      "Times a series was left out because there are too many.")
                                 .Add({});
};

Labels partition_labels(std::string_view source, std::string_view topic, std::int32_t partition) {
  return {{"source", valid_utf8(source)},
          {"topic", valid_utf8(topic)},
          {"partition", std::to_string(partition)}};
}

}  // namespace

// The families and what is needed to move them. Everything here is called under the mutex.
class PrometheusMetrics::Exposition {
 public:
  Exposition(std::string_view version, std::size_t max_series) : max_series_(max_series) {
    families_.build_info.Add({{"version", std::string(version)}}).Set(1);
    for (const std::string_view reason : kDiscardReasonNames) {
      families_.discarded.Add({{"reason", std::string(reason)}});
    }
  }

  std::mutex& mutex() { return mutex_; }
  Families& families() { return families_; }

  void observe(const Finding& finding) {
    const Labels labels = with(with(monitor_labels(finding.monitor), "series", finding.series),
                               "detector", finding.detector);
    if (!is_latest(finding_windows_, labels, finding.window)) return;
    show(families_.drift_statistic, labels, finding.statistic);
    show(families_.drift_detected, labels, finding.level == Level::drift ? 1.0 : 0.0);
  }

  void observe(const MetricValue& metric) {
    const Labels monitor = monitor_labels(metric.monitor);
    if (is_latest(coverage_windows_, monitor, metric.window)) {
      show(families_.label_coverage, monitor, metric.coverage);
      for (const auto& [name, share] : metric.coverage_by_class)
        show(families_.class_coverage, with(monitor, "class", name), share);
    }
    const Labels labels = with(monitor, "metric", metric.metric);
    if (is_latest(metric_windows_, labels, metric.window))
      show(families_.metric, labels, metric.value);
  }

  void observe(const Transition& transition) {
    const Labels labels = monitor_labels(transition.monitor);
    auto [last, fresh] = last_transitions_.try_emplace(labels, transition.at);
    if (!fresh && transition.at < last->second) return;
    last->second = transition.at;
    set_health(transition.monitor, transition.to);
  }

  void set_health(const MonitorName& monitor, HealthState state) {
    const Labels labels = monitor_labels(monitor);
    for (const HealthState each : kStates) {
      show(families_.model_health, with(labels, "state", to_string(each)),
           each == state ? 1.0 : 0.0);
    }
  }

  void set_join(const std::string& model, const JoinCounts& counts, const LabelDelays& delays) {
    const Labels labels = {{"model", model}};
    show(families_.join_rows, labels, static_cast<double>(counts.rows));
    raise_to(families_.join_evicted.Add(labels), counts.evicted);
    raise_to(families_.join_expired.Add(with(labels, "kind", "prediction")),
             counts.expired_predictions);
    raise_to(families_.join_expired.Add(with(labels, "kind", "label")), counts.expired_labels);
    LabelDelays& shown = delays_[model];
    std::vector<double> more(delays.counts.size());
    for (std::size_t i = 0; i < more.size(); ++i)
      more[i] = static_cast<double>(delays.counts[i] - shown.counts[i]);
    families_.label_delay
        .Add(labels, prometheus::Histogram::BucketBoundaries(LabelDelays::kBoundsInSeconds.begin(),
                                                             LabelDelays::kBoundsInSeconds.end()))
        .ObserveMultiple(more, delays.sum_s - shown.sum_s);
    shown = delays;
  }

  // Sets a gauge, making it when it is new, or takes it away when there is no number to show.
  void show(Family<Gauge>& family, const Labels& labels, std::optional<double> value) {
    const auto key = std::pair(&family, labels);
    const auto found = gauges_.find(key);
    if (!value) {
      if (found == gauges_.end()) return;
      family.Remove(found->second);
      gauges_.erase(found);
      return;
    }
    if (found != gauges_.end()) {
      found->second->Set(*value);
    } else if (has_room()) {
      Gauge& gauge = family.Add(labels);
      gauge.Set(*value);
      gauges_.emplace(key, &gauge);
    }
  }

  // The counter with these labels; nullptr where there is no room for it.
  Counter* counter(Family<Counter>& family, const Labels& labels) {
    const auto key = std::pair(&family, labels);
    if (const auto found = counters_.find(key); found != counters_.end()) return found->second;
    if (!has_room()) return nullptr;
    return counters_.emplace(key, &family.Add(labels)).first->second;
  }

 private:
  using Windows = std::map<Labels, Shown>;

  bool has_room() {
    if (gauges_.size() + counters_.size() < max_series_) return true;
    families_.series_overflow.Increment();
    return false;
  }

  // Whether `window` is the latest of these labels so far; if it is, it is from now on.
  bool is_latest(Windows& windows, const Labels& labels, const WindowName& window) const {
    const Shown shown{window.end, window.index, window.revision};
    const auto found = windows.find(labels);
    if (found == windows.end()) {
      // No memory for series beyond the limit; they are not shown anyway, save that they count as
      // overflow.
      if (windows.size() < max_series_) windows.emplace(labels, shown);
      return true;
    }
    if (shown < found->second) return false;
    found->second = shown;
    return true;
  }

  std::map<std::string, LabelDelays> delays_;  // what the histograms show, by model
  const std::size_t max_series_;
  std::mutex mutex_;
  Families families_;
  std::map<std::pair<Family<Gauge>*, Labels>, Gauge*> gauges_;
  std::map<std::pair<Family<Counter>*, Labels>, Counter*> counters_;
  Windows finding_windows_;
  Windows metric_windows_;
  Windows coverage_windows_;
  std::map<Labels, TimeMs> last_transitions_;
};

PrometheusMetrics::PrometheusMetrics(std::string_view version, std::size_t max_series)
    : exposition_(std::make_unique<Exposition>(version, max_series)) {}
PrometheusMetrics::~PrometheusMetrics() = default;

void PrometheusMetrics::observe(const Report& report) {
  const std::scoped_lock lock(exposition_->mutex());
  std::visit([this](const auto& line) { exposition_->observe(line); }, report);
}

void PrometheusMetrics::set_health(const MonitorName& monitor, HealthState state) {
  const std::scoped_lock lock(exposition_->mutex());
  exposition_->set_health(monitor, state);
}

void PrometheusMetrics::set_totals(std::uint64_t predictions, std::uint64_t labels,
                                   const DiscardCounts& discarded) {
  const std::scoped_lock lock(exposition_->mutex());
  Families& families = exposition_->families();
  raise_to(families.predictions, predictions);
  raise_to(families.labels, labels);
  for (std::size_t i = 0; i < kDiscardReasonNames.size(); ++i) {
    raise_to(families.discarded.Add({{"reason", std::string(kDiscardReasonNames[i])}}),
             discarded.by_reason[i]);
  }
}

void PrometheusMetrics::set_windows_closed(std::uint64_t total) {
  const std::scoped_lock lock(exposition_->mutex());
  raise_to(exposition_->families().windows_closed, total);
}

void PrometheusMetrics::set_watermark(std::string_view model, TimeMs time) {
  const std::scoped_lock lock(exposition_->mutex());
  // Before the first event there is no watermark.
  std::optional<double> seconds;
  if (time != kNoTime) seconds = static_cast<double>(time) / 1e3;
  exposition_->show(exposition_->families().watermark, {{"model", valid_utf8(model)}}, seconds);
}

void PrometheusMetrics::set_lag(std::string_view source, std::string_view topic,
                                std::int32_t partition, std::int64_t messages) {
  const std::scoped_lock lock(exposition_->mutex());
  exposition_->show(exposition_->families().lag, partition_labels(source, topic, partition),
                    static_cast<double>(messages));
}

void PrometheusMetrics::remove_lag(std::string_view source, std::string_view topic,
                                   std::int32_t partition) {
  const std::scoped_lock lock(exposition_->mutex());
  exposition_->show(exposition_->families().lag, partition_labels(source, topic, partition),
                    std::nullopt);
}

void PrometheusMetrics::set_outbox_entries(std::string_view sink, std::uint64_t entries) {
  const std::scoped_lock lock(exposition_->mutex());
  exposition_->show(exposition_->families().outbox_entries, {{"sink", valid_utf8(sink)}},
                    static_cast<double>(entries));
}

void PrometheusMetrics::count_deliveries(std::string_view sink, std::string_view result,
                                         std::uint64_t times) {
  const std::scoped_lock lock(exposition_->mutex());
  Counter* const counter =
      exposition_->counter(exposition_->families().deliveries,
                           {{"sink", valid_utf8(sink)}, {"result", valid_utf8(result)}});
  if (counter != nullptr) counter->Increment(static_cast<double>(times));
}

void PrometheusMetrics::count_checkpoint(DurationMs took, std::int64_t cpu_us) {
  const std::scoped_lock lock(exposition_->mutex());
  exposition_->families().checkpoints.Increment();
  exposition_->families().checkpoint_duration.Set(static_cast<double>(took) / 1e3);
  exposition_->families().checkpoint_cpu.Increment(static_cast<double>(cpu_us) / 1e6);
}

void PrometheusMetrics::set_dead_letters_not_kept(std::uint64_t total) {
  const std::scoped_lock lock(exposition_->mutex());
  raise_to(exposition_->families().dead_letters_not_kept, total);
}

void PrometheusMetrics::set_losses(std::uint64_t too_late, std::uint64_t damaged_windows) {
  const std::scoped_lock lock(exposition_->mutex());
  raise_to(exposition_->families().too_late, too_late);
  raise_to(exposition_->families().damaged_windows, damaged_windows);
}

void PrometheusMetrics::set_join(std::string_view model, const JoinCounts& counts,
                                 const LabelDelays& delays) {
  const std::scoped_lock lock(exposition_->mutex());
  exposition_->set_join(valid_utf8(model), counts, delays);
}

void PrometheusMetrics::set_source_errors(std::string_view source, std::uint64_t total) {
  const std::scoped_lock lock(exposition_->mutex());
  Counter* const counter =
      exposition_->counter(exposition_->families().source_errors, {{"source", valid_utf8(source)}});
  if (counter != nullptr) raise_to(*counter, total);
}

void PrometheusMetrics::set_foreign_partitions(std::string_view source, std::uint64_t partitions) {
  const std::scoped_lock lock(exposition_->mutex());
  exposition_->show(exposition_->families().foreign_partitions, {{"source", valid_utf8(source)}},
                    static_cast<double>(partitions));
}

void PrometheusMetrics::set_offset_losses(std::string_view source, std::string_view topic,
                                          std::string_view reason, std::uint64_t total) {
  const std::scoped_lock lock(exposition_->mutex());
  Counter* const counter =
      exposition_->counter(exposition_->families().offset_losses, {{"source", valid_utf8(source)},
                                                                   {"topic", valid_utf8(topic)},
                                                                   {"reason", valid_utf8(reason)}});
  if (counter != nullptr) raise_to(*counter, total);
}

void PrometheusMetrics::set_lost_messages(std::string_view source, std::string_view topic,
                                          std::uint64_t total) {
  const std::scoped_lock lock(exposition_->mutex());
  Counter* const counter =
      exposition_->counter(exposition_->families().lost_messages,
                           {{"source", valid_utf8(source)}, {"topic", valid_utf8(topic)}});
  if (counter != nullptr) raise_to(*counter, total);
}

std::string PrometheusMetrics::expose() const {
  const std::scoped_lock lock(exposition_->mutex());
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, exposition_->families().registry.Collect());
  return std::move(text).str();
}

}  // namespace driftd
