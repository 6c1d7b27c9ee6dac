#include "daemon/fingerprint.h"

#include <fmt/format.h>

#include <array>
#include <utility>
#include <vector>

namespace driftd {
namespace {

// The parts before the series, in order, and how people call them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kParts = {{
    {"task=", "its task"},
    {"reference=", "its reference"},
    {"distinct=", "reference_max_distinct"},
    {"size=", "the window's size"},
    {"slide=", "the window's slide"},
    {"count=", "the window's count"},
}};

// The value of a part, which ends at a space; what follows it stays in `text`.
[[nodiscard]] std::string_view take_part(std::string_view& text, std::string_view name) {
  if (!text.starts_with(name)) return {};
  text.remove_prefix(name.size());
  const std::string_view value = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(text.size(), value.size() + 1));
  return value;
}

}  // namespace

// state/fingerprint.h takes it apart again.
std::string make_fingerprint(const ModelConfig& config, const ModelSchema& schema,
                             const Reference& reference) {
  std::string text =
      fmt::format("task={} reference={} distinct={} size={} slide={} count={}",
                  to_string(config.task), reference.hash, config.reference_max_distinct,
                  config.window.size, config.window.slide, config.window.count);
  for (const SeriesSchema& series : schema.series)
    text += fmt::format(" {}:{}", series.name, to_string(series.type));
  // The ends of a range are boundaries of the counters. Behind the series, where
  // state/fingerprint.h passes over it.
  for (std::size_t i = 0; i < schema.series.size(); ++i) {
    for (const FeatureConfig& feature : config.features) {
      if (feature.name == schema.series[i].name && feature.range)
        text += fmt::format(" range{}={},{}", i, feature.range->first, feature.range->second);
    }
  }
  return text;
}

std::string what_changed(std::string_view stored, std::string_view now) {
  std::vector<std::string_view> changed;
  for (const auto& [name, words] : kParts) {
    if (take_part(stored, name) != take_part(now, name)) changed.push_back(words);
  }
  if (stored != now) changed.emplace_back("its features, their types or ranges");
  return fmt::format("{}", fmt::join(changed, " and "));
}

}  // namespace driftd
