#include "daemon/tuning/incidents.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "core/closest.h"
#include "core/event_time.h"
#include "sources/csv_rows.h"
#include "state/column_file.h"

namespace driftd {
namespace {

// Where the columns are; -1: not there.
struct Columns {
  int time = -1;
  int name = -1;
  int model = -1;
  int end = -1;
};

[[nodiscard]] Result<Columns> columns_of(const std::string& path,
                                         const std::vector<std::string>& header) {
  Columns columns;
  for (std::size_t i = 0; i < header.size(); ++i) {
    const int at = static_cast<int>(i);
    if (header[i] == "time") columns.time = at;
    if (header[i] == "name") columns.name = at;
    if (header[i] == "model") columns.model = at;
    if (header[i] == "end") columns.end = at;
  }
  if (columns.time < 0 || columns.name < 0) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}:1: the header has no column `{}`: it has {}; needed are time and "
                            "name, and model and end may be there",
                            path, columns.time < 0 ? "time" : "name", fmt::join(header, ", ")));
  }
  return columns;
}

[[nodiscard]] std::optional<TimeMs> time_of(std::string_view cell) {
  if (const std::optional<double> number = parse_number(cell))
    return time_from_number(*number, TimestampUnit::detect);
  return time_from_text(cell);
}

[[nodiscard]] std::unexpected<Error> bad_row(const std::string& path, std::uint64_t line,
                                             std::string_view what) {
  return fail(ErrorCode::invalid_argument, fmt::format("{}:{}: {}", path, line, what));
}

[[nodiscard]] std::string no_time(std::string_view column, std::string_view cell) {
  return fmt::format(
      "`{}` is no time: {}; write it as events do, e.g. 2026-01-31T00:00:00Z or 1769817600", column,
      cell.empty() ? "it is empty" : fmt::format("`{}`", cell));
}

[[nodiscard]] Result<Incident> incident_of(std::span<const std::string_view> cells,
                                           const Columns& columns, const std::string& path,
                                           std::uint64_t line,
                                           std::span<const std::string> models) {
  const auto cell = [&](int column) {
    return column < 0 ? std::string_view() : cells[static_cast<std::size_t>(column)];
  };
  Incident incident;
  incident.name = cell(columns.name);
  incident.model = cell(columns.model);
  const std::optional<TimeMs> time = time_of(cell(columns.time));
  if (!time) return bad_row(path, line, no_time("time", cell(columns.time)));
  incident.time = *time;
  if (!cell(columns.end).empty()) {
    incident.end = time_of(cell(columns.end));
    if (!incident.end) return bad_row(path, line, no_time("end", cell(columns.end)));
    if (*incident.end < incident.time) return bad_row(path, line, "`end` lies before `time`");
  }
  if (!incident.model.empty() && std::ranges::find(models, incident.model) == models.end()) {
    const std::vector<std::string_view> known(models.begin(), models.end());
    const auto near = closest(incident.model, known);
    return bad_row(
        path, line,
        fmt::format("there is no model `{}`: {}", incident.model,
                    near ? fmt::format("did you mean `{}`?", *near)
                         : fmt::format("the configuration has {}", fmt::join(models, ", "))));
  }
  return incident;
}

// Up to when an alert of `model` may begin to belong to the incident; exclusive.
[[nodiscard]] TimeMs limit_of(std::span<const Incident> incidents, std::size_t at,
                              const std::string& model, DurationMs reach) {
  const Incident& incident = incidents[at];
  const TimeMs limit = std::max(incident.time + reach, incident.end.value_or(incident.time));
  for (std::size_t later = at + 1; later < incidents.size(); ++later) {
    if (incidents[later].time > incident.time && incidents[later].concerns(model))
      return std::min(limit, incidents[later].time);
  }
  return limit;
}

[[nodiscard]] bool has_events(const Incident& incident, std::span<const Traffic> traffic) {
  return std::ranges::any_of(traffic, [&](const Traffic& of_model) {
    return incident.concerns(of_model.model) && of_model.predictions > 0 &&
           of_model.first <= incident.time && incident.time <= of_model.last;
  });
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::caught: return "caught";
    case Outcome::on_before: return "on_before";
    case Outcome::missed: return "missed";
    case Outcome::no_events: return "no_events";
  }
  return "missed";
}

Result<std::vector<Incident>> read_incidents(const std::string& path,
                                             std::span<const std::string> models) {
  auto rows = CsvRows::open(path);
  if (!rows) return std::unexpected(rows.error());
  const Result<Columns> columns = columns_of(path, rows->header());
  if (!columns) return std::unexpected(columns.error());
  std::vector<Incident> incidents;
  for (;;) {
    const auto cells = rows->next();
    if (!cells) return std::unexpected(cells.error());
    if (cells->empty()) break;
    if (incidents.size() == kMostIncidents) {
      return bad_row(path, rows->line(),
                     fmt::format("there are more than {} incidents", kMostIncidents));
    }
    Result<Incident> incident = incident_of(*cells, *columns, path, rows->line(), models);
    if (!incident) return std::unexpected(incident.error());
    incidents.push_back(std::move(*incident));
  }
  std::ranges::stable_sort(incidents, {}, &Incident::time);
  return incidents;
}

Matches match(std::span<const Incident> incidents, std::span<const Alert> alerts,
              std::span<const Traffic> traffic, DurationMs reach) {
  Matches matches;
  matches.incident_of.resize(alerts.size());
  for (std::size_t i = 0; i < incidents.size(); ++i) {
    const Incident& incident = incidents[i];
    Detection& detection = matches.detections.emplace_back();
    if (!has_events(incident, traffic)) detection.outcome = Outcome::no_events;
    std::set<MonitorName> on_before;
    for (const Alert& alert : alerts) {
      if (incident.concerns(alert.monitor.model) && alert.from < incident.time &&
          (!alert.to || *alert.to > incident.time))
        on_before.insert(alert.monitor);
    }
    for (std::size_t k = 0; k < alerts.size(); ++k) {
      const Alert& alert = alerts[k];
      if (!incident.concerns(alert.monitor.model) || alert.from < incident.time ||
          alert.from >= limit_of(incidents, i, alert.monitor.model, reach))
        continue;
      if (!matches.incident_of[k]) matches.incident_of[k] = i;
      if (detection.outcome != Outcome::missed || on_before.contains(alert.monitor)) continue;
      detection = {Outcome::caught, k, alert.from - incident.time, alert.known - incident.time};
    }
    if (detection.outcome == Outcome::missed && !on_before.empty())
      detection.outcome = Outcome::on_before;
  }
  return matches;
}

}  // namespace driftd
