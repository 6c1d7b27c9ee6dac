#include "daemon/baseline/baseline_making.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "config/duration.h"
#include "daemon/budget_plan.h"
#include "daemon/demo/scratch_folder.h"
#include "daemon/shown_text.h"
#include "daemon/version.h"
#include "sources/kafka_stretch.h"

namespace driftd {
namespace {

// A line that is written over again.
class Progress {
 public:
  explicit Progress(bool is_watched) : is_watched_(is_watched) {}
  ~Progress() {
    if (was_shown_) fmt::print(stderr, "\r\x1b[K");
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(std::string_view doing, double share) {
    if (!is_watched_) return;
    const std::string line = fmt::format("{} {:.0f} %", doing, 100 * share);
    if (line == last_) return;
    last_ = line;
    was_shown_ = true;
    fmt::print(stderr, "\r\x1b[K{}", line);
    std::fflush(stderr);
  }

 private:
  bool is_watched_;
  bool was_shown_ = false;
  std::string last_;
};

[[nodiscard]] Result<std::optional<TimeMs>> time_option(std::string_view name,
                                                        const std::string& text) {
  if (text.empty()) return std::nullopt;
  if (const auto time = time_of_cell(text)) return time;
  return fail(ErrorCode::invalid_argument,
              fmt::format("{} cannot be `{}`: write a time with its offset, as in "
                          "2024-05-01T00:00:00Z, or seconds since 1970",
                          name, text));
}

[[nodiscard]] Result<BaselineInput> input_of(const ModelConfig& model,
                                             const BaselineOptions& options) {
  if (options.kafka == !options.from.empty() || (options.kafka && !options.labels.empty())) {
    return fail(ErrorCode::invalid_argument,
                "say where the rows are: --from with files, or --kafka for the configuration's "
                "topics, labels included");
  }
  BaselineInput input;
  input.files = options.from;
  input.labels = options.labels;
  input.model = model.name;
  const auto start = time_option("--start", options.start);
  if (!start) return std::unexpected(start.error());
  const auto end = time_option("--end", options.end);
  if (!end) return std::unexpected(end.error());
  input.start = *start;
  input.end = *end;
  if (input.start && input.end && *input.start >= *input.end)
    return fail(ErrorCode::invalid_argument, "--start must come before --end");
  return input;
}

// Late events are told apart by their own times; these come within an hour of the stretch's end.
constexpr DurationMs kUsuallyLate = kHourMs;

// Saves the messages of all sources; what they are, for the note.
[[nodiscard]] Result<std::vector<std::string>> save_topics(const Config& config,
                                                           const ModelConfig& model,
                                                           const ScratchFolder& folder,
                                                           Progress& progress,
                                                           BaselineInput& input) {
  if (!input.start) {
    return fail(ErrorCode::invalid_argument,
                "--kafka needs --start, the time from which the traffic was good");
  }
  std::vector<std::string> said;
  input.are_events = true;
  const auto save = [&](const KafkaSourceConfig& source, const std::vector<std::string>& topics,
                        DurationMs behind, const std::string& name) -> Result<std::string> {
    KafkaStretch stretch;
    stretch.topics = topics;
    // Messages are stamped about when their events happen; the clocks may differ.
    stretch.start = *input.start - model.window.skew;
    if (input.end) stretch.end = *input.end + behind;
    stretch.file = folder.file(name);
    stretch.progress = [&](double share) { progress.show("reading " + topics.front(), share); };
    const Result<std::uint64_t> messages = save_kafka_stretch(source, stretch);
    if (!messages) return std::unexpected(messages.error());
    said.push_back(fmt::format("{} of {}, {} messages", fmt::join(topics, ", "), source.brokers,
                               grouped(*messages)));
    return stretch.file;
  };
  for (const KafkaSourceConfig& source : config.sources) {
    const DurationMs behind = model.window.lateness + model.window.out_of_orderness + kUsuallyLate;
    Result<std::string> file = save(source, source.predictions, behind,
                                    fmt::format("predictions-{}.ndjson.gz", input.files.size()));
    if (!file) return std::unexpected(file.error());
    input.files.push_back(std::move(*file));
  }
  for (const KafkaSourceConfig& source : config.sources) {
    if (source.labels.empty()) continue;
    if (!input.labels.empty()) {
      return fail(
          ErrorCode::invalid_argument,
          "several [[source]]s have labels: save them to files and use --from and --labels");
    }
    Result<std::string> file = save(source, source.labels, model.label_horizon, "labels.ndjson.gz");
    if (!file) return std::unexpected(file.error());
    input.labels = std::move(*file);
  }
  return said;
}

}  // namespace

Result<const ModelConfig*> chosen_model(const Config& config, const std::string& name) {
  std::vector<std::string> names;
  for (const ModelConfig& model : config.models) {
    if (model.name == name || (name.empty() && config.models.size() == 1)) return &model;
    names.push_back(model.name);
  }
  return fail(ErrorCode::invalid_argument,
              name.empty() ? fmt::format("{} has several models: say which with --model: {}",
                                         config.path, fmt::join(names, ", "))
                           : fmt::format("{} has no model `{}`; it has: {}", config.path, name,
                                         fmt::join(names, ", ")));
}

Result<MadeBaseline> make_baseline(const Config& config_file, const ModelConfig& model,
                                   const BaselineOptions& options) {
  Result<BaselineInput> input = input_of(model, options);
  if (!input) return std::unexpected(input.error());
  Progress progress(isatty(STDERR_FILENO) != 0);
  std::optional<ScratchFolder> scratch;
  std::vector<std::string> inputs = options.from;
  if (!options.labels.empty()) inputs.push_back(options.labels + " (labels)");
  if (options.kafka) {
    Result<ScratchFolder> folder = ScratchFolder::make();
    if (!folder) return std::unexpected(folder.error());
    scratch.emplace(std::move(*folder));
    auto saved = save_topics(config_file, model, *scratch, progress, *input);
    if (!saved) return std::unexpected(saved.error());
    inputs = std::move(*saved);
  }
  Result<BaselineRows> rows = BaselineRows::open(std::move(*input));
  if (!rows) return std::unexpected(rows.error());

  // Messages name the data where they would name the configuration's reference.
  ModelConfig config = model;
  config.reference = fmt::format("{}", fmt::join(inputs, ", "));
  LearnOptions how;
  how.progress = [&](std::string_view doing, double share) { progress.show(doing, share); };
  BudgetPlanner planner;
  how.visit = planner.visitor();
  Result<LearnedBaseline> learned = learn_baseline(config, ModelIndex{0}, *rows, how);
  if (!learned) return std::unexpected(learned.error());
  learned->model.lesson =
      planner.lesson(model, *learned->model.reference, learned->model.performance.performance);

  MadeBaseline made;
  made.bytes = baseline_bytes(learned->model, model);
  made.note.made_at = SystemClock().now();
  made.note.made_by = fmt::format("driftd {}", kVersion);
  made.note.model = model.name;
  made.note.inputs = inputs;
  made.note.from = learned->from;
  made.note.to = learned->to;
  made.note.notes = learned->model.notes;
  if (const std::uint64_t bad = rows->bad_lines(); bad > 0)
    made.note.notes.push_back(fmt::format("{} messages were no JSON objects: passed over", bad));
  made.learned = std::move(*learned);
  return made;
}

}  // namespace driftd
