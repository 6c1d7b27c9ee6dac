#include "daemon/baseline/baseline_changes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "daemon/baseline/baseline_budget.h"
#include "daemon/shown_text.h"
#include "detectors/calibration/normal_scores.h"
#include "sinks/json_writer.h"

namespace driftd {
namespace {

constexpr std::size_t kNameWidth = 24;
// sqrt(-ln(0.001 / 2) / 2): Smirnov's limit for a significance of one in a thousand.
constexpr double kSmirnov = 1.9494746;
// A larger change of a share of missing values than this is one, however few rows there are.
constexpr double kLeastMissing = 0.001;

[[nodiscard]] double per(double count, double of) { return of > 0 ? count / of : 0; }

// The share of a column's rows up to each of the boundaries, by walking its own.
[[nodiscard]] double share_up_to(const NumericReference& reference, double value) {
  const std::uint32_t cell = reference.index.cell(value);
  // Of a gap nothing is known but its ends; what lies in it may be below or above.
  return per(static_cast<double>(reference.cumulative[cell]),
             static_cast<double>(reference.cumulative.back()));
}

void compare(const NumericReference& before, const NumericReference& after, ColumnChange& change) {
  change.type = SeriesType::numeric;
  const auto rows_before = static_cast<double>(before.summary.present());
  const auto rows_after = static_cast<double>(after.summary.present());
  if (rows_before == 0 || rows_after == 0) return;
  // At a boundary of one the other may have a gap that holds rows on both sides of it, if it was
  // thinned; the distance is then off by at most the thinning error.
  for (const auto* reference : {&before, &after}) {
    for (const double value : reference->index.boundaries()) {
      change.distance = std::max(change.distance,
                                 std::abs(share_up_to(before, value) - share_up_to(after, value)));
    }
  }
  change.by_chance = kSmirnov * std::sqrt(1 / rows_before + 1 / rows_after) +
                     before.thinning_error + after.thinning_error;

  const NormalScores scores = normal_scores(before.cumulative);
  std::vector<std::uint64_t> own(before.index.cells(), 0);
  before.summary.counters.add_to(own);
  std::vector<std::uint64_t> of_after(after.index.cells(), 0);
  after.summary.counters.add_to(of_after);
  // The new rows in the old cells: a gap's rows are taken for the boundary above it.
  std::vector<std::uint64_t> placed(before.index.cells(), 0);
  const auto boundaries = after.index.boundaries();
  for (std::size_t cell = 0; cell < of_after.size(); ++cell) {
    if (of_after[cell] == 0) continue;
    const double value = boundaries[std::min(cell / 2, boundaries.size() - 1)];
    placed[before.index.cell(value)] += of_after[cell];
  }
  const LocationAndSpread old_place = location_and_spread(scores, own);
  const LocationAndSpread new_place = location_and_spread(scores, placed);
  change.location = new_place.location.value - old_place.location.value;
  // Both are cube roots of variances.
  if (old_place.spread.value > 0)
    change.spread = std::pow(new_place.spread.value / old_place.spread.value, 1.5);
}

[[nodiscard]] std::map<std::string_view, double> shares_of(const CategoryReference& reference) {
  std::map<std::string_view, double> shares;
  const auto rows = static_cast<double>(reference.summary.present());
  for (std::size_t code = 0; code < reference.categories.size(); ++code)
    shares[reference.categories[code]] = per(static_cast<double>(reference.counts[code]), rows);
  return shares;
}

void compare(const CategoryReference& before, const CategoryReference& after,
             ColumnChange& change) {
  change.type = SeriesType::categorical;
  const auto old_shares = shares_of(before);
  const auto new_shares = shares_of(after);
  double changed = 0;
  double chance = 0;
  const auto rows_before = static_cast<double>(before.summary.present());
  const auto rows_after = static_cast<double>(after.summary.present());
  if (rows_before == 0 || rows_after == 0) return;
  const auto take = [&](std::string_view category, double was, double is) {
    changed += std::abs(is - was);
    const double pooled = per(was * rows_before + is * rows_after, rows_before + rows_after);
    chance += std::sqrt(pooled * (1 - pooled) * (1 / rows_before + 1 / rows_after));
    if (std::abs(is - was) > std::abs(change.share_after - change.share_before)) {
      change.category = category;
      change.share_before = was;
      change.share_after = is;
    }
  };
  for (const auto& [category, was] : old_shares) {
    const auto found = new_shares.find(category);
    take(category, was, found == new_shares.end() ? 0 : found->second);
    if (found == new_shares.end() && after.others.empty()) change.vanished.emplace_back(category);
  }
  for (const auto& [category, is] : new_shares) {
    if (old_shares.contains(category)) continue;
    take(category, 0, is);
    if (before.others.empty()) change.appeared.emplace_back(category);
  }
  // Half the sum of the changes; their mean by chance is sqrt(2 / pi) of their deviations, and
  // three times that is seldom reached.
  change.distance = changed / 2;
  change.by_chance = 1.5 * std::sqrt(2 / M_PI) * chance;
}

[[nodiscard]] double missing_share(const SeriesReference& series) {
  return std::visit(
      [](const auto& baseline) {
        const auto missing = static_cast<double>(baseline.summary.missing);
        return per(missing, missing + static_cast<double>(baseline.summary.present()));
      },
      series.baseline);
}

[[nodiscard]] const SeriesReference* find(const Reference& reference, std::string_view name) {
  const auto found = std::ranges::find_if(
      reference.series, [&](const SeriesReference& series) { return series.name == name; });
  return found == reference.series.end() ? nullptr : &*found;
}

[[nodiscard]] std::vector<NamedMetric> metrics_of(const Baseline& baseline) {
  const ReferencePerformance& performance = baseline.model.performance;
  if (labelled(performance.performance) == 0) return {};
  return compute_metrics(*baseline.model.schema, performance.performance);
}

[[nodiscard]] std::string points(double share) { return fmt::format("{:+.1f}", 100 * share); }

[[nodiscard]] std::string what_changed(const ColumnChange& change) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
  if (change.location) add(fmt::format("location {:+.2f} sd", *change.location));
  if (change.spread) add(fmt::format("spread x{:.2f}", *change.spread));
  if (!change.category.empty()) {
    add(fmt::format("{} {:.1f} % -> {:.1f} %", shown(change.category, 20),
                    100 * change.share_before, 100 * change.share_after));
  }
  constexpr std::size_t kMostNamed = 3;
  const auto name = [&](const char* what, const std::vector<std::string>& categories) {
    if (categories.empty()) return;
    std::vector<std::string> named;
    for (std::size_t i = 0; i < std::min(kMostNamed, categories.size()); ++i)
      named.push_back(shown(categories[i], 20));
    add(fmt::format("{} {}{}", what, fmt::join(named, ", "),
                    categories.size() > kMostNamed
                        ? fmt::format(" and {} more", categories.size() - kMostNamed)
                        : ""));
  };
  name("new:", change.appeared);
  name("gone:", change.vanished);
  if (std::abs(change.missing) >= kLeastMissing)
    add(fmt::format("missing {} points", points(change.missing)));
  return text;
}

void print_metrics(const BaselineChanges& changes) {
  if (changes.metrics.empty()) return;
  fmt::print("\nThe model (95 % intervals)\n  {:<{}}  {:>10}  {:>10}\n", "", kNameWidth, "now",
             "proposed");
  for (const auto& [before, after] : changes.metrics) {
    const auto value = [](const NamedMetric& metric) {
      return metric.value ? number_text(*metric.value) : std::string("-");
    };
    fmt::print("  {:<{}}  {:>10}  {:>10}", after.name, kNameWidth, value(before), value(after));
    if (after.interval) {
      fmt::print("  {} to {}", number_text(after.interval->low), number_text(after.interval->high));
    }
    fmt::print("\n");
  }
}

void print_limits(const BaselineChanges& changes) {
  const auto limit = [](const std::optional<double>& value) {
    return value ? fmt::format("{:.2f}", *value) : std::string("not learnt");
  };
  fmt::print("\nAlerts\n  {:<{}}  {:>10}  {:>10}\n", "", kNameWidth, "now", "proposed");
  fmt::print("  {:<{}}  {:>10}  {:>10}\n", "windows learnt from", kNameWidth,
             grouped(changes.windows_before), grouped(changes.windows_after));
  fmt::print("  {:<{}}  {:>10}  {:>10}\n", "limit, standard errors", kNameWidth,
             limit(changes.limit_before), limit(changes.limit_after));
}

void print_names(const char* what, const std::vector<std::string>& names) {
  if (!names.empty()) fmt::print("  {}: {}\n", what, fmt::join(shown(names), ", "));
}

void write_names(JsonWriter& json, std::string_view key, const std::vector<std::string>& names) {
  json.key(key);
  json.begin_array();
  for (const std::string& name : names) json.value(name);
  json.end_array();
}

}  // namespace

double ColumnChange::size() const { return std::max(distance, std::abs(missing)); }

bool ColumnChange::is_chance() const {
  return distance <= by_chance && std::abs(missing) < kLeastMissing && appeared.empty() &&
         vanished.empty();
}

BaselineChanges changes_of(const Baseline& before, const Baseline& after) {
  BaselineChanges changes;
  const Reference& old_reference = *before.model.reference;
  const Reference& new_reference = *after.model.reference;
  changes.rows_before = old_reference.rows;
  changes.rows_after = new_reference.rows;
  for (const SeriesReference& series : old_reference.series) {
    const SeriesReference* const now = find(new_reference, series.name);
    if (now == nullptr) {
      changes.removed.push_back(series.name);
      continue;
    }
    if (now->baseline.index() != series.baseline.index()) {
      changes.retyped.push_back(series.name);
      continue;
    }
    ColumnChange& change = changes.columns.emplace_back();
    change.name = series.name;
    change.missing = missing_share(*now) - missing_share(series);
    std::visit([&]<typename Of>(
                   const Of& baseline) { compare(baseline, std::get<Of>(now->baseline), change); },
               series.baseline);
  }
  for (const SeriesReference& series : new_reference.series) {
    if (find(old_reference, series.name) == nullptr) changes.added.push_back(series.name);
  }
  std::ranges::stable_sort(changes.columns, [](const ColumnChange& one, const ColumnChange& other) {
    if (one.is_chance() != other.is_chance()) return other.is_chance();
    return one.size() > other.size();
  });
  const BaselineBudget old_budget = budget_of(before);
  const BaselineBudget new_budget = budget_of(after);
  changes.windows_before = old_budget.windows;
  changes.windows_after = new_budget.windows;
  if (old_budget.columns != nullptr) changes.limit_before = old_budget.columns->threshold.limit();
  if (new_budget.columns != nullptr) changes.limit_after = new_budget.columns->threshold.limit();
  const std::vector<NamedMetric> old_metrics = metrics_of(before);
  for (const NamedMetric& metric : metrics_of(after)) {
    const auto found = std::ranges::find_if(
        old_metrics, [&](const NamedMetric& one) { return one.name == metric.name; });
    NamedMetric none;
    none.name = metric.name;
    changes.metrics.push_back({found == old_metrics.end() ? none : *found, metric});
  }
  return changes;
}

void print_changes(const BaselineChanges& changes) {
  const auto chance = std::ranges::count_if(
      changes.columns, [](const ColumnChange& change) { return change.is_chance(); });
  fmt::print("\nColumns, the most changed first\n");
  if (static_cast<std::size_t>(chance) < changes.columns.size())
    fmt::print("  {:<{}}  {:>8}  what\n", "name", kNameWidth, "distance");
  for (const ColumnChange& change : changes.columns) {
    if (change.is_chance()) continue;
    fmt::print("  {}  {:>8.3f}  {}\n", padded(change.name, kNameWidth), change.distance,
               what_changed(change));
  }
  if (chance > 0) {
    std::vector<std::string> names;
    for (const ColumnChange& change : changes.columns) {
      if (change.is_chance()) names.push_back(shown(change.name));
    }
    fmt::print("  no more than chance: {}\n", fmt::join(names, ", "));
  }
  print_names("only in the proposed one", changes.added);
  print_names("only in the present one", changes.removed);
  print_names("of another type now", changes.retyped);
  print_metrics(changes);
  print_limits(changes);
}

std::string changes_json(const BaselineChanges& changes, const Baseline& before,
                         const Baseline& after, const std::string& proposed) {
  std::string line;
  JsonWriter json(line);
  json.begin_object();
  json.field("type", "baseline_changes");
  json.field("proposed", proposed);
  json.field("hash_before", before.hash);
  json.field("hash_after", after.hash);
  json.field("rows_before", changes.rows_before);
  json.field("rows_after", changes.rows_after);
  json.field("windows_before", changes.windows_before);
  json.field("windows_after", changes.windows_after);
  json.field("limit_before", changes.limit_before);
  json.field("limit_after", changes.limit_after);
  json.key("columns");
  json.begin_array();
  for (const ColumnChange& change : changes.columns) {
    json.begin_object();
    json.field("name", change.name);
    json.field("type", to_string(change.type));
    json.field("distance", change.distance);
    json.field("by_chance", change.is_chance());
    json.field("missing_change", change.missing);
    json.field("location_sd", change.location);
    json.field("spread_factor", change.spread);
    if (change.type == SeriesType::categorical) {
      json.field("category", change.category);
      json.field("share_before", change.share_before);
      json.field("share_after", change.share_after);
      write_names(json, "appeared", change.appeared);
      write_names(json, "vanished", change.vanished);
    }
    json.end_object();
  }
  json.end_array();
  write_names(json, "added", changes.added);
  write_names(json, "removed", changes.removed);
  write_names(json, "retyped", changes.retyped);
  json.key("metrics");
  json.begin_array();
  for (const auto& [was, is] : changes.metrics) {
    json.begin_object();
    json.field("name", is.name);
    json.field("before", was.value);
    json.field("after", is.value);
    json.field("low", is.interval ? std::optional(is.interval->low) : std::nullopt);
    json.field("high", is.interval ? std::optional(is.interval->high) : std::nullopt);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return line;
}

}  // namespace driftd
