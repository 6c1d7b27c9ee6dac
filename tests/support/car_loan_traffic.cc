#include "tests/support/car_loan_traffic.h"

#include <zlib.h>

#include <random>
#include <stdexcept>

#include <fmt/format.h>

namespace driftd {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kSeed = 20'240'229;
constexpr std::chrono::seconds kReplayLimit{60};
const fs::path kGolden = fs::path(DRIFTD_TEST_DATA) / "golden/small/car_loan";

[[nodiscard]] std::vector<std::string> lines_of(const fs::path& file) {
  const gzFile in = gzopen(file.c_str(), "rb");
  if (in == nullptr) throw std::runtime_error("cannot read " + file.string());
  std::vector<std::string> lines;
  char line[1 << 16];
  while (gzgets(in, line, sizeof line) != nullptr) {
    lines.emplace_back(line);
    if (lines.back().ends_with('\n')) lines.back().pop_back();
  }
  gzclose(in);
  return lines;
}

// Lines begin with {"id":"...": the copy's number goes behind the id.
[[nodiscard]] std::string copy_of(const std::string& line, int copy) {
  const std::size_t end = line.find('"', std::string_view("{\"id\":\"").size());
  return line.substr(0, end) + "-" + std::to_string(copy) + line.substr(end);
}

[[nodiscard]] std::vector<KafkaMessage> messages_of(const char* file, int copies, int partitions) {
  std::mt19937 random(kSeed);
  std::vector<KafkaMessage> messages;
  for (const std::string& line : lines_of(kGolden / file)) {
    for (int copy = 0; copy < copies; ++copy) {
      const auto partition =
          static_cast<std::int32_t>(random() % static_cast<unsigned>(partitions));
      messages.push_back({partition, std::to_string(random()), copy_of(line, copy)});
    }
  }
  return messages;
}

void write_events(const fs::path& file, const std::vector<KafkaMessage>& messages) {
  std::string text;
  for (const KafkaMessage& message : messages) text += message.value + "\n";
  write_text(file, text);
}

}  // namespace

CarLoanTraffic::CarLoanTraffic(int copies)
    : predictions(messages_of("predictions.jsonl.gz", copies, kPredictionPartitions)),
      labels(messages_of("labels.jsonl.gz", copies, kLabelPartitions)) {}

// A week of one copy has some 26 predictions, fewer than the default of min_samples.
std::string text_of(const CarLoanConfig& config) {
  const fs::path reference =
      config.reference.empty() ? kGolden / "reference.csv.gz" : config.reference;
  return fmt::format(R"(
[daemon]
listen = "127.0.0.1:{}"
state_dir = "{}"
checkpoint_interval = "{}"
lanes = 2
log_level = "warning"

[store]
url = "{}"

[[source]]
brokers = "{}"
group_id = "{}"
predictions = ["predictions"]
labels = ["labels"]
properties = {{ {} }}

[[model]]
name = "car-loan"
task = "binary"
positive_class = 1
reference = "{}"
label_horizon = "90d"
min_samples = 10
amend_interval = "500ms"
window = {{ size = "{}", idle_timeout = "1s", idle_close = "1s" }}

[model.metrics]
accuracy = {{ min = 0.8 }}
f1 = {{}}
roc_auc = {{}}
log_loss = {{}}
latency_mean = {{}}

{})",
                     config.port, config.state_dir, config.checkpoint_interval, config.store,
                     config.brokers, kGroup, config.properties, reference.string(), config.size,
                     config.more);
}

StoredResults replayed(const CarLoanTraffic& traffic, const CarLoanConfig& config,
                       const fs::path& folder) {
  write_events(folder / "predictions.jsonl", traffic.predictions);
  write_events(folder / "labels.jsonl", traffic.labels);
  write_text(folder / "replay.toml", text_of(config));
  const fs::path report = folder / "report.jsonl";
  const CommandResult replay = run_command(
      {DRIFTD_BINARY, "replay", "--config", folder / "replay.toml", "--predictions",
       folder / "predictions.jsonl", "--labels", folder / "labels.jsonl", "--out", report},
      kReplayLimit);
  if (replay.status != 0) throw std::runtime_error("driftd replay failed:\n" + replay.output);
  return results_in_report(report);
}

}  // namespace driftd
