#include "daemon/budget_watch.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace driftd {
namespace {

constexpr std::uint8_t kFormat = 2;
// Budgets that differ by less lead to the same threshold.
constexpr double kSameBudget = 1e-9;

// Of the first window: how many events a window usually has.
[[nodiscard]] double events_of(std::span<const Point> points) {
  double most = 0;
  for (const Point& point : points) most = std::max(most, point.n);
  return most;
}

void write_point(ByteWriter& out, const SeriesSpec& spec, const Point& point) {
  out.varint(static_cast<std::uint64_t>(point.n));
  if (point.n <= 0) return;
  if (is_share(spec.kind)) {
    out.varint(static_cast<std::uint64_t>(point.value));
    return;
  }
  out.number(point.value);
  out.number(point.variance);
}

[[nodiscard]] Point read_point(ByteReader& in, const SeriesSpec& spec) {
  Point point;
  point.n = static_cast<double>(in.varint());
  if (point.n <= 0) return point;
  if (is_share(spec.kind)) {
    point.value = static_cast<double>(in.varint());
    return point;
  }
  point.value = in.number();
  point.variance = in.number();
  return point;
}

[[nodiscard]] bool has_series(const BudgetModel& model, const BudgetGroup& group) {
  return std::ranges::equal(model.series, group.specs, {}, &SeriesModel::spec);
}

[[nodiscard]] std::shared_ptr<const BudgetModel> assumed_model(const BudgetGroup& group,
                                                               std::span<const Point> first,
                                                               double budget) {
  BudgetOptions options = group.options;
  options.budget = budget;
  return std::make_shared<const BudgetModel>(
      assume_budget(group.specs, group.anchors,
                    group.usual_events > 0 ? group.usual_events : events_of(first), options));
}

}  // namespace

void BudgetWatch::begin(const BudgetGroup& group, TimeMs start, std::span<const Point> points,
                        double budget) {
  own_ = group.fitted == nullptr;
  first_ = start;
  if (group.stays_assumed) fits_ = static_cast<int>(kLearningDays.size());
  state_.emplace(own_ ? assumed_model(group, points, budget) : group.fitted);
}

void BudgetWatch::gather(const BudgetGroup& group, TimeMs start, std::span<const Point> points,
                         double budget) {
  remember(start, points, history_.starts.empty() || start > history_.starts.back());
  if (history_.starts.size() < group.learn) return;
  BudgetOptions options = group.options;
  options.budget = budget;
  Result<BudgetModel> model = fit_budget(group.specs, history_, options);
  if (!model) {
    spdlog::warn("nothing can be learnt from {} live windows: {}", history_.starts.size(),
                 model.error().message);
    history_.starts.erase(history_.starts.begin());
    history_.windows.erase(history_.windows.begin());
    return;
  }
  spdlog::info("what is normal has been learnt from {} live windows", history_.starts.size());
  for (const std::string& limitation : limitations(*model)) spdlog::info("{}", limitation);
  own_ = true;
  fits_ = static_cast<int>(kLearningDays.size());
  history_ = {};
  state_.emplace(std::make_shared<const BudgetModel>(std::move(*model)));
}

std::optional<std::size_t> BudgetWatch::learning(const BudgetGroup& group) const {
  if (state_ || group.learn == 0) return std::nullopt;
  return history_.starts.size();
}

void BudgetWatch::spend(double budget) {
  const double before = state_->model().options.budget;
  if (std::abs(budget - before) <= kSameBudget * before) return;
  auto model = std::make_shared<BudgetModel>(state_->model());
  model->spend(budget);
  state_->respend(std::move(model));
}

std::vector<TimeMs> BudgetWatch::take(const BudgetGroup& group, TimeMs start,
                                      std::span<const Point> points, double budget,
                                      DurationMs step) {
  if (!state_ && group.learn > 0) {
    gather(group, start, points, budget);
    return {};
  }
  if (!state_) begin(group, start, points, budget);
  spend(budget);
  std::vector<TimeMs> changed;
  const std::optional<TimeMs> before = state_->newest();
  const bool is_new = !before || start > *before;
  // A shift that alerts under what is assumed is no normal traffic: its noise is not learnt.
  bool is_normal = true;
  if (is_new) {
    is_normal = !(state_->step(start, points).alerting && state_->model().assumed);
  } else {
    const std::vector<WindowVerdict> verdicts = state_->revise(start, points);
    for (const WindowVerdict& verdict : verdicts)
      if (verdict.start != start) changed.push_back(verdict.start);
    // What is assumed hangs on the first window, which must not hang on when it was closed.
    if (own_ && fits_ == 0 && start == first_ && !verdicts.empty())
      state_->adopt(assumed_model(group, points, state_->model().options.budget), false);
  }
  if (own_ && fits_ < static_cast<int>(kLearningDays.size())) {
    remember(start, points, is_new && is_normal);
    // What the windows that are still looked back on say follows from the new model, too.
    if (is_new && learn(group, step)) changed = state_->looked_back_on();
  }
  return changed;
}

void BudgetWatch::remember(TimeMs start, std::span<const Point> points, bool adds) {
  const auto at = std::ranges::lower_bound(history_.starts, start);
  const auto position = at - history_.starts.begin();
  std::vector<Point> copy(points.begin(), points.end());
  if (at != history_.starts.end() && *at == start) {
    history_.windows[static_cast<std::size_t>(position)] = std::move(copy);
    return;
  }
  if (!adds) return;
  ++windows_;
  history_.starts.push_back(start);
  history_.windows.push_back(std::move(copy));
  if (history_.starts.size() <= kMostLearnt) return;
  history_.starts.erase(history_.starts.begin());
  history_.windows.erase(history_.windows.begin());
}

bool BudgetWatch::learn(const BudgetGroup& group, DurationMs step) {
  // So many days, and for windows of days or longer also so many windows: they double with each
  // fit as the days do.
  int due = fits_due(windows_ * step);
  while (due > fits_ && windows_ < group.learning_windows << (due - 1)) --due;
  if (due <= fits_) return false;
  fits_ = due;
  const BudgetOptions options = state_->model().options;
  Result<BudgetModel> model = fit_budget(group.specs, history_, options, group.anchors);
  if (model) {
    state_->adopt(std::make_shared<const BudgetModel>(std::move(*model)), false);
  } else {
    spdlog::info("nothing can be learnt from {} live windows: {}", history_.starts.size(),
                 model.error().message);
  }
  if (fits_ == static_cast<int>(kLearningDays.size())) history_ = {};
  return model.has_value();
}

std::optional<WindowVerdict> BudgetWatch::verdict(TimeMs start) const {
  return state_ ? state_->verdict(start) : std::nullopt;
}

std::optional<WindowVerdict> BudgetWatch::preview(TimeMs start,
                                                  std::span<const Point> points) const {
  if (!state_ || (state_->newest() && start <= *state_->newest())) return std::nullopt;
  BudgetState copy = *state_;
  return copy.step(start, points);
}

bool BudgetWatch::is_final_after(TimeMs start, TimeMs next) const {
  if (!state_) return false;
  const DurationMs step = std::max<DurationMs>(1, state_->model().options.step);
  return (next - start) / step >= static_cast<std::int64_t>(kReplayWindows);
}

std::optional<TimeMs> BudgetWatch::newest() const {
  if (state_) return state_->newest();
  return history_.starts.empty() ? std::nullopt : std::optional(history_.starts.back());
}

void BudgetWatch::write(ByteWriter& out, const BudgetGroup& group) const {
  out.byte(kFormat);
  out.varint(static_cast<std::uint64_t>(fits_));
  out.varint(static_cast<std::uint64_t>(windows_));
  out.signed_varint(first_);
  out.varint(history_.starts.size());
  for (std::size_t t = 0; t < history_.starts.size(); ++t) {
    out.signed_varint(history_.starts[t]);
    for (std::size_t i = 0; i < history_.windows[t].size(); ++i)
      write_point(out, group.specs[i], history_.windows[t][i]);
  }
  out.byte(state_ ? 1 : 0);
  if (!state_) return;
  out.byte(own_ ? 1 : 0);
  out.number(state_->model().options.budget);
  if (own_) state_->model().write(out);
  state_->write(out);
}

bool BudgetWatch::read(ByteReader& in, const BudgetGroup& group) {
  *this = {};
  if (in.byte() != kFormat) return false;
  fits_ = static_cast<int>(in.varint());
  windows_ = static_cast<std::int64_t>(in.varint());
  first_ = in.signed_varint();
  const std::uint64_t windows = in.element_count();
  if (windows > kMostLearnt) return false;
  for (std::uint64_t t = 0; t < windows && in.ok(); ++t) {
    history_.starts.push_back(in.signed_varint());
    std::vector<Point>& points = history_.windows.emplace_back();
    for (const SeriesSpec& spec : group.specs) points.push_back(read_point(in, spec));
  }
  if (in.byte() == 0) return in.ok();
  own_ = in.byte() != 0;
  const double budget = in.number();
  std::shared_ptr<const BudgetModel> model = group.fitted;
  if (own_) {
    auto own = std::make_shared<BudgetModel>();
    if (!BudgetModel::read(in, *own) || !has_series(*own, group)) return false;
    own->options.min_effect = group.options.min_effect;
    own->options.min_spread_effect = group.options.min_spread_effect;
    own->options.min_share_effect = group.options.min_share_effect;
    model = std::move(own);
  }
  if (model == nullptr || !(budget > 0)) return false;
  state_.emplace(std::move(model));
  if (!state_->read(in)) return false;
  spend(budget);
  return true;
}

}  // namespace driftd
