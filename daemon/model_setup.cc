#include "daemon/model_setup.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "config/catalog.h"
#include "daemon/fingerprint.h"
#include "daemon/sequential_watch.h"
#include "detectors/registry.h"

namespace driftd {
namespace {

// The types are known only now that the reference has been read.
[[nodiscard]] Result<> check_detectors_fit(const ModelConfig& config, const ModelSchema& schema) {
  for (const FeatureConfig& feature : config.features) {
    if (!feature.detectors) continue;
    for (const SeriesSchema& series : schema.series) {
      if (series.name != feature.name) continue;
      const bool numeric = series.type == SeriesType::numeric;
      for (const DetectorConfig& wanted : *feature.detectors) {
        const Detector* detector = find_detector(wanted.name);
        if (detector != nullptr &&
            (numeric ? detector->numeric != nullptr : detector->categorical != nullptr))
          continue;
        std::string fitting;
        for (const Detector& other : detectors()) {
          if (numeric ? other.numeric != nullptr : other.categorical != nullptr) {
            fitting += (fitting.empty() ? "" : ", ") + std::string(other.name);
          }
        }
        return fail(
            ErrorCode::invalid_config,
            fmt::format("model `{}`: detector `{}` does not fit the {} series `{}`: use one of {}, "
                        "or set the "
                        "feature's type",
                        config.name, wanted.name, to_string(series.type), series.name, fitting));
      }
    }
  }
  return {};
}

[[nodiscard]] std::vector<NamedMetric> metrics_of(const LoadedModel& model) {
  std::vector<NamedMetric> metrics = compute_metrics(*model.schema, model.performance.performance);
  for (const NamedMetric& metric : compute_latency(model.performance.latency))
    metrics.push_back(metric);
  return metrics;
}

// A `max_drop` is measured from the reference's own metric.
[[nodiscard]] Result<> check_reference_has(const ModelConfig& config,
                                           const std::vector<NamedMetric>& metrics,
                                           bool has_labels) {
  for (const MetricConfig& wanted : config.metrics) {
    if (!wanted.max_drop) continue;
    const bool is_given = std::ranges::any_of(metrics, [&](const NamedMetric& metric) {
      return metric.name == wanted.name && metric.value;
    });
    if (is_given) continue;
    const bool is_latency = wanted.name.starts_with("latency");
    const std::string_view why = is_latency    ? "its reference has no column `latency_ms`"
                                 : !has_labels ? "its reference has no labels in a column `actual`"
                                               : "the metric is not defined on its reference";
    return fail(
        ErrorCode::invalid_config,
        fmt::format("model `{}`: `max_drop` of `{}` cannot be judged, because {}: add it to "
                    "{}, or use `min` or `max`",
                    config.name, wanted.name, why, config.reference));
  }
  return {};
}

[[nodiscard]] Result<> check_quality_fits(const ModelConfig& config, const ModelSchema& schema) {
  for (const FeatureConfig& feature : config.features) {
    for (const SeriesSchema& series : schema.series) {
      if (series.name != feature.name) continue;
      const auto keys = keys_of_other_types(feature, series.type);
      if (keys.empty()) continue;
      return fail(ErrorCode::invalid_config,
                  fmt::format("model `{}`: `{}` does not fit the {} series `{}`: leave it out, or "
                              "set the feature's type",
                              config.name, keys.front(), to_string(series.type), series.name));
    }
  }
  return {};
}

// All that can be known of a model's rules only now that the reference has been read.
[[nodiscard]] Result<> check_rules(const ModelConfig& config, const LoadedModel& model,
                                   const std::vector<NamedMetric>& reference_metrics) {
  if (auto fit = check_detectors_fit(config, *model.schema); !fit) return fit;
  if (auto fit = check_quality_fits(config, *model.schema); !fit) return fit;
  if (auto there = check_sequential(config, *model.schema); !there) return there;
  return check_reference_has(config, reference_metrics,
                             labelled(model.performance.performance) > 0);
}

[[nodiscard]] bool keeps_a_budget(const ModelConfig& rules) {
  return rules.alerts.policy == AlertPolicy::budget;
}

// The columns of a policy's rules must be there, as those of the configuration are.
[[nodiscard]] Result<> check_series_exist(const ModelConfig& config, const ModelSchema& schema) {
  for (const FeatureConfig& feature : config.features) {
    if (std::ranges::find(schema.series, feature.name, &SeriesSchema::name) != schema.series.end())
      continue;
    std::vector<std::string_view> names;
    std::ranges::transform(schema.series, std::back_inserter(names), &SeriesSchema::name);
    return fail(ErrorCode::invalid_config,
                fmt::format("model `{}` has no series `{}`: its series are {}", config.name,
                            feature.name, fmt::join(names, ", ")));
  }
  return {};
}

// Windows keep the values between the reference's where any policy has a detector that looks at
// them; the other detectors say the same with and without.
void keep_gaps_for(const ModelConfig& config, Reference& reference) {
  for (const FeatureConfig& feature : config.features) {
    const bool needs_gaps =
        feature.detectors && std::ranges::any_of(*feature.detectors, [](const DetectorConfig& d) {
          const DetectorEntry* const entry = find_detector_entry(d.name);
          return entry != nullptr && entry->needs_gaps;
        });
    const auto series = std::ranges::find(reference.series, feature.name, &SeriesReference::name);
    if (!needs_gaps || series == reference.series.end()) continue;
    if (auto* const numeric = std::get_if<NumericReference>(&series->baseline))
      numeric->keeps_gaps = true;
  }
}

}  // namespace

Result<std::unique_ptr<ModelSetup>> ModelSetup::load(const std::vector<ModelConfig>& models,
                                                     bool with_labels,
                                                     std::span<const Policy> policies) {
  auto setup = std::make_unique<ModelSetup>();
  setup->configs_.push_back(models);
  for (const Policy& policy : policies) setup->configs_.push_back(policy.models);
  setup->evaluated_.resize(setup->configs_.size());
  for (std::size_t i = 0; i < models.size(); ++i) {
    const bool keeps_budget = std::ranges::any_of(
        setup->configs_, [i](const auto& rules) { return keeps_a_budget(rules[i]); });
    BudgetPlanner planner;
    Result<LoadedModel> model =
        load_model(models[i], static_cast<ModelIndex>(i),
                   keeps_budget ? planner.visitor() : ReferenceWindowVisitor());
    if (!model) return std::unexpected(model.error());
    if (!model->lesson.empty() && keeps_budget &&
        !planner.take_lesson(model->lesson, *model->reference, model->performance.performance)) {
      return fail(ErrorCode::corrupted,
                  fmt::format("{}: what the baseline says of a false-alarm budget cannot be "
                              "read: make it again with `driftd baseline make`",
                              models[i].reference));
    }
    const std::vector<NamedMetric> reference_metrics = metrics_of(*model);
    if (auto good = check_rules(models[i], *model, reference_metrics); !good)
      return std::unexpected(good.error());
    for (const Policy& policy : policies) {
      const ModelConfig& rules = policy.models[i];
      Result<> good = check_series_exist(rules, *model->schema);
      if (good) good = check_rules(rules, *model, reference_metrics);
      if (!good) {
        return fail(good.error().code,
                    fmt::format("policy `{}`: {}", policy.name, good.error().message));
      }
      keep_gaps_for(rules, *model->reference);
    }
    setup->schemas_.push_back(model->schema.get());
    setup->monitored_.push_back(
        {model->schema.get(), model->reference.get(), window_spec(models[i].window)});
    for (std::size_t policy = 0; policy < setup->configs_.size(); ++policy) {
      const ModelConfig& rules = setup->configs_[policy][i];
      std::shared_ptr<const BudgetPlan> budget;
      if (keeps_a_budget(rules)) {
        budget =
            planner.plan(rules, *model->reference, model->performance.performance, with_labels);
      }
      if (budget != nullptr && policy == 0) {
        for (const std::string& note : budget->notes)
          setup->notes_.push_back(fmt::format("model {}: {}", rules.name, note));
      }
      setup->evaluated_[policy].push_back(
          {setup->monitored_.back(), &rules, with_labels, reference_metrics, std::move(budget)});
    }
    model->performance = {};  // what is needed of it has been computed
    model->lesson = {};
    setup->notes_.insert(setup->notes_.end(), model->notes.begin(), model->notes.end());
    setup->loaded_.push_back(std::move(*model));
  }
  return setup;
}

std::string ModelSetup::fingerprint(ModelIndex index) const {
  const LoadedModel& model = loaded_[position(index)];
  return make_fingerprint(configs_.front()[position(index)], *model.schema, *model.reference);
}

}  // namespace driftd
