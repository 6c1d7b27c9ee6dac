#include "windows/gap_values.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace driftd {
namespace {

using Entry = GapValues::Entry;

// Adds up equal neighbours of a list in order of value.
void join_equal(std::vector<Entry>& entries) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (kept > 0 && entries[kept - 1].value == entries[i].value) {
      entries[kept - 1].count += entries[i].count;
    } else {
      entries[kept++] = entries[i];
    }
  }
  entries.resize(kept);
}

[[nodiscard]] bool by_value(const Entry& a, const Entry& b) { return a.value < b.value; }

// Both lists in order of value.
[[nodiscard]] std::vector<Entry> joined(const std::vector<Entry>& a, const std::vector<Entry>& b) {
  std::vector<Entry> all(a.size() + b.size());
  std::merge(a.begin(), a.end(), b.begin(), b.end(), all.begin(), by_value);
  join_equal(all);
  return all;
}

void add_to_sum(std::span<ExactSum> sums, const Entry& entry) {
  if (std::isfinite(entry.value)) sums[entry.cell / 2].add(entry.value, entry.count);
}

}  // namespace

void GapValues::update(std::span<const double> values, std::span<const std::uint32_t> cells) {
  if (form_ == Form::none) return;
  if (form_ == Form::sums) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (cells[i] % 2 == 0 && std::isfinite(values[i])) sums_[cells[i] / 2].add(values[i]);
    }
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (cells[i] % 2 == 0) pending_.push_back({values[i] + 0.0, 1, cells[i]});
  }
  if (pending_.size() > kMaxPending) count_pending();
}

void GapValues::count_pending() {
  std::sort(pending_.begin(), pending_.end(), by_value);
  join_equal(pending_);
  counted_ = joined(counted_, pending_);
  pending_.clear();
  if (counted_.size() > limit_) turn_into_sums();
}

void GapValues::turn_into_sums() {
  sums_.assign(gaps(), {});
  for (const Entry& entry : counted_) add_to_sum(sums_, entry);
  for (const Entry& entry : pending_) add_to_sum(sums_, entry);
  counted_ = {};
  pending_ = {};
  form_ = Form::sums;
}

void GapValues::merge(const GapValues& other) {
  if (form_ == Form::none || other.form_ == Form::none) {
    *this = {};
    return;
  }
  DRIFTD_CHECK(cells_ == other.cells_);
  if (other.form_ == Form::sums && form_ == Form::values) turn_into_sums();
  if (form_ == Form::sums) {
    other.add_sums_to(sums_);
    return;
  }
  counted_ = joined(counted_, other.counted_);
  pending_.insert(pending_.end(), other.pending_.begin(), other.pending_.end());
  if (pending_.size() > kMaxPending || counted_.size() > limit_) count_pending();
}

std::vector<Entry> GapValues::sorted() const {
  std::vector<Entry> pending = pending_;
  std::sort(pending.begin(), pending.end(), by_value);
  return joined(counted_, pending);
}

std::optional<std::vector<Entry>> GapValues::entries() const {
  if (form_ != Form::values) return std::nullopt;
  std::vector<Entry> all = sorted();
  if (all.size() > limit_) return std::nullopt;
  return all;
}

void GapValues::add_sums_to(std::span<ExactSum> sums) const {
  DRIFTD_CHECK(form_ != Form::none && sums.size() == gaps());
  if (form_ == Form::sums) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i].add(sums_[i]);
    return;
  }
  for (const Entry& entry : counted_) add_to_sum(sums, entry);
  for (const Entry& entry : pending_) add_to_sum(sums, entry);
}

// Format: the form. Values: how many, then (value, count, distance of the cell from the one
// before). Sums: two numbers a gap. More values than may be kept are written as sums, so that the
// bytes do not depend on whether the pending ones have been counted yet.
void GapValues::write(ByteWriter& out) const {
  if (form_ == Form::values) {
    const std::vector<Entry> all = sorted();
    if (all.size() > limit_) {
      GapValues summed = *this;
      summed.turn_into_sums();
      summed.write(out);
      return;
    }
    out.byte(static_cast<std::uint8_t>(form_));
    out.varint(all.size());
    std::uint32_t previous = 0;
    for (const Entry& entry : all) {
      out.number(entry.value);
      out.varint(entry.count);
      out.varint(entry.cell - previous);
      previous = entry.cell;
    }
    return;
  }
  out.byte(static_cast<std::uint8_t>(form_));
  for (const ExactSum& sum : sums_) sum.write(out);
}

bool GapValues::read(ByteReader& in, std::uint32_t cells, GapValues& out, std::size_t limit) {
  const std::uint8_t form = in.byte();
  if (form > static_cast<std::uint8_t>(Form::sums)) return false;
  out = {};
  if (form == static_cast<std::uint8_t>(Form::none)) return in.ok();
  out = GapValues(cells, limit);
  if (form == static_cast<std::uint8_t>(Form::sums)) {
    out.form_ = Form::sums;
    out.sums_.assign(out.gaps(), {});
    for (ExactSum& sum : out.sums_) sum = ExactSum::read(in);
    return in.ok();
  }
  const std::uint64_t distinct = in.element_count();
  if (distinct > limit) return false;
  std::uint64_t cell = 0;
  for (std::uint64_t i = 0; i < distinct && in.ok(); ++i) {
    const double value = in.number();
    const std::uint64_t count = in.varint();
    cell += in.varint();
    const bool in_order = out.counted_.empty() || out.counted_.back().value < value;
    if (std::isnan(value) || !in_order || count == 0 || cell >= cells || cell % 2 != 0)
      return false;
    out.counted_.push_back({value + 0.0, count, static_cast<std::uint32_t>(cell)});
  }
  return in.ok();
}

}  // namespace driftd
