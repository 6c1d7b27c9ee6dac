#include "daemon/state_view.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include "core/byte_stream.h"
#include "daemon/exit_codes.h"
#include "daemon/sequential_watch.h"
#include "state/join_file.h"
#include "state/join_log.h"

namespace driftd {
namespace {

constexpr DurationMs kProgressEvery = 200;

}  // namespace

int fail_with(const Error& error) {
  fmt::print(stderr, "{}\n", error.message);
  return exit_code_of(error.code);
}

bool scan_join(const StateReader& reader, const StoredJoin& join, const JoinScan& to) {
  const std::filesystem::path folder = join_folder(reader.folder(), join.model);
  for (const JoinSegment& segment : join.segments) {
    JoinScan wary = to;
    wary.problem = [&](const Error& problem) {
      std::error_code ignored;
      const bool is_gone = reader.in_use() &&
                           !std::filesystem::exists(join_file_path(folder, segment.first), ignored);
      if (!is_gone) return to.problem(problem);
      const Result<bool> is_named = reader.names_segment(join.model, segment.first);
      if (!is_named) return to.problem(is_named.error());
      return *is_named ? to.problem(problem) : true;
    };
    if (!scan_join_segment(folder, segment, wary)) return false;
  }
  return true;
}

StoredNames::StoredNames(const StoredState& state) {
  for (const StoredName& name : state.names) names_[{name.model, name.kind, name.code}] = name.text;
}

std::string StoredNames::find(const std::string& model, const char* kind,
                              std::uint32_t code) const {
  const auto found = names_.find({model, kind, code});
  return found == names_.end() ? fmt::format("#{}", code) : found->second;
}

std::map<std::string, Fingerprint> fingerprints_of(const StoredState& state) {
  std::map<std::string, Fingerprint> models;
  for (const StoredFingerprint& stored : state.fingerprints) {
    if (auto model = parse_fingerprint(stored.fingerprint))
      models.emplace(stored.model, std::move(*model));
  }
  return models;
}

// What the false-alarm budget has stored needs its reference to be read.
[[nodiscard]] static bool skip_budget(ByteReader& in) {
  in.signed_varint();
  in.text();
  in.text();
  return in.ok();
}

std::optional<MonitorHealth> read_health(const StoredMonitor& monitor) {
  MonitorHealth health;
  ByteReader in(monitor.health);
  SequentialWatches watches;
  ClassDelays label_delays;
  const bool is_whole = MonitorHealth::read(in, health) && SequentialWatches::read(in, watches) &&
                        ClassDelays::read(in, label_delays) && skip_budget(in) && in.at_end();
  if (!is_whole) return std::nullopt;
  return health;
}

std::optional<WindowRecord> read_record(const StoredWindow& window) {
  WindowRecord record;
  ByteReader in(window.record);
  if (!WindowRecord::read(in, record)) return std::nullopt;
  return record;
}

ProgressLine::ProgressLine() : is_shown_(::isatty(STDERR_FILENO) != 0) {
  next_ = clock_.steady() + kProgressEvery;
}

void ProgressLine::at(std::string_view what, std::uint64_t bytes, std::uint64_t all) {
  if (!is_shown_ || clock_.steady() < next_) return;
  next_ = clock_.steady() + kProgressEvery;
  has_line_ = true;
  fmt::print(stderr, "\r\x1b[K{}: {} of {}", what, size_text(bytes), size_text(all));
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (has_line_) fmt::print(stderr, "\r\x1b[K");
  has_line_ = false;
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"kB", "MB", "GB", "TB", "PB"};
  if (bytes < 1'000) return fmt::format("{} bytes", bytes);
  double size = static_cast<double>(bytes) / 1'000;
  std::size_t unit = 0;
  for (; size >= 999.95 && unit + 1 < kUnits.size(); ++unit) size /= 1'000;
  return fmt::format("{:.1f} {}", size, kUnits[unit]);
}

}  // namespace driftd
