#include "daemon/baseline/baseline_making.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "daemon/budget_plan.h"
#include "daemon/version.h"

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

Result<MadeBaseline> make_baseline(const Config&, const ModelConfig& model,
                                   const BaselineOptions& options) {
  Result<BaselineInput> input = input_of(model, options);
  if (!input) return std::unexpected(input.error());
  const std::vector<std::string> files = input->files;
  Result<BaselineRows> rows = BaselineRows::open(std::move(*input));
  if (!rows) return std::unexpected(rows.error());

  // Messages name the data where they would name the configuration's reference.
  ModelConfig config = model;
  config.reference = fmt::format("{}", fmt::join(files, ", "));
  Progress progress(isatty(STDERR_FILENO) != 0);
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
  made.note.inputs = files;
  if (!options.labels.empty()) made.note.inputs.push_back(options.labels + " (labels)");
  made.note.from = learned->from;
  made.note.to = learned->to;
  made.note.notes = learned->model.notes;
  made.learned = std::move(*learned);
  return made;
}

}  // namespace driftd
