// What a webhook says: a transition and the evidence for it, in the template that its owner chose.
//
// Thread rule: pure functions. Allocation rule: may allocate. Failure rule: cannot fail.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/config.h"
#include "core/report.h"

namespace driftd {

// Receivers limit their bodies; beyond this many series or metrics the body says how many it leaves
// out.
inline constexpr std::size_t kMaxEvidence = 100;

// The webhook-id: the same for the same transition of the same webhook, over retries and restarts,
// so that a receiver can tell a repetition.
[[nodiscard]] std::string webhook_id(std::string_view webhook, const Transition& transition);

[[nodiscard]] std::string webhook_body(const WebhookConfig& webhook, const Transition& transition,
                                       std::span<const Finding> findings,
                                       std::span<const MetricValue> metrics);

// The media type of a template's body.
[[nodiscard]] std::string_view webhook_content_type(std::string_view template_name);

// The monitor and the time (`at`) that a body made here speaks of; empty where it was not made
// here.
struct WebhookSubject {
  MonitorName monitor;
  TimeMs at = 0;
};
[[nodiscard]] std::optional<WebhookSubject> webhook_subject(std::string_view body);

// 2026-01-31T23:59:59.123Z
[[nodiscard]] std::string rfc3339(TimeMs time);

}  // namespace driftd
