#include "detectors/data_quality.h"

namespace driftd {
namespace {

[[nodiscard]] Outcome share(std::uint64_t part, std::uint64_t predictions) {
  Outcome outcome;
  outcome.n = static_cast<std::int64_t>(predictions);
  if (predictions > 0)
    outcome.statistic = static_cast<double>(part) / static_cast<double>(predictions);
  return outcome;
}

}  // namespace

std::vector<QualityShare> data_quality(const SeriesSummary& current, std::uint64_t predictions) {
  std::vector<QualityShare> shares;
  if (const auto* numeric = std::get_if<NumericSummary>(&current)) {
    shares.push_back({"missing", share(numeric->missing, predictions)});
    shares.push_back({"type_error", share(numeric->wrong_type, predictions)});
  } else {
    const auto& category = std::get<CategorySummary>(current);
    shares.push_back({"missing", share(category.missing, predictions)});
    shares.push_back({"type_error", share(category.wrong_type, predictions)});
    shares.push_back({"unseen", share(category.unseen.total(), predictions)});
  }
  return shares;
}

}  // namespace driftd
