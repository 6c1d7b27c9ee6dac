#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "config/load.h"
#include "core/clock.h"
#include "daemon/commands.h"
#include "daemon/daemon.h"
#include "daemon/demo/demo_config.h"
#include "daemon/demo/event_feeder.h"
#include "daemon/demo/example_data.h"
#include "daemon/demo/live_table.h"
#include "daemon/demo/log_file.h"
#include "daemon/demo/mock_cluster.h"
#include "daemon/demo/observation.h"
#include "daemon/demo/scratch_folder.h"
#include "daemon/demo/story.h"
#include "daemon/demo/terminal.h"
#include "daemon/demo/webhook_receiver.h"
#include "daemon/exit_codes.h"
#include "daemon/shown_text.h"
#include "daemon/stop_flag.h"

namespace driftd {
namespace {

constexpr auto kTick = std::chrono::milliseconds(200);
constexpr DurationMs kLineInterval = 2'000;  // where there is no terminal
constexpr DurationMs kReadyLimit = 20'000;   // the consumer group's first rebalance takes 3 s
constexpr DurationMs kTailLimit = 15'000;    // from the stream's end until all of it has its effect
constexpr int kLabelPartitions = 2;
constexpr const char* kOutputFailed = "standard output cannot be written any more";

// The daemon at work in a thread of its own, until `stop`.
class RunningDaemon {
 public:
  explicit RunningDaemon(const Config& config) : daemon_(config) {}
  ~RunningDaemon() { stop(); }

  [[nodiscard]] Result<> start() {
    if (auto started = daemon_.start(); !started) return started;
    thread_ = std::thread([this] { daemon_.run(stop_); });
    return {};
  }
  void stop() {
    if (!thread_.joinable()) return;
    stop_ = true;
    thread_.join();
    daemon_.stop();
  }
  [[nodiscard]] const Daemon& daemon() const { return daemon_; }

 private:
  Daemon daemon_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// One showing, from the first line to the last. SIGINT and SIGTERM end it in order at any time,
// with status 0 if nothing has failed so far; whatever the end, the daemon is stopped as by SIGTERM
// and the temporary folder is removed. Only a second signal, or SIGKILL, leaves the folder behind.
class Demo {
 public:
  Demo(const DemoOptions& options, const std::atomic<bool>& stop)
      : options_(options), stop_(stop), terminal_(stdout) {}

  // The exit code, or what was in the way of beginning.
  [[nodiscard]] Result<int> run();

 private:
  enum class Ended : std::uint8_t { as_planned, too_late, by_the_user };

  [[nodiscard]] Result<> set_up();
  [[nodiscard]] Result<> start_daemon(const std::string& config_path);
  void introduce(const std::string& config_path);
  [[nodiscard]] Ended wait_until_ready();
  [[nodiscard]] Ended show_stream();
  [[nodiscard]] Ended show_tail();
  void show();
  [[nodiscard]] int conclude();
  void say_how_to_go_on();
  void stay();
  [[nodiscard]] Result<int> leave_early();
  [[nodiscard]] bool must_stop() const { return stop_ || terminal_.failed(); }

  const DemoOptions& options_;
  const std::atomic<bool>& stop_;
  const SystemClock clock_;
  Terminal terminal_;
  // In the order in which they need one another; the daemon ends first, the folder goes last.
  ExampleData data_;
  std::optional<ScratchFolder> folder_;
  std::unique_ptr<LogFile> log_;
  std::unique_ptr<MockCluster> cluster_;
  std::unique_ptr<WebhookReceiver> receiver_;
  std::unique_ptr<RunningDaemon> daemon_;
  std::unique_ptr<EventFeeder> feeder_;
  std::unique_ptr<Story> story_;
  Observation seen_;
  TimeMs line_said_ = 0;
};

Result<int> Demo::run() {
  if (auto done = set_up(); !done) return std::unexpected(done.error());
  Ended ended = wait_until_ready();
  if (ended == Ended::as_planned) {
    feeder_->start();
    ended = show_stream();
  }
  if (ended == Ended::as_planned) ended = show_tail();
  if (ended == Ended::by_the_user) return leave_early();
  const int code = conclude();
  if (!options_.exit_at_end && !must_stop()) stay();
  if (terminal_.failed()) return fail(ErrorCode::io, kOutputFailed);
  return code;
}

Result<> Demo::set_up() {
  const auto example = find_example(options_.data);
  if (!example) return std::unexpected(example.error());
  auto data = load_example(*example);
  if (!data) return std::unexpected(data.error());
  data_ = *std::move(data);
  auto folder = ScratchFolder::make();
  if (!folder) return std::unexpected(folder.error());
  folder_.emplace(*std::move(folder));
  log_ = std::make_unique<LogFile>(folder_->file("driftd.log"));

  auto cluster = MockCluster::start();
  if (!cluster) return std::unexpected(cluster.error());
  cluster_ = *std::move(cluster);
  if (auto made = cluster_->create_topic(kPredictionsTopic, 1); !made) return made;
  if (auto made = cluster_->create_topic(kLabelsTopic, kLabelPartitions); !made) return made;
  const std::string secret = make_webhook_secret();
  auto receiver = WebhookReceiver::start(secret);
  if (!receiver) return std::unexpected(receiver.error());
  receiver_ = *std::move(receiver);

  const auto config_path =
      write_demo_config(*folder_, {cluster_->brokers(), data_.reference, receiver_->url(), secret});
  if (!config_path) return std::unexpected(config_path.error());
  if (auto started = start_daemon(*config_path); !started) return started;
  feeder_ = std::make_unique<EventFeeder>(data_, *cluster_, options_.seconds * DurationMs{1'000});
  introduce(*config_path);
  return {};
}

Result<> Demo::start_daemon(const std::string& config_path) {
  const auto config = load_config(config_path);
  if (!config) return fail(ErrorCode::invalid_config, to_text(config.error()));
  story_ = std::make_unique<Story>(data_, config->models.front().window.count);
  daemon_ = std::make_unique<RunningDaemon>(*config);
  return daemon_->start();
}

void Demo::introduce(const std::string& config_path) {
  terminal_.tell(
      fmt::format("driftd demo: ten months of a car-loan model in {} s; the stream changes on {}, "
                  "half way through.",
                  options_.seconds, date_of(kExampleDriftBegins)));
  terminal_.say(fmt::format("  events   {} predictions, {} labels", grouped(data_.predictions),
                            grouped(data_.labels)));
  terminal_.say(fmt::format("  kafka    {} (librdkafka's mock cluster, in this process)",
                            cluster_->brokers()));
  terminal_.say(fmt::format("  page     {}", daemon_->daemon().address()));
  terminal_.say(fmt::format("  config   {}", config_path));
  terminal_.say(fmt::format("  webhook  {}", receiver_->url()));
  terminal_.say("The daemon joins its consumer group, which takes some 3 s.");
}

Demo::Ended Demo::wait_until_ready() {
  const TimeMs deadline = clock_.steady() + kReadyLimit;
  while (!daemon_->daemon().readiness().ready) {
    if (must_stop()) return Ended::by_the_user;
    if (clock_.steady() > deadline) return Ended::too_late;
    std::this_thread::sleep_for(kTick);
  }
  return Ended::as_planned;
}

Demo::Ended Demo::show_stream() {
  while (!feeder_->finished()) {
    if (must_stop()) return Ended::by_the_user;
    show();
    std::this_thread::sleep_for(kTick);
  }
  return Ended::as_planned;
}

Demo::Ended Demo::show_tail() {
  const TimeMs deadline = clock_.steady() + kTailLimit;
  for (;;) {
    show();
    if (story_->missing(seen_).empty()) return Ended::as_planned;
    if (must_stop()) return Ended::by_the_user;
    if (feeder_->failure() || clock_.steady() > deadline) return Ended::too_late;
    std::this_thread::sleep_for(kTick);
  }
}

void Demo::show() {
  const std::vector<ReceivedWebhook> webhooks = receiver_->received();
  const Daemon& daemon = daemon_->daemon();
  seen_ = observe(daemon.history(), daemon.totals());
  const StreamPosition stream{feeder_->position(), feeder_->progress()};
  for (const StoryLine& line : story_->news(seen_, webhooks)) {
    terminal_.tell(line.text, line.is_bad ? Style::bad : Style::good);
  }
  if (terminal_.has_table()) {
    terminal_.draw(live_table(seen_, stream, daemon.address(), terminal_.table_rows()));
  } else if (clock_.steady() - line_said_ >= kLineInterval) {
    terminal_.say(live_line(seen_, stream));
    line_said_ = clock_.steady();
  }
}

int Demo::conclude() {
  terminal_.leave_table();
  terminal_.say("");
  for (const std::string& line : story_->summary(seen_)) terminal_.tell(line);
  std::vector<std::string> missing = story_->missing(seen_);
  if (const auto failure = feeder_->failure()) missing.push_back(failure->message);
  if (missing.empty()) return kExitOk;
  for (const std::string& reason : daemon_->daemon().readiness().reasons) missing.push_back(reason);
  fmt::print(stderr, "driftd demo: not everything happened that should have:\n");
  for (const std::string& line : missing) fmt::print(stderr, "  {}\n", line);
  for (const std::string& line : log_->troubles()) fmt::print(stderr, "  log: {}\n", line);
  return kExitFailed;
}

void Demo::say_how_to_go_on() {
  terminal_.say("");
  terminal_.tell(
      "The daemon goes on, with nothing more to read; Ctrl-C ends it and removes its files.");
  terminal_.say(fmt::format("  page     {}", daemon_->daemon().address()));
  terminal_.say(fmt::format("  metrics  curl -s {}/metrics", daemon_->daemon().address()));
  terminal_.say(
      fmt::format("  rows     sqlite3 {} \"select * from findings where level = 'drift'\"",
                  folder_->file("driftd.db")));
  terminal_.say(fmt::format("  log      {}", folder_->file("driftd.log")));
}

void Demo::stay() {
  say_how_to_go_on();
  while (!must_stop()) std::this_thread::sleep_for(kTick);
}

Result<int> Demo::leave_early() {
  if (terminal_.failed()) return fail(ErrorCode::io, kOutputFailed);
  terminal_.leave_table();
  terminal_.say("");
  terminal_.say("Stopped before the stream's end; the demo removes its files.");
  const std::optional<Error> failure = feeder_->failure();
  if (failure) fmt::print(stderr, "driftd demo: {}\n", failure->message);
  return failure || story_->has_failed() ? kExitFailed : kExitOk;
}

}  // namespace

int command_demo(const DemoOptions& options) {
  const std::atomic<bool>& stop = stop_on_signals();
  const Result<int> code = Demo(options, stop).run();
  if (code) return *code;
  fmt::print(stderr, "driftd demo: {}\n", code.error().message);
  return exit_code_of(code.error().code);
}

}  // namespace driftd
