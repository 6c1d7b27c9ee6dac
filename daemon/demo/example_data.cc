#include "daemon/demo/example_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include "sources/line_reader.h"

namespace driftd {
namespace {

namespace fs = std::filesystem;

constexpr const char* kInTree = "examples/car-loan";
constexpr const char* kInstalled = "/usr/share/driftd/examples/car-loan";
constexpr const char* kPredictions = "predictions.jsonl.gz";
constexpr const char* kLabels = "labels.jsonl.gz";
constexpr const char* kReference = "reference.csv.gz";
constexpr std::size_t kMaxLineBytes = 1'000'000;  // as the daemon's max_event_bytes

[[nodiscard]] bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

[[nodiscard]] bool holds_example(const fs::path& folder) { return is_file(folder / kPredictions); }

// examples/car-loan in `from` or in a folder above it.
[[nodiscard]] std::optional<std::string> search_upward(fs::path from) {
  for (;; from = from.parent_path()) {
    if (holds_example(from / kInTree)) return (from / kInTree).string();
    if (from == from.parent_path()) return std::nullopt;
  }
}

[[nodiscard]] std::optional<TimeMs> time_of(std::string_view line) {
  boost::system::error_code error;
  const boost::json::value event = boost::json::parse(line, error);
  if (error || !event.is_object()) return std::nullopt;
  const boost::json::value* ts = event.get_object().if_contains("ts");
  if (ts == nullptr || !ts->is_int64()) return std::nullopt;
  return ts->get_int64();
}

[[nodiscard]] Result<std::size_t> read_events(const std::string& path, bool is_label,
                                              std::vector<ExampleEvent>& events) {
  auto reader = LineReader::open(path, kMaxLineBytes);
  if (!reader) return std::unexpected(reader.error());
  std::size_t count = 0;
  while (const auto line = reader->next()) {
    ++count;
    const std::optional<TimeMs> ts = time_of(*line);
    if (!ts) {
      return fail(ErrorCode::corrupted,
                  fmt::format("{}:{}: no event with a `ts` in milliseconds", path, count));
    }
    events.push_back({*ts, is_label, std::string(*line)});
  }
  if (reader->failed()) return std::unexpected(*reader->failed());
  if (count == 0) return fail(ErrorCode::corrupted, path + ": holds no events");
  return count;
}

}  // namespace

Result<std::string> find_example(const std::string& given) {
  if (!given.empty()) return given;
  if (const char* named = std::getenv("DRIFTD_EXAMPLES"); named != nullptr && *named != '\0') {
    const fs::path inside = fs::path(named) / "car-loan";
    return holds_example(inside) ? inside.string() : std::string(named);
  }
  std::error_code error;
  const fs::path binary = fs::read_symlink("/proc/self/exe", error);
  if (auto found = search_upward(binary.parent_path())) return *std::move(found);
  if (auto found = search_upward(fs::current_path(error))) return *std::move(found);
  if (holds_example(kInstalled)) return std::string(kInstalled);
  return fail(
      ErrorCode::io,
      fmt::format("the example stream is found neither above {} nor above the current folder "
                  "nor in {}: name its folder with --data, or in the environment as "
                  "DRIFTD_EXAMPLES; it is {} in driftd's source tree",
                  binary.parent_path().string(), kInstalled, kInTree));
}

Result<ExampleData> load_example(const std::string& folder) {
  for (const char* name : {kPredictions, kLabels, kReference}) {
    if (is_file(fs::path(folder) / name)) continue;
    return fail(
        ErrorCode::io,
        fmt::format("the example stream is not in {}: there is no file {}; name the folder that "
                    "holds {}, {} and {} with --data (it is {} in driftd's source tree)",
                    folder, name, kPredictions, kLabels, kReference, kInTree));
  }
  std::error_code error;
  ExampleData data;
  data.reference = fs::absolute(fs::path(folder) / kReference, error).string();
  auto predictions = read_events(folder + "/" + kPredictions, false, data.events);
  if (!predictions) return std::unexpected(predictions.error());
  auto labels = read_events(folder + "/" + kLabels, true, data.events);
  if (!labels) return std::unexpected(labels.error());
  data.predictions = *predictions;
  data.labels = *labels;
  // Stable: where times are equal the prediction goes first, as in a replay.
  std::ranges::stable_sort(data.events, {}, &ExampleEvent::ts);
  return data;
}

}  // namespace driftd
