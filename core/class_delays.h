// How long after their predictions labels come, class by class: what tells whether one class's
// labels are still missing while another's are there.
//
// Classes are counted in slots, so that a model with thousands of them costs a few counters more
// and not a table each. A commutative monoid under `merge`. Allocation rule: when a slot gets its
// first label. Failure rule: `read` refuses damaged bytes.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/byte_stream.h"
#include "core/clock.h"
#include "core/model.h"

namespace driftd {

// Multiclass: the first classes of the reference by name have a slot each, all others share the
// last.
inline constexpr std::size_t kMostNamedSlots = 32;

// Binary: slot 0 is every class but the positive one, slot 1 the positive. Regression: none.
[[nodiscard]] std::size_t class_slots(const ModelSchema& model);
[[nodiscard]] inline std::size_t class_slot(const ModelSchema& model, ClassCode code) {
  if (model.task == Task::binary) return code == model.positive_class ? 1 : 0;
  const std::size_t named = model.reference_classes < kMostNamedSlots
                                ? std::size_t{model.reference_classes}
                                : kMostNamedSlots;
  return code < named ? std::size_t{code} : named;
}
// What a slot is called; empty for the one that classes share.
[[nodiscard]] std::string class_slot_name(const ModelSchema& model, std::size_t slot);

class ClassDelays {
 public:
  // Bucket k holds the delays up to 2^(k/2) seconds that are in no bucket before it: 8 years in
  // all, and the last bucket has no end.
  static constexpr std::size_t kBuckets = 58;
  using Counts = std::array<std::uint64_t, kBuckets>;
  // The largest delay of a bucket, in milliseconds; kEndOfTime for the last one.
  [[nodiscard]] static DurationMs bound(std::size_t bucket);

  // A label that is older than its prediction has no delay.
  void add(std::size_t slot, DurationMs delay);
  void merge(const ClassDelays& other);
  // By slot; a slot beyond the end has no label.
  [[nodiscard]] const std::vector<Counts>& slots() const { return slots_; }

  void write(ByteWriter& out) const;
  [[nodiscard]] static bool read(ByteReader& in, ClassDelays& out);

 private:
  std::vector<Counts> slots_;
};

}  // namespace driftd
