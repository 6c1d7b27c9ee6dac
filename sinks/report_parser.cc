// Reads report lines back (declared in report_json.h). Boost.JSON 1.81 rounds some numbers wrongly
// when it makes a value of them, so this listens to its parser and converts the digits itself: what
// was written is what is read.
#include <charconv>
#include <cstdint>
#include <limits>
#include <map>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <boost/json/basic_parser_impl.hpp>

#include "sinks/report_json.h"

namespace driftd {
namespace {

using boost::json::error_code;
using Scalar = std::variant<std::nullptr_t, bool, std::int64_t, double, std::string>;

// A report line has objects of scalars and arrays of strings only; both are kept flat, under paths
// such as "window.start". A map, not a hash table: a line has about fifteen fields.
struct FlatLine {
  std::map<std::string, Scalar, std::less<>> scalars;
  std::map<std::string, std::vector<std::string>, std::less<>> arrays;
};

// The handler that Boost.JSON's parser calls; its names and signatures are the library's.
struct FlatLineBuilder {
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();
  using Text = boost::json::string_view;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) {
    path_ends.push_back(path.size());
    if (path_ends.size() > 1) path += '.';
    prefix_ends.push_back(path.size());
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    path.resize(path_ends.back());
    path_ends.pop_back();
    prefix_ends.pop_back();
    return true;
  }
  bool on_array_begin(error_code&) {
    ++array_depth;
    line.arrays[path];
    return true;
  }
  bool on_array_end(std::size_t, error_code&) {
    --array_depth;
    return true;
  }
  bool on_key_part(Text part, std::size_t, error_code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_key(Text part, std::size_t, error_code&) {
    text.append(part.data(), part.size());
    path.resize(prefix_ends.back());
    path += std::exchange(text, {});
    return true;
  }
  bool on_string_part(Text part, std::size_t, error_code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_string(Text part, std::size_t, error_code&) {
    text.append(part.data(), part.size());
    if (array_depth > 0) {
      line.arrays[path].push_back(std::exchange(text, {}));
      return true;
    }
    return keep(std::exchange(text, {}));
  }
  bool on_number_part(Text, error_code&) { return true; }
  bool on_int64(std::int64_t number, Text, error_code&) { return keep(number); }
  bool on_uint64(std::uint64_t number, Text, error_code&) {
    return keep(static_cast<double>(number));
  }
  bool on_double(double number, Text digits, error_code&) {
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return keep(number);
  }
  bool on_bool(bool truth, error_code&) { return keep(truth); }
  bool on_null(error_code&) { return keep(nullptr); }
  bool on_comment_part(Text, error_code&) { return true; }
  bool on_comment(Text, error_code&) { return true; }

  bool keep(Scalar scalar) {
    if (array_depth == 0) line.scalars.insert_or_assign(path, std::move(scalar));
    return true;
  }

  FlatLine line;
  std::string path;
  std::string text;                      // of a key or a string that came in parts
  std::vector<std::size_t> path_ends;    // per open object: the path's length outside of it
  std::vector<std::size_t> prefix_ends;  // per open object: the path's length in front of its keys
  int array_depth = 0;
};

// Hands out fields by type and remembers the first that is missing or of a wrong type.
class FieldReader {
 public:
  explicit FieldReader(FlatLine line) : line_(std::move(line)) {}

  std::string text(std::string_view path) { return take<std::string>(path, "a string"); }
  std::int64_t integer(std::string_view path) { return take<std::int64_t>(path, "a whole number"); }
  std::optional<double> number(std::string_view path) {
    const auto found = line_.scalars.find(path);
    if (found != line_.scalars.end()) {
      if (const auto* real = std::get_if<double>(&found->second)) return *real;
      if (const auto* whole = std::get_if<std::int64_t>(&found->second)) {
        return static_cast<double>(*whole);
      }
      if (std::holds_alternative<std::nullptr_t>(found->second)) return std::nullopt;
    }
    note(path, "a number or null");
    return std::nullopt;
  }
  // A number that is left out where there is none.
  std::optional<double> number_if_any(std::string_view path) {
    return line_.scalars.contains(path) ? number(path) : std::nullopt;
  }
  // A text or a whole number that is left out where there is none.
  std::string text_if_any(std::string_view path) {
    return line_.scalars.contains(path) ? text(path) : std::string();
  }
  std::int64_t integer_if_any(std::string_view path, std::int64_t otherwise) {
    return line_.scalars.contains(path) ? integer(path) : otherwise;
  }
  std::vector<std::string> texts_if_any(std::string_view path) {
    return line_.arrays.contains(path) ? texts(path) : std::vector<std::string>();
  }
  ModelPerformance performance_if_any(std::string_view path) {
    if (!line_.scalars.contains(path)) return ModelPerformance::unknown;
    const auto performance = model_performance_from(text(path));
    if (!performance) note(path, "a state of performance");
    return performance.value_or(ModelPerformance::unknown);
  }
  [[nodiscard]] bool has(std::string_view path) const { return line_.scalars.contains(path); }
  // A flag that is left out where it is false.
  bool flag(std::string_view path) {
    return line_.scalars.contains(path) && take<bool>(path, "true or false");
  }
  std::vector<std::string> texts(std::string_view path) {
    const auto found = line_.arrays.find(path);
    if (found != line_.arrays.end()) return std::move(found->second);
    note(path, "an array of strings");
    return {};
  }
  Level level(std::string_view path) {
    const std::string name = text(path);
    for (const Level level :
         {Level::insufficient_data, Level::stable, Level::warning, Level::drift, Level::degraded}) {
      if (to_string(level) == name) return level;
    }
    note(path, "a level");
    return Level::insufficient_data;
  }
  HealthState state(std::string_view path) {
    if (const auto state = health_state_from(text(path))) return *state;
    note(path, "a health state");
    return HealthState::unknown;
  }
  std::optional<double> number_if_given(std::string_view path) {
    return line_.scalars.contains(path) ? number(path) : std::nullopt;
  }
  // Of the object at `path`, which may be left out.
  std::map<std::string, double> numbers_under(const std::string& path) {
    std::map<std::string, double> numbers;
    const std::string prefix = path + ".";
    for (auto at = line_.scalars.lower_bound(prefix);
         at != line_.scalars.end() && at->first.starts_with(prefix); ++at) {
      numbers.emplace(at->first.substr(prefix.size()), number(at->first).value_or(0));
    }
    return numbers;
  }
  void note(std::string_view path, std::string_view expected) {
    if (!problem_) problem_ = fmt::format("`{}` is not {}", path, expected);
  }
  const std::optional<std::string>& problem() const { return problem_; }

 private:
  template <typename T>
  T take(std::string_view path, std::string_view expected) {
    const auto found = line_.scalars.find(path);
    if (found != line_.scalars.end()) {
      if (T* content = std::get_if<T>(&found->second)) return std::move(*content);
    }
    note(path, expected);
    return {};
  }

  FlatLine line_;
  std::optional<std::string> problem_;
};

MonitorName read_monitor(FieldReader& fields) {
  return {fields.text("model"), fields.text("version"), fields.text("segment")};
}

WindowName read_window(FieldReader& fields) {
  return {.index = fields.integer("window.index"),
          .start = fields.integer("window.start"),
          .end = fields.integer("window.end"),
          .n = fields.integer("window.n"),
          .revision = static_cast<std::int32_t>(fields.integer("window.revision")),
          .partial = fields.flag("partial")};
}

std::optional<BudgetDetail> read_budget(FieldReader& fields) {
  if (!fields.has("distance")) return std::nullopt;
  return BudgetDetail{.distance = fields.number("distance").value_or(0),
                      .expected = fields.number("expected").value_or(0),
                      .effect = fields.number("effect").value_or(0),
                      .is_share = fields.text("effect_unit") == "share",
                      .shift = fields.number("shift"),
                      .windows = static_cast<int>(fields.integer("began_windows_ago")),
                      .since = fields.integer_if_any("since", kNoTime),
                      .of = fields.text_if_any("of"),
                      .reason = fields.text("reason")};
}

Report read_finding(FieldReader& fields) {
  return Finding{.monitor = read_monitor(fields),
                 .series = fields.text("series"),
                 .detector = fields.text("detector"),
                 .window = read_window(fields),
                 .statistic = fields.number("statistic"),
                 .low = fields.number_if_any("low"),
                 .high = fields.number_if_any("high"),
                 .p_value = fields.number("p_value"),
                 .bound = fields.number_if_any("bound"),
                 .threshold = fields.number("threshold"),
                 .level = fields.level("level"),
                 .baseline = fields.text_if_any("baseline"),
                 .budget = read_budget(fields)};
}

Report read_metric(FieldReader& fields) {
  return MetricValue{.monitor = read_monitor(fields),
                     .metric = fields.text("metric"),
                     .window = read_window(fields),
                     .value = fields.number("value"),
                     .low = fields.number("low"),
                     .high = fields.number("high"),
                     .labelled = fields.integer("labelled"),
                     .coverage = fields.number("coverage").value_or(0),
                     .level = fields.level("level"),
                     .bound = fields.number_if_given("bound"),
                     .coverage_by_class = fields.numbers_under("coverage_by_class")};
}

Report read_transition(FieldReader& fields) {
  return Transition{.monitor = read_monitor(fields),
                    .at = fields.integer("at"),
                    .from = fields.state("from"),
                    .to = fields.state("to"),
                    .reasons = fields.texts("reasons"),
                    .performance = fields.performance_if_any("performance"),
                    .message = fields.text_if_any("message"),
                    .evidence = fields.texts_if_any("evidence"),
                    .together = fields.texts_if_any("moved_together")};
}

Report read_fields(FieldReader& fields) {
  const std::string type = fields.text("type");
  if (type == "finding") return read_finding(fields);
  if (type == "metric") return read_metric(fields);
  if (type == "health") return read_transition(fields);
  fields.note("type", "finding, metric or health");
  return Finding{};
}

}  // namespace

Result<Report> parse_report(std::string_view line) {
  try {
    boost::json::basic_parser<FlatLineBuilder> parser{boost::json::parse_options{}};
    error_code error;
    const std::size_t read = parser.write_some(false, line.data(), line.size(), error);
    if (!error && read < line.size()) error = boost::json::error::extra_data;
    if (error) {
      return fail(ErrorCode::corrupted,
                  fmt::format("a report line is not JSON at byte {}: {}", read, error.message()));
    }
    FieldReader fields(std::move(parser.handler().line));
    Report report = read_fields(fields);
    if (fields.problem()) {
      return fail(ErrorCode::corrupted,
                  fmt::format("a report line is wrong: {}", *fields.problem()));
    }
    return report;
  } catch (const std::exception& exception) {
    return fail(ErrorCode::corrupted, fmt::format("a report line: {}", exception.what()));
  }
}

}  // namespace driftd
