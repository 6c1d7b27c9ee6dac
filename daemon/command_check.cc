#include <fmt/format.h>

#include <cstdio>

#include "config/load.h"
#include "core/clock.h"
#include "daemon/commands.h"
#include "daemon/exit_codes.h"
#include "daemon/model_setup.h"
#include "daemon/version.h"
#include "sinks/store.h"
#include "sinks/webhook_sink.h"
#include "sources/kafka_source.h"

namespace driftd {
namespace {

constexpr int kBrokerTimeoutMs = 10'000;

// Prints one line per thing looked at, and remembers the first failure's exit code.
class Checklist {
 public:
  void good(const std::string& what) { fmt::print("  ok      {}\n", what); }
  void bad(const Error& error) {
    fmt::print("  FAILED  {}\n", error.message);
    if (code_ == kExitOk) code_ = exit_code_of(error.code);
  }
  [[nodiscard]] int code() const { return code_; }

 private:
  int code_ = kExitOk;
};

void check_models(const Config& config, Checklist& list) {
  for (std::size_t i = 0; i < config.models.size(); ++i) {
    const auto setup = ModelSetup::load({config.models[i]}, true);
    if (!setup) {
      list.bad(setup.error());
      continue;
    }
    const ModelSchema& schema = *(*setup)->schemas()[0];
    const Reference& reference = *(*setup)->monitored()[0].reference;
    list.good(fmt::format("model {}: {}, {} features, reference of {} rows", schema.name,
                          to_string(schema.task), schema.feature_count, reference.rows));
    for (const std::string& note : (*setup)->notes()) fmt::print("          {}\n", note);
  }
}

void check_sources(const Config& config, Checklist& list) {
  for (const KafkaSourceConfig& source : config.sources) {
    const auto topics = describe_topics(source, kBrokerTimeoutMs);
    if (!topics) {
      list.bad(topics.error());
      continue;
    }
    for (const TopicInfo& topic : *topics) {
      std::int64_t messages = 0;
      for (const OffsetRange& range : topic.partitions) messages += range.high - range.low;
      list.good(fmt::format("topic {} on {}: {} partitions, {} messages kept", topic.topic,
                            source.brokers, topic.partitions.size(), messages));
    }
  }
}

void check_sinks(const Config& config, Checklist& list) {
  const std::unique_ptr<Store> store = make_store(config.store);
  if (const Result<> opened = store->open(); !opened) {
    list.bad(opened.error());
  } else {
    list.good("results: " + store->describe());
  }
  const SystemClock clock;
  for (const WebhookConfig& webhook : config.webhooks) {
    if (const auto sink = WebhookSink::make(webhook, clock, kVersion); !sink) {
      list.bad(sink.error());
    } else {
      list.good(
          fmt::format("webhook {}: {} ({})", webhook.name, webhook.url,
                      webhook.secret.empty() ? "not signed: give it a secret_file" : "signed"));
    }
  }
}

}  // namespace

int command_check(const CheckOptions& options) {
  const auto config = load_config(options.config, {options.overrides, false});
  if (!config) {
    fmt::print(stderr, "{}", to_text(config.error()));
    const std::size_t count = config.error().size();
    fmt::print(stderr, "{} problem{} in {}\n", count, count == 1 ? "" : "s", options.config);
    return kExitConfig;
  }
  fmt::print("{}\n", options.config);
  Checklist list;
  list.good("the file");
  for (const std::string& note : config->notes) fmt::print("          {}\n", note);
  check_models(*config, list);
  if (!options.offline) {
    check_sources(*config, list);
    check_sinks(*config, list);
  }
  fmt::print("{}\n",
             list.code() == kExitOk ? "everything is in order" : "not everything is in order");
  return list.code();
}

}  // namespace driftd
