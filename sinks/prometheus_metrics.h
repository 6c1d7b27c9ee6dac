// What driftd says to Prometheus: the families behind /metrics.
//
// A gauge about a window is moved only by the window with the greatest end so far, or by a newer
// revision of that one, never by an amendment of an older window; a number that is not defined
// takes its gauge away. Gauges start empty in a new process: the caller observes the last reports
// it knows. Thread rule: any thread; calls wait for one another. Allocation rule: allocates when a
// series is new, and in `expose`. Failure rule: cannot fail; beyond kMaxSeries a new series is left
// out and counted in driftd_series_overflow_total.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/discard.h"
#include "core/join_counts.h"
#include "core/label_delays.h"
#include "core/report.h"

namespace driftd {

// Label values come from events (versions) and from the configuration (models, series); a
// Prometheus server takes a scrape of this size in well under a second.
inline constexpr std::size_t kMaxSeries = 50'000;

class PrometheusMetrics {
 public:
  // `version` is driftd's own, for driftd_build_info.
  explicit PrometheusMetrics(std::string_view version, std::size_t max_series = kMaxSeries);
  ~PrometheusMetrics();
  PrometheusMetrics(const PrometheusMetrics&) = delete;
  PrometheusMetrics& operator=(const PrometheusMetrics&) = delete;

  void observe(const Report& report);
  // The state of a monitor that has made no transition yet, or none in this process.
  void set_health(const MonitorName& monitor, HealthState state);

  // Counts since the process's start; a smaller count than before is passed over.
  void set_totals(std::uint64_t predictions, std::uint64_t labels, const DiscardCounts& discarded);
  void set_windows_closed(std::uint64_t total);
  void set_watermark(std::string_view model, TimeMs watermark);
  void set_lag(std::string_view source, std::string_view topic, std::int32_t partition,
               std::int64_t messages);
  // A partition was given away: its lag is another instance's now.
  void remove_lag(std::string_view source, std::string_view topic, std::int32_t partition);
  void set_outbox_entries(std::string_view sink, std::uint64_t entries);
  // `result` is delivered, failed or rejected.
  void count_deliveries(std::string_view sink, std::string_view result, std::uint64_t times = 1);
  void count_checkpoint(DurationMs took, std::int64_t cpu_us);
  void set_dead_letters_not_kept(std::uint64_t total);
  void set_losses(std::uint64_t too_late, std::uint64_t damaged_windows);
  // Both since the start of the process.
  void set_join(std::string_view model, const JoinCounts& counts, const LabelDelays& delays);
  void set_source_errors(std::string_view source, std::uint64_t total);
  // Partitions of the source's topics that another instance of its group reads.
  void set_foreign_partitions(std::string_view source, std::uint64_t partitions);
  // `reason` is retention or recreated.
  void set_offset_losses(std::string_view source, std::string_view topic, std::string_view reason,
                         std::uint64_t total);
  void set_lost_messages(std::string_view source, std::string_view topic, std::uint64_t total);

  // The text exposition format, as a scrape gets it.
  [[nodiscard]] std::string expose() const;

 private:
  class Exposition;
  std::unique_ptr<Exposition> exposition_;
};

// The media type of `expose`.
inline constexpr std::string_view kPrometheusContentType =
    "text/plain; version=0.0.4; charset=utf-8";

}  // namespace driftd
