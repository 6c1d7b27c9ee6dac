#include "windows/label_join.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "core/check.h"

namespace driftd {
namespace {

[[nodiscard]] TimeMs plus(TimeMs time, DurationMs by) {
  return time > kEndOfTime - by ? kEndOfTime : time + by;
}

// Expired rows are looked for once in this share of the horizon.
constexpr DurationMs kSweepsPerHorizon = 16;

}  // namespace

LabelJoin::LabelJoin(const ModelSchema& model, const Clock& clock, std::size_t max_rows)
    : model_(model),
      clock_(clock),
      max_rows_(max_rows),
      scores_per_row_(model.scored_classes.size()) {
  index_.assign(1'024, kNone);
}

std::uint32_t LabelJoin::find(const IdHash& id) const {
  const std::size_t mask = index_.size() - 1;
  for (std::size_t at = id.low & mask;; at = (at + 1) & mask) {
    const std::uint32_t slot = index_[at];
    if (slot == kNone || rows_[slot].id == id) return slot;
  }
}

void LabelJoin::index_row(std::uint32_t slot) {
  const std::size_t mask = index_.size() - 1;
  std::size_t at = rows_[slot].id.low & mask;
  while (index_[at] != kNone) at = (at + 1) & mask;
  index_[at] = slot;
}

void LabelJoin::rebuild_index() {
  index_.assign(std::bit_ceil(std::max<std::size_t>(1'024, used_ * 2)), kNone);
  for (std::uint32_t slot = 0; slot < rows_.size(); ++slot) {
    if (rows_[slot].used) index_row(slot);
  }
}

std::uint32_t LabelJoin::insert(const IdHash& id) {
  if (used_ >= max_rows_) make_room();
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(rows_.size());
    rows_.emplace_back();
    scores_.resize(rows_.size() * scores_per_row_, std::numeric_limits<double>::quiet_NaN());
  } else {
    slot = free_.back();
    free_.pop_back();
    const bool changed = rows_[slot].changed;
    rows_[slot] = Row{};
    rows_[slot].changed = changed;
  }
  Row& row = rows_[slot];
  row.id = id;
  row.used = true;
  ++used_;
  if (used_ * 2 > index_.size()) {
    rebuild_index();
  } else {
    index_row(slot);
  }
  return slot;
}

void LabelJoin::mark(std::uint32_t slot) {
  if (rows_[slot].changed) return;
  rows_[slot].changed = true;
  changed_.push_back(slot);
}

// The index is rebuilt by the caller, once for all rows that it releases.
void LabelJoin::release(std::uint32_t slot) {
  rows_[slot].used = false;
  free_.push_back(slot);
  --used_;
  mark(slot);
}

void LabelJoin::make_room() {
  std::vector<TimeMs> times;
  times.reserve(used_);
  const auto time_of = [](const Row& row) {
    return row.predicted_at != kNoTime ? row.predicted_at : row.labelled_at;
  };
  for (const Row& row : rows_) {
    if (row.used) times.push_back(time_of(row));
  }
  const auto cut = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 10);
  std::nth_element(times.begin(), cut, times.end());
  const TimeMs oldest_kept = *cut;
  for (std::uint32_t slot = 0; slot < rows_.size(); ++slot) {
    if (rows_[slot].used && time_of(rows_[slot]) <= oldest_kept) {
      release(slot);
      ++evicted_;
    }
  }
  rebuild_index();
}

bool LabelJoin::counts(const Row& row) const {
  return row.predicted_at != kNoTime && row.labelled_at != kNoTime &&
         row.labelled_at <= plus(row.predicted_at, model_.label_horizon);
}

void LabelJoin::join(std::uint32_t slot, JoinedRows& joined) const {
  const Row& row = rows_[slot];
  JoinedRows::Row& out = joined.rows.emplace_back();
  out.version = row.version;
  out.pane = row.pane;
  out.labelled.score = row.score;
  out.labelled.predicted_class = row.predicted_class;
  out.labelled.actual_value = row.actual_value;
  out.labelled.actual_class = row.actual_class;
  const auto scores = scores_.begin() + static_cast<std::ptrdiff_t>(slot * scores_per_row_);
  joined.scores.insert(joined.scores.end(), scores,
                       scores + static_cast<std::ptrdiff_t>(scores_per_row_));
}

std::size_t LabelJoin::add_predictions(const EventBatch& batch, std::size_t from, std::size_t to,
                                       PaneAssigner& assigner, std::vector<std::uint8_t>& accepted,
                                       std::vector<std::int64_t>& panes, JoinedRows& joined,
                                       DiscardCounts& discarded) {
  const std::scoped_lock lock(mutex_);
  const TimeMs now = clock_.now();
  accepted.assign(to - from, 0);
  panes.assign(to - from, 0);
  for (std::size_t i = from; i < to; ++i) {
    assigner.observe(batch.ts[i]);
    std::uint32_t slot = find(batch.id[i]);
    if (slot != kNone && rows_[slot].predicted_at != kNoTime) {
      discarded.add(DiscardReason::duplicate_prediction);
    } else {
      if (slot == kNone) slot = insert(batch.id[i]);
      Row& row = rows_[slot];
      row.predicted_at = batch.ts[i];
      row.arrived_at = now;
      row.pane = assigner.assign(batch.version[i], batch.ts[i]);
      row.score = batch.score[i];
      row.predicted_class = batch.predicted_class[i];
      row.version = batch.version[i];
      std::copy_n(batch.class_scores.data() + i * scores_per_row_, scores_per_row_,
                  scores_.data() + slot * scores_per_row_);
      accepted[i - from] = 1;
      panes[i - from] = row.pane;
      mark(slot);
      if (counts(row)) join(slot, joined);
    }
    if (assigner.wants_close()) return i + 1;
  }
  return to;
}

std::uint64_t LabelJoin::add_labels(const LabelBatch& batch, std::size_t from, std::size_t to,
                                    JoinedRows& joined, DiscardCounts& discarded) {
  const std::scoped_lock lock(mutex_);
  const TimeMs now = clock_.now();
  std::uint64_t accepted = 0;
  for (std::size_t i = from; i < to; ++i) {
    std::uint32_t slot = find(batch.id[i]);
    if (slot != kNone && rows_[slot].labelled_at != kNoTime) {
      const Row& row = rows_[slot];
      const bool same = row.actual_class == batch.actual_class[i] &&
                        (row.actual_class != kNoClass || row.actual_value == batch.value[i]);
      discarded.add(same ? DiscardReason::duplicate_label : DiscardReason::conflicting_label);
      continue;
    }
    if (slot != kNone && batch.ts[i] > plus(rows_[slot].predicted_at, model_.label_horizon)) {
      discarded.add(DiscardReason::late_label);
      continue;
    }
    if (slot == kNone) {
      slot = insert(batch.id[i]);
      rows_[slot].arrived_at = now;
    }
    Row& row = rows_[slot];
    row.labelled_at = batch.ts[i];
    row.actual_value = batch.value[i];
    row.actual_class = batch.actual_class[i];
    ++accepted;
    mark(slot);
    if (counts(row)) join(slot, joined);
  }
  return accepted;
}

void LabelJoin::expire(TimeMs predictions_until, TimeMs labels_until) {
  const std::scoped_lock lock(mutex_);
  const TimeMs now = clock_.now();
  const DurationMs pause = std::max<DurationMs>(1, model_.label_horizon / kSweepsPerHorizon);
  const TimeMs until = std::min(predictions_until, labels_until);
  const bool time_has_passed =
      until != kNoTime && (swept_until_ == kNoTime || until >= plus(swept_until_, pause));
  const bool wall_has_passed = swept_wall_ == kNoTime || now >= plus(swept_wall_, pause);
  if (!time_has_passed && !wall_has_passed) return;
  swept_until_ = until;
  swept_wall_ = now;
  const std::size_t before = used_;
  for (std::uint32_t slot = 0; slot < rows_.size(); ++slot) {
    const Row& row = rows_[slot];
    if (!row.used) continue;
    if (row.predicted_at == kNoTime) {
      // A waiting label goes only by the predictions' time; the wall clock says nothing about it.
      if (plus(row.labelled_at, model_.label_horizon) < predictions_until) release(slot);
      continue;
    }
    const bool passed = plus(row.predicted_at, model_.label_horizon) < until;
    const bool waited = plus(row.arrived_at, model_.label_horizon) < now;
    if (passed || waited) release(slot);
  }
  if (used_ != before) rebuild_index();
}

void LabelJoin::write(const Row& row, std::uint32_t slot, std::string& out) const {
  ByteWriter writer(out);
  writer.fixed64(row.id.high);
  writer.fixed64(row.id.low);
  writer.signed_varint(row.predicted_at);
  writer.signed_varint(row.labelled_at);
  writer.signed_varint(row.arrived_at);
  writer.signed_varint(row.pane);
  writer.number(row.score);
  writer.number(row.actual_value);
  writer.varint(position(row.version));
  writer.varint(row.predicted_class);
  writer.varint(row.actual_class);
  for (std::size_t i = 0; i < scores_per_row_; ++i)
    writer.number(scores_[slot * scores_per_row_ + i]);
}

std::vector<JoinSlot> LabelJoin::take_changed() {
  const std::scoped_lock lock(mutex_);
  std::vector<JoinSlot> slots;
  slots.reserve(changed_.size());
  for (const std::uint32_t slot : changed_) {
    Row& row = rows_[slot];
    row.changed = false;
    JoinSlot& out = slots.emplace_back();
    out.slot = slot;
    out.free = !row.used;
    if (row.used) write(row, slot, out.bytes);
  }
  changed_.clear();
  return slots;
}

bool LabelJoin::restore(std::uint32_t slot, std::string_view bytes) {
  const std::scoped_lock lock(mutex_);
  if (slot >= max_rows_ * 2) return false;
  while (rows_.size() <= slot) {
    if (rows_.size() < slot) free_.push_back(static_cast<std::uint32_t>(rows_.size()));
    rows_.emplace_back();
  }
  scores_.resize(rows_.size() * scores_per_row_, std::numeric_limits<double>::quiet_NaN());
  ByteReader in(bytes);
  Row& row = rows_[slot];
  row.id.high = in.fixed64();
  row.id.low = in.fixed64();
  row.predicted_at = in.signed_varint();
  row.labelled_at = in.signed_varint();
  row.arrived_at = in.signed_varint();
  row.pane = in.signed_varint();
  row.score = in.number();
  row.actual_value = in.number();
  row.version = static_cast<VersionIndex>(in.varint());
  row.predicted_class = static_cast<ClassCode>(in.varint());
  row.actual_class = static_cast<ClassCode>(in.varint());
  for (std::size_t i = 0; i < scores_per_row_; ++i)
    scores_[slot * scores_per_row_ + i] = in.number();
  if (!in.at_end()) return false;
  row.used = true;
  ++used_;
  if (used_ * 2 > index_.size()) {
    rebuild_index();
  } else {
    index_row(slot);
  }
  return true;
}

std::size_t LabelJoin::size() const {
  const std::scoped_lock lock(mutex_);
  return used_;
}

std::uint64_t LabelJoin::evicted() const {
  const std::scoped_lock lock(mutex_);
  return evicted_;
}

}  // namespace driftd
