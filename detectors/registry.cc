#include "detectors/registry.h"

#include "core/check.h"
#include "detectors/chi2.h"
#include "detectors/ks.h"
#include "detectors/psi.h"

namespace driftd {
namespace {

// clang-format off
constexpr Detector kDetectors[] = {
    // name    numeric  categorical  {warning, threshold}    by default for numeric, categorical
    {"ks",     ks,      nullptr,     {std::nullopt, 0.1},    true,  false},
    {"psi",    psi,     psi,         {0.1,          0.2},    true,  true},
    {"chi2",   nullptr, chi2,        {},                     false, true},
};
// clang-format on

}  // namespace

std::span<const Detector> detectors() { return kDetectors; }

const Detector* find_detector(std::string_view name) {
  for (const Detector& detector : kDetectors) {
    if (detector.name == name) return &detector;
  }
  return nullptr;
}

Outcome run(const Detector& detector, const SeriesReference& reference,
            const SeriesSummary& current) {
  if (const auto* numeric = std::get_if<NumericReference>(&reference.baseline)) {
    DRIFTD_CHECK(detector.numeric != nullptr);
    return detector.numeric(*numeric, std::get<NumericSummary>(current));
  }
  DRIFTD_CHECK(detector.categorical != nullptr);
  return detector.categorical(std::get<CategoryReference>(reference.baseline),
                              std::get<CategorySummary>(current));
}

}  // namespace driftd
