#include "daemon/daemon.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <thread>

#include "daemon/version.h"
#include "sinks/report_json.h"
#include "sinks/store_sink.h"
#include "sinks/webhook_body.h"
#include "sinks/webhook_sink.h"
#include "state/outbox_reader.h"

namespace driftd {
namespace {

constexpr const char* kStoreSink = "store";
constexpr int kBrokerTimeoutMs = 10'000;
// What is left of the 20 s that a stop may take, for deliveries; what is not delivered by then is
// after the next start.
constexpr DurationMs kLastDeliveries = 6'000;
constexpr auto kStepPause = std::chrono::milliseconds(20);

[[nodiscard]] unsigned lane_count(const Config& config) {
  if (config.daemon.lanes > 0) return config.daemon.lanes;
  return std::max(1u, std::thread::hardware_concurrency());
}

[[nodiscard]] bool reads_labels(const Config& config) {
  return std::any_of(config.sources.begin(), config.sources.end(),
                     [](const KafkaSourceConfig& source) { return !source.labels.empty(); });
}

[[nodiscard]] DecoderOptions decoder_options(const Config& config,
                                             const KafkaSourceConfig& source) {
  DecoderOptions options;
  options.max_event_bytes = config.daemon.max_event_bytes;
  options.timestamps = static_cast<int>(source.timestamps);
  return options;
}

}  // namespace

Daemon::Daemon(Config config) : config_(std::move(config)), metrics_(kVersion) {}

Daemon::~Daemon() { stop(); }

Result<> Daemon::start() {
  if (auto done = start_http(); !done) return done;
  for (const std::string& note : config_.notes) spdlog::info("{}", note);
  auto models = ModelSetup::load(config_.models, reads_labels(config_));
  if (!models) return std::unexpected(models.error());
  models_ = std::move(*models);
  for (const std::string& note : models_->notes()) spdlog::info("{}", note);

  auto state = StateStore::open(config_.daemon.state_dir);
  if (!state) return std::unexpected(state.error());
  state_ = std::move(*state);
  const std::string dead_letters = config_.daemon.dead_letters
                                       ? config_.daemon.state_dir + "/dead-letters.ndjson"
                                       : std::string();
  discarded_ = std::make_unique<DiscardedMessages>(clock_, dead_letters,
                                                   config_.daemon.dead_letters_max_bytes);

  if (auto done = start_workers(); !done) return done;
  if (auto done = start_sources(); !done) return done;
  started_ = true;
  spdlog::info("driftd {} is running: {} (page, /metrics, /health), state in {}, results in {}",
               kVersion, address(), config_.daemon.state_dir, store_->describe());
  return {};
}

Result<> Daemon::start_http() {
  std::vector<std::string> names;
  names.reserve(config_.models.size());
  for (const ModelConfig& model : config_.models) names.push_back(model.name);
  ApiProviders providers{[this] { return metrics_.expose(); }, [this] { return readiness(); }};
  api_ = std::make_unique<Api>(clock_, history_, kVersion, std::move(names), std::move(providers));
  auto server =
      HttpServer::start(config_.daemon.listen_host, config_.daemon.listen_port,
                        [this](const HttpRequest& request) { return api_->handle(request); });
  if (!server) return std::unexpected(server.error());
  http_ = std::move(*server);
  return {};
}

Result<> Daemon::start_workers() {
  store_ = make_store(config_.store);
  if (auto opened = store_->open(); !opened) return opened;
  if (auto done = start_worker(std::make_unique<StoreSink>(kStoreSink, *store_), nullptr); !done)
    return done;
  for (const WebhookConfig& webhook : config_.webhooks) {
    auto sink = WebhookSink::make(webhook, clock_, kVersion);
    if (!sink) return std::unexpected(sink.error());
    // Deliveries are noted on a connection of the worker's own: a store belongs to one thread.
    auto deliveries = make_store(config_.store);
    if (auto opened = deliveries->open(); !opened) return opened;
    if (auto done = start_worker(std::move(*sink), std::move(deliveries)); !done) return done;
  }
  return {};
}

Result<> Daemon::start_worker(std::unique_ptr<Sink> sink, std::unique_ptr<Store> deliveries) {
  auto reader = OutboxReader::open(state_->path());
  if (!reader) return std::unexpected(reader.error());
  const std::string name = sink->name();
  Store* store = deliveries.get();
  if (deliveries) delivery_stores_.push_back(std::move(deliveries));
  workers_.push_back(std::make_unique<OutboxWorker>(
      std::move(sink), std::move(*reader), [this, name, store](const DeliveryResult& result) {
        observe_delivery(name, result, store);
      }));
  workers_.back()->start();
  return {};
}

void Daemon::observe_delivery(const std::string& sink, const DeliveryResult& result,
                              Store* deliveries) {
  metrics_.count_deliveries(sink, result.result, result.entries);
  if (deliveries == nullptr || result.result == "failed") return;
  for (std::size_t i = 0; i < result.entries; ++i) {
    const OutboxEntry& entry = result.first[i];
    Delivery delivery;
    delivery.webhook = sink;
    delivery.id = entry.id;
    delivery.status = result.result;
    delivery.attempts = result.attempts;
    if (result.result == "delivered") delivery.delivered_at = clock_.now();
    if (const auto subject = webhook_subject(entry.payload)) {
      delivery.monitor = subject->monitor;
      delivery.at = subject->at;
    }
    if (auto written = deliveries->write_delivery(delivery); !written) {
      spdlog::warn("delivery {} of {} could not be noted: {}", entry.id, sink,
                   written.error().message);
    }
  }
}

Result<> Daemon::check_brokers() {
  for (const KafkaSourceConfig& source : config_.sources) {
    const auto topics = describe_topics(source, kBrokerTimeoutMs);
    if (!topics) {
      // A topic that does not exist yet may come; a broker that does not answer is said at once.
      if (topics.error().code == ErrorCode::not_found) {
        spdlog::warn("{}", topics.error().message);
        continue;
      }
      return std::unexpected(topics.error());
    }
    std::size_t partitions = 0;
    for (const TopicInfo& topic : *topics) {
      const bool predictions = std::find(source.predictions.begin(), source.predictions.end(),
                                         topic.topic) != source.predictions.end();
      if (predictions) partitions += topic.partitions.size();
    }
    for (const ModelConfig& model : config_.models) {
      if (model.window.count == 0 || (partitions <= 1 && config_.sources.size() == 1)) continue;
      return fail(ErrorCode::invalid_config,
                  fmt::format("model `{}` has windows by count, but its predictions come from {} "
                              "partitions, between "
                              "which there is no order: use a window by time, window = {{ size = "
                              "\"1h\" }}, or a topic "
                              "with one partition",
                              model.name, partitions));
    }
  }
  return {};
}

Result<> Daemon::start_sources() {
  if (auto reachable = check_brokers(); !reachable) return reachable;
  std::vector<Source*> group;
  for (const KafkaSourceConfig& source : config_.sources) {
    sources_.push_back(make_kafka_source(source, models_->schemas(), clock_, *discarded_,
                                         decoder_options(config_, source), state_->instance_id()));
    group.push_back(sources_.back().get());
  }
  source_group_ = std::make_unique<SourceGroup>(std::move(group));
  OutboxComposer& composer = *this;
  CheckpointObserver& observer = *this;
  coordinator_ = std::make_unique<Coordinator>(config_, *models_, *state_, *source_group_, composer,
                                               observer, clock_, lane_count(config_));
  return coordinator_->start();
}

void Daemon::run(const std::atomic<bool>& stop_flag) {
  while (!stop_flag.load()) {
    coordinator_->step();
    std::this_thread::sleep_for(kStepPause);
  }
  coordinator_->request_stop();
}

void Daemon::stop() {
  if (!started_.exchange(false)) return;
  coordinator_->stop();
  for (auto& worker : workers_) worker->notify();
  const TimeMs deadline = clock_.steady() + kLastDeliveries;
  for (auto& worker : workers_) worker->finish(std::max<DurationMs>(0, deadline - clock_.steady()));
  http_->stop();
  spdlog::info("driftd has stopped; everything read is in the state directory");
}

std::string Daemon::address() const {
  const bool six = config_.daemon.listen_host.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}", six ? "[" : "", config_.daemon.listen_host, six ? "]" : "",
                     http_->port());
}

Readiness Daemon::readiness() const {
  if (!started_) return {false, {"starting, or stopping"}};
  Readiness readiness = coordinator_->readiness();
  for (const auto& source : sources_) {
    if (!readiness.ready && !source->not_ready().empty())
      readiness.reasons.push_back(source->not_ready());
  }
  return readiness;
}

PipelineTotals Daemon::totals() const {
  return coordinator_ ? coordinator_->totals() : PipelineTotals{};
}

void Daemon::recalled(std::span<const Report> reports) {
  for (const Report& report : reports) {
    metrics_.observe(report);
    history_.observe(report);
  }
}

void Daemon::published(std::span<const Report> reports) {
  recalled(reports);
  for (const Report& report : reports) log_.observe(report);
  for (auto& worker : workers_) worker->notify();
}

void Daemon::monitor_changed(const MonitorName& name, const MonitorState& state) {
  metrics_.set_health(name, state.health.state);
  history_.set_monitor(name, state.health.state, state.health.reasons, state.health.since,
                       state.health.drifting());
}

void Daemon::totals(const PipelineTotals& totals) {
  metrics_.set_totals(totals.predictions, totals.labels, totals.discarded);
  metrics_.set_windows_closed(totals.windows);
  metrics_.set_losses(totals.too_late, totals.damaged_windows);
  for (const auto& [model, join] : totals.joins) metrics_.set_join(model, join.counts, join.delays);
  const TimeMs now = clock_.steady();
  const std::uint64_t events = totals.predictions + totals.labels;
  if (now - rate_since_ >= 1'000) {
    events_per_second_ = static_cast<double>(events - events_before_) * 1'000 /
                         static_cast<double>(now - rate_since_);
    events_before_ = events;
    rate_since_ = now;
  }
  Totals shown{totals.predictions, totals.labels,      totals.joined,
               totals.discarded,   events_per_second_, {}};
  for (const auto& [model, join] : totals.joins) shown.label_delays[model] = join.delays;
  history_.set_totals(shown);
}

void Daemon::watermark(const std::string& model, TimeMs watermark) {
  if (watermark != kNoTime) metrics_.set_watermark(model, watermark);
}

void Daemon::checkpoint_written(const CheckpointCost& cost) {
  metrics_.count_checkpoint(cost.took, cost.cpu_us);
  refresh_gauges();
}

void Daemon::refresh_gauges() {
  std::map<PartitionId, std::int64_t> lag;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    lag.merge(sources_[i]->lag());
    refresh_source(config_.sources[i].name, sources_[i]->counters());
  }
  for (const auto& [id, messages] : lag)
    metrics_.set_lag(id.source, id.topic, id.partition, messages);
  for (const auto& [id, messages] : lag_shown_) {
    if (!lag.contains(id)) metrics_.remove_lag(id.source, id.topic, id.partition);
  }
  lag_shown_ = std::move(lag);
  metrics_.set_dead_letters_not_kept(discarded_->not_kept());
  if (const auto sizes = state_->outbox_sizes()) {
    for (const auto& worker : workers_) {
      const auto found = sizes->find(worker->name());
      metrics_.set_outbox_entries(worker->name(), found == sizes->end() ? 0 : found->second);
    }
  }
}

void Daemon::refresh_source(const std::string& name, const KafkaCounters& counters) {
  metrics_.set_source_errors(name, counters.errors_total);
  metrics_.set_foreign_partitions(name, counters.foreign_partitions);
  for (const auto& [topic, losses] : counters.losses) {
    metrics_.set_offset_losses(name, topic, "retention", losses.retention);
    metrics_.set_offset_losses(name, topic, "recreated", losses.recreated);
    metrics_.set_lost_messages(name, topic, losses.messages);
  }
}

std::vector<StoredOutboxEntry> Daemon::compose(std::span<const Report> reports) {
  std::vector<StoredOutboxEntry> entries;
  const TimeMs now = clock_.now();
  for (const Report& report : reports) {
    StoredOutboxEntry& entry = entries.emplace_back();
    entry.sink = kStoreSink;
    entry.created = now;
    append_json(entry.payload, report);
    if (const auto* transition = std::get_if<Transition>(&report))
      compose_webhooks(reports, *transition, entries);
  }
  return entries;
}

void Daemon::compose_webhooks(std::span<const Report> reports, const Transition& transition,
                              std::vector<StoredOutboxEntry>& entries) {
  std::vector<Finding> findings;
  std::vector<MetricValue> metrics;
  for (const Report& report : reports) {
    if (const auto* finding = std::get_if<Finding>(&report)) {
      if (finding->monitor == transition.monitor && finding->level == Level::drift)
        findings.push_back(*finding);
    } else if (const auto* metric = std::get_if<MetricValue>(&report)) {
      if (metric->monitor == transition.monitor && metric->level == Level::degraded)
        metrics.push_back(*metric);
    }
  }
  const TimeMs now = clock_.now();
  for (const WebhookConfig& webhook : config_.webhooks) {
    if (std::find(webhook.on.begin(), webhook.on.end(), transition.to) == webhook.on.end())
      continue;
    auto [last, first_time] = last_webhook_.try_emplace({webhook.name, transition.monitor}, now);
    if (!first_time && now - last->second < webhook.cooldown) {
      spdlog::info("webhook {}: {} {} is {} again within the cool-down, nothing is sent",
                   webhook.name, transition.monitor.model, transition.monitor.version,
                   to_string(transition.to));
      continue;
    }
    last->second = now;
    StoredOutboxEntry& entry = entries.emplace_back();
    entry.sink = webhook.name;
    entry.id = webhook_id(webhook.name, transition);
    entry.payload = webhook_body(webhook, transition, findings, metrics);
    entry.created = now;
  }
}

std::map<std::string, std::int64_t> Daemon::delivered() {
  std::map<std::string, std::int64_t> delivered;
  for (const auto& worker : workers_) {
    if (worker->delivered() > 0) delivered[worker->name()] = worker->delivered();
  }
  return delivered;
}

}  // namespace driftd
