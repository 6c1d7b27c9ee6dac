#include "daemon/sequential_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/check.h"
#include "core/closest.h"
#include "detectors/data_quality.h"
#include "detectors/model_quality.h"
#include "detectors/registry.h"

namespace driftd {
namespace {

// What is found of a model's predictions as a whole (daemon/quality_plan.cc).
constexpr std::array<std::string_view, 3> kOfPredictions = {"duplicate", "missing_columns",
                                                            "volume"};

[[nodiscard]] std::optional<double> score_of(const MonitoredModel& model, const Pane& pane) {
  for (std::size_t i = 0; i < model.schema->series.size(); ++i) {
    if (model.schema->series[i].role != SeriesRole::prediction) continue;
    const auto* const numbers = std::get_if<NumericSummary>(&pane.series[i]);
    if (numbers == nullptr || numbers->moments.count == 0) return std::nullopt;
    return numbers->moments.mean;
  }
  return std::nullopt;
}

[[nodiscard]] std::optional<double> statistic_of(const SequentialConfig& wanted,
                                                 std::span<const Report> reports) {
  for (const Report& report : reports) {
    const auto* const finding = std::get_if<Finding>(&report);
    if (finding != nullptr && finding->series == wanted.series &&
        finding->detector == wanted.name) {
      return finding->statistic;
    }
  }
  return std::nullopt;
}

// The value of a metric that could be judged.
[[nodiscard]] std::optional<double> metric_of(const SequentialConfig& wanted,
                                              std::span<const Report> reports) {
  for (const Report& report : reports) {
    const auto* const metric = std::get_if<MetricValue>(&report);
    if (metric != nullptr && metric->metric == wanted.name &&
        metric->level != Level::insufficient_data) {
      return metric->value;
    }
  }
  return std::nullopt;
}

void write_window(ByteWriter& out, const WindowName& window) {
  out.signed_varint(window.index);
  out.signed_varint(window.start);
  out.signed_varint(window.end);
  out.signed_varint(window.n);
  out.signed_varint(window.revision);
}

[[nodiscard]] WindowName read_window(ByteReader& in) {
  WindowName window;
  window.index = in.signed_varint();
  window.start = in.signed_varint();
  window.end = in.signed_varint();
  window.n = in.signed_varint();
  window.revision = static_cast<std::int32_t>(in.signed_varint());
  return window;
}

void write_number(ByteWriter& out, const std::optional<double>& number) {
  out.byte(number ? 1 : 0);
  if (number) out.number(*number);
}

[[nodiscard]] std::optional<double> read_number(ByteReader& in) {
  if (in.byte() == 0) return std::nullopt;
  return in.number();
}

}  // namespace

void SequentialWatches::configure(std::span<const SequentialConfig> wanted, std::int64_t next) {
  const bool same =
      std::ranges::equal(watches_, wanted, [](const Watch& watch, const SequentialConfig& config) {
        return watch.on == config.on && watch.detector.settings() == *config.settings;
      });
  if (same) return;
  std::vector<Watch> before = std::exchange(watches_, {});
  for (const SequentialConfig& config : wanted) {
    const auto old = std::ranges::find_if(before, [&](const Watch& watch) {
      return watch.on == config.on && watch.detector.settings() == *config.settings;
    });
    if (old != before.end()) {
      watches_.push_back(std::move(*old));
      before.erase(old);
    } else {
      watches_.push_back({config.on, SequentialDetector(*config.settings), next, {}, {}});
    }
  }
}

void SequentialWatches::take(std::span<const SequentialConfig> wanted, const MonitorName& monitor,
                             const WindowName& window, const MonitoredModel& model,
                             const Pane& pane, std::span<const Report> reports, bool closing,
                             std::vector<Finding>& out) {
  DRIFTD_CHECK(wanted.size() == watches_.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const SequentialConfig& config = wanted[i];
    if (config.waits_for_labels) {
      const std::optional<double> value = metric_of(config, reports);
      if (value) offer(watches_[i], monitor, window, value, out);
      continue;
    }
    // An amendment does not change what was taken when the window closed.
    if (!closing) continue;
    std::optional<double> value;
    switch (config.source) {
      case SequentialSource::score: value = score_of(model, pane); break;
      case SequentialSource::statistic: value = statistic_of(config, reports); break;
      case SequentialSource::metric: value = metric_of(config, reports); break;
    }
    offer(watches_[i], monitor, window, value, out);
  }
}

void SequentialWatches::give_up(const MonitorName& monitor, const WindowName& window,
                                std::vector<Finding>& out) {
  for (Watch& watch : watches_) offer(watch, monitor, window, std::nullopt, out);
}

// Only the first value of a window counts. Then everything whose turn has come is fed.
void SequentialWatches::offer(Watch& watch, const MonitorName& monitor, const WindowName& window,
                              std::optional<double> value, std::vector<Finding>& out) {
  if (window.index < watch.next) return;
  watch.waiting.try_emplace(window.index, Waiting{window, value});
  while (!watch.waiting.empty() && watch.waiting.begin()->first == watch.next) {
    watch.last = feed(watch.detector, watch.waiting.begin()->second);
    watch.waiting.erase(watch.waiting.begin());
    ++watch.next;
    out.push_back(finding(watch, monitor));
  }
}

SequentialWatches::Said SequentialWatches::feed(SequentialDetector& detector, const Waiting& turn) {
  Said said;
  said.window = turn.window;
  if (!turn.value) return said;
  detector.update(*turn.value);
  said.reading = detector.reading();
  if (detector.drift_detected()) {
    said.level = Level::drift;
  } else if (detector.warning_detected()) {
    said.level = Level::warning;
  } else if (said.reading.ready) {
    said.level = Level::stable;
  }
  return said;
}

Finding SequentialWatches::finding(const Watch& watch, const MonitorName& monitor) {
  const Said& said = *watch.last;
  Finding finding;
  finding.monitor = monitor;
  finding.series = watch.on;
  finding.detector = watch.detector.kind().name;
  finding.window = said.window;
  finding.statistic = said.reading.statistic;
  finding.p_value = said.reading.p_value;
  finding.threshold = said.reading.threshold;
  finding.level = said.level;
  finding.sequential = true;
  return finding;
}

void SequentialWatches::recall(const MonitorName& monitor, std::vector<Finding>& out) const {
  for (const Watch& watch : watches_) {
    if (watch.last) out.push_back(finding(watch, monitor));
  }
}

bool SequentialWatches::has(const std::string& key) const {
  return std::ranges::any_of(watches_, [&](const Watch& watch) {
    return key == fmt::format("{}/{}", watch.on, watch.detector.kind().name);
  });
}

void SequentialWatches::write(ByteWriter& out) const {
  out.varint(watches_.size());
  for (const Watch& watch : watches_) {
    out.text(watch.on);
    watch.detector.write(out);
    out.signed_varint(watch.next);
    out.varint(watch.waiting.size());
    for (const auto& [index, waiting] : watch.waiting) {
      write_window(out, waiting.window);
      write_number(out, waiting.value);
    }
    out.byte(watch.last ? 1 : 0);
    if (!watch.last) continue;
    write_window(out, watch.last->window);
    out.byte(static_cast<std::uint8_t>(watch.last->level));
    write_number(out, watch.last->reading.statistic);
    write_number(out, watch.last->reading.threshold);
    write_number(out, watch.last->reading.p_value);
  }
}

bool SequentialWatches::read(ByteReader& in, SequentialWatches& out) {
  for (std::uint64_t left = in.element_count(); left > 0 && in.ok(); --left) {
    std::string on(in.text());
    std::optional<SequentialDetector> detector = SequentialDetector::read(in);
    if (!detector) return false;
    Watch& watch =
        out.watches_.emplace_back(std::move(on), std::move(*detector), in.signed_varint());
    for (std::uint64_t values = in.element_count(); values > 0 && in.ok(); --values) {
      const WindowName window = read_window(in);
      watch.waiting[window.index] = {window, read_number(in)};
    }
    if (in.byte() == 0) continue;
    Said said;
    said.window = read_window(in);
    said.level = static_cast<Level>(
        std::min<std::uint8_t>(in.byte(), static_cast<std::uint8_t>(Level::degraded)));
    said.reading.statistic = read_number(in);
    said.reading.threshold = read_number(in);
    said.reading.p_value = read_number(in);
    watch.last = said;
  }
  return in.ok();
}

namespace {

// What is found of a series: its detectors and the checks of data quality.
[[nodiscard]] std::vector<std::string_view> found_of(const ModelConfig& config,
                                                     const SeriesSchema& series) {
  std::vector<std::string_view> names;
  const auto feature = std::ranges::find(config.features, series.name, &FeatureConfig::name);
  if (feature != config.features.end() && feature->detectors) {
    for (const DetectorConfig& detector : *feature->detectors) names.push_back(detector.name);
  } else {
    for (const Detector& detector : detectors()) {
      const bool wanted = series.type == SeriesType::numeric ? detector.default_numeric
                                                             : detector.default_categorical;
      if (wanted) names.push_back(detector.name);
    }
  }
  for (const QualityCheck& check : quality_checks()) {
    if (check.fits(series.type)) names.push_back(check.name);
  }
  return names;
}

[[nodiscard]] std::unexpected<Error> refuse(const ModelConfig& config,
                                            const SequentialConfig& watch, std::string_view what,
                                            std::string_view word,
                                            std::span<const std::string_view> known) {
  const auto near = closest(word, known);
  return fail(
      ErrorCode::invalid_config,
      fmt::format("model `{}`: [[model.sequential]] is on \"{}\", but {}: {}there is {}",
                  config.name, watch.on, what,
                  near ? fmt::format("did you mean `{}`? ", *near) : "", fmt::join(known, ", ")));
}

}  // namespace

Result<> check_sequential(const ModelConfig& config, const ModelSchema& schema) {
  for (const SequentialConfig& watch : config.sequential) {
    if (watch.source != SequentialSource::statistic) continue;
    const auto series = std::ranges::find(schema.series, watch.series, &SeriesSchema::name);
    const bool of_predictions = watch.series == kPredictionsSeries;
    if (series == schema.series.end() && !of_predictions) {
      std::vector<std::string_view> names{kPredictionsSeries};
      names.reserve(schema.series.size() + 1);
      for (const SeriesSchema& known : schema.series) names.push_back(known.name);
      return refuse(config, watch, fmt::format("the model has no series `{}`", watch.series),
                    watch.series, names);
    }
    const std::vector<std::string_view> found =
        of_predictions ? std::vector(kOfPredictions.begin(), kOfPredictions.end())
                       : found_of(config, *series);
    if (std::ranges::find(found, watch.name) == found.end()) {
      return refuse(config, watch,
                    fmt::format("no `{}` is found of `{}`", watch.name, watch.series), watch.name,
                    found);
    }
  }
  return {};
}

}  // namespace driftd
