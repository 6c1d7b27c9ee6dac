#include "state/fingerprint.h"

#include <array>
#include <charconv>
#include <variant>

#include "core/byte_stream.h"
#include "core/class_delays.h"
#include "windows/estimation.h"
#include "windows/performance.h"
#include "windows/series_summary.h"

namespace driftd {
namespace {

// More than a reference of the largest `reference_max_distinct` makes (two a value), so that bytes
// that are none of ours ask for no more memory than ours do.
constexpr std::uint64_t kMaxCells = std::uint64_t{1} << 25;

// The value of "key=value" at the front, which is taken off.
[[nodiscard]] std::optional<std::string_view> take(std::string_view& text, std::string_view key) {
  if (!text.starts_with(key)) return std::nullopt;
  text.remove_prefix(key.size());
  const std::string_view value = text.substr(0, text.find(' '));
  text.remove_prefix(value.size());
  return value;
}

template <typename Number>
[[nodiscard]] bool read_number(std::optional<std::string_view> text, Number& out) {
  if (!text) return false;
  const char* const end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, out);
  return error == std::errc{} && at == end;
}

[[nodiscard]] std::optional<Task> task_of(std::optional<std::string_view> name) {
  for (const Task task : {Task::binary, Task::multiclass, Task::regression}) {
    if (name && *name == to_string(task)) return task;
  }
  return std::nullopt;
}

// Names may hold spaces and colons, so that a name like "a:numeric b" makes one series too many;
// such a model's series cannot be told apart, and none are given.
[[nodiscard]] std::optional<SeriesType> series_type_of(std::string_view word) {
  for (const SeriesType type : {SeriesType::numeric, SeriesType::categorical}) {
    const std::string_view name = to_string(type);
    if (word.size() > name.size() && word.ends_with(name) &&
        word[word.size() - name.size() - 1] == ':')
      return type;
  }
  return std::nullopt;
}

// How many cells the counters that come next say they have.
[[nodiscard]] std::optional<std::uint32_t> cells_ahead(ByteReader in) {
  const std::uint64_t cells = in.varint();
  if (!in.ok() || cells > kMaxCells) return std::nullopt;
  return static_cast<std::uint32_t>(cells);
}

[[nodiscard]] bool read_series(ByteReader& in, SeriesType type) {
  const std::optional<std::uint32_t> cells = cells_ahead(in);
  if (!cells) return false;
  if (type == SeriesType::numeric) {
    NumericSummary summary;
    return NumericSummary::read(in, *cells, summary);
  }
  CategorySummary summary;
  return CategorySummary::read(in, *cells, summary);
}

[[nodiscard]] bool read_counts(ByteReader& in, PaneCounts& out) {
  out.predictions = in.varint();
  out.first_time = in.signed_varint();
  out.last_time = in.signed_varint();
  out.duplicates = in.varint();
  return in.ok();
}

[[nodiscard]] bool read_performance(std::string_view bytes, PerformanceSummary& out) {
  ByteReader in(bytes);
  ClassDelays label_delays;
  return std::visit(
             [&](auto& summary) {
               return std::remove_reference_t<decltype(summary)>::read(in, summary);
             },
             out) &&
         ClassDelays::read(in, label_delays) && in.at_end();
}

}  // namespace

std::optional<Fingerprint> parse_fingerprint(std::string_view text) {
  Fingerprint model;
  const std::optional<Task> task = task_of(take(text, "task="));
  const std::optional<std::string_view> reference = take(text, " reference=");
  if (!task || !reference || !read_number(take(text, " distinct="), model.distinct) ||
      !read_number(take(text, " size="), model.size) ||
      !read_number(take(text, " slide="), model.slide) ||
      !read_number(take(text, " count="), model.count))
    return std::nullopt;
  model.task = *task;
  model.reference = *reference;
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    if (const auto type = series_type_of(word)) model.series.push_back(*type);
  }
  return model;
}

bool are_features(std::string_view bytes, const Fingerprint& model) {
  ByteReader in(bytes);
  PaneCounts counts;
  if (!read_counts(in, counts)) return false;
  // Another number than the fingerprint seems to have is no damage: see `series_type_of`.
  if (in.varint() != model.series.size()) return in.ok();
  for (const SeriesType type : model.series) {
    if (!read_series(in, type)) return false;
  }
  LatencySummary latency;
  // The cells follow from the reference, which is not here: any number of them will do.
  EstimationSummary estimation;
  if (!LatencySummary::read(in, latency) || !EstimationSummary::read(in, {}, estimation))
    return false;
  for (std::uint64_t slots = in.element_count(); slots > 0 && in.ok(); --slots) (void)in.varint();
  return in.at_end();
}

bool is_performance(std::string_view bytes, const Fingerprint& model) {
  PerformanceSummary summary = make_performance(model.task);
  return read_performance(bytes, summary);
}

std::optional<PaneCounts> counts_of_features(std::string_view bytes) {
  ByteReader in(bytes);
  PaneCounts counts;
  if (!read_counts(in, counts)) return std::nullopt;
  return counts;
}

std::optional<std::uint64_t> labelled_of_performance(std::string_view bytes,
                                                     const Fingerprint& model) {
  PerformanceSummary summary = make_performance(model.task);
  if (!read_performance(bytes, summary)) return std::nullopt;
  return labelled(summary);
}

}  // namespace driftd
