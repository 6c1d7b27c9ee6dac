#include "core/class_delays.h"

#include <algorithm>

namespace driftd {
namespace {

constexpr auto kBounds = [] {
  std::array<DurationMs, ClassDelays::kBuckets> bounds{};
  // A second and its square root of two fold, in milliseconds, and twice as much every two buckets.
  for (std::size_t k = 0; k < bounds.size(); ++k)
    bounds[k] = DurationMs{k % 2 == 0 ? 1'000 : 1'414} << (k / 2);
  bounds.back() = kEndOfTime;
  return bounds;
}();

}  // namespace

std::size_t class_slots(const ModelSchema& model) {
  switch (model.task) {
    case Task::binary: return 2;
    case Task::multiclass:
      return std::min<std::size_t>(model.reference_classes, kMostNamedSlots) + 1;
    case Task::regression: return 0;
  }
  return 0;
}

std::string class_slot_name(const ModelSchema& model, std::size_t slot) {
  if (model.task == Task::multiclass)
    return slot + 1 < class_slots(model) ? model.classes->text(static_cast<std::uint32_t>(slot))
                                         : std::string();
  if (slot == 1) return model.classes->text(model.positive_class);
  // The one other class, where the reference says what it is called.
  for (std::uint32_t code = 0; code < model.reference_classes; ++code) {
    if (code != model.positive_class && model.reference_classes <= 2)
      return model.classes->text(code);
  }
  return "not " + model.classes->text(model.positive_class);
}

DurationMs ClassDelays::bound(std::size_t bucket) { return kBounds[bucket]; }

void ClassDelays::add(std::size_t slot, DurationMs delay) {
  if (slots_.size() <= slot) slots_.resize(slot + 1);
  const auto bucket = std::ranges::lower_bound(kBounds, delay);
  ++slots_[slot][static_cast<std::size_t>(bucket - kBounds.begin())];
}

void ClassDelays::merge(const ClassDelays& other) {
  if (slots_.size() < other.slots_.size()) slots_.resize(other.slots_.size());
  for (std::size_t slot = 0; slot < other.slots_.size(); ++slot) {
    for (std::size_t k = 0; k < kBuckets; ++k) slots_[slot][k] += other.slots_[slot][k];
  }
}

void ClassDelays::write(ByteWriter& out) const {
  out.varint(slots_.size());
  for (const Counts& counts : slots_) {
    out.varint(static_cast<std::uint64_t>(
        std::ranges::count_if(counts, [](std::uint64_t count) { return count > 0; })));
    for (std::size_t k = 0; k < kBuckets; ++k) {
      if (counts[k] == 0) continue;
      out.byte(static_cast<std::uint8_t>(k));
      out.varint(counts[k]);
    }
  }
}

bool ClassDelays::read(ByteReader& in, ClassDelays& out) {
  const std::uint64_t slots = in.element_count();
  if (slots > kMostNamedSlots + 1) return false;
  out.slots_.assign(slots, {});
  for (Counts& counts : out.slots_) {
    std::size_t next = 0;
    for (std::uint64_t left = in.element_count(); left > 0 && in.ok(); --left) {
      const std::size_t bucket = in.byte();
      const std::uint64_t count = in.varint();
      if (bucket < next || bucket >= kBuckets || count == 0) return false;
      counts[bucket] = count;
      next = bucket + 1;
    }
  }
  return in.ok();
}

}  // namespace driftd
