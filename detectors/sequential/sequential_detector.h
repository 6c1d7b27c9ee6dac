// A sequential detector: takes a stream of numbers one by one and says at which it has changed.
//
// It holds one of the detectors of this folder by value (registry.cc has the table) and adds what
// is the same for all of them:
//   - NaN and infinities are no values: they are counted in `skipped` and change nothing else.
//   - For a detector of errors (`kind().binary`) a value that is not 0 is an error.
//   - A detector that has fired begins anew with the next value, as River's do.
//   - Where values of 1e150 and beyond have driven a sum out of the range of doubles, so that it
//     could never fire again, the detector begins anew at once, counted in `restarts`.
//
// Values that are at hand together are best given together (`update_until`): which detector it is
// is then asked once for all of them, and most keep their numbers in registers meanwhile. The rows
// that fire and the state behind them are the same to the last bit.
//
// Thread rule: a value, one user at a time. Allocation rule: none per value in steady state; a copy
// of `adwin` and `kswin` allocates. Failure rule: updates cannot fail; bytes that are no snapshot
// are refused.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "core/byte_stream.h"
#include "core/sequential_catalog.h"
#include "detectors/sequential/adwin.h"
#include "detectors/sequential/cusum.h"
#include "detectors/sequential/ddm.h"
#include "detectors/sequential/eddm.h"
#include "detectors/sequential/ewma.h"
#include "detectors/sequential/hddm_a.h"
#include "detectors/sequential/hddm_w.h"
#include "detectors/sequential/kswin.h"
#include "detectors/sequential/page_hinkley.h"
#include "detectors/sequential/reading.h"

namespace driftd {

using AnySequential = std::variant<Adwin, PageHinkley, Kswin, Ddm, Eddm, HddmA, HddmW, Cusum, Ewma>;

// The value at which `update_until` stops before the last one.
enum class StopAt : std::uint8_t { drift, drift_or_warning };

class SequentialDetector {
 public:
  explicit SequentialDetector(SequentialSettings settings);

  [[nodiscard]] const SequentialSettings& settings() const { return settings_; }
  [[nodiscard]] const SequentialKind& kind() const { return settings_.kind(); }

  // Takes one value; whether it fired at it.
  bool update(double x);
  // Takes values from the front, up to and with the first at which it fires (or warns); how many.
  std::size_t update_until(StopAt stop, std::span<const double> values);
  // Whether the last value fired, or warned; false after one that was skipped.
  [[nodiscard]] bool drift_detected() const { return drift_; }
  [[nodiscard]] bool warning_detected() const { return warning_; }
  // Forgets all values; the counts stay.
  void reset();

  [[nodiscard]] SequentialReading reading() const;
  [[nodiscard]] std::uint64_t skipped() const { return skipped_; }
  [[nodiscard]] std::uint64_t restarts() const { return restarts_; }
  // The detector itself, for one that knows which it is.
  [[nodiscard]] const AnySequential& inner() const { return inner_; }

  // Name, settings and state; a detector read from it goes on bit by bit as this one would.
  void write(ByteWriter& out) const;
  [[nodiscard]] static std::optional<SequentialDetector> read(ByteReader& in);

 private:
  void skip();
  // Reads off what the detector says; one that has become unusable begins anew.
  template <typename Detector>
  void take_over(Detector& detector);

  SequentialSettings settings_;
  AnySequential inner_;
  bool binary_;
  bool drift_ = false;
  bool warning_ = false;
  std::uint64_t skipped_ = 0;
  std::uint64_t restarts_ = 0;
};

}  // namespace driftd
