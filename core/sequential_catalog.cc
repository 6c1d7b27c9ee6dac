#include "core/sequential_catalog.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/check.h"
#include "core/closest.h"

namespace driftd {
namespace {

constexpr double kMostWhole = 1e9;    // of counts of values: far beyond any use, exact in 32 bits
constexpr double kMostReal = 1e300;   // of thresholds: any number that can be compared with
constexpr double kMostSeed = 9.0e15;  // below 2^53, so that a double holds it exactly
constexpr double kMostBuckets = 1'000;
constexpr double kMostWindow = 20'000;  // KSWIN's memory, and SciPy's exact p-value up to its half
constexpr double kMostStat = 10'000;

constexpr std::array<std::string_view, 3> kModes = {"both", "up", "down"};

constexpr SequentialParameter whole(std::string_view name, double fallback, double low, double high,
                                    std::string_view meaning) {
  return {name, ParameterKind::whole, fallback, low, high, false, {}, meaning};
}
constexpr SequentialParameter real(std::string_view name, double fallback, double low, double high,
                                   std::string_view meaning) {
  return {name, ParameterKind::real, fallback, low, high, false, {}, meaning};
}
constexpr SequentialParameter above(std::string_view name, double fallback, double low, double high,
                                    std::string_view meaning) {
  return {name, ParameterKind::real, fallback, low, high, true, {}, meaning};
}
constexpr SequentialParameter mode(std::string_view meaning) {
  return {"mode", ParameterKind::choice, 0, 0, kModes.size() - 1.0, false, kModes, meaning};
}
constexpr SequentialParameter two_sided() {
  return {"two_sided_test", ParameterKind::flag, 0, 0, 1, false, {}, "watch for fewer errors, too"};
}

constexpr SequentialParameter kAdwin[] = {
    above("delta", 0.002, 0, 1, "significance: smaller finds less, and later"),
    whole("clock", 32, 1, kMostWhole, "values between two looks for a change"),
    whole("max_buckets", 5, 1, kMostBuckets, "summaries of each size that are kept"),
    whole("min_window_length", 5, 0, kMostWhole, "least values on each side of a cut"),
    whole("grace_period", 10, 0, kMostWhole, "values before the first look"),
};
constexpr SequentialParameter kPageHinkley[] = {
    whole("min_instances", 30, 0, kMostWhole, "values before the first alarm"),
    real("delta", 0.005, 0, kMostReal, "change of the mean that is tolerated, in the unit of x"),
    real("threshold", 50, 0, kMostReal, "alarm above this sum of deviations, in the unit of x"),
    real("alpha", 0.9999, 0, 1, "forgetting factor of the sums"),
    mode("which change of the mean to find"),
};
constexpr SequentialParameter kKswin[] = {
    real("alpha", 0.005, 0, 1, "p-value at which it fires, tested anew at every value"),
    whole("window_size", 100, 2, kMostWindow, "values kept"),
    whole("stat_size", 30, 1, kMostStat, "newest values, compared with as many older ones"),
    whole("seed", 0, 0, kMostSeed,
          "of the draw of older values; River draws its own where none is given"),
};
constexpr SequentialParameter kDdm[] = {
    whole("warm_start", 30, 0, kMostWhole, "values before the first alarm"),
    real("warning_threshold", 2, 0, kMostReal, "standard deviations above the best error rate"),
    real("drift_threshold", 3, 0, kMostReal, "standard deviations above the best error rate"),
};
constexpr SequentialParameter kEddm[] = {
    whole("warm_start", 30, 0, kMostWhole, "errors before the first alarm"),
    real("alpha", 0.95, 0, 1, "warning below this share of the longest distance of errors"),
    real("beta", 0.9, 0, 1, "drift below this share of the longest distance of errors"),
};
constexpr SequentialParameter kHddmA[] = {
    above("drift_confidence", 0.001, 0, 1, "significance of a drift"),
    above("warning_confidence", 0.005, 0, 1, "significance of a warning"),
    two_sided(),
};
constexpr SequentialParameter kHddmW[] = {
    above("drift_confidence", 0.001, 0, 1, "significance of a drift"),
    above("warning_confidence", 0.005, 0, 1, "significance of a warning"),
    real("lambda_val", 0.05, 0, 1, "weight of the newest value"),
    two_sided(),
};
constexpr SequentialParameter kCusum[] = {
    whole("warm_start", 30, 2, kMostWhole, "values that only teach the mean and deviation"),
    real("slack", 0.5, 0, kMostReal, "k: half the shift to find, in standard deviations"),
    above("threshold", 8, 0, kMostReal, "h: alarm above this sum, in standard deviations"),
    mode("which change of the mean to find"),
};
constexpr SequentialParameter kEwma[] = {
    whole("warm_start", 30, 2, kMostWhole, "values that only teach the mean and deviation"),
    real("lambda_val", 0.2, 1e-6, 1, "weight of the newest value"),
    above("threshold", 4, 0, kMostReal, "L: alarm beyond so many deviations of the average"),
    mode("which change of the mean to find"),
};

std::optional<SettingProblem> check_kswin(std::span<const double> values) {
  if (2 * values[2] <= values[1]) return std::nullopt;
  return SettingProblem{
      "kswin draws `stat_size` values from the older `window_size - stat_size` ones, which are "
      "fewer",
      "give a `window_size` of at least twice the `stat_size`"};
}

std::optional<SettingProblem> check_eddm(std::span<const double> values) {
  if (values[1] >= values[2]) return std::nullopt;
  return SettingProblem{"eddm's `alpha`, the limit of a warning, is below its `beta`",
                        "give an `alpha` of at least `beta`"};
}

// name, summary, takes errors, warns, false alarms per 1,000 values, parameters
constexpr SequentialKind kKinds[] = {
    {"adwin", "a window that shrinks when its older part has another mean", false, false, 0.01,
     kAdwin},
    {"page_hinkley", "sums of deviations from the running mean", false, false, 0.8, kPageHinkley},
    {"kswin", "KS test of the newest values against a sample of older ones", false, false, 1.5,
     kKswin, check_kswin},
    {"ddm", "error rate above its best value so far", true, true, 0.1, kDdm},
    {"eddm", "errors closer together than they have been", true, true, 2.5, kEddm, check_eddm},
    {"hddm_a", "error rate against its best past one, by Hoeffding's bound", true, true, 0.05,
     kHddmA},
    {"hddm_w", "weighted error rate against its best past one, by McDiarmid's bound", true, true,
     0.1, kHddmW},
    {"cusum", "Page's sums of standardised deviations from what was learnt", false, false, 0.2,
     kCusum},
    {"ewma", "Roberts's moving average of standardised values", false, false, 0.1, kEwma},
};

// The shortest text of the same value; whole numbers without an exponent.
[[nodiscard]] std::string number_text(double value) {
  constexpr double kExact = 9e15;
  if (value == std::floor(value) && std::abs(value) <= kExact) {
    return std::to_string(static_cast<std::int64_t>(value));
  }
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

[[nodiscard]] std::string listed(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) {
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}

[[nodiscard]] std::string meant_or_listed(std::string_view word, std::string_view what,
                                          std::span<const std::string_view> known) {
  std::string text;
  if (const auto near = closest(word, known)) text = "did you mean `" + std::string(*near) + "`? ";
  return text + std::string(what) + ": " + listed(known);
}

[[nodiscard]] bool in_range(const SequentialParameter& parameter, double value) {
  if (!(value >= parameter.low && value <= parameter.high)) return false;
  if (parameter.above_low && value == parameter.low) return false;
  return parameter.kind == ParameterKind::real || value == std::floor(value);
}

[[nodiscard]] std::optional<double> value_of(const SequentialParameter& parameter,
                                             std::string_view text) {
  if (parameter.kind == ParameterKind::flag) {
    if (text == "true") return 1;
    if (text == "false") return 0;
    return std::nullopt;
  }
  if (parameter.kind == ParameterKind::choice) {
    const auto found = std::ranges::find(parameter.choices, text);
    if (found == parameter.choices.end()) return std::nullopt;
    return static_cast<double>(found - parameter.choices.begin());
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !in_range(parameter, value)) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

std::string to_text(const SequentialParameter& parameter, double value) {
  if (parameter.kind == ParameterKind::flag) return value != 0 ? "true" : "false";
  if (parameter.kind == ParameterKind::choice) {
    return std::string(parameter.choices[static_cast<std::size_t>(value)]);
  }
  return number_text(value);
}

std::string range_text(const SequentialParameter& parameter) {
  if (parameter.kind == ParameterKind::flag) return "`true` or `false`";
  if (parameter.kind == ParameterKind::choice) return "one of " + listed(parameter.choices);
  const std::string what = parameter.kind == ParameterKind::whole ? "a whole number " : "a number ";
  const std::string low = number_text(parameter.low);
  if (parameter.above_low) {
    const bool bounded = parameter.high < kMostReal;
    return what + "above " + low + (bounded ? ", at most " + number_text(parameter.high) : "");
  }
  if (parameter.high >= kMostReal) return what + "from " + low + " on";
  return what + "from " + low + " to " + number_text(parameter.high);
}

std::span<const SequentialKind> sequential_kinds() { return kKinds; }

const SequentialKind* find_sequential_kind(std::string_view name) {
  const auto* const found = std::ranges::find(kKinds, name, &SequentialKind::name);
  return found == std::end(kKinds) ? nullptr : found;
}

std::vector<std::string_view> sequential_names() {
  std::vector<std::string_view> names;
  for (const SequentialKind& kind : kKinds) names.push_back(kind.name);
  return names;
}

SequentialSettings::SequentialSettings(const SequentialKind& kind) : kind_(&kind) {
  for (const SequentialParameter& parameter : kind.parameters) {
    values_.push_back(parameter.fallback);
  }
}

double SequentialSettings::number(std::string_view parameter) const {
  const auto found = std::ranges::find(kind_->parameters, parameter, &SequentialParameter::name);
  DRIFTD_CHECK(found != kind_->parameters.end());
  return values_[static_cast<std::size_t>(found - kind_->parameters.begin())];
}

std::uint64_t SequentialSettings::whole(std::string_view parameter) const {
  return static_cast<std::uint64_t>(number(parameter));
}

bool SequentialSettings::flag(std::string_view parameter) const { return number(parameter) != 0; }

std::string_view SequentialSettings::choice(std::string_view parameter) const {
  const auto found = std::ranges::find(kind_->parameters, parameter, &SequentialParameter::name);
  DRIFTD_CHECK(found != kind_->parameters.end());
  return found->choices[static_cast<std::size_t>(number(parameter))];
}

std::expected<void, SettingProblem> SequentialSettings::set(std::string_view parameter,
                                                            std::string_view value) {
  const auto found = std::ranges::find(kind_->parameters, parameter, &SequentialParameter::name);
  if (found == kind_->parameters.end()) {
    std::vector<std::string_view> names;
    for (const SequentialParameter& known : kind_->parameters) names.push_back(known.name);
    return std::unexpected(SettingProblem{
        std::string(kind_->name) + " has no parameter `" + std::string(parameter) + "`",
        meant_or_listed(parameter, "its parameters are", names)});
  }
  const std::optional<double> taken = value_of(*found, value);
  if (!taken) {
    return std::unexpected(SettingProblem{
        "`" + std::string(value) + "` cannot be " + std::string(kind_->name) + "'s `" +
            std::string(parameter) + "`",
        "it takes " + range_text(*found) + "; the default is " + to_text(*found, found->fallback)});
  }
  values_[static_cast<std::size_t>(found - kind_->parameters.begin())] = *taken;
  return {};
}

std::expected<void, SettingProblem> SequentialSettings::check() const {
  if (kind_->check == nullptr) return {};
  if (auto problem = kind_->check(values_)) return std::unexpected(std::move(*problem));
  return {};
}

bool SequentialSettings::restore(std::span<const double> values) {
  if (values.size() != values_.size()) return false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!in_range(kind_->parameters[i], values[i])) return false;
  }
  if (kind_->check != nullptr && kind_->check(values)) return false;
  values_.assign(values.begin(), values.end());
  return true;
}

std::expected<const SequentialKind*, SettingProblem> require_sequential_kind(
    std::string_view name) {
  if (const SequentialKind* const kind = find_sequential_kind(name)) return kind;
  return std::unexpected(
      SettingProblem{"there is no sequential detector `" + std::string(name) + "`",
                     meant_or_listed(name, "the detectors are", sequential_names())});
}

std::expected<SequentialSettings, SettingProblem> read_sequential_settings(
    std::string_view name, std::span<const std::string> key_values) {
  const auto kind = require_sequential_kind(name);
  if (!kind) return std::unexpected(kind.error());
  SequentialSettings settings(**kind);
  for (const std::string_view pair : key_values) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) {
      return std::unexpected(SettingProblem{
          "`" + std::string(pair) + "` sets nothing",
          "write KEY=VALUE, for example " + std::string((*kind)->parameters[0].name) + "=" +
              to_text((*kind)->parameters[0], (*kind)->parameters[0].fallback)});
    }
    if (auto set = settings.set(pair.substr(0, equals), pair.substr(equals + 1)); !set) {
      return std::unexpected(std::move(set.error()));
    }
  }
  if (auto checked = settings.check(); !checked) return std::unexpected(std::move(checked.error()));
  return settings;
}

}  // namespace driftd
