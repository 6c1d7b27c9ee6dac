// The running daemon: everything wired together, from the sources to the sinks.
//
// `start` brings it up or says what is in the way; `run` works until the stop flag is set; `stop`
// ends it in order: intake, amendments, checkpoint, commit, deliveries, HTTP. Thread rule: one
// owner. Failure rule: start-up errors are Errors; a running daemon retries, counts and says why it
// is not ready.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/clock.h"
#include "daemon/api.h"
#include "daemon/coordinator.h"
#include "daemon/history.h"
#include "daemon/http_server.h"
#include "daemon/model_setup.h"
#include "daemon/outbox_worker.h"
#include "daemon/source_group.h"
#include "sinks/log_sink.h"
#include "sinks/prometheus_metrics.h"
#include "sinks/store.h"
#include "sources/kafka_source.h"

namespace driftd {

class Daemon final : CheckpointObserver, OutboxComposer {
 public:
  explicit Daemon(Config config);
  ~Daemon() override;

  [[nodiscard]] Result<> start();
  // Works until `stop_flag` is set.
  void run(const std::atomic<bool>& stop_flag);
  void stop();

  [[nodiscard]] std::string address() const;  // http://host:port
  [[nodiscard]] const History& history() const { return history_; }
  [[nodiscard]] Readiness readiness() const;
  [[nodiscard]] PipelineTotals totals() const;

 private:
  [[nodiscard]] Result<> start_http();
  [[nodiscard]] Result<> start_sources();
  [[nodiscard]] Result<> check_brokers();
  [[nodiscard]] Result<> start_workers();
  [[nodiscard]] Result<> start_worker(std::unique_ptr<Sink> sink,
                                      std::unique_ptr<Store> deliveries);
  void observe_delivery(const std::string& sink, const DeliveryResult& result, Store* deliveries);
  void refresh_gauges();
  void refresh_source(const std::string& name, const KafkaCounters& counters);

  // CheckpointObserver
  void recalled(std::span<const Report> reports) override;
  void published(std::span<const Report> reports) override;
  void monitor_changed(const MonitorName& name, const MonitorState& state) override;
  void totals(const PipelineTotals& totals) override;
  void watermark(const std::string& model, TimeMs watermark) override;
  void checkpoint_written(const CheckpointCost& cost) override;
  // OutboxComposer
  [[nodiscard]] std::vector<StoredOutboxEntry> compose(std::span<const Report> reports) override;
  [[nodiscard]] std::map<std::string, std::int64_t> delivered() override;

  void compose_webhooks(std::span<const Report> reports, const Transition& transition,
                        std::vector<StoredOutboxEntry>& entries);

  const Config config_;
  SystemClock clock_;
  PrometheusMetrics metrics_;
  LogSink log_;
  History history_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<ModelSetup> models_;
  std::unique_ptr<StateStore> state_;
  std::unique_ptr<DiscardedMessages> discarded_;
  std::vector<std::unique_ptr<KafkaSource>> sources_;
  std::unique_ptr<SourceGroup> source_group_;
  std::unique_ptr<Store> store_;
  std::vector<std::unique_ptr<Store>> delivery_stores_;
  std::vector<std::unique_ptr<OutboxWorker>> workers_;
  std::unique_ptr<Coordinator> coordinator_;
  std::atomic<bool> started_{false};

  std::map<std::pair<std::string, MonitorName>, TimeMs>
      last_webhook_;  // wall clock, for cool-downs
  std::map<PartitionId, std::int64_t> lag_shown_;
  std::uint64_t events_before_ = 0;
  TimeMs rate_since_ = 0;
  double events_per_second_ = 0;
};

}  // namespace driftd
