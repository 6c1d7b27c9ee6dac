// The typed configuration: what the TOML file says, with every default filled in.
//
// Plain values, immutable after loading, no allocation rule. Paths are absolute already (relative
// ones in the file are relative to the file's folder) and secrets are read. `load_config` collects
// every error; see load.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/event_time.h"
#include "core/model.h"
#include "core/report.h"
#include "core/sequential_catalog.h"

namespace driftd {

struct DaemonConfig {
  std::string listen_host = "127.0.0.1";
  std::uint16_t listen_port = 9464;
  std::string state_dir = "state";
  DurationMs checkpoint_interval = 1'000;
  unsigned lanes = 0;  // 0: one per core
  std::size_t max_event_bytes = 1'000'000;
  bool dead_letters = true;  // keep bad events in state_dir/dead-letters.ndjson
  std::size_t dead_letters_max_bytes = 100 << 20;
  std::string log_level = "info";   // debug | info | warning | error
  std::string log_format = "text";  // text | json
};

// What happens to stored state that does not fit the configuration any more.
enum class OnChange : std::uint8_t {
  refuse,     // the start is refused, and says what has changed
  set_aside,  // a copy is kept, and the models that changed begin anew
};
struct StateConfig {
  std::uint64_t memory = 512ull << 20;    // of the label joins' indexes, all models together
  std::optional<std::uint64_t> min_free;  // empty: 64 MiB, or a tenth of a smaller file system
  OnChange on_change = OnChange::refuse;
};

enum class StoreKind : std::uint8_t { sqlite, postgres };
struct StoreConfig {
  StoreKind kind = StoreKind::sqlite;
  std::string location;  // sqlite: path; postgres: the whole URL, without the password
  std::string password;  // postgres; from password_file or ${NAME}
};

enum class StartAt : std::uint8_t { earliest, latest, time };
// What to do with a partition whose stored position the broker no longer holds.
enum class OffsetLost : std::uint8_t { stop, earliest, latest };

struct KafkaSourceConfig {
  std::string name;  // "kafka-0": position in the file; part of the stored offsets' key
  std::string brokers;
  std::string group_id = "driftd";
  std::vector<std::string> predictions;
  std::vector<std::string> labels;
  std::string format = "json";
  TimestampUnit timestamps = TimestampUnit::detect;
  StartAt start = StartAt::earliest;
  TimeMs start_time = 0;  // where start is `time`
  OffsetLost offset_lost = OffsetLost::stop;
  std::map<std::string, std::string> properties;
};

struct WindowConfig {
  DurationMs size = 3'600'000;  // 0 where windows are by count
  DurationMs slide = 0;         // from one window's start to the next one's; 0: its size
  std::int64_t count = 0;       // predictions a window; 0 where windows are by time
  DurationMs lateness = 0;
  DurationMs out_of_orderness = 0;
  DurationMs skew = 3'600'000;
  DurationMs idle_timeout = 60'000;
  std::optional<DurationMs> idle_close = 300'000;  // empty: "never"
};

// The detector's own limits; what is left out is the detector's default under the model's policy.
struct DetectorConfig {
  std::string name;                 // as in the registry: ks, psi, chi2, ...
  std::optional<double> threshold;  // drift when the statistic reaches it
  std::optional<double> warning;    // warning when the statistic reaches it
  std::optional<double> p_value;    // drift when the p-value is below it
};

struct FeatureConfig {
  std::string name;
  std::optional<SeriesType> type;  // inferred from the reference where left out
  std::optional<std::vector<DetectorConfig>> detectors;  // replaces the defaults where given
  // The largest shares of predictions that are all right; empty: by the reference's own.
  std::optional<double> max_missing;
  std::optional<double> max_type_error;
  std::optional<double> max_unseen;        // categorical
  std::optional<double> max_out_of_range;  // numeric
  std::optional<double> max_outliers;      // numeric
  bool may_be_constant = false;
  std::optional<std::pair<double, double>> range;  // numeric; empty: the reference's own
};

// The keys that are given but mean nothing for a series of this type.
[[nodiscard]] std::vector<std::string_view> keys_of_other_types(const FeatureConfig& feature,
                                                                SeriesType type);

// Limits on what is found of a model's predictions as a whole.
struct QualityConfig {
  std::optional<double> max_duplicate;        // a share of the predictions
  std::optional<double> max_missing_columns;  // a share of the columns; empty: none may be missing
  std::optional<double> min_volume;           // predictions a window
  std::optional<double> max_volume;
};

struct MetricConfig {
  std::string name;  // accuracy, f1, latency_mean, ...
  std::optional<double> min;
  std::optional<double> max;          // latency: milliseconds
  std::optional<double> max_drop;     // how much worse than the reference it may be
  std::optional<double> max_deficit;  // how much worse than the champion
};

// What a sequential detector takes from each window: the mean of the predictions, a metric's value,
// or a window detector's statistic.
enum class SequentialSource : std::uint8_t { score, metric, statistic };

struct SequentialConfig {
  std::string on;  // as written: "score", "metric:accuracy", "statistic:amount.ks"
  SequentialSource source = SequentialSource::score;
  std::string series;             // of a statistic
  std::string name;               // of the metric, or of the statistic's detector
  bool waits_for_labels = false;  // the value is known only when the window's metric is judged
  std::optional<SequentialSettings> settings;  // always there once loaded
};

enum class AlertPolicy : std::uint8_t {
  fixed,    // each detector's own limit
  p_value,  // significance at `alpha`, detector by detector
  budget,   // as many false alarms as the owner allows; see docs/false-alarms.md
};

// What alone turns a monitor degraded.
enum class AlertOn : std::uint8_t { both, drift, performance };

struct AlertsConfig {
  AlertPolicy policy = AlertPolicy::budget;
  double alpha = 0.05;  // p_value policy
  // budget policy: so many alerts in `budget_period`, over all versions and segments of the model.
  double budget_alerts = 1;
  DurationMs budget_period = 30LL * 86'400'000;
  // budget policy: a smaller shift never alerts, however significant; in standard deviations of
  // normal scores, and in share points.
  double min_location_effect = 0.05;
  double min_spread_effect = 0.05;
  double min_share_effect = 0.01;
  AlertOn on = AlertOn::both;
  // budget policy: so many live windows of each version are taken for normal and learnt from,
  // instead of the reference's; 0: the reference's.
  std::int64_t learn = 0;
};

struct ModelConfig {
  std::string name;
  Task task = Task::binary;
  std::string positive_class = "1";  // canonical text
  std::string reference;             // path
  std::uint64_t reference_max_distinct = 10'000;
  WindowConfig window;
  DurationMs label_horizon = 7LL * 86'400'000;
  AlertsConfig alerts;
  std::int64_t min_samples = 30;  // below: insufficient_data
  bool estimate = true;           // performance without labels, where the reference has some
  double min_coverage = 0.8;      // below: a metric is not judged until the horizon has passed
  DurationMs amend_interval = 10'000;
  std::string champion;  // the version that others are compared with; empty: none
  QualityConfig quality;
  std::vector<FeatureConfig> features;
  std::vector<MetricConfig> metrics;
  std::vector<SequentialConfig> sequential;
};

struct WebhookConfig {
  std::string name;  // "webhook-0" by position, or as configured
  std::string url;
  std::vector<HealthState> on = {HealthState::degraded, HealthState::critical};
  std::string secret;                    // as written in the file: whsec_<base64>; empty: unsigned
  std::string template_name = "driftd";  // driftd | cloudevents
  DurationMs cooldown = 0;
  DurationMs timeout = 10'000;
  bool allow_private = false;  // let a host name resolve to a loopback or private address
  std::string ca_file;         // extra trusted certificates (PEM); empty: the system's
};

struct Config {
  std::string path;  // the file, for messages
  DaemonConfig daemon;
  StateConfig state;
  StoreConfig store;
  std::vector<KafkaSourceConfig> sources;
  std::vector<ModelConfig> models;
  std::vector<WebhookConfig> webhooks;
  std::vector<std::string> notes;  // what was assumed, to be logged at start
};

}  // namespace driftd
