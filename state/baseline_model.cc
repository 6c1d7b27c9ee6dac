#include "state/baseline_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/duration.h"
#include "core/byte_stream.h"
#include "windows/reference_bytes.h"

namespace driftd {
namespace {

[[nodiscard]] const FeatureConfig* find_feature(const ModelConfig& config, std::string_view name) {
  const auto found =
      std::ranges::find_if(config.features, [&](const auto& one) { return one.name == name; });
  return found == config.features.end() ? nullptr : &*found;
}

[[nodiscard]] std::optional<ValueRange> range_of(const ModelConfig& config, std::string_view name) {
  const FeatureConfig* feature = find_feature(config, name);
  if (feature == nullptr || !feature->range) return std::nullopt;
  return ValueRange{feature->range->first, feature->range->second};
}

void write_terms(ByteWriter& out, const ModelConfig& config, const Reference& reference) {
  out.byte(static_cast<std::uint8_t>(config.task));
  out.text(config.task == Task::binary ? config.positive_class : std::string());
  out.varint(config.reference_max_distinct);
  out.signed_varint(config.window.size);
  out.signed_varint(config.window.slide);
  out.signed_varint(config.window.count);
  out.varint(reference.series.size());
  for (const SeriesReference& series : reference.series) {
    const auto range = range_of(config, series.name);
    out.byte(range ? 1 : 0);
    if (!range) continue;
    out.number(range->low);
    out.number(range->high);
  }
}

[[nodiscard]] bool read_terms(ByteReader& in, BaselineTerms& terms) {
  const std::uint8_t task = in.byte();
  if (task > static_cast<std::uint8_t>(Task::regression)) return false;
  terms.task = static_cast<Task>(task);
  terms.positive_class = in.text();
  terms.reference_max_distinct = in.varint();
  terms.size = in.signed_varint();
  terms.slide = in.signed_varint();
  terms.count = in.signed_varint();
  terms.ranges.resize(in.element_count());
  for (auto& range : terms.ranges) {
    if (in.byte() == 0) continue;
    const double low = in.number();
    range = {low, in.number()};
  }
  return in.ok();
}

void write_classes(ByteWriter& out, const ModelSchema& schema) {
  out.varint(schema.classes->size());
  for (std::uint32_t code = 0; code < schema.classes->size(); ++code)
    out.text(schema.classes->text(code));
  out.varint(schema.reference_classes);
  out.varint(schema.scored_classes.size());
  for (const ClassCode code : schema.scored_classes) out.varint(code);
}

[[nodiscard]] bool read_classes(ByteReader& in, ModelSchema& schema) {
  const std::uint64_t count = in.element_count();
  if (count > kMaxClasses + 1) return false;
  for (std::uint32_t code = 0; code < count; ++code) {
    if (schema.classes->code(in.text()) != code) return false;
  }
  const std::uint64_t of_reference = in.varint();
  schema.scored_classes.resize(in.element_count());
  for (ClassCode& code : schema.scored_classes) {
    const std::uint64_t read = in.varint();
    if (read >= count) return false;
    code = static_cast<ClassCode>(read);
  }
  if (!in.ok() || of_reference > count) return false;
  schema.reference_classes = static_cast<std::uint32_t>(of_reference);
  return true;
}

[[nodiscard]] bool read_performance(ByteReader& in, Task task, ReferencePerformance& out) {
  out.performance = make_performance(task);
  const bool is_read =
      std::visit([&]<typename Summary>(Summary& summary) { return Summary::read(in, summary); },
                 out.performance);
  return is_read && LatencySummary::read(in, out.latency);
}

[[nodiscard]] bool read_model(std::string_view bytes, Baseline& out) {
  ByteReader in(bytes);
  if (!read_terms(in, out.terms)) return false;
  LoadedModel& model = out.model;
  model.schema = std::make_unique<ModelSchema>();
  model.schema->task = out.terms.task;
  model.reference = std::make_unique<Reference>();
  if (!read_classes(in, *model.schema) || !read_reference(in, *model.reference) ||
      !read_performance(in, out.terms.task, model.performance)) {
    return false;
  }
  if (out.terms.ranges.size() != model.reference->series.size()) return false;
  for (const SeriesReference& series : model.reference->series)
    add_series_schema(*model.schema, series);
  if (out.terms.task == Task::binary)
    model.schema->positive_class = model.schema->classes->code(out.terms.positive_class);
  model.lesson = in.text();
  return in.at_end();
}

// How a window is written in a configuration.
[[nodiscard]] std::string window_text(DurationMs size, DurationMs slide, std::int64_t count) {
  if (count > 0) return fmt::format("{{ count = {} }}", count);
  if (slide > 0 && slide != size) {
    return fmt::format("{{ size = \"{}\", slide = \"{}\" }}", format_duration(size),
                       format_duration(slide));
  }
  return fmt::format("{{ size = \"{}\" }}", format_duration(size));
}

[[nodiscard]] std::string range_text(const std::optional<ValueRange>& range) {
  return range ? fmt::format("[{}, {}]", range->low, range->high) : "none";
}

// The first key by which the configuration contradicts the baseline.
struct Contradiction {
  std::string key;
  std::string baseline;
  std::string config;
};

[[nodiscard]] std::optional<Contradiction> contradiction(const Baseline& baseline,
                                                         const ModelConfig& config) {
  const BaselineTerms& terms = baseline.terms;
  if (terms.task != config.task)
    return {{"task", std::string(to_string(terms.task)), std::string(to_string(config.task))}};
  if (config.task == Task::binary && terms.positive_class != config.positive_class)
    return {{"positive_class", terms.positive_class, config.positive_class}};
  const WindowConfig& window = config.window;
  const std::string made = window_text(terms.size, terms.slide, terms.count);
  const std::string wanted = window_text(window.size, window.slide, window.count);
  if (made != wanted) return {{"window", made, wanted}};
  if (terms.reference_max_distinct != config.reference_max_distinct) {
    return {{"reference_max_distinct", std::to_string(terms.reference_max_distinct),
             std::to_string(config.reference_max_distinct)}};
  }
  const ModelSchema& schema = *baseline.model.schema;
  for (std::size_t i = 0; i < schema.series.size(); ++i) {
    const SeriesSchema& series = schema.series[i];
    const FeatureConfig* feature = find_feature(config, series.name);
    if (feature != nullptr && feature->type && *feature->type != series.type) {
      return {{fmt::format("features.{}.type", series.name), std::string(to_string(series.type)),
               std::string(to_string(*feature->type))}};
    }
    const std::string learnt = range_text(terms.ranges[i]);
    const std::string configured = range_text(range_of(config, series.name));
    if (learnt != configured)
      return {{fmt::format("features.{}.range", series.name), learnt, configured}};
  }
  return std::nullopt;
}

}  // namespace

std::string baseline_bytes(const LoadedModel& model, const ModelConfig& config) {
  std::string bytes;
  ByteWriter out(bytes);
  write_terms(out, config, *model.reference);
  write_classes(out, *model.schema);
  write_reference(out, *model.reference);
  std::visit([&](const auto& summary) { summary.write(out); }, model.performance.performance);
  model.performance.latency.write(out);
  out.text(model.lesson);
  return bytes;
}

Result<Baseline> read_baseline(const std::string& path) {
  Result<BaselineParts> parts = read_baseline_file(path);
  if (!parts) return std::unexpected(parts.error());
  Baseline baseline;
  if (!read_model(parts->model, baseline)) {
    return fail(ErrorCode::corrupted,
                fmt::format("{}: the baseline is whole, but was written by a driftd that is not "
                            "this one's kin: make it again with `driftd baseline make`",
                            path));
  }
  baseline.bytes = parts->model.size();
  baseline.note = std::move(parts->note);
  baseline.hash = std::move(parts->hash);
  baseline.model.reference->hash = baseline.hash;
  return baseline;
}

Result<LoadedModel> load_baseline(const ModelConfig& config, ModelIndex index) {
  Result<Baseline> baseline = read_baseline(config.reference);
  if (!baseline) return std::unexpected(baseline.error());
  LoadedModel& model = baseline->model;
  std::vector<std::string> columns;
  for (const SeriesReference& series : model.reference->series) columns.push_back(series.name);
  if (auto exist = check_features_exist(config, columns); !exist)
    return std::unexpected(exist.error());
  if (const auto found = contradiction(*baseline, config)) {
    return fail(
        ErrorCode::invalid_config,
        fmt::format("model `{}`: the baseline {} was made with {} = {}, the configuration "
                    "says {}: make a new baseline with `driftd baseline make`, or change "
                    "the configuration back",
                    config.name, config.reference, found->key, found->baseline, found->config));
  }
  set_model_keys(config, index, model);
  model.notes = {fmt::format("model {}: the reference is the baseline {} of {} rows", config.name,
                             baseline->hash.substr(0, kShortHash), model.reference->rows)};
  if (!config.estimate) {
    model.reference->estimation = {};
  } else if (std::holds_alternative<std::monostate>(model.reference->estimation)) {
    model.notes.push_back(fmt::format(
        "model {}: the baseline has learnt no estimates, so no performance is estimated before "
        "labels come",
        config.name));
  }
  return std::move(model);
}

}  // namespace driftd
