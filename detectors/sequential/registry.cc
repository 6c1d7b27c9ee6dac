#include "detectors/sequential/registry.h"

#include <algorithm>

#include "core/check.h"

namespace driftd {
namespace {

template <typename Detector>
[[nodiscard]] AnySequential make(const SequentialSettings& settings) {
  return Detector(settings);
}

template <typename Detector>
constexpr SequentialRow kRow = {Detector::kName, make<Detector>};

constexpr SequentialRow kRows[] = {
    kRow<Adwin>, kRow<PageHinkley>, kRow<Kswin>, kRow<Ddm>,  kRow<Eddm>,
    kRow<HddmA>, kRow<HddmW>,       kRow<Cusum>, kRow<Ewma>,
};

}  // namespace

std::span<const SequentialRow> sequential_rows() { return kRows; }

AnySequential make_sequential(const SequentialSettings& settings) {
  const auto* const row = std::ranges::find(kRows, settings.kind().name, &SequentialRow::name);
  DRIFTD_CHECK(row != std::end(kRows));
  return row->make(settings);
}

}  // namespace driftd
