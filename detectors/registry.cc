#include "detectors/registry.h"

#include "core/check.h"
#include "detectors/anderson_darling.h"
#include "detectors/cvm.h"
#include "detectors/homogeneity.h"
#include "detectors/ks.h"
#include "detectors/kuiper.h"
#include "detectors/mann_whitney.h"
#include "detectors/mean_shift.h"
#include "detectors/psi.h"
#include "detectors/share_distances.h"
#include "detectors/variance_shift.h"
#include "detectors/wasserstein.h"

namespace driftd {
namespace {

// A binned detector of a numeric series looks at its decile bins.
template <Outcome (*Binned)(const BinCounts&)>
Outcome deciles(const NumericComparison& samples) {
  return Binned(samples.bins);
}

constexpr std::nullopt_t kNone = std::nullopt;
// The effects that a normal distribution has which has moved by a quarter of its deviation, where
// `ks` reaches its limit of 0.1.
constexpr double kKuiperEffect = 0.1;
constexpr double kCvmEffect = 0.075;
constexpr double kAndersonDarlingEffect = 0.17;
// Cohen (1988): w = 0.3 is a medium effect, about a PSI of 0.1; d = 0.2 is a small one.
constexpr double kCohenW = 0.3;
constexpr double kCohenD = 0.2;
constexpr double kCliffDelta = 0.147;  // Romano et al. (2006): beyond negligible
constexpr double kLogSpread = 0.2;     // the same change of a spread as of a mean

// clang-format off
constexpr Detector kDetectors[] = {
    // name              numeric             categorical  {warning, threshold, effect}      by default for numeric, categorical
    {"ks",               ks,                 nullptr,     {kNone, 0.1},                      true,  false},
    {"psi",              deciles<psi>,       psi,         {0.1,   0.2},                      true,  true},
    {"js",               deciles<js>,        js,          {kNone, 0.1},                      false, false},
    {"hellinger",        deciles<hellinger>, hellinger,   {kNone, 0.1},                      false, false},
    {"tv",               deciles<tv>,        tv,          {kNone, 0.1},                      false, false},
    {"linf",             deciles<linf>,      linf,        {kNone, 0.1},                      false, false},
    {"wasserstein",      wasserstein,        nullptr,     {kNone, 0.1},                      false, false},
    {"kuiper",           kuiper,             nullptr,     {kNone, kNone, kKuiperEffect},     false, false},
    {"cvm",              cvm,                nullptr,     {kNone, kNone, kCvmEffect},        false, false},
    {"anderson_darling", anderson_darling,   nullptr,     {kNone, kNone, kAndersonDarlingEffect}, false, false},
    {"mann_whitney",     mann_whitney,       nullptr,     {kNone, kNone, kCliffDelta},       false, false},
    {"mean_shift",       mean_shift,         nullptr,     {kNone, kNone, kCohenD},           false, false, true},
    {"variance_shift",   variance_shift,     nullptr,     {kNone, kNone, kLogSpread},        false, false},
    {"chi2",             deciles<chi2>,      chi2,        {kNone, kNone, kCohenW},           false, true},
    {"g_test",           deciles<g_test>,    g_test,      {kNone, kNone, kCohenW},           false, false},
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

Outcome run(const Detector& detector, const Comparison& samples) {
  if (const auto* numeric = std::get_if<NumericComparison>(&samples)) {
    DRIFTD_CHECK(detector.numeric != nullptr);
    return detector.numeric(*numeric);
  }
  DRIFTD_CHECK(detector.categorical != nullptr);
  return detector.categorical(std::get<BinCounts>(samples));
}

}  // namespace driftd
