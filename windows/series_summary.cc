#include "windows/series_summary.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace driftd {
namespace {

// FNV-1a: the order of the kept categories is part of the stored format, so the hash is fixed here
// and not a library's.
[[nodiscard]] std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xCBF2'9CE4'8422'2325ull;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x0000'0100'0000'01B3ull;
  }
  // FNV's high bits mix badly for short texts; a final avalanche (splitmix64) makes the order look
  // random.
  hash ^= hash >> 30;
  hash *= 0xBF58'476D'1CE4'E5B9ull;
  hash ^= hash >> 27;
  hash *= 0x94D0'49BB'1331'11EBull;
  return hash ^ (hash >> 31);
}

}  // namespace

void Moments::merge(const Moments& other) {
  if (other.count == 0) return;
  if (count == 0) {
    *this = other;
    return;
  }
  const double total = static_cast<double>(count + other.count);
  const double delta = other.mean - mean;
  const double share = static_cast<double>(other.count) / total;
  mean += delta * share;
  squares += other.squares + delta * delta * static_cast<double>(count) * share;
  count += other.count;
}

Moments moments_of(std::span<const double> values) {
  Moments moments;
  moments.count = values.size();
  if (values.empty()) return moments;
  // From the first value on, not from zero: values that are large beside their spread would lose
  // it.
  const auto rows = static_cast<double>(values.size());
  const double pivot = values.front();
  double sum = 0;
  for (const double value : values) sum += value - pivot;
  moments.mean = pivot + sum / rows;
  if (!std::isfinite(moments.mean)) {
    // The sum left a double's range: scale each term before adding.
    moments.mean = 0;
    for (const double value : values) moments.mean += value / rows;
  }
  // The second sum takes back what the mean has lost to rounding (Chan, Golub and LeVeque 1983).
  double rest = 0;
  for (const double value : values) {
    const double distance = value - moments.mean;
    moments.squares += distance * distance;
    rest += distance;
  }
  if (std::isfinite(moments.squares))
    moments.squares = std::max(0.0, moments.squares - rest * rest / rows);
  return moments;
}

void NumericSummary::update(const RankIndex& index, std::span<const double> column,
                            Scratch& scratch) {
  scratch.values.resize(column.size());
  std::size_t present = 0;
  for (const double value : column) {
    // The marks are NaN; everything else is a value and is kept without a branch.
    scratch.values[present] = value;
    present += value == value;
  }
  if (present != column.size()) {
    for (const double value : column) {
      if (value == value) continue;
      ++(is_wrong_type(value) ? wrong_type : missing);
    }
  }
  const std::span<const double> values(scratch.values.data(), present);
  scratch.cells.resize(present);
  index.cells(values, scratch.cells.data());
  counters.update({scratch.cells.data(), present});
  gaps.update(values, {scratch.cells.data(), present});

  std::span<const double> finite = values;
  if (std::any_of(values.begin(), values.end(), [](double value) { return std::isinf(value); })) {
    scratch.finite.clear();
    std::copy_if(values.begin(), values.end(), std::back_inserter(scratch.finite),
                 [](double value) { return std::isfinite(value); });
    non_finite += values.size() - scratch.finite.size();
    finite = scratch.finite;
  }
  moments.merge(moments_of(finite));
  for (const double value : finite) {
    minimum = std::min(minimum, value);
    maximum = std::max(maximum, value);
  }
}

void NumericSummary::merge(const NumericSummary& other) {
  counters.merge(other.counters);
  missing += other.missing;
  wrong_type += other.wrong_type;
  non_finite += other.non_finite;
  moments.merge(other.moments);
  minimum = std::min(minimum, other.minimum);
  maximum = std::max(maximum, other.maximum);
  gaps.merge(other.gaps);
}

void NumericSummary::write(ByteWriter& out) const {
  counters.write(out);
  out.varint(missing);
  out.varint(wrong_type);
  out.varint(non_finite);
  out.varint(moments.count);
  out.number(moments.mean);
  out.number(moments.squares);
  out.number(minimum);
  out.number(maximum);
  gaps.write(out);
}

bool NumericSummary::read(ByteReader& in, std::uint32_t cells, NumericSummary& out) {
  if (!CellCounters::read(in, cells, out.counters)) return false;
  out.missing = in.varint();
  out.wrong_type = in.varint();
  out.non_finite = in.varint();
  out.moments.count = in.varint();
  out.moments.mean = in.number();
  out.moments.squares = in.number();
  out.minimum = in.number();
  out.maximum = in.number();
  return GapValues::read(in, cells, out.gaps) && in.ok();
}

void UnseenCategories::add(std::string_view text, std::uint64_t times) {
  total_ += times;
  Key key{stable_hash(text), std::string(text)};
  if (const auto found = counts_.find(key); found != counts_.end()) {
    found->second += times;
    return;
  }
  counts_.emplace(std::move(key), times);
  trim();
}

void UnseenCategories::trim() {
  while (counts_.size() > kMaxUnseen) {
    const auto last = std::prev(counts_.end());
    other_ += last->second;
    counts_.erase(last);
  }
}

void UnseenCategories::merge(const UnseenCategories& other) {
  for (const auto& [key, times] : other.counts_) counts_[key] += times;
  other_ += other.other_;
  total_ += other.total_;
  trim();
}

void UnseenCategories::write(ByteWriter& out) const {
  out.varint(other_);
  out.varint(counts_.size());
  for (const auto& [key, times] : counts_) {
    out.text(key.text);
    out.varint(times);
  }
}

bool UnseenCategories::read(ByteReader& in, UnseenCategories& out) {
  out = {};
  out.other_ = in.varint();
  out.total_ = out.other_;
  const std::uint64_t distinct = in.element_count();
  if (distinct > kMaxUnseen) return false;
  for (std::uint64_t i = 0; i < distinct && in.ok(); ++i) {
    const std::string_view text = in.text();
    out.add(text, in.varint());
  }
  return in.ok();
}

void CategorySummary::update(const Column& column, std::span<const std::uint32_t> codes,
                             Scratch& scratch) {
  scratch.codes.clear();
  for (const std::uint32_t code : codes) {
    if (code < counters.cells()) {
      scratch.codes.push_back(code);
    } else if (code == kMissingCategory) {
      ++missing;
    } else if (code == kWrongTypeCategory) {
      ++wrong_type;
    } else {
      const std::uint32_t at = code - counters.cells();
      DRIFTD_CHECK(at < column.unseen_size);
      unseen.add(column.unseen[at]);
    }
  }
  counters.update(scratch.codes);
}

void CategorySummary::merge(const CategorySummary& other) {
  counters.merge(other.counters);
  unseen.merge(other.unseen);
  missing += other.missing;
  wrong_type += other.wrong_type;
}

void CategorySummary::write(ByteWriter& out) const {
  counters.write(out);
  unseen.write(out);
  out.varint(missing);
  out.varint(wrong_type);
}

bool CategorySummary::read(ByteReader& in, std::uint32_t reference_categories,
                           CategorySummary& out) {
  if (!CellCounters::read(in, reference_categories, out.counters)) return false;
  if (!UnseenCategories::read(in, out.unseen)) return false;
  out.missing = in.varint();
  out.wrong_type = in.varint();
  return in.ok();
}

}  // namespace driftd
