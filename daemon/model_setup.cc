#include "daemon/model_setup.h"

#include <fmt/format.h>

#include <algorithm>

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

}  // namespace

Result<std::unique_ptr<ModelSetup>> ModelSetup::load(const std::vector<ModelConfig>& models,
                                                     bool with_labels) {
  auto setup = std::make_unique<ModelSetup>();
  setup->configs_ = models;
  std::vector<std::vector<NamedMetric>> reference_metrics;
  std::vector<std::shared_ptr<const BudgetPlan>> budgets;
  for (std::size_t i = 0; i < models.size(); ++i) {
    const bool keeps_budget = models[i].alerts.policy == AlertPolicy::budget;
    BudgetPlanner planner;
    Result<LoadedModel> model =
        load_model(models[i], static_cast<ModelIndex>(i),
                   keeps_budget ? planner.visitor() : ReferenceWindowVisitor());
    if (!model) return std::unexpected(model.error());
    if (auto fit = check_detectors_fit(models[i], *model->schema); !fit)
      return std::unexpected(fit.error());
    if (auto fit = check_quality_fits(models[i], *model->schema); !fit)
      return std::unexpected(fit.error());
    if (auto there = check_sequential(models[i], *model->schema); !there)
      return std::unexpected(there.error());
    reference_metrics.push_back(metrics_of(*model));
    const bool has_labels = labelled(model->performance.performance) > 0;
    if (auto has = check_reference_has(models[i], reference_metrics.back(), has_labels); !has)
      return std::unexpected(has.error());
    std::shared_ptr<const BudgetPlan> budget;
    if (keeps_budget) {
      budget =
          planner.plan(models[i], *model->reference, model->performance.performance, with_labels);
      for (const std::string& note : budget->notes)
        setup->notes_.push_back(fmt::format("model {}: {}", models[i].name, note));
    }
    budgets.push_back(std::move(budget));
    model->performance = {};  // what is needed of it has been computed
    setup->notes_.insert(setup->notes_.end(), model->notes.begin(), model->notes.end());
    setup->loaded_.push_back(std::move(*model));
  }
  for (std::size_t i = 0; i < models.size(); ++i) {
    const LoadedModel& model = setup->loaded_[i];
    setup->schemas_.push_back(model.schema.get());
    setup->monitored_.push_back(
        {model.schema.get(), model.reference.get(), window_spec(models[i].window)});
    setup->evaluated_.push_back({setup->monitored_.back(), &setup->configs_[i], with_labels,
                                 std::move(reference_metrics[i]), std::move(budgets[i])});
  }
  return setup;
}

std::string ModelSetup::fingerprint(ModelIndex index) const {
  const LoadedModel& model = loaded_[position(index)];
  return make_fingerprint(configs_[position(index)], *model.schema, *model.reference);
}

}  // namespace driftd
