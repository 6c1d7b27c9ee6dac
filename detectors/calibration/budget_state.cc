#include "detectors/calibration/budget_state.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "detectors/calibration/budget_fit.h"

namespace driftd {
namespace {

constexpr std::uint8_t kFormat = 3;
// So many series must wander: a tenth of the locations, and two where there are two.
constexpr std::size_t kWanderingShare = 10;
constexpr std::size_t kLeastWandering = 2;

}  // namespace

void BudgetState::Alert::fold(Mark mark) {
  if (mark == Mark::drifting) {
    on = true;
    quiet = 0;
  } else if (mark == Mark::quiet && on && ++quiet >= kQuietWindows) {
    on = false;
    quiet = 0;
  }
}

void BudgetState::Directions::fold(int direction, std::int64_t window) {
  if (direction > 0) up = window;
  if (direction < 0) down = window;
}

BudgetState::BudgetState(std::shared_ptr<const BudgetModel> model)
    : model_(std::move(model)), series_(model_->series.size()) {}

std::optional<TimeMs> BudgetState::newest() const {
  if (starts_.empty()) return std::nullopt;
  return starts_.back();
}

void BudgetState::take(std::size_t series, Kept& kept, const Point& point, TimeMs start) const {
  const SeriesModel& model = model_->series[series];
  kept = {};
  if (!is_watched(model.learnt)) return;
  if (point.n < static_cast<double>(model_->options.min_samples)) return;
  kept.value = point.value;
  kept.n = point.n;
  const double x = model.share() ? point.value / point.n : point.value;
  kept.x_less_expected = x - model.expected_at(start);
}

void BudgetState::filter(std::size_t series, Kept& kept, double& level) const {
  const SeriesModel& model = model_->series[series];
  if (kept.n <= 0) {
    kept.residual = 0;
    model.filter.skip(level);
  } else if (model.share()) {
    kept.residual = kept.value - kept.n * kept.x_less_expected;
  } else {
    const double noise = std::sqrt(model.level_variance + model.event_variance / kept.n);
    kept.residual = model.filter.step(kept.x_less_expected / noise, level);
  }
}

void BudgetState::drop_oldest() {
  alert_before_.fold(marks_.front());
  for (std::size_t i = 0; i < series_.size(); ++i) {
    Kept& oldest = series_[i].windows.front();
    filter(i, oldest, series_[i].level_before);
    series_[i].before.fold(oldest.direction, dropped_);
    series_[i].onset_before = oldest.onset;
    series_[i].windows.erase(series_[i].windows.begin());
  }
  starts_.erase(starts_.begin());
  marks_.erase(marks_.begin());
  limits_.erase(limits_.begin());
  ++dropped_;
}

void BudgetState::append(TimeMs start, std::span<const Point> points) {
  if (starts_.size() == kKeptWindows) drop_oldest();
  starts_.push_back(start);
  marks_.push_back(Mark::not_judged);
  limits_.push_back(model_->threshold.limit());
  for (std::size_t i = 0; i < series_.size(); ++i) {
    Kept& kept = series_[i].windows.emplace_back();
    if (!points.empty()) take(i, kept, points[i], start);
    filter(i, kept, series_[i].level);
  }
}

void BudgetState::refilter() {
  for (std::size_t i = 0; i < series_.size(); ++i) {
    series_[i].level = series_[i].level_before;
    for (Kept& kept : series_[i].windows) filter(i, kept, series_[i].level);
  }
}

WindowVerdict BudgetState::step(TimeMs start, std::span<const Point> points) {
  DRIFTD_CHECK(points.size() == series_.size());
  DRIFTD_CHECK(starts_.empty() || start > starts_.back());
  const DurationMs step = model_->options.step;
  if (step > 0 && !starts_.empty()) {
    const std::int64_t skipped = std::min((start - starts_.back()) / step - 1, kMostSkipped);
    for (std::int64_t k = skipped; k > 0; --k) append(start - k * step, {});
  }
  append(start, points);
  return judge(starts_.size() - 1);
}

bool BudgetState::insert(TimeMs start) {
  const DurationMs step = model_->options.step;
  const auto found = std::ranges::lower_bound(starts_, start);
  if (found == starts_.end()) return false;
  const bool is_oldest = found == starts_.begin();
  if (is_oldest && dropped_ > 0) return false;
  auto at = found - starts_.begin();
  std::int64_t count = 1;
  if (step > 0) {
    // Between two windows by time nothing is left out.
    if (!is_oldest || (starts_.front() - start) % step != 0) return false;
    count = (starts_.front() - start) / step;
    if (count >
        static_cast<std::int64_t>(kReplayWindows - std::min(kReplayWindows, starts_.size())))
      return false;
  } else if (static_cast<std::size_t>(at) + kReplayWindows < starts_.size() + 1) {
    return false;
  }
  if (starts_.size() == kKeptWindows) {
    drop_oldest();
    --at;
  }
  for (std::int64_t k = count - 1; k >= 0; --k) {
    starts_.insert(starts_.begin() + at, start + k * step);
    marks_.insert(marks_.begin() + at, Mark::not_judged);
    limits_.insert(limits_.begin() + at, model_->threshold.limit());
    for (Series& series : series_) series.windows.insert(series.windows.begin() + at, Kept{});
  }
  return true;
}

std::vector<WindowVerdict> BudgetState::revise(TimeMs start, std::span<const Point> points) {
  DRIFTD_CHECK(points.size() == series_.size());
  std::vector<WindowVerdict> verdicts;
  if (!std::ranges::binary_search(starts_, start) && !insert(start)) return verdicts;
  const auto window =
      static_cast<std::size_t>(std::ranges::lower_bound(starts_, start) - starts_.begin());
  if (window + kReplayWindows < starts_.size()) return verdicts;
  if (marks_[window] == Mark::not_judged) limits_[window] = model_->threshold.limit();
  for (std::size_t i = 0; i < series_.size(); ++i) {
    take(i, series_[i].windows[window], points[i], start);
  }
  refilter();
  for (std::size_t t = window; t < starts_.size(); ++t) verdicts.push_back(judge(t));
  return verdicts;
}

void BudgetState::adopt(std::shared_ptr<const BudgetModel> model, bool forgive) {
  DRIFTD_CHECK(model->series.size() == series_.size());
  for (std::size_t i = 0; i < series_.size(); ++i) {
    DRIFTD_CHECK(model->series[i].spec == model_->series[i].spec);
  }
  model_ = std::move(model);
  limits_.assign(starts_.size(), model_->threshold.limit());
  alert_before_ = {};
  for (std::size_t i = 0; i < series_.size(); ++i) {
    series_[i].level_before = 0;
    series_[i].before = {};
    series_[i].onset_before = kNoOnset;
    for (std::size_t t = 0; t < starts_.size(); ++t) {
      Kept& kept = series_[i].windows[t];
      take(i, kept, {kept.value, 0, kept.n}, starts_[t]);
    }
  }
  refilter();
  for (std::size_t t = 0; t < starts_.size(); ++t) {
    static_cast<void>(judge(t));
    if (!forgive) continue;
    if (marks_[t] == Mark::drifting) marks_[t] = Mark::quiet;
    for (Series& series : series_) series.windows[t].direction = 0;
  }
}

BudgetState::Alert BudgetState::alert_after(std::size_t window) const {
  Alert alert = alert_before_;
  for (std::size_t t = 0; t <= window; ++t) alert.fold(marks_[t]);
  return alert;
}

bool BudgetState::wanders(const Series& series, std::size_t window) const {
  Directions directions = series.before;
  for (std::size_t t = 0; t <= window; ++t) {
    directions.fold(series.windows[t].direction, dropped_ + static_cast<std::int64_t>(t));
  }
  const std::int64_t oldest = dropped_ + static_cast<std::int64_t>(window) - kWanderWindows;
  return directions.up > oldest && directions.down > oldest;
}

bool BudgetState::is_unfamiliar(std::size_t window) const {
  std::size_t locations = 0;
  std::size_t wandering = 0;
  for (std::size_t i = 0; i < series_.size(); ++i) {
    const SeriesModel& model = model_->series[i];
    if (model.spec.kind != SeriesKind::location || !is_watched(model.learnt)) continue;
    ++locations;
    wandering += wanders(series_[i], window);
  }
  const std::size_t wanted = std::max(std::min(kLeastWandering, locations),
                                      (locations + kWanderingShare - 1) / kWanderingShare);
  return locations > 0 && wandering >= wanted;
}

int BudgetState::began(std::size_t window, int w) const {
  // Once windows have been dropped there are always more than the longest scale.
  return dropped_ > 0 ? w : std::min(w, static_cast<int>(window) + 1);
}

SeriesVerdict BudgetState::judge_series(std::size_t series, std::size_t window,
                                        Together& together) const {
  SeriesVerdict verdict;
  const SeriesModel& model = model_->series[series];
  const std::vector<Kept>& windows = series_[series].windows;
  if (windows[window].n <= 0) return verdict;
  verdict.n = windows[window].n;
  verdict.limit = limits_[window];
  verdict.expected = model.expected_at(starts_[window]);

  std::array<double, kLongestScale> residuals{};
  const std::size_t kept = std::min<std::size_t>(window + 1, kLongestScale);
  for (std::size_t k = 0; k < kept; ++k) {
    residuals[kLongestScale - 1 - k] = windows[window - k].residual;
  }
  const bool location = model.spec.kind == SeriesKind::location;
  ShareSum sum;
  double effect_sum = 0;
  int said = 0;
  std::size_t reached = 0;
  for (int scale = 0; scale < model.scan.scales(); ++scale) {
    const int w = kScaleWindows[static_cast<std::size_t>(scale)];
    for (; reached < std::min<std::size_t>(kept, static_cast<std::size_t>(w)); ++reached) {
      const Kept& one = windows[window - reached];
      if (one.n <= 0) continue;
      ++said;
      effect_sum += one.x_less_expected;
      sum.n += one.n;
      sum.count += one.value;
      sum.expected += one.residual;
    }
    const double z =
        model.share() ? model.scan.of_share(sum, scale) : model.scan.of_residuals(residuals, scale);
    const double effect = model.share() ? (sum.count - sum.expected) / sum.n : effect_sum / said;
    if (location) {
      together.squares[static_cast<std::size_t>(scale)] += z * z;
      together.effects[static_cast<std::size_t>(scale)] += effect * effect;
    }
    const bool bad = !model_->options.only_rises || z > 0;
    const bool significant =
        bad && std::abs(z) > verdict.limit && std::abs(effect) >= model_->least_effect(model, w);
    const bool better = !verdict.z || (significant && !verdict.significant) ||
                        (significant == verdict.significant && std::abs(z) > std::abs(*verdict.z));
    if (!better) continue;
    verdict.z = z;
    verdict.began = began(window, w);
    verdict.effect = effect;
    verdict.significant = significant;
  }
  if (location && model.scan.scales() > 0) {
    ++together.locations;
    together.most_n = std::max(together.most_n, verdict.n);
  }
  if (verdict.z) verdict.p_value = model_->p_value(*verdict.z);
  return verdict;
}

SeriesVerdict BudgetState::judge_all(std::size_t window, const Together& together) const {
  SeriesVerdict verdict;
  const CombinedModel& combined = model_->combined;
  // With some of its series silent the statistic has another distribution than the history's.
  if (combined.scales == 0 || together.locations != combined.series) return verdict;
  verdict.limit = limits_[window];
  verdict.n = together.most_n;
  for (int scale = 0; scale < combined.scales; ++scale) {
    const auto at = static_cast<std::size_t>(scale);
    const double z = combined.deviate(together.squares[at] / together.locations, scale);
    const double effect = std::sqrt(together.effects[at] / together.locations);
    const bool significant = z > verdict.limit && effect >= model_->options.min_effect;
    const bool better = !verdict.z || (significant && !verdict.significant) ||
                        (significant == verdict.significant && z > *verdict.z);
    if (!better) continue;
    verdict.z = z;
    verdict.began = began(window, kScaleWindows[at]);
    verdict.effect = effect;
    verdict.significant = significant;
  }
  if (*verdict.z > 0) verdict.p_value = model_->p_value(*verdict.z);
  return verdict;
}

WindowVerdict BudgetState::scan(std::size_t window) const {
  WindowVerdict verdict;
  verdict.start = starts_[window];
  Together together;
  for (std::size_t i = 0; i < series_.size(); ++i) {
    verdict.series.push_back(judge_series(i, window, together));
    verdict.judged = verdict.judged || verdict.series.back().z.has_value();
    verdict.drifting = verdict.drifting || verdict.series.back().significant;
  }
  verdict.all = judge_all(window, together);
  verdict.drifting = verdict.drifting || verdict.all.significant;
  return verdict;
}

void BudgetState::fold_alert(std::size_t window, WindowVerdict& verdict) const {
  verdict.alerting = alert_after(window).on;
  verdict.unfamiliar = verdict.alerting && !model_->assumed && is_unfamiliar(window);
}

void BudgetState::note_onset(Series& series, std::size_t window,
                             const SeriesVerdict& verdict) const {
  Kept& kept = series.windows[window];
  const std::int64_t before = window > 0 ? series.windows[window - 1].onset : series.onset_before;
  const std::int64_t number = dropped_ + static_cast<std::int64_t>(window);
  if (kept.n <= 0) {
    kept.onset = before;  // it says nothing, and so does not end anything
  } else if (!verdict.significant) {
    kept.onset = kNoOnset;
  } else {
    kept.onset = before != kNoOnset ? before : number - verdict.began + 1;
  }
}

void BudgetState::note_lasting(std::size_t window, WindowVerdict& verdict) const {
  const std::int64_t number = dropped_ + static_cast<std::int64_t>(window);
  for (std::size_t i = 0; i < series_.size(); ++i) {
    SeriesVerdict& one = verdict.series[i];
    one.lasting = one.significant ? number - series_[i].windows[window].onset + 1 : one.began;
  }
  verdict.all.lasting = verdict.all.began;
}

WindowVerdict BudgetState::judge(std::size_t window) {
  WindowVerdict verdict = scan(window);
  for (std::size_t i = 0; i < series_.size(); ++i) {
    const SeriesVerdict& one = verdict.series[i];
    const bool counts = one.significant && model_->series[i].spec.kind == SeriesKind::location;
    series_[i].windows[window].direction = !counts ? 0 : *one.z > 0 ? 1 : -1;
    note_onset(series_[i], window, one);
  }
  note_lasting(window, verdict);
  marks_[window] = !verdict.judged    ? Mark::not_judged
                   : verdict.drifting ? Mark::drifting
                                      : Mark::quiet;
  fold_alert(window, verdict);
  return verdict;
}

std::vector<TimeMs> BudgetState::looked_back_on() const {
  const std::size_t count = std::min(starts_.size(), kReplayWindows);
  return {starts_.end() - static_cast<std::ptrdiff_t>(count), starts_.end()};
}

std::optional<WindowVerdict> BudgetState::verdict(TimeMs start) const {
  const auto found = std::ranges::lower_bound(starts_, start);
  if (found == starts_.end() || *found != start) return std::nullopt;
  const auto window = static_cast<std::size_t>(found - starts_.begin());
  // What it is judged by reaches further back than what is kept.
  if (dropped_ > 0 && window + 1 < kLongestScale) return std::nullopt;
  WindowVerdict verdict = scan(window);
  note_lasting(window, verdict);
  fold_alert(window, verdict);
  return verdict;
}

void BudgetState::respend(std::shared_ptr<const BudgetModel> model) {
  DRIFTD_CHECK(model->series.size() == series_.size());
  model_ = std::move(model);
}

void BudgetState::write(ByteWriter& out) const {
  out.byte(kFormat);
  out.varint(series_.size());
  out.varint(starts_.size());
  for (const TimeMs start : starts_) out.signed_varint(start);
  for (const Mark mark : marks_) out.byte(static_cast<std::uint8_t>(mark));
  for (const double limit : limits_) out.number(limit);
  out.byte(alert_before_.on ? 1 : 0);
  out.varint(static_cast<std::uint64_t>(alert_before_.quiet));
  out.signed_varint(dropped_);
  for (std::size_t i = 0; i < series_.size(); ++i) {
    if (!is_watched(model_->series[i].learnt)) continue;
    const bool share = model_->series[i].share();
    out.number(series_[i].level_before);
    out.signed_varint(series_[i].before.up);
    out.signed_varint(series_[i].before.down);
    out.signed_varint(series_[i].onset_before);
    for (const Kept& kept : series_[i].windows) {
      // Both are counts of events, whole numbers.
      out.varint(static_cast<std::uint64_t>(kept.n));
      out.signed_varint(kept.onset);
      if (kept.n <= 0) continue;
      out.signed_varint(kept.direction);
      if (share) {
        out.varint(static_cast<std::uint64_t>(kept.value));
      } else {
        out.number(kept.value);
      }
    }
  }
}

bool BudgetState::read(ByteReader& in) {
  if (in.byte() != kFormat || in.varint() != series_.size()) return false;
  const std::uint64_t windows = in.element_count();
  if (windows > kKeptWindows) return false;
  std::vector<TimeMs> starts(windows);
  for (TimeMs& start : starts) start = in.signed_varint();
  std::vector<Mark> marks(windows);
  for (Mark& mark : marks) {
    const std::uint8_t value = in.byte();
    if (value > static_cast<std::uint8_t>(Mark::drifting)) return false;
    mark = static_cast<Mark>(value);
  }
  for (std::size_t t = 1; t < starts.size(); ++t) {
    if (starts[t] <= starts[t - 1]) return false;
  }
  std::vector<double> limits(windows);
  for (double& limit : limits) limit = in.number();
  Alert alert;
  alert.on = in.byte() != 0;
  alert.quiet = static_cast<int>(in.varint());
  const std::int64_t dropped = in.signed_varint();
  std::vector<Series> series(series_.size());
  for (std::size_t i = 0; i < series.size(); ++i) {
    series[i].windows.resize(windows);
    if (!is_watched(model_->series[i].learnt)) continue;
    const bool share = model_->series[i].share();
    series[i].level_before = in.number();
    series[i].before.up = in.signed_varint();
    series[i].before.down = in.signed_varint();
    series[i].onset_before = in.signed_varint();
    for (std::size_t t = 0; t < windows; ++t) {
      const auto n = static_cast<double>(in.varint());
      const std::int64_t onset = in.signed_varint();
      series[i].windows[t].onset = onset;
      if (n <= 0) continue;
      const auto direction = static_cast<int>(in.signed_varint());
      const double value = share ? static_cast<double>(in.varint()) : in.number();
      take(i, series[i].windows[t], {value, 0, n}, starts[t]);
      series[i].windows[t].direction = direction;
      series[i].windows[t].onset = onset;
    }
  }
  if (!in.ok()) return false;
  starts_ = std::move(starts);
  marks_ = std::move(marks);
  limits_ = std::move(limits);
  alert_before_ = alert;
  dropped_ = dropped;
  series_ = std::move(series);
  refilter();
  return true;
}

}  // namespace driftd
