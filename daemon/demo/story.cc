#include "daemon/demo/story.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "daemon/demo/live_table.h"
#include "daemon/shown_text.h"

namespace driftd {
namespace {

[[nodiscard]] std::string in_words(const std::string& series, const DriftEvidence& evidence) {
  if (evidence.times_limit == 0) return fmt::format("{} ({})", series, evidence.detector);
  return fmt::format("{} ({}, {:.1f}x its limit)", series, evidence.detector, evidence.times_limit);
}

[[nodiscard]] bool is_bad(HealthState state) {
  return state == HealthState::degraded || state == HealthState::critical;
}

[[nodiscard]] std::string because_of(const std::vector<std::string>& reasons) {
  return reasons.empty() ? "" : fmt::format(" because of {}", fmt::join(reasons, ", "));
}

// The first window in which anything drifts.
[[nodiscard]] const ObservedWindow* first_drift(const Observation& seen) {
  for (const auto& [index, window] : seen.windows) {
    if (!window.drifting.empty()) return &window;
  }
  return nullptr;
}

}  // namespace

Story::Story(const ExampleData& data, std::int64_t window_count)
    : data_(data), window_count_(window_count) {}

std::vector<StoryLine> Story::news(const Observation& seen,
                                   std::span<const ReceivedWebhook> webhooks) {
  std::vector<StoryLine> lines;
  tell_drift(seen, lines);
  tell_health(seen, lines);
  for (; webhooks_told_ < webhooks.size(); ++webhooks_told_) {
    tell_webhook(webhooks[webhooks_told_], lines);
  }
  return lines;
}

void Story::tell_drift(const Observation& seen, std::vector<StoryLine>& lines) {
  for (const auto& [index, window] : seen.windows) {
    // A window's metrics are filed last: until then some of its findings may be missing.
    if (!window.accuracy) continue;
    std::vector<std::string> found;
    const bool is_first = drifting_.empty();
    for (const auto& [series, evidence] : window.drifting) {
      if (drifting_.insert(series).second) found.push_back(in_words(series, evidence));
    }
    if (found.empty()) continue;
    lines.push_back(
        {fmt::format("{} {} in the window of {} to {}",
                     is_first ? "drift found:" : "drifting, too:", fmt::join(found, ", "),
                     date_of(window.start), date_of(window.end)),
         true});
  }
}

void Story::tell_health(const Observation& seen, std::vector<StoryLine>& lines) {
  for (; transitions_told_ < seen.transitions.size(); ++transitions_told_) {
    const Transition& transition = seen.transitions[transitions_told_];
    degraded_ |= is_bad(transition.to) && !transition.reasons.empty();
    lines.push_back({fmt::format("health: {} -> {}{}", to_string(transition.from),
                                 to_string(transition.to), because_of(transition.reasons)),
                     is_bad(transition.to)});
  }
}

void Story::tell_webhook(const ReceivedWebhook& webhook, std::vector<StoryLine>& lines) {
  if (!webhook.verified) {
    ++wrong_signatures_;
    lines.push_back({"a webhook came whose signature is wrong; it was refused", true});
    return;
  }
  lines.push_back(
      {fmt::format("{} {} ({} bytes), signature v1 (HMAC-SHA256) verified: {}{}",
                   delivered_ == 0 ? "webhook delivered:" : "another webhook:", webhook.id,
                   webhook.bytes, webhook.state, because_of(webhook.reasons))});
  ++delivered_;
}

std::vector<std::string> Story::missing(const Observation& seen) const {
  std::vector<std::string> missing;
  const auto expect = [&](bool happened, std::string what) {
    if (!happened) missing.push_back(std::move(what));
  };
  expect(
      seen.totals.predictions == data_.predictions,
      fmt::format("{} of {} predictions were counted", seen.totals.predictions, data_.predictions));
  expect(seen.totals.labels == data_.labels,
         fmt::format("{} of {} labels were counted", seen.totals.labels, data_.labels));
  const std::uint64_t windows = data_.predictions / static_cast<std::uint64_t>(window_count_);
  expect(seen.totals.windows == windows,
         fmt::format("{} of {} windows closed", seen.totals.windows, windows));
  PooledAccuracy all;
  for (const auto& [index, window] : seen.windows) all.add(window);
  expect(all.labelled > 0 && static_cast<std::uint64_t>(all.labelled) == seen.totals.joined,
         fmt::format("the accuracy counts {} of {} labels that fit a prediction", all.labelled,
                     seen.totals.joined));
  expect(!drifting_.empty(), "no series was found to drift");
  expect(degraded_, "health did not degrade");
  expect(delivered_ > 0, "no webhook with a good signature arrived");
  expect(wrong_signatures_ == 0, "a webhook came whose signature is wrong");
  return missing;
}

std::vector<std::string> Story::summary(const Observation& seen) const {
  std::vector<std::string> lines;
  lines.push_back(
      fmt::format("{} predictions and {} labels went through Kafka; {} windows of {} closed.",
                  grouped(seen.totals.predictions), grouped(seen.totals.labels),
                  seen.totals.windows, window_count_));
  if (first_drift(seen) != nullptr) {
    lines.push_back(drift_in_words(seen));
    lines.push_back(accuracy_in_words(seen));
  }
  if (degraded_) lines.push_back(health_in_words(seen));
  if (delivered_ > 0) {
    lines.push_back(
        fmt::format("{} reached its receiver, signed as Standard Webhooks wants it; the "
                    "signature was checked and is right.",
                    delivered_ == 1 ? "One webhook" : fmt::format("{} webhooks", delivered_)));
  }
  return lines;
}

std::string Story::drift_in_words(const Observation& seen) const {
  const ObservedWindow& first = *first_drift(seen);
  std::size_t early = 0;
  for (const auto& [index, window] : seen.windows) {
    early += !window.drifting.empty() && window.end <= kExampleDriftBegins;
  }
  return fmt::format(
      "{} drifted, first in the window of {} to {}; the stream changes on {}, "
      "and {} before that.",
      fmt::join(drifting_, ", "), date_of(first.start), date_of(first.end),
      date_of(kExampleDriftBegins),
      early == 0 ? "there was no alarm" : fmt::format("{} windows alarmed", early));
}

std::string Story::accuracy_in_words(const Observation& seen) const {
  PooledAccuracy before;
  PooledAccuracy after;
  bool drifting = false;
  for (const auto& [index, window] : seen.windows) {
    drifting |= !window.drifting.empty();
    (drifting ? after : before).add(window);
  }
  if (before.labelled == 0 || after.labelled == 0)
    return "Too few labels came to compare accuracies.";
  PooledAccuracy all = before;
  all.predictions += after.predictions;
  all.labelled += after.labelled;
  return fmt::format(
      "Accuracy was {:.3f} over the {} windows before that one and is {:.3f} over the {} "
      "since; labels came weeks late and cover {:.0f} % of the predictions.",
      before.accuracy(), before.windows, after.accuracy(), after.windows, all.coverage() * 100);
}

std::string Story::health_in_words(const Observation& seen) const {
  std::string path;
  for (const Transition& transition : seen.transitions) {
    if (path.empty()) path = to_string(transition.from);
    path += fmt::format(" -> {}", to_string(transition.to));
  }
  return fmt::format("Health went {}{}.", path,
                     seen.reasons.empty()
                         ? ""
                         : fmt::format("; its reasons now: {}", fmt::join(seen.reasons, ", ")));
}

}  // namespace driftd
