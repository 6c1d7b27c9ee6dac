#include "detectors/sequential/sequential_detector.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <type_traits>
#include <utility>
#include <vector>

#include "detectors/sequential/registry.h"

namespace driftd {
namespace {

// The first byte of a snapshot; another one is another format.
constexpr std::uint8_t kFormat = 1;

// How many of the first values, up to a block of them, are finite.
[[nodiscard]] std::size_t finite_prefix(std::span<const double> values) {
  constexpr std::size_t kBlock = 1'024;
  constexpr std::uint64_t kExponent = 0x7FF0'0000'0000'0000U;
  const std::span<const double> block = values.first(std::min(values.size(), kBlock));
  // Without a branch a value, because hardly ever one is not finite.
  std::uint64_t others = 0;
  for (const double x : block) {
    others |= (std::bit_cast<std::uint64_t>(x) & kExponent) == kExponent ? 1 : 0;
  }
  if (others == 0) return block.size();
  return static_cast<std::size_t>(
      std::ranges::find_if(block, [](double x) { return !std::isfinite(x); }) - block.begin());
}

// Detectors with a faster way than value by value, which stops at the first value at which it fires
// or is not usable any more.
template <typename Detector>
concept TakesBlocks = requires(Detector detector, std::span<const double> values) {
  { detector.update_until_drift(values) } -> std::same_as<std::size_t>;
};

// Gives finite values to a detector until one after which it has to be looked at; how many.
template <typename Detector>
[[nodiscard]] std::size_t one_by_one(Detector& detector, bool binary, StopAt stop,
                                     std::span<const double> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    detector.update(binary ? error_of(values[i]) : values[i]);
    if (detector.drift_detected() || !detector.usable() ||
        (stop == StopAt::drift_or_warning && detector.warning_detected())) {
      return i + 1;
    }
  }
  return values.size();
}

template <typename Detector>
[[nodiscard]] std::size_t advance(Detector& detector, bool binary, StopAt stop,
                                  std::span<const double> values) {
  if constexpr (TakesBlocks<Detector>) {
    if (stop == StopAt::drift) return detector.update_until_drift(values);
  }
  if constexpr (std::is_trivially_copyable_v<Detector>) {
    // Nobody can point to a local copy, so that its numbers may stay in registers.
    Detector local = detector;
    const std::size_t taken = one_by_one(local, binary, stop, values);
    detector = local;
    return taken;
  } else {
    return one_by_one(detector, binary, stop, values);
  }
}

}  // namespace

SequentialDetector::SequentialDetector(SequentialSettings settings)
    : settings_(std::move(settings)),
      inner_(make_sequential(settings_)),
      binary_(settings_.kind().binary) {}

bool SequentialDetector::update(double x) {
  if (!std::isfinite(x)) {
    skip();
  } else {
    std::visit(
        [&](auto& detector) {
          detector.update(binary_ ? error_of(x) : x);
          take_over(detector);
        },
        inner_);
  }
  return drift_;
}

std::size_t SequentialDetector::update_until(StopAt stop, std::span<const double> values) {
  return std::visit(
      [&](auto& detector) {
        std::size_t taken = 0;
        while (taken < values.size()) {
          const std::size_t finite = finite_prefix(values.subspan(taken));
          if (finite == 0) {
            skip();
            ++taken;
            continue;
          }
          taken += advance(detector, binary_, stop, values.subspan(taken, finite));
          take_over(detector);
          if (drift_ || (warning_ && stop == StopAt::drift_or_warning)) break;
        }
        return taken;
      },
      inner_);
}

void SequentialDetector::skip() {
  ++skipped_;
  drift_ = warning_ = false;
}

template <typename Detector>
void SequentialDetector::take_over(Detector& detector) {
  drift_ = detector.drift_detected();
  warning_ = detector.warning_detected();
  if (drift_ || detector.usable()) return;
  detector.reset();
  ++restarts_;
}

void SequentialDetector::reset() {
  std::visit([](auto& detector) { detector.reset(); }, inner_);
  drift_ = warning_ = false;
}

SequentialReading SequentialDetector::reading() const {
  return std::visit([](const auto& detector) { return detector.reading(); }, inner_);
}

void SequentialDetector::write(ByteWriter& out) const {
  out.byte(kFormat);
  out.text(kind().name);
  out.varint(settings_.values().size());
  for (const double value : settings_.values()) out.number(value);
  out.byte(static_cast<std::uint8_t>((drift_ ? 1 : 0) | (warning_ ? 2 : 0)));
  out.varint(skipped_);
  out.varint(restarts_);
  std::visit([&](const auto& detector) { detector.write(out); }, inner_);
}

std::optional<SequentialDetector> SequentialDetector::read(ByteReader& in) {
  if (in.byte() != kFormat) return std::nullopt;
  const SequentialKind* const kind = find_sequential_kind(in.text());
  if (kind == nullptr) return std::nullopt;
  std::vector<double> values(in.element_count());
  for (double& value : values) value = in.number();
  SequentialSettings settings(*kind);
  if (!in.ok() || !settings.restore(values)) return std::nullopt;
  SequentialDetector detector(std::move(settings));
  const std::uint8_t flags = in.byte();
  detector.drift_ = (flags & 1) != 0;
  detector.warning_ = (flags & 2) != 0;
  detector.skipped_ = in.varint();
  detector.restarts_ = in.varint();
  const bool whole =
      std::visit([&](auto& inner) { return inner.read(in); }, detector.inner_) && in.ok();
  if (!whole) return std::nullopt;
  return detector;
}

}  // namespace driftd
