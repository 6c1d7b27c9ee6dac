// Which sequential detectors there are and what each can be told: names, parameters, defaults.
//
// One table that one can read. It is in `core` because the configuration is checked against it
// before any detector is made of it (detectors/sequential/registry.h). Names, keys and defaults are
// River 0.26.1's where River has the detector. Thread rule: immutable. Allocation rule: settings
// and messages allocate. Failure rule: what cannot be used is a SettingProblem.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace driftd {

enum class ParameterKind : std::uint8_t { whole, real, flag, choice };

struct SequentialParameter {
  std::string_view name;
  ParameterKind kind = ParameterKind::real;
  double fallback = 0;  // of a flag 0 or 1; of a choice its position
  double low = 0;
  double high = 0;
  bool above_low = false;  // `low` itself is out of range
  std::span<const std::string_view> choices;
  std::string_view meaning;
};

// What a parameter's value looks like on a command line: 0.005, true, up.
[[nodiscard]] std::string to_text(const SequentialParameter& parameter, double value);
// Which values it takes: "a number from 0 to 1", "`both`, `up` or `down`".
[[nodiscard]] std::string range_text(const SequentialParameter& parameter);

struct SettingProblem {
  std::string message;  // what is wrong
  std::string help;     // what to write instead
};

struct SequentialKind {
  std::string_view name;
  std::string_view summary;  // one line, for people
  bool binary = false;       // a value is an error (not 0) or none (0)
  bool has_warning = false;  // it knows a warning zone below its alarm
  // With the defaults at most so many alarms per 1,000 values of a fresh start's first 10,000,
  // where nothing changes: standard normal values, or errors at 20 %. Measured; the test holds it.
  double alarms_per_1000 = 0;
  std::span<const SequentialParameter> parameters;
  // Says what is wrong with values that are each in their range, but not together; may be null.
  std::optional<SettingProblem> (*check)(std::span<const double> values) = nullptr;
};

[[nodiscard]] std::span<const SequentialKind> sequential_kinds();
[[nodiscard]] const SequentialKind* find_sequential_kind(std::string_view name);
[[nodiscard]] std::vector<std::string_view> sequential_names();

// A detector's name and the value of each of its parameters, in the table's order.
class SequentialSettings {
 public:
  // The defaults.
  explicit SequentialSettings(const SequentialKind& kind);

  [[nodiscard]] const SequentialKind& kind() const { return *kind_; }
  [[nodiscard]] std::span<const double> values() const { return values_; }
  // The value of a parameter that the kind has; anything else is a programmer's error.
  [[nodiscard]] double number(std::string_view parameter) const;
  [[nodiscard]] std::uint64_t whole(std::string_view parameter) const;
  [[nodiscard]] bool flag(std::string_view parameter) const;
  [[nodiscard]] std::string_view choice(std::string_view parameter) const;

  // Takes one parameter's value as text.
  [[nodiscard]] std::expected<void, SettingProblem> set(std::string_view parameter,
                                                        std::string_view value);
  // To be asked when everything is set: whether the values go together.
  [[nodiscard]] std::expected<void, SettingProblem> check() const;
  // Takes all values at once, as they were stored; false where one is out of its range.
  [[nodiscard]] bool restore(std::span<const double> values);

  friend bool operator==(const SequentialSettings&, const SequentialSettings&) = default;

 private:
  const SequentialKind* kind_;
  std::vector<double> values_;
};

// The kind of that name, or what to write instead.
[[nodiscard]] std::expected<const SequentialKind*, SettingProblem> require_sequential_kind(
    std::string_view name);

// Settings from a name and `key=value` pairs, as the command line gives them.
[[nodiscard]] std::expected<SequentialSettings, SettingProblem> read_sequential_settings(
    std::string_view name, std::span<const std::string> key_values);

}  // namespace driftd
