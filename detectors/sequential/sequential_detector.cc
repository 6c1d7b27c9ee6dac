#include "detectors/sequential/sequential_detector.h"

#include <cmath>
#include <utility>
#include <vector>

#include "detectors/sequential/registry.h"

namespace driftd {
namespace {

// The first byte of a snapshot; another one is another format.
constexpr std::uint8_t kFormat = 1;

}  // namespace

SequentialDetector::SequentialDetector(SequentialSettings settings)
    : settings_(std::move(settings)),
      inner_(make_sequential(settings_)),
      binary_(settings_.kind().binary) {}

bool SequentialDetector::update(double x) {
  if (!std::isfinite(x)) {
    ++skipped_;
    drift_ = warning_ = false;
    return false;
  }
  if (binary_) x = x != 0 ? 1 : 0;
  std::visit(
      [&](auto& detector) {
        detector.update(x);
        drift_ = detector.drift_detected();
        warning_ = detector.warning_detected();
        if (!drift_ && !detector.usable()) {
          detector.reset();
          ++restarts_;
        }
      },
      inner_);
  return drift_;
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
