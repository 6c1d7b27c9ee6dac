#include "daemon/tuning/time_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "daemon/shown_text.h"

namespace driftd {
namespace {

constexpr std::size_t kFewestColumns = 20;
// On a wide screen more would not be seen better.
constexpr std::size_t kMostColumns = 160;
constexpr DurationMs kDay = 86'400'000;

// The columns of the chart and the stretches of time that they stand for.
struct Axis {
  TimeMs from = 0;
  TimeMs to = 0;
  std::size_t columns = 0;

  [[nodiscard]] TimeMs begin_of(std::size_t column) const {
    // Multiplied first, so that the last column ends exactly at `to`; in doubles, because a century
    // in milliseconds times the columns does not fit.
    return from + static_cast<TimeMs>(static_cast<double>(to - from) * static_cast<double>(column) /
                                      static_cast<double>(columns));
  }
  [[nodiscard]] std::size_t column_of(TimeMs time) const {
    const double share = static_cast<double>(time - from) / static_cast<double>(to - from);
    return std::min(columns - 1, static_cast<std::size_t>(share * static_cast<double>(columns)));
  }
};

// The share of each column in which any alert is on, and whether one begins or goes on in it at
// all.
struct Cover {
  double share = 0;
  bool any = false;
};

[[nodiscard]] std::vector<Cover> cover_of(const std::vector<Alert>& alerts, const Axis& axis) {
  std::vector<Cover> cover(axis.columns);
  // Alerts of several monitors may overlap; they are in order of `from`.
  TimeMs counted_until = axis.from;
  for (const Alert& alert : alerts) {
    const TimeMs to = std::min(alert.to.value_or(axis.to), axis.to);
    const TimeMs from = std::max(alert.from, axis.from);
    if (from > axis.to) continue;
    cover[axis.column_of(from)].any = true;
    const TimeMs begin = std::max(from, counted_until);
    if (to <= begin) continue;
    for (std::size_t column = axis.column_of(begin); column < axis.columns; ++column) {
      const TimeMs first = axis.begin_of(column);
      const TimeMs last = axis.begin_of(column + 1);
      if (first >= to) break;
      const TimeMs on = std::min(to, last) - std::max(begin, first);
      if (on <= 0) continue;
      cover[column].any = true;
      cover[column].share +=
          static_cast<double>(on) / static_cast<double>(std::max<TimeMs>(1, last - first));
    }
    counted_until = to;
  }
  return cover;
}

struct Glyphs {
  std::string_view quiet;
  std::string_view part;
  std::string_view whole;
};
constexpr Glyphs kUtf8{"·", "▄", "█"};
constexpr Glyphs kAscii{".", "+", "#"};
constexpr std::string_view kRed = "\x1b[0;31m";
constexpr std::string_view kDim = "\x1b[0;2m";
constexpr std::string_view kUsual = "\x1b[0m";

[[nodiscard]] std::string line_of(const std::vector<Cover>& cover, const TextStyle& style) {
  const Glyphs& glyphs = style.utf8 ? kUtf8 : kAscii;
  std::string line;
  std::string_view colour = kUsual;
  for (const Cover& column : cover) {
    const std::string_view wanted = column.any ? kRed : kDim;
    if (style.colours && wanted != colour) line += colour = wanted;
    line += !column.any ? glyphs.quiet : column.share >= 0.5 ? glyphs.whole : glyphs.part;
  }
  if (style.colours) line += kUsual;
  return line;
}

[[nodiscard]] std::string incidents_line(const Tuning& tuning, const Axis& axis) {
  std::string line(axis.columns, ' ');
  for (std::size_t i = 0; i < tuning.incidents.size(); ++i) {
    const TimeMs time = tuning.incidents[i].time;
    if (time < axis.from || time > axis.to) continue;
    char& mark = line[axis.column_of(time)];
    // Where two fall together neither could be read.
    mark = mark == ' ' ? incident_mark(i) : '*';
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

// Dates at columns that are evenly spaced, each exactly the beginning of its column.
[[nodiscard]] std::string dates_line(const Axis& axis) {
  const DurationMs column = (axis.to - axis.from) / static_cast<DurationMs>(axis.columns);
  constexpr std::size_t kGap = 3;
  constexpr DurationMs kColumnsOfADate = 14;
  const bool by_day = column * kColumnsOfADate >= kDay;
  const std::size_t label =
      by_day ? std::string_view("|2019-03-31").size() : std::string_view("|03-31 03:00").size();
  std::string line;
  for (std::size_t at = 0; at + label <= axis.columns; at += label + kGap) {
    const std::string minute = minute_of(axis.begin_of(at));
    line.append(at - line.size(), ' ');
    line += '|';
    line += by_day ? minute.substr(0, label - 1) : minute.substr(std::string_view("2019-").size());
  }
  return line;
}

}  // namespace

char incident_mark(std::size_t position) {
  constexpr std::string_view kMarks = "123456789abcdefghijklmnopqrstuvwxyz";
  return position < kMarks.size() ? kMarks[position] : '*';
}

std::string time_lines(const Tuning& tuning, const TextStyle& style, std::size_t name_width) {
  const auto covered = covered_time(tuning);
  if (!covered || covered->second <= covered->first) return {};
  const std::size_t names = name_width + 2;
  const std::size_t room = style.width > names ? style.width - names : 0;
  const Axis axis{covered->first, covered->second, std::clamp(room, kFewestColumns, kMostColumns)};
  std::string text;
  const auto add = [&](std::string_view name, std::string_view line) {
    text += fmt::format("{:<{}}  {}\n", shortened_at_front(name, name_width), name_width, line);
  };
  if (!tuning.incidents.empty()) add("incidents", incidents_line(tuning, axis));
  for (const PolicyResult& policy : tuning.policies)
    add(policy.name, line_of(cover_of(policy.alerts, axis), style));
  add("", dates_line(axis));
  const Glyphs& glyphs = style.utf8 ? kUtf8 : kAscii;
  add("",
      fmt::format("{} quiet  {} alerting in part  {} alerting; a column is {}", glyphs.quiet,
                  glyphs.part, glyphs.whole,
                  rough_duration((axis.to - axis.from) / static_cast<DurationMs>(axis.columns))));
  return text;
}

}  // namespace driftd
