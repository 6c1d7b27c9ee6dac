#include "windows/label_join.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "core/check.h"

namespace driftd {
namespace {

static_assert(std::endian::native == std::endian::little, "rows are stored as they are in memory");

// A segment holds this share of the horizon, so that an expired row stays for at most that much
// longer.
constexpr DurationMs kSegmentsPerHorizon = 16;

// How many events ahead the index is fetched into the cache.
constexpr std::size_t kPrefetched = 16;

[[nodiscard]] TimeMs plus(TimeMs time, DurationMs by) {
  return time > kEndOfTime - by ? kEndOfTime : time + by;
}

}  // namespace

std::size_t LabelJoin::row_bytes(const ModelSchema& model) {
  return sizeof(Row) + model.scored_classes.size() * sizeof(double);
}

LabelJoin::LabelJoin(const ModelSchema& model, MemoryBudget& budget,
                     std::unique_ptr<JoinRowStore> rows, LabelJoinLimits limits)
    : model_(model),
      scores_per_row_(model.scored_classes.size()),
      limits_(limits),
      rows_(std::move(rows)),
      index_(budget),
      bytes_(row_bytes(model)),
      scores_(scores_per_row_) {}

// --- Rows

RowIndex::Place LabelJoin::find(const IdHash& id) {
  return index_.find(id, [&](RowNumber number) {
    if (!rows_->read(number, bytes_)) {
      if (!damage_) damage_ = number;
      return false;
    }
    std::memcpy(&found_, bytes_.data(), sizeof(Row));
    if (found_.id != id || is_expired(found_)) return false;
    if (!scores_.empty())
      std::memcpy(scores_.data(), bytes_.data() + sizeof(Row), bytes_.size() - sizeof(Row));
    return true;
  });
}

LabelJoin::Segment& LabelJoin::segment_of(RowNumber number) {
  // Labels mostly come for rows of any age, and the segments are few.
  const auto after =
      std::upper_bound(segments_.begin(), segments_.end(), number,
                       [](RowNumber wanted, const Segment& s) { return wanted < s.first; });
  DRIFTD_CHECK(after != segments_.begin());
  return *std::prev(after);
}

std::uint64_t& LabelJoin::kind_of(Segment& segment, const Row& row) {
  if (row.predicted_at == kNoTime) return segment.waiting;
  return row.labelled_at == kNoTime ? segment.predictions : segment.joined;
}

void LabelJoin::note(Segment& segment, const Row& row) {
  ++kind_of(segment, row);
  const bool predicted = row.predicted_at != kNoTime;
  const TimeMs time = predicted ? row.predicted_at : row.labelled_at;
  TimeMs& last = predicted ? segment.last_prediction : segment.last_waiting;
  last = std::max(last, time);
  if (segment.begun == kNoTime) segment.begun = time;
}

void LabelJoin::take_back(const Row& row, RowNumber number) { --kind_of(segment_of(number), row); }

// Appends `row` with the scores in `scores_` as the newest version of its id.
void LabelJoin::add(Row& row, const RowIndex::Place& place) {
  if (segments_.empty() || rows_in_last() >= limits_.rows_per_segment) begin_segment();
  const RowNumber number = rows_->next();
  row.previous = place.row;
  std::memcpy(bytes_.data(), &row, sizeof(Row));
  if (!scores_.empty())
    std::memcpy(bytes_.data() + sizeof(Row), scores_.data(), bytes_.size() - sizeof(Row));
  rows_->append(bytes_);
  index_.set_alive(segments_.front().first, rows_->next());
  if (place.row == kNoRow) {
    index_.insert(row.id, number);
  } else {
    index_.replace(place, number);
  }
  note(segments_.back(), row);
}

void LabelJoin::begin_segment() {
  rows_->begin_segment();
  segments_.push_back({.first = rows_->next()});
}

void LabelJoin::drop_first_segment() {
  index_.note_dead(segments_.front().alive());
  segments_.pop_front();
  rows_->drop_first_segment();
  index_.set_alive(segments_.front().first, rows_->next());
}

void LabelJoin::make_room() {
  while (index_.full() && index_.alive() > 0) {
    if (segments_.size() == 1) begin_segment();
    counts_.evicted += segments_.front().alive();
    drop_first_segment();
  }
}

// --- Joining

bool LabelJoin::label_counts(const Row& row) const {
  return row.predicted_at != kNoTime && row.labelled_at != kNoTime &&
         row.labelled_at <= plus(row.predicted_at, model_.label_horizon);
}

void LabelJoin::join(const Row& row, JoinedRows& joined) const {
  JoinedRows::Row& out = joined.rows.emplace_back();
  out.version = static_cast<VersionIndex>(row.version);
  out.pane = row.pane;
  out.label_delay = row.labelled_at - row.predicted_at;
  out.labelled.score = row.score;
  out.labelled.predicted_class = class_of(row.predicted_class);
  out.labelled.actual_value = row.actual_value;
  out.labelled.actual_class = class_of(row.actual_class);
  joined.scores.insert(joined.scores.end(), scores_.begin(), scores_.end());
}

std::size_t LabelJoin::add_predictions(const EventBatch& batch, std::size_t from, std::size_t to,
                                       PaneAssigner& assigner, std::vector<std::uint8_t>& accepted,
                                       std::vector<std::int64_t>& panes, JoinedRows& joined,
                                       DiscardCounts& discarded) {
  const std::scoped_lock lock(mutex_);
  accepted.assign(to - from, 0);
  panes.assign(to - from, 0);
  for (std::size_t i = from; i < to; ++i) {
    if (i + kPrefetched < to) index_.prefetch(batch.id[i + kPrefetched]);
    assigner.observe(batch.ts[i]);
    if (index_.full()) make_room();
    const RowIndex::Place place = find(batch.id[i]);
    if (place.row != kNoRow && found_.predicted_at != kNoTime) {
      discarded.add(DiscardReason::duplicate_prediction);
      panes[i - from] = assigner.assign_duplicate(batch.version[i], batch.ts[i]);
    } else {
      Row row = place.row == kNoRow ? Row{.id = batch.id[i]} : found_;
      if (place.row != kNoRow) {
        take_back(found_, place.row);
        row.label_was_first = 1;
      }
      row.predicted_at = batch.ts[i];
      row.pane = assigner.assign(batch.version[i], batch.ts[i]);
      row.score = batch.score[i];
      row.predicted_class = stored_class(batch.predicted_class[i]);
      row.version = static_cast<std::uint16_t>(position(batch.version[i]));
      std::copy_n(batch.class_scores.data() + i * scores_per_row_, scores_per_row_,
                  scores_.begin());
      accepted[i - from] = 1;
      panes[i - from] = row.pane;
      add(row, place);
      if (label_counts(row)) join(row, joined);
    }
    if (assigner.wants_close()) return i + 1;
  }
  return to;
}

std::uint64_t LabelJoin::add_labels(const LabelBatch& batch, std::size_t from, std::size_t to,
                                    JoinedRows& joined, DiscardCounts& discarded) {
  const std::scoped_lock lock(mutex_);
  std::uint64_t accepted = 0;
  for (std::size_t i = from; i < to; ++i) {
    if (i + kPrefetched < to) index_.prefetch(batch.id[i + kPrefetched]);
    if (index_.full()) make_room();
    const RowIndex::Place place = find(batch.id[i]);
    if (place.row != kNoRow) {
      if (found_.labelled_at != kNoTime) {
        const bool same =
            class_of(found_.actual_class) == batch.actual_class[i] &&
            (batch.actual_class[i] != kNoClass || found_.actual_value == batch.value[i]);
        discarded.add(same ? DiscardReason::duplicate_label : DiscardReason::conflicting_label);
        continue;
      }
      if (batch.ts[i] > plus(found_.predicted_at, model_.label_horizon)) {
        discarded.add(DiscardReason::late_label);
        continue;
      }
      take_back(found_, place.row);
    } else {
      std::fill(scores_.begin(), scores_.end(), std::numeric_limits<double>::quiet_NaN());
    }
    Row row = place.row == kNoRow ? Row{.id = batch.id[i]} : found_;
    row.labelled_at = batch.ts[i];
    row.actual_value = batch.value[i];
    row.actual_class = stored_class(batch.actual_class[i]);
    ++accepted;
    add(row, place);
    if (label_counts(row)) join(row, joined);
  }
  return accepted;
}

// --- Expiry

bool LabelJoin::is_expired(const Row& row) const {
  // A waiting label goes only by the predictions' time.
  if (row.predicted_at == kNoTime)
    return plus(row.labelled_at, model_.label_horizon) < expired_.predictions_until;
  return plus(row.predicted_at, model_.label_horizon) < expired_.until;
}

// True where all of its rows are expired.
bool LabelJoin::is_over(const Segment& segment) const {
  const DurationMs horizon = model_.label_horizon;
  const bool labels_over = segment.last_waiting == kNoTime ||
                           plus(segment.last_waiting, horizon) < expired_.predictions_until;
  const bool predictions_over =
      segment.last_prediction == kNoTime || plus(segment.last_prediction, horizon) < expired_.until;
  return labels_over && predictions_over;
}

void LabelJoin::expire(TimeMs predictions_until, TimeMs labels_until) {
  const std::scoped_lock lock(mutex_);
  expired_.predictions_until = std::max(expired_.predictions_until, predictions_until);
  expired_.until = std::max(expired_.until, std::min(predictions_until, labels_until));
  if (segments_.empty()) return;
  const Segment& last = segments_.back();
  const TimeMs latest = std::max(last.last_prediction, last.last_waiting);
  const DurationMs span = std::max<DurationMs>(1, model_.label_horizon / kSegmentsPerHorizon);
  const bool is_long = rows_in_last() > 0 && latest >= plus(last.begun, span) &&
                       segments_.size() < limits_.segments_by_time;
  // The last segment goes like any other once it is over, so it must not be the last any more.
  const bool is_done = rows_in_last() > 0 && is_over(last);
  if (is_long || is_done) begin_segment();
  while (segments_.size() > 1 && is_over(segments_.front())) {
    counts_.expired_predictions += segments_.front().predictions;
    counts_.expired_labels += segments_.front().waiting;
    drop_first_segment();
  }
}

// --- At a start

LabelJoin::Expired LabelJoin::expired() const {
  const std::scoped_lock lock(mutex_);
  return expired_;
}

void LabelJoin::recall_expired(const Expired& expired) {
  const std::scoped_lock lock(mutex_);
  expired_ = expired;
}

void LabelJoin::begin_stored_segment(const JoinSegment& segment) {
  const std::scoped_lock lock(mutex_);
  segments_.push_back({.first = segment.first});
}

bool LabelJoin::recall(RowNumber number, std::span<const std::byte> bytes) {
  const std::scoped_lock lock(mutex_);
  if (bytes.size() != bytes_.size() || segments_.empty()) return false;
  Row row;
  std::memcpy(&row, bytes.data(), sizeof(Row));
  index_.set_alive(segments_.front().first, number + 1);
  // The version before is in the index if its segment is still there.
  RowIndex::Place place;
  if (row.previous != kNoRow && row.previous >= segments_.front().first) {
    if (row.previous >= number) return false;
    place = index_.find(row.id, [&](RowNumber found) { return found == row.previous; });
    if (place.row == kNoRow) return false;
  }
  if (place.row == kNoRow) {
    if (index_.full()) return false;
    index_.insert(row.id, number);
  } else {
    Segment& segment = segment_of(place.row);
    --(row.label_was_first != 0 ? segment.waiting : segment.predictions);
    index_.replace(place, number);
  }
  note(segments_.back(), row);
  return true;
}

JoinCounts LabelJoin::counts() const {
  const std::scoped_lock lock(mutex_);
  JoinCounts counts = counts_;
  counts.rows = index_.alive();
  return counts;
}

std::optional<RowNumber> LabelJoin::damage() const {
  const std::scoped_lock lock(mutex_);
  return damage_;
}

std::vector<JoinSegment> LabelJoin::begin_checkpoint() {
  const std::scoped_lock lock(mutex_);
  rows_->begin_checkpoint();
  std::vector<JoinSegment> segments;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const RowNumber end = i + 1 < segments_.size() ? segments_[i + 1].first : rows_->next();
    if (end > segments_[i].first)
      segments.push_back({segments_[i].first, end - segments_[i].first});
  }
  return segments;
}

void LabelJoin::commit() {
  const std::scoped_lock lock(mutex_);
  rows_->commit();
}

}  // namespace driftd
