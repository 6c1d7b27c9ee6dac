#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/duration.h"
#include "config/files.h"
#include "config/network.h"
#include "config/sections.h"

namespace driftd {
namespace {

constexpr std::string_view kSecretPrefix = "whsec_";
constexpr std::string_view kMakeSecret =
    "make one with: printf 'whsec_%s\\n' \"$(openssl rand -base64 32)\"";
// The least that the Standard Webhooks specification asks for.
constexpr std::size_t kGoodSecretBytes = 24;

// How many bytes the base64 text stands for; empty where it is not base64.
[[nodiscard]] std::optional<std::size_t> base64_size(std::string_view text) {
  if (text.size() % 4 != 0 || text.empty()) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const std::string_view letters = text.substr(0, text.size() - padding);
  const bool valid = std::ranges::all_of(letters, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  });
  if (!valid) return std::nullopt;
  return text.size() / 4 * 3 - padding;
}

[[nodiscard]] std::string trimmed(std::string text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_space(text.back())) text.pop_back();
  text.erase(text.begin(), std::ranges::find_if_not(text, is_space));
  return text;
}

void check_secret(TableReader& table, std::string_view key, WebhookConfig& webhook) {
  // No message shows the secret, nor any part of it.
  if (!webhook.secret.starts_with(kSecretPrefix)) {
    return table.problem(key, fmt::format("the secret in `{}` does not begin with whsec_", key),
                         std::string(kMakeSecret));
  }
  const auto size = base64_size(std::string_view(webhook.secret).substr(kSecretPrefix.size()));
  if (!size) {
    return table.problem(key, fmt::format("the secret in `{}` is not whsec_ and base64", key),
                         std::string(kMakeSecret));
  }
  if (*size < kGoodSecretBytes) {
    table.context().notes.push_back(
        fmt::format("{}: its secret has {} bytes; at least {} are good practice", webhook.name,
                    *size, kGoodSecretBytes));
  }
}

void read_secret(TableReader& table, WebhookConfig& webhook) {
  std::string file;
  const bool has_text = table.text("secret", webhook.secret, "\"${WEBHOOK_SECRET}\"");
  const bool has_file = table.path("secret_file", file, "\"webhook.key\"");
  if (has_text && has_file) {
    return table.problem("secret", "the secret is given twice", "keep `secret_file` alone");
  }
  if (has_file) {
    const auto read = read_text_file(file);
    if (!read) {
      return table.problem("secret_file",
                           fmt::format("the secret file {} cannot be read: {}", file, read.error()),
                           std::string(kMakeSecret) + " > " + file);
    }
    webhook.secret = *read;
  }
  if (!has_text && !has_file) return;
  webhook.secret = trimmed(std::move(webhook.secret));
  check_secret(table, has_file ? "secret_file" : "secret", webhook);
}

void read_states(TableReader& table, WebhookConfig& webhook) {
  static constexpr std::array<std::string_view, 6> kStates{"unknown",  "healthy", "degraded",
                                                           "critical", "stale",   "learning"};
  std::vector<std::string> names;
  if (!table.texts("on", names, "[\"degraded\", \"critical\"]")) return;
  if (names.empty()) {
    return table.problem("on", "`on` lists no state, so nothing would ever be sent",
                         "for example [\"degraded\", \"critical\"]");
  }
  webhook.on.clear();
  for (const std::string& name : names) {
    const auto state = health_state_from(name);
    if (!state) {
      table.problem("on", fmt::format("`on` holds \"{}\", which is no health state", name),
                    suggest(name, kStates, "the states are"));
    } else if (std::ranges::find(webhook.on, *state) == webhook.on.end()) {
      webhook.on.push_back(*state);
    }
  }
}

}  // namespace

WebhookConfig read_webhook(TableReader& table, std::size_t position) {
  WebhookConfig webhook;
  webhook.name = fmt::format("webhook-{}", position);
  table.text("name", webhook.name, "\"retrain\"");
  table.require("url", "add url = \"https://...\", where driftd sends its POST requests");
  if (table.text("url", webhook.url, "\"https://ci.example/retrain\"")) {
    if (const auto reason = why_no_http_url(webhook.url)) {
      table.problem("url", fmt::format("`url` cannot be used: {}", *reason),
                    "write it like \"https://ci.example/retrain\"");
    }
  }
  read_states(table, webhook);
  read_secret(table, webhook);
  if (!table.refuse_planned_value(
          "template", {"airflow", "github", "mlflow", "alertmanager", "slack", "pagerduty"},
          "use template = \"driftd\" or \"cloudevents\", and translate where it arrives")) {
    table.choice<std::string>("template", webhook.template_name,
                              {{"driftd", "driftd"}, {"cloudevents", "cloudevents"}});
  }
  table.duration("cooldown", webhook.cooldown, {0, 365 * kDayMs});
  table.duration("timeout", webhook.timeout, {100, 5 * kMinuteMs});
  table.flag("allow_private", webhook.allow_private);
  if (table.path("ca_file", webhook.ca_file, "\"ca.pem\"")) {
    if (const auto reason = why_unreadable(webhook.ca_file)) {
      table.problem(
          "ca_file",
          fmt::format("the certificate file {} cannot be read: {}", webhook.ca_file, *reason),
          "it holds the certificates to trust, in PEM");
    }
  }
  return webhook;
}

}  // namespace driftd
