#include "daemon/quality_plan.h"

#include <algorithm>
#include <array>

#include "detectors/model_quality.h"

namespace driftd {
namespace {

struct FeatureLimit {
  std::string_view check;
  std::optional<double> FeatureConfig::* largest;
};
constexpr FeatureLimit kFeatureLimits[] = {
    {"missing", &FeatureConfig::max_missing},   {"type_error", &FeatureConfig::max_type_error},
    {"unseen", &FeatureConfig::max_unseen},     {"out_of_range", &FeatureConfig::max_out_of_range},
    {"outliers", &FeatureConfig::max_outliers},
};

// What the budget's own series see.
constexpr std::array<std::string_view, 4> kBudgeted = {"missing", "unseen", "outliers",
                                                       "out_of_range"};

[[nodiscard]] Limits limits_of(const QualityCheck& check, const FeatureConfig* feature,
                               AlertPolicy policy) {
  if (feature != nullptr) {
    if (check.name == "constant" && feature->may_be_constant) return {};
    for (const FeatureLimit& limit : kFeatureLimits) {
      if (limit.check == check.name && feature->*limit.largest)
        return quality_limits(feature->*limit.largest);
    }
  }
  const bool has_range = feature != nullptr && feature->range && check.name == "out_of_range";
  const bool is_budgeted =
      !has_range && std::ranges::find(kBudgeted, check.name) != kBudgeted.end();
  if (policy == AlertPolicy::budget && is_budgeted) return {};
  return quality_limits({});
}

// The first windows of a monitor may have begun before its first event. One that the end of a
// replay cuts off is judged by what came, like everything else of it: health does not follow it,
// and a daemon that closes it because its partitions are idle says the same.
[[nodiscard]] bool is_whole(const WindowName& window, const WindowSpec& spec) {
  return window.index * spec.hop() >= spec.size;
}

}  // namespace

QualityPlan quality_plan(SeriesType type, const FeatureConfig* feature, AlertPolicy policy) {
  QualityPlan plan;
  for (const QualityCheck& check : quality_checks()) {
    if (check.fits(type)) plan.emplace_back(&check, limits_of(check, feature, policy));
  }
  return plan;
}

void check_model(const MonitoredModel& model, const ModelConfig& config, bool has_labels,
                 const WindowName& window, const Pane& pane,
                 const std::function<void(std::string_view, const Verdict&)>& add) {
  const QualityConfig& quality = config.quality;
  if (has_labels) {
    add("duplicate", judge(duplicates(*model.reference, pane),
                           quality_limits(quality.max_duplicate), config.min_samples));
  }
  add("missing_columns",
      judge(missing_columns(*model.schema, *model.reference, pane),
            quality_limits(quality.max_missing_columns.value_or(0)), config.min_samples));
  if (!model.window.by_count()) {
    add("volume",
        judge_volume(pane.predictions, model.reference->volume,
                     {quality.min_volume, quality.max_volume}, is_whole(window, model.window)));
  }
}

}  // namespace driftd
