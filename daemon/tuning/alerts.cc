#include "daemon/tuning/alerts.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace driftd {

bool is_alerting(HealthState state) {
  return state == HealthState::degraded || state == HealthState::critical;
}

void AlertBook::take(const Transition& transition, TimeMs arrived) {
  const auto on = on_.find(transition.monitor);
  if (!is_alerting(transition.to)) {
    if (on == on_.end()) return;
    alerts_[on->second].to = std::max(transition.at, alerts_[on->second].from);
    on_.erase(on);
    return;
  }
  if (on == on_.end()) {
    on_.emplace(transition.monitor, alerts_.size());
    Alert alert;
    alert.monitor = transition.monitor;
    alert.from = transition.at;
    alert.known = std::max(arrived, transition.at);
    alert.worst = transition.to;
    alert.reasons = transition.reasons;
    alerts_.push_back(std::move(alert));
    return;
  }
  Alert& alert = alerts_[on->second];
  alert.worst = std::max(alert.worst, transition.to);
  std::set<std::string> reasons(alert.reasons.begin(), alert.reasons.end());
  reasons.insert(transition.reasons.begin(), transition.reasons.end());
  alert.reasons.assign(reasons.begin(), reasons.end());
}

std::vector<Alert> AlertBook::alerts() const {
  std::vector<Alert> ordered = alerts_;
  std::ranges::stable_sort(
      ordered, {}, [](const Alert& alert) { return std::tuple(alert.from, alert.monitor); });
  return ordered;
}

}  // namespace driftd
