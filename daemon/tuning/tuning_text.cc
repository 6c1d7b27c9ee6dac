#include "daemon/tuning/tuning_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include "config/duration.h"
#include "daemon/shown_text.h"

namespace driftd {
namespace {

// A name has at least so much room, also where the line then is longer than the terminal.
constexpr std::size_t kShortestNames = 18;
constexpr std::size_t kLongestNames = 32;
constexpr std::size_t kNumbersOfARow = 62;  // all columns behind the name
constexpr std::size_t kLeastReasons = 24;
constexpr std::size_t kIncidentCell = 9;
constexpr std::size_t kMonitorCell = 20;
constexpr std::size_t kIndent = 6;
// What is known within an hour of its window's end is known at once.
constexpr DurationMs kAtOnce = 3'600'000;

// Two or three digits that count.
[[nodiscard]] std::string number_of(const std::optional<double>& number) {
  if (!number) return "-";
  const int decimals = *number < 10 ? 2 : *number < 100 ? 1 : 0;
  return fmt::format("{:.{}f}", *number, decimals);
}

[[nodiscard]] std::string seconds_of(const std::optional<double>& seconds) {
  if (!seconds) return "-";
  return fmt::format("{:.{}f}", *seconds, *seconds < 10 ? 3 : *seconds < 100 ? 1 : 0);
}

[[nodiscard]] std::string share_of(const std::optional<double>& share) {
  if (!share) return "-";
  // Something is never shown as nothing, nor a part as the whole.
  if (*share > 0 && *share < 0.01) return "<1 %";
  if (*share < 1 && *share > 0.99) return ">99 %";
  return fmt::format("{:.0f} %", *share * 100);
}

// What late labels or events led to is known to the batch only.
[[nodiscard]] std::string delay_of(const Detection& detection, const TextStyle& style) {
  const bool waited = detection.known_delay - detection.delay >= kAtOnce;
  const std::string_view at_most = !waited ? "" : style.utf8 ? "≤ " : "<= ";
  return fmt::format("{}{}", at_most, rough_duration(detection.known_delay));
}

class TuningText {
 public:
  TuningText(const Tuning& tuning, const TextStyle& style) : tuning_(tuning), style_(style) {
    std::size_t longest = std::string_view("incidents").size();
    for (const PolicyResult& policy : tuning.policies)
      longest = std::max(longest, characters_in(shown(policy.name)));
    if (has_models()) {
      for (const Traffic& traffic : tuning.traffic)
        longest = std::max(longest, characters_in(shown(traffic.model)) + 2);
    }
    const std::size_t room =
        style.width > kNumbersOfARow + kShortestNames ? style.width - kNumbersOfARow : 0;
    names_ = std::min({longest, std::max(room, kShortestNames), kLongestNames});
  }

  [[nodiscard]] std::string make() {
    title();
    if (!covered_time(tuning_)) return std::move(text_);
    table();
    chart();
    incidents();
    for (const PolicyResult& policy : tuning_.policies) alerts(policy);
    if (is_any_on()) line("+: still alerting when the events ended.");
    return std::move(text_);
  }

 private:
  template <typename... Parts>
  void line(fmt::format_string<Parts...> format, Parts&&... parts) {
    std::string made = fmt::format(format, std::forward<Parts>(parts)...);
    made.erase(made.find_last_not_of(' ') + 1);
    text_ += made;
    text_ += '\n';
  }

  [[nodiscard]] bool has_models() const { return tuning_.traffic.size() > 1; }

  void title() {
    const auto covered = covered_time(tuning_);
    if (!covered) return line("No predictions, so that there is nothing to compare.");
    line("{} of event time, {} to {} UTC", rough_duration(covered->second - covered->first),
         minute_of(covered->first), minute_of(covered->second));
    line("");
  }

  void row(std::string_view name, const AlertRates& rates, const PolicyResult* policy) {
    std::string cells =
        fmt::format("{:<{}}  {:>4}  {:>6}  {:>5}", shortened_at_front(name, names_), names_,
                    rates.alerts, number_of(rates.per_30d), share_of(rates.alerting));
    if (tuning_.has_incidents) {
      const std::string caught =
          policy == nullptr ? std::string()
                            : fmt::format("{}/{}", policy->caught, incidents_with_events(tuning_));
      const std::string delay = policy == nullptr      ? std::string()
                                : policy->median_delay ? rough_duration(*policy->median_delay)
                                                       : std::string("-");
      cells += fmt::format("  {:>6}  {:>7}  {:>6}", caught, delay, number_of(rates.false_per_30d));
    }
    if (policy != nullptr) {
      cells += fmt::format("  {:>6}  {:>6}", seconds_of(policy->cpu_seconds),
                           seconds_of(policy->cpu_seconds_per_million));
    }
    line("{}", cells);
  }

  void table() {
    const std::string_view over = tuning_.has_incidents ? "     incidents   false" : "";
    const std::string_view of_incidents = tuning_.has_incidents ? "  caught    delay   /30 d" : "";
    line("{:<{}}  {:>6}             {}  {:>14}", "", names_, "alerts", over, "CPU seconds");
    line("{:<{}}  {:>4}  {:>6}  {:>5}{}  {:>6}  {:>6}", "policy", names_, "n", "/30 d", "on",
         of_incidents, "all", "per 1M");
    for (const PolicyResult& policy : tuning_.policies) {
      row(policy.name, policy.all, &policy);
      if (!has_models()) continue;
      for (std::size_t i = 0; i < tuning_.traffic.size(); ++i)
        row("  " + tuning_.traffic[i].model, policy.models[i], nullptr);
    }
    line("on: the share of the time spent alerting.{}",
         tuning_.has_incidents ? " false: alerts of no incident." : "");
    if (tuning_.has_incidents)
      line("caught: incidents that raised a new alert; delay: the median of those.");
    const bool is_short = std::ranges::any_of(tuning_.traffic, [](const Traffic& traffic) {
      return traffic.predictions > 0 && traffic.last - traffic.first < kShortestCovered;
    });
    if (is_short)
      line("Less than a day of predictions of a model is too short for a rate per 30 days.");
    line("");
  }

  void chart() {
    const std::string lines = time_lines(tuning_, style_, names_);
    if (lines.empty()) return;
    text_ += lines;
    line("");
  }

  void incidents() {
    if (!tuning_.has_incidents) return;
    if (tuning_.incidents.empty()) return line("The file has no incidents.\n");
    line("Known incidents");
    for (std::size_t i = 0; i < tuning_.incidents.size(); ++i) {
      const Incident& incident = tuning_.incidents[i];
      const std::string model =
          incident.model.empty() ? "" : fmt::format("  ({})", shown(incident.model));
      line("  {}  {}  {}{}", incident_mark(i), minute_of(incident.time),
           shortened(incident.name, std::max(kLeastReasons, style_.width / 2)), model);
    }
    line("");
    detections();
    line("An alert belongs to an incident if it begins within {} of it or before its end,",
         format_duration(tuning_.reach));
    line("and before the next one. on before: it was alerting when the incident began.");
    if (has_waited()) {
      line("{}: at most so late: it waited for late events, or for labels, read in batches.",
           style_.utf8 ? "≤" : "<=");
    }
    line("");
  }

  [[nodiscard]] bool has_waited() const {
    return std::ranges::any_of(tuning_.policies, [](const PolicyResult& policy) {
      return std::ranges::any_of(
          policy.alerts, [](const Alert& alert) { return alert.known - alert.from >= kAtOnce; });
    });
  }

  // Policies by incidents, as many incidents side by side as fit.
  void detections() {
    const std::size_t room = style_.width > names_ ? style_.width - names_ : 0;
    const std::size_t at_once = std::max<std::size_t>(1, room / (kIncidentCell + 2));
    for (std::size_t begin = 0; begin < tuning_.incidents.size(); begin += at_once) {
      const std::size_t end = std::min(tuning_.incidents.size(), begin + at_once);
      std::string cells;
      for (std::size_t i = begin; i < end; ++i)
        cells += fmt::format("  {:>{}}", incident_mark(i), kIncidentCell);
      line("{:<{}}{}", "policy", names_, cells);
      for (const PolicyResult& policy : tuning_.policies) {
        cells.clear();
        for (std::size_t i = begin; i < end; ++i)
          cells += fmt::format("  {:>{}}", cell_of(policy.matches.detections[i]), kIncidentCell);
        line("{:<{}}{}", shortened_at_front(policy.name, names_), names_, cells);
      }
      line("");
    }
  }

  [[nodiscard]] std::string cell_of(const Detection& detection) const {
    switch (detection.outcome) {
      case Outcome::caught: return delay_of(detection, style_);
      case Outcome::on_before: return "on before";
      case Outcome::missed: return "missed";
      case Outcome::no_events: return "no events";
    }
    return "";
  }

  // --- The alerts of a policy

  [[nodiscard]] std::string lasted(const Alert& alert) const {
    if (alert.to) return rough_duration(*alert.to - alert.from);
    TimeMs last = alert.from;
    for (const Traffic& traffic : tuning_.traffic) {
      if (traffic.model == alert.monitor.model) last = std::max(last, traffic.last);
    }
    return fmt::format("{} +", rough_duration(last - alert.from));
  }

  [[nodiscard]] std::string known(const Alert& alert) const {
    const DurationMs waited = alert.known - alert.from;
    if (waited < kAtOnce) return "at once";
    return fmt::format("{} {}", style_.utf8 ? "≤" : "<=", rough_duration(waited));
  }

  // As many reasons as fit, at least one, and how many there are more.
  [[nodiscard]] static std::string reasons_in(const Alert& alert, std::size_t room) {
    std::string text;
    for (std::size_t i = 0; i < alert.reasons.size(); ++i) {
      const std::size_t left = alert.reasons.size() - i;
      const std::string more = left > 1 ? fmt::format(" +{}", left - 1) : "";
      const std::string next = (i > 0 ? ", " : "") + shown(alert.reasons[i]);
      if (i > 0 && characters_in(text) + characters_in(next) + more.size() > room)
        return text + fmt::format(" +{}", left);
      text += i > 0 ? next : shortened(next, room - std::min(room, more.size()));
    }
    return text;
  }

  [[nodiscard]] bool is_any_on() const {
    return std::ranges::any_of(tuning_.policies, [](const PolicyResult& policy) {
      return std::ranges::any_of(policy.alerts, [](const Alert& alert) { return !alert.to; });
    });
  }

  // More than one, or they go without saying.
  [[nodiscard]] bool names_monitors() const {
    std::set<MonitorName> monitors;
    for (const PolicyResult& policy : tuning_.policies) {
      for (const Alert& alert : policy.alerts) monitors.insert(alert.monitor);
    }
    return monitors.size() > 1;
  }

  void alerts(const PolicyResult& policy) {
    if (policy.alerts.empty()) return line("{}: no alert\n", shown(policy.name));
    line("{}: {} alert{}", shown(policy.name), policy.alerts.size(),
         policy.alerts.size() == 1 ? "" : "s");
    const bool with_monitor = names_monitors();
    std::string heads = fmt::format("  {:<16}  {:<9}  {:<8}  ", "from (UTC)", "lasted", "known");
    if (tuning_.has_incidents) heads += "incident  ";
    if (with_monitor) heads += fmt::format("{:<{}}  ", "monitor", kMonitorCell);
    // Where the reasons find no room behind the rest they are in a line of their own.
    const bool is_broken = heads.size() + kLeastReasons > style_.width && with_monitor;
    line("{}{}", heads, is_broken ? "" : "because of");
    for (std::size_t i = 0; i < policy.alerts.size(); ++i) {
      if (i == kMostListed) {
        line("  and {} more; --json has them all", policy.alerts.size() - i);
        break;
      }
      const Alert& alert = policy.alerts[i];
      std::string cells = fmt::format("  {:<16}  {:<9}  {:<8}  ", minute_of(alert.from),
                                      lasted(alert), known(alert));
      if (tuning_.has_incidents) {
        const auto incident = policy.matches.incident_of[i];
        cells += fmt::format(
            "{:<8}  ", incident ? std::string(1, incident_mark(*incident)) : std::string("false"));
      }
      if (with_monitor) {
        cells +=
            fmt::format("{:<{}}  ",
                        shortened(fmt::format("{} {}", alert.monitor.model, alert.monitor.version),
                                  kMonitorCell),
                        kMonitorCell);
      }
      if (is_broken) {
        line("{}", cells);
        cells = std::string(kIndent, ' ');
      }
      const std::size_t used = characters_in(cells);
      const std::size_t room = style_.width > used ? style_.width - used : 0;
      line("{}{}", cells, reasons_in(alert, std::max(room, kLeastReasons)));
    }
    line("");
  }

  const Tuning& tuning_;
  const TextStyle& style_;
  std::size_t names_ = 0;
  std::string text_;
};

}  // namespace

std::string tuning_text(const Tuning& tuning, const TextStyle& style) {
  return TuningText(tuning, style).make();
}

}  // namespace driftd
