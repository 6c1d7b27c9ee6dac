#include "daemon/event_times.h"

#include <algorithm>

#include "windows/watermark.h"

namespace driftd {
namespace {

[[nodiscard]] std::vector<PartitionProgress> of_kind(const PartitionStates& states,
                                                     MessageKind kind) {
  std::vector<PartitionProgress> found;
  for (const auto& [id, state] : states) {
    if (state.kind == kind) found.push_back(state.progress);
  }
  return found;
}

// A label partition that has been read to its end for a whole horizon holds nothing back any more;
// of partitions that are not known yet nothing can be said.
[[nodiscard]] TimeMs time_of_labels(std::span<const PartitionProgress> labels, DurationMs horizon,
                                    TimeMs steady) {
  if (labels.empty()) return kNoTime;
  TimeMs until = kEndOfTime;
  for (const PartitionProgress& partition : labels) {
    if (!all_idle_for({&partition, 1}, horizon, steady))
      until = std::min(until, partition.max_event_time);
  }
  return until;
}

}  // namespace

bool needs_labels(const Config& config) {
  return std::ranges::any_of(
      config.sources, [](const KafkaSourceConfig& source) { return !source.labels.empty(); });
}

EventTimes::EventTimes(const Config& config, std::span<const MonitoredModel> models)
    : config_(config), models_(models), times_(models.size()) {}

void EventTimes::update(const PartitionStates& progress, TimeMs now, TimeMs steady) {
  const std::vector<PartitionProgress> predictions = of_kind(progress, MessageKind::prediction);
  const std::vector<PartitionProgress> labels = of_kind(progress, MessageKind::label);
  TimeMs latest = kNoTime;
  for (const auto& [id, state] : progress) latest = std::max(latest, state.progress.max_event_time);
  for (std::size_t i = 0; i < times_.size(); ++i) {
    ModelTimes& times = times_[i];
    const WindowConfig& window = config_.models[i].window;
    const WatermarkSpec spec{window.out_of_orderness, window.skew, window.idle_timeout};
    // A partition that wakes up late amends windows that have closed.
    times.watermark = std::max(times.watermark, watermark_of(predictions, spec, now, steady));
    const bool idle = window.idle_close && all_idle_for(predictions, *window.idle_close, steady);
    times.idle_close_until = idle ? now : kNoTime;
    // A label's time may lie far ahead of the clock.
    if (latest != kNoTime) times.latest = std::min(latest, now + window.skew);
    times.labels_until = needs_labels(config_)
                             ? time_of_labels(labels, config_.models[i].label_horizon, steady)
                             : kEndOfTime;
  }
}

bool EventTimes::has_passed(ModelIndex model, TimeMs end) const {
  const TimeMs due = end + models_[position(model)].window.lateness;
  return due <= times_of(model).watermark || due < times_of(model).idle_close_until;
}

bool EventTimes::is_complete(const PaneKey& pane, std::uint64_t predictions_in_all_lanes) const {
  const WindowSpec& window = models_[position(pane.monitor.model)].window;
  if (window.by_count())
    return predictions_in_all_lanes >= static_cast<std::uint64_t>(window.count);
  return has_passed(pane.monitor.model, pane.pane + window.pane_size());
}

}  // namespace driftd
