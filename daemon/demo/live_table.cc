#include "daemon/demo/live_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <utility>

#include "daemon/shown_text.h"

namespace driftd {
namespace {

constexpr std::size_t kShownWindows = 8;
constexpr std::size_t kBarWidth = 24;

[[nodiscard]] bool is_bad(HealthState state) {
  return state == HealthState::degraded || state == HealthState::critical;
}

[[nodiscard]] Style style_of(HealthState state) {
  if (is_bad(state)) return Style::bad;
  return state == HealthState::healthy ? Style::good : Style::plain;
}

[[nodiscard]] std::string accuracy_of(const ObservedWindow& window) {
  if (!window.accuracy || window.accuracy->labelled == 0) return "-";
  return fmt::format("{:.3f}", window.accuracy->value);
}

[[nodiscard]] std::string coverage_of(const ObservedWindow& window) {
  if (!window.accuracy) return "-";
  return fmt::format("{:.0f} %", std::floor(window.accuracy->coverage() * 100));
}

// The newest window of which enough is labelled for its accuracy to be judged.
[[nodiscard]] const ObservedWindow* newest_judged(const Observation& seen) {
  const ObservedWindow* newest = nullptr;
  for (const auto& [index, window] : seen.windows) {
    if (window.accuracy && window.accuracy->level != Level::insufficient_data) newest = &window;
  }
  return newest;
}

[[nodiscard]] std::string health_line(const Observation& seen) {
  std::string text = fmt::format("health    {}", to_string(seen.state));
  if (!seen.reasons.empty()) text += fmt::format(" ({})", fmt::join(seen.reasons, ", "));
  return text;
}

[[nodiscard]] std::string accuracy_line(const Observation& seen) {
  const ObservedWindow* window = newest_judged(seen);
  if (window == nullptr) return "accuracy  not known yet: labels come weeks later";
  return fmt::format("accuracy  {} ({} labelled) in the window until {}", accuracy_of(*window),
                     coverage_of(*window), date_of(window->end));
}

[[nodiscard]] TableLine window_line(const ObservedWindow& window) {
  return {fmt::format("{} to {}  {:>11}  {:>8}  {:>8}  {}", date_of(window.start),
                      date_of(window.end), window.predictions, accuracy_of(window),
                      coverage_of(window), names_of(window.drifting)),
          window.drifting.empty() ? Style::plain : Style::bad};
}

}  // namespace

std::string names_of(const std::map<std::string, DriftEvidence>& drifting) {
  std::vector<std::string_view> names;
  names.reserve(drifting.size());
  for (const auto& [series, evidence] : drifting) names.push_back(series);
  if (names.empty()) return "-";
  const std::string number = names.size() == 1 ? "" : fmt::format("{}: ", names.size());
  return fmt::format("{}{}", number, fmt::join(names, ", "));
}

std::vector<TableLine> live_table(const Observation& seen, const StreamPosition& stream,
                                  const std::string& page, std::size_t max_rows) {
  const auto done = static_cast<std::size_t>(stream.progress * static_cast<double>(kBarWidth));
  std::vector<TableLine> table;
  const auto add = [&table](std::string text, Style style = Style::plain) {
    table.push_back({std::move(text), style});
  };
  add("");
  add(fmt::format("{}   {}", seen.monitor.empty() ? "driftd demo" : seen.monitor, page),
      Style::bold);
  add(fmt::format("stream    {} [{:<{}}] {:3.0f} %  {:.0f} events/s", date_of(stream.at),
                  std::string(done, '='), kBarWidth, stream.progress * 100,
                  seen.events_per_second));
  add(health_line(seen), style_of(seen.state));
  add(accuracy_line(seen));
  add(fmt::format("windows   {} closed; {} predictions and {} labels came", seen.totals.windows,
                  grouped(seen.totals.predictions), grouped(seen.totals.labels)));
  add("");
  add(fmt::format("{:<24}  {:>11}  {:>8}  {:>8}  {}", "window", "predictions", "accuracy",
                  "labelled", "drifting"),
      Style::bold);
  const std::size_t room = max_rows - std::min(max_rows, table.size());
  const std::size_t shown = std::min({kShownWindows, room, seen.windows.size()});
  for (auto it = std::prev(seen.windows.end(), static_cast<std::ptrdiff_t>(shown));
       it != seen.windows.end(); ++it) {
    table.push_back(window_line(it->second));
  }
  return table;
}

std::string live_line(const Observation& seen, const StreamPosition& stream) {
  const ObservedWindow* judged = newest_judged(seen);
  const std::string accuracy =
      judged == nullptr
          ? "-"
          : fmt::format("{} ({} labelled)", accuracy_of(*judged), coverage_of(*judged));
  const std::string drifting =
      seen.windows.empty() ? "-" : names_of(seen.windows.rbegin()->second.drifting);
  return fmt::format("{}  windows {:>2}  health {}  accuracy {}  drifting {}  {:.0f} events/s",
                     date_of(stream.at), seen.totals.windows, to_string(seen.state), accuracy,
                     drifting, seen.events_per_second);
}

}  // namespace driftd
