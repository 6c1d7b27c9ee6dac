// What one step of the pipeline costs by itself, with m = 10,000 reference values a feature.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numbers>
#include <string>
#include <vector>

#include "bench/event_generator.h"
#include "core/check.h"
#include "detectors/ks.h"
#include "detectors/psi.h"
#include "sources/formats/format.h"
#include "state/reference_file.h"
#include "windows/estimation.h"
#include "windows/label_join.h"
#include "windows/lane_windows.h"
#include "windows/value_counts.h"

namespace driftd {
namespace {

constexpr std::uint64_t kReferenceRows = 10'000;
constexpr std::uint64_t kRowsPerBatch = 4'096;  // as a lane of the daemon reads them
constexpr std::uint64_t kBatches = 16;

enum Shape : std::int64_t { normal, exponential, lognormal, uniform, cauchy };
constexpr const char* kShapeNames[] = {"normal", "exponential", "lognormal", "uniform", "cauchy"};

std::vector<double> sample(Shape shape, std::uint64_t seed, std::size_t size) {
  TrafficRandom random(seed);
  std::vector<double> values(size);
  for (double& value : values) {
    switch (shape) {
      case normal: value = random.normal(); break;
      case exponential: value = -std::log(random.uniform()); break;
      case lognormal: value = std::exp(random.normal()); break;
      case uniform: value = random.uniform(); break;
      case cauchy: value = std::tan(std::numbers::pi * (random.uniform() - 0.5)); break;
    }
  }
  return values;
}

// The benchmark's model as the daemon loads it, made once.
struct Traffic {
  Traffic() {
    const auto path = std::filesystem::temp_directory_path() / "driftd-bench-reference.csv";
    std::string csv;
    append_reference_header(csv);
    for (std::uint64_t i = 0; i < kReferenceRows; ++i) append_reference_row(csv, i);
    std::ofstream(path, std::ios::binary) << csv;
    ModelConfig config;
    config.name = kTrafficModel;
    config.reference = path.string();
    config.window.size = 30'000;
    auto model = load_model(config, ModelIndex{0});
    std::filesystem::remove(path);
    if (!model) {
      std::fprintf(stderr, "%s\n", model.error().message.c_str());
      std::exit(1);
    }
    loaded = std::move(*model);
    monitored = {loaded.schema.get(), loaded.reference.get(), {.size = config.window.size}};
    schemas = {loaded.schema.get()};
    for (std::uint64_t i = 0; i < kBatches * kRowsPerBatch; ++i) {
      append_prediction(events.emplace_back(), i);
    }
    decoder = make_json_decoder(schemas, {});
    for (std::uint64_t i = 0; i < kBatches; ++i) {
      batches.emplace_back().predictions.emplace_back(*loaded.schema);
      batches.back().labels.emplace_back(*loaded.schema);
      decode(i);
    }
  }

  void decode(std::uint64_t number) {
    LaneBatch& batch = batches[number % kBatches];
    batch.clear();
    Decoded decoded;
    const std::string* event = events.data() + number % kBatches * kRowsPerBatch;
    for (const std::string* end = event + kRowsPerBatch; event != end; ++event) {
      const auto bad = decoder->decode(MessageKind::prediction, *event, kEndOfTime, batch, decoded);
      benchmark::DoNotOptimize(bad);
    }
  }

  LoadedModel loaded;
  MonitoredModel monitored;
  std::vector<const ModelSchema*> schemas;
  std::vector<std::string> events;
  std::unique_ptr<Decoder> decoder;
  std::vector<LaneBatch> batches;
};

Traffic& traffic() {
  static Traffic made;
  return made;
}

void count_items(benchmark::State& state, std::uint64_t a_turn) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(a_turn));
  state.counters["time_per_item"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(a_turn),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void rank_index_cells(benchmark::State& state) {
  const auto shape = static_cast<Shape>(state.range(0));
  std::vector<double> boundaries = sample(shape, 1, kReferenceRows);
  std::ranges::sort(boundaries);
  boundaries.erase(std::ranges::unique(boundaries).begin(), boundaries.end());
  const RankIndex index(boundaries);
  // So many that the processor cannot learn the branches that they take.
  const std::vector<double> values = sample(shape, 2, 256 * kRowsPerBatch);
  std::vector<std::uint32_t> cells(kRowsPerBatch);
  std::size_t first = 0;
  for (auto _ : state) {
    index.cells({values.data() + first, kRowsPerBatch}, cells.data());
    benchmark::ClobberMemory();
    first = (first + kRowsPerBatch) % values.size();
  }
  state.SetLabel(kShapeNames[shape]);
  count_items(state, kRowsPerBatch);
}
BENCHMARK(rank_index_cells)->DenseRange(normal, cauchy);

void decode_event(benchmark::State& state) {
  Traffic& made = traffic();
  std::uint64_t turn = 0;
  for (auto _ : state) made.decode(turn++);
  count_items(state, kRowsPerBatch);
}
BENCHMARK(decode_event);

void fold_event(benchmark::State& state) {
  LabelJoin* const joins[] = {nullptr};
  LaneWindows windows({&traffic().monitored, 1}, joins, false);
  std::uint64_t turn = 0;
  for (auto _ : state) {
    LaneWindows::Cursor cursor;
    const LaneBatch& batch = traffic().batches[turn++ % kBatches];
    benchmark::DoNotOptimize(windows.fold(ModelIndex{0}, batch, cursor));
  }
  count_items(state, kRowsPerBatch);
}
BENCHMARK(fold_event);

// Scores of six digits that are not calibrated: their squares are the probabilities.
std::vector<ScoredLabel> scored_reference(std::uint64_t seed, double probability_of(double)) {
  TrafficRandom random(seed);
  std::vector<ScoredLabel> rows(kReferenceRows);
  for (ScoredLabel& row : rows) {
    row.score = std::round(random.uniform() * 1e6) / 1e6;
    row.positive = random.uniform() < probability_of(row.score);
  }
  return rows;
}

// What collecting the estimate adds to a prediction. Argument: classes; 2 is a binary model.
void estimate_event(benchmark::State& state) {
  const auto classes = static_cast<std::size_t>(state.range(0));
  ModelSchema schema;
  schema.task = classes == 2 ? Task::binary : Task::multiclass;
  schema.positive_class = 1;
  for (std::size_t k = 0; k < classes; ++k)
    schema.scored_classes.push_back(static_cast<ClassCode>(k));
  EstimationModel model;
  if (classes == 2) {
    model = learn_binary(scored_reference(1, [](double score) { return score * score; }));
  } else {
    std::vector<std::vector<ScoredLabel>> by_class(
        classes, scored_reference(1, [](double score) { return score * score; }));
    model = learn_multiclass(std::move(by_class), schema.scored_classes);
  }
  // So many that the processor cannot learn the branches that they take.
  const std::uint64_t total = 64 * kRowsPerBatch;
  EventBatch batch(schema);
  TrafficRandom random(2);
  for (std::uint64_t i = 0; i < total; ++i) {
    batch.score.push_back(std::round(random.uniform() * 1e6) / 1e6);
    batch.predicted_class.push_back(static_cast<ClassCode>(i % classes));
    for (std::size_t k = 0; k < classes; ++k) batch.class_scores.push_back(random.uniform());
  }
  std::vector<std::uint32_t> rows(kRowsPerBatch);
  EstimationSummary summary;
  EstimationSummary::Scratch scratch;
  std::uint64_t first = 0;
  for (auto _ : state) {
    for (std::uint64_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::uint32_t>(first + i);
    summary.update(model, batch, rows, scratch);
    benchmark::ClobberMemory();
    first = (first + kRowsPerBatch) % total;
  }
  count_items(state, kRowsPerBatch);
}
BENCHMARK(estimate_event)->Arg(2)->Arg(3)->Arg(6)->Arg(20);

// The other way to collect it, which is exact in every case: counters over the window's own scores.
void count_own_scores(benchmark::State& state) {
  const auto per_window = static_cast<std::uint64_t>(state.range(0));
  TrafficRandom random(2);
  std::vector<double> scores(per_window);
  for (double& score : scores) score = std::round(random.uniform() * 1e6) / 1e6;
  for (auto _ : state) {
    ValueCounts counts;
    for (std::uint64_t i = 0; i < per_window; ++i) counts.add(scores[i], scores[i] >= 0.5 ? 1 : 0);
    benchmark::DoNotOptimize(counts.distinct());
  }
  count_items(state, per_window);
}
BENCHMARK(count_own_scores)->Arg(10'000)->Arg(100'000);

void ks_and_psi_of_a_feature(benchmark::State& state) {
  const auto& series = traffic().loaded.reference->series;
  NumericSummary::Scratch scratch;
  std::vector<NumericSummary> summaries;
  for (int i = 0; i < kTrafficFeatures; ++i) {
    const auto& baseline = std::get<NumericReference>(series[static_cast<std::size_t>(i)].baseline);
    const std::span<const double> values = baseline.index.boundaries();
    summaries.emplace_back(baseline.index).update(baseline.index, values, scratch);
  }
  for (auto _ : state) {
    for (std::size_t i = 0; i < summaries.size(); ++i) {
      const auto& baseline = std::get<NumericReference>(series[i].baseline);
      const NumericComparison samples = compare(baseline, summaries[i]);
      benchmark::DoNotOptimize(ks(samples));
      benchmark::DoNotOptimize(psi(samples.bins));
    }
  }
  count_items(state, kTrafficFeatures);
}
BENCHMARK(ks_and_psi_of_a_feature);

// Ids of the n-th batch; the labels' are those of predictions all over the pending ones.
IdHash id_of(std::uint64_t number) { return {number, TrafficRandom(number)()}; }

void fill_predictions(EventBatch& batch, std::uint64_t first) {
  batch.clear();
  for (std::uint64_t i = first; i < first + kRowsPerBatch; ++i) {
    batch.ts.push_back(static_cast<TimeMs>(i));
    batch.id.push_back(id_of(i));
    batch.version.push_back(VersionIndex{0});
    batch.score.push_back(0.5);
    batch.predicted_class.push_back(kNoClass);
  }
}

// Every turn inserts a batch of predictions and joins as many labels, at range(0) pending rows.
void label_join_pair(benchmark::State& state) {
  const auto pending = static_cast<std::uint64_t>(state.range(0));
  DRIFTD_CHECK(pending > 0);
  ModelSchema schema;
  schema.label_horizon = 7LL * 86'400'000;
  const ManualClock clock(0);
  MemoryBudget memory(std::size_t{8} << 30);
  LabelJoin join(schema, memory, std::make_unique<MemoryJoinRows>(LabelJoin::row_bytes(schema)));
  PaneAssigner assigner({.size = 30'000}, false);
  EventBatch predictions(schema);
  LabelBatch labels(schema);
  std::vector<std::uint8_t> accepted;
  std::vector<std::int64_t> panes;
  JoinedRows joined;
  DiscardCounts discarded;
  std::uint64_t next = 0;
  const auto insert = [&] {
    fill_predictions(predictions, next);
    next += kRowsPerBatch;
  };
  const auto add = [&] {
    benchmark::DoNotOptimize(join.add_predictions(predictions, 0, kRowsPerBatch, assigner, accepted,
                                                  panes, joined, discarded));
  };
  while (next < pending) {
    insert();
    add();
  }
  // A step that shares no factor with the numbers given so far meets each of them once.
  constexpr std::uint64_t kStep = 2'654'435'761;
  std::uint64_t asked = 0;
  for (auto _ : state) {
    state.PauseTiming();
    insert();
    labels.clear();
    for (std::uint64_t i = 0; i < kRowsPerBatch; ++i) {
      labels.ts.push_back(static_cast<TimeMs>(next));
      labels.id.push_back(id_of(asked++ * kStep % pending));
      labels.value.push_back(0);
      labels.actual_class.push_back(1);
    }
    joined.clear();
    state.ResumeTiming();
    add();
    benchmark::DoNotOptimize(join.add_labels(labels, 0, kRowsPerBatch, joined, discarded));
  }
  count_items(state, kRowsPerBatch);
}
BENCHMARK(label_join_pair)->Arg(1'000'000)->Arg(10'000'000)->Iterations(200);

}  // namespace
}  // namespace driftd

BENCHMARK_MAIN();
