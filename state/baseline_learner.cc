#include "state/baseline_learner.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/event_batch.h"
#include "state/column_survey.h"
#include "state/estimation_columns.h"
#include "state/reference_influence.h"
#include "state/row_sample.h"
#include "state/window_stream.h"

namespace driftd {
namespace {

constexpr std::size_t kBlockRows = 65'536;
// Cells that estimates and the columns' influence are learnt from.
constexpr std::size_t kMostSampledCells = 4'000'000;

[[nodiscard]] std::size_t memory_of(const ColumnFile& file) {
  std::size_t bytes = 0;
  for (const CellColumn& column : file.columns) bytes += column.memory();
  return bytes;
}

[[nodiscard]] std::unexpected<Error> no_rows(const BaselineInput& input) {
  return fail(ErrorCode::invalid_reference,
              fmt::format("{}: there are no rows{}: a baseline needs those of a known-good time",
                          fmt::join(input.files, ", "),
                          input.start || input.end ? " between --start and --end" : ""));
}

class StreamLearner {
 public:
  StreamLearner(const ModelConfig& config, ModelIndex index, BaselineRows& rows,
                const LearnOptions& options)
      : config_(config), index_(index), rows_(rows), options_(options), survey_(config) {}

  [[nodiscard]] Result<LearnedBaseline> learn() {
    if (auto done = survey(); !done) return std::unexpected(done.error());
    begin_model();
    if (auto done = count(); !done) return std::unexpected(done.error());
    finish_model();
    if (auto done = visit_windows(); !done) return std::unexpected(done.error());
    if (survey_.has_times()) {
      learned_.from = survey_.first_time();
      learned_.to = survey_.last_time();
    }
    learned_.in_memory = false;
    return std::move(learned_);
  }

 private:
  // Shows every block of rows; each has all columns that are known by then.
  template <typename Take>
  [[nodiscard]] Result<> each_block(std::string_view doing, Take take) {
    if (auto back = rows_.rewind(); !back) return back;
    for (;;) {
      block_.clear_rows();
      const Result<bool> more = rows_.read(block_, kBlockRows);
      if (!more) return std::unexpected(more.error());
      if (!*more) return {};
      if (auto taken = take(); !taken) return taken;
      if (options_.progress) options_.progress(doing, rows_.share_read());
    }
  }

  [[nodiscard]] Result<> survey() {
    do {
      auto done = each_block("looking at the columns", [&] { return survey_.add(block_); });
      if (!done) return done;
    } while (survey_.again());
    if (survey_.rows() == 0) return no_rows(rows_.input());
    return check_features_exist(config_, survey_.names());
  }

  void begin_model() {
    LoadedModel& model = learned_.model;
    model.schema = std::make_unique<ModelSchema>();
    model.reference = std::make_unique<Reference>();
    model.schema->task = config_.task;
    if (config_.task != Task::regression) {
      std::set<std::string> scored;
      std::string buffer;
      for (const std::string& name : survey_.names()) {
        if (name.starts_with("score_"))
          scored.emplace(canonical_category(std::string_view(name).substr(6), buffer));
      }
      set_classes(survey_.classes(), scored, *model.schema);
    }
    set_model_keys(config_, index_, model);
    model.performance = {make_performance(config_.task), {}};
    for (SurveyedColumn& column : survey_.columns()) {
      if (column.numeric) column.numbers.prepare();
    }
  }

  [[nodiscard]] Result<> count() {
    return each_block("counting", [&]() -> Result<> {
      for (SurveyedColumn& column : survey_.columns()) {
        if (column.numeric) count_numbers(column);
      }
      ReferencePerformance of_block = reference_performance(block_, *learned_.model.schema);
      std::visit([&]<typename Summary>(
                     Summary& all) { all.merge(std::get<Summary>(of_block.performance)); },
                 learned_.model.performance.performance);
      learned_.model.performance.latency.merge(of_block.latency);
      if (config_.estimate) labelled_.add(block_);
      sample_.add(block_);
      return {};
    });
  }

  void count_numbers(SurveyedColumn& column) {
    const CellColumn& cells = *block_.find(column.name);
    values_.clear();
    for (std::size_t row = 0; row < cells.size(); ++row) {
      const auto cell = cells.cell(row);
      const std::optional<double> value = cell ? parse_number(*cell) : std::nullopt;
      values_.push_back(value && !std::isnan(*value) ? *value : missing_number());
    }
    column.numbers.count(values_);
  }

  // Features first, as an event's plain array has them.
  void finish_model() {
    LoadedModel& model = learned_.model;
    for (const bool features : {true, false}) {
      for (SurveyedColumn& column : survey_.columns()) {
        if ((role_of_column(column.name) == SeriesRole::feature) != features) continue;
        SeriesReference series{column.name, {}};
        if (column.numeric) {
          series.baseline = column.numbers.take();
        } else {
          const std::map<std::string_view, std::uint64_t> counts(column.texts.begin(),
                                                                 column.texts.end());
          series.baseline = make_category_reference(counts, column.missing, column.longest_run,
                                                    config_.reference_max_distinct);
        }
        add_series_notes(config_, series, column.typed, model.notes);
        if (column.numeric && column.numbers.rank_error() > 0) {
          model.notes.push_back(fmt::format(
              "model {}: column {} has more distinct values than memory is given for: its "
              "quantiles are off by at most {:.2g} of the rows; counts at them are exact",
              config_.name, column.name, column.numbers.rank_error()));
        }
        add_series_schema(*model.schema, series);
        model.reference->series.push_back(std::move(series));
      }
    }
    set_model_keys(config_, index_, model);
    if (config_.estimate) {
      LearnedEstimation learned =
          learn_estimation(config_, labelled_.rows(), *model.schema, *model.reference);
      model.reference->estimation = std::move(learned.model);
      model.notes.push_back(std::move(learned.note));
      if (labelled_.step() > 1) {
        model.notes.push_back(
            fmt::format("model {}: estimates were learnt from every {}th labelled row, {} rows",
                        config_.name, labelled_.step(), labelled_.rows().rows));
      }
    }
    measure_influence(sample_.rows(), *model.schema, *model.reference);
    model.reference->rows = survey_.rows();
    model.reference->duplicates = survey_.duplicates();
    if (config_.window.count == 0) model.reference->volume = survey_.volume();
  }

  [[nodiscard]] Result<> visit_windows() {
    const WindowSpec spec = window_spec(config_.window);
    if (!options_.visit || (!spec.by_count() && !survey_.has_times())) return {};
    WindowStream windows(*learned_.model.schema, *learned_.model.reference, spec, options_.visit);
    auto done = each_block("cutting windows", [&] { return windows.add(block_); });
    if (!done) return done;
    windows.finish();
    if (windows.gave_up()) {
      learned_.model.notes.push_back(
          fmt::format("model {}: windows have more than {} rows, so nothing was learnt from them",
                      config_.name, WindowStream::kMostRows));
    }
    return {};
  }

  const ModelConfig& config_;
  const ModelIndex index_;
  BaselineRows& rows_;
  const LearnOptions& options_;
  ColumnSurvey survey_;
  ColumnFile block_;
  LearnedBaseline learned_;
  RowSample labelled_{RowSample::Of::labels, kMostSampledCells};
  RowSample sample_{RowSample::Of::everything, kMostSampledCells};
  std::vector<double> values_;
};

}  // namespace

Result<LearnedBaseline> learn_baseline(const ModelConfig& config, ModelIndex index,
                                       BaselineRows& rows, const LearnOptions& options) {
  if (auto back = rows.rewind(); !back) return std::unexpected(back.error());
  ColumnFile all;
  for (;;) {
    const Result<bool> more = rows.read(all, kBlockRows);
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    if (memory_of(all) > options.memory) {
      all = {};
      return StreamLearner(config, index, rows, options).learn();
    }
    if (options.progress) options.progress("reading", rows.share_read());
  }
  if (all.rows == 0) return no_rows(rows.input());
  Result<LoadedModel> model = learn_model(config, index, all, options.visit);
  if (!model) return std::unexpected(model.error());
  LearnedBaseline learned;
  learned.model = std::move(*model);
  const CellColumn* const times = all.find("ts");
  for (std::size_t row = 0; times != nullptr && row < all.rows; ++row) {
    const auto cell = times->cell(row);
    const auto time = cell ? time_of_cell(*cell) : std::nullopt;
    if (!time) {
      learned.from = learned.to = kNoTime;
      break;
    }
    learned.from = row == 0 ? *time : std::min(learned.from, *time);
    learned.to = row == 0 ? *time : std::max(learned.to, *time);
  }
  return learned;
}

}  // namespace driftd
