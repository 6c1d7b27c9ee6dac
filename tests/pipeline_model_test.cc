// Any interleaving of events, checkpoints, kills, stops and rebalances comes to the counts that the
// definitions give: of every version and window how many predictions, how many of them labelled,
// and how many labels agree. RC_PARAMS="max_success=5000" looks longer.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/pipeline.h"

namespace driftd {
namespace {

constexpr DurationMs kWindow = 1'000;
constexpr DurationMs kSlide = 400;  // of hopping windows, which are then sums of panes of 200
constexpr DurationMs kHorizon = 4'000;
// Nothing comes later than this, nor a second prediction of an id: far within the horizon, so that
// neither its window nor its row has been given up.
constexpr DurationMs kLatest = 1'500;
constexpr DurationMs kIdle = 5;  // a partition is idle
constexpr DurationMs kIdleClose = 20;
constexpr int kPartitions = 3;

enum class Act : std::uint8_t {
  predict,         // a new id
  predict_late,    // a new id, in a window that may have closed
  predict_again,   // an id that was predicted lately
  label,           // an id that was predicted lately
  label_before,    // an id that comes next
  label_too_late,  // an id that was predicted more than a horizon ago
  catch_up,        // everything so far is read; else it may or may not have been
  checkpoint,
  idle,        // the clock goes on with nothing to read
  idle_close,  // and long enough for open windows to close
  kill,
  stop,
  rebalance,  // a partition is taken away, and given back a little later
};
constexpr std::array<const char*, 13> kActNames = {
    "predict",        "predict_late", "predict_again", "label", "label_before",
    "label_too_late", "catch_up",     "checkpoint",    "idle",  "idle_close",
    "kill",           "stop",         "rebalance"};
static_assert(kActNames.size() == static_cast<std::size_t>(Act::rebalance) + 1);

// One thing that happens; `number` chooses among what there is to choose from.
struct Step {
  Act act{};
  std::uint32_t number = 0;
};
std::ostream& operator<<(std::ostream& out, const Step& step) {
  return out << kActNames[static_cast<std::size_t>(step.act)] << "(" << step.number << ")";
}

[[nodiscard]] rc::Gen<Step> any_step() {
  const auto act = rc::gen::weightedElement<Act>({{30, Act::predict},
                                                  {6, Act::predict_late},
                                                  {6, Act::predict_again},
                                                  {20, Act::label},
                                                  {5, Act::label_before},
                                                  {5, Act::label_too_late},
                                                  {6, Act::catch_up},
                                                  {20, Act::checkpoint},
                                                  {3, Act::idle},
                                                  {2, Act::idle_close},
                                                  {5, Act::kill},
                                                  {2, Act::stop},
                                                  {6, Act::rebalance}});
  return rc::gen::build<Step>(rc::gen::set(&Step::act, act),
                              rc::gen::set(&Step::number, rc::gen::inRange(0U, 1'000U)));
}

// --- The definitions

struct Counts {
  std::int64_t predictions = 0;
  std::int64_t labelled = 0;
  std::int64_t right = 0;
  bool operator==(const Counts&) const = default;
};
using Table = std::map<std::pair<std::string, TimeMs>, Counts>;  // by version and window's start

std::ostream& operator<<(std::ostream& out, const Table& table) {
  for (const auto& [key, counts] : table) {
    out << "\n  " << key.first << " from " << key.second - kBegin << ": " << counts.predictions
        << " predictions, " << counts.labelled << " labelled, " << counts.right << " right";
  }
  return out;
}

// The first prediction of an id wins and so does its first label, which counts if it is not later
// than the prediction by more than the horizon.
// A window starts at every multiple of the slide and holds the predictions from there to its end.
[[nodiscard]] Table by_definition(const Stream& stream, DurationMs slide) {
  std::map<std::string, FakeMessage> predictions;
  std::map<std::string, FakeMessage> labels;
  for (const auto& [partition, message] : stream)
    (message.kind == MessageKind::label ? labels : predictions).try_emplace(message.id, message);
  Table table;
  for (const auto& [id, prediction] : predictions) {
    const auto label = labels.find(id);
    const bool counts_label = label != labels.end() && label->second.ts <= prediction.ts + kHorizon;
    const bool is_right =
        counts_label && (prediction.score >= 0.5) == (label->second.actual == "1");
    for (TimeMs start = prediction.ts - prediction.ts % slide; start > prediction.ts - kWindow;
         start -= slide) {
      Counts& counts = table[{prediction.version, start}];
      ++counts.predictions;
      counts.labelled += counts_label;
      counts.right += is_right;
    }
  }
  return table;
}

// --- What was published

[[nodiscard]] Table as_published(Pipeline& pipeline) {
  Table table;
  std::map<std::pair<std::string, TimeMs>, std::int32_t> revisions;
  for (const Report& report : pipeline.outbox()) {
    const auto* metric = std::get_if<MetricValue>(&report);
    if (metric == nullptr || metric->metric != "accuracy") continue;
    const std::pair key(metric->monitor.version, metric->window.start);
    const auto [newest, is_first] = revisions.try_emplace(key, metric->window.revision);
    if (!is_first && newest->second >= metric->window.revision) continue;
    newest->second = metric->window.revision;
    const double right = metric->value.value_or(0) * static_cast<double>(metric->labelled);
    table[key] = {metric->window.n, metric->labelled, std::llround(right)};
  }
  return table;
}

// --- The stream that the steps write

class Writer {
 public:
  void write(const Step& step) {
    switch (step.act) {
      case Act::predict:
        now_ += step.number % 300;
        predict(next_id(), now_, step.number);
        break;
      case Act::predict_late:
        predict(next_id(), std::max<DurationMs>(0, now_ - step.number % kLatest), step.number);
        break;
      case Act::predict_again:
        if (const auto id = choose(step.number, 0, kLatest))
          predict(*id, std::max<DurationMs>(0, now_ - step.number % 50), step.number / 2);
        break;
      case Act::label:
        if (const auto id = choose(step.number, 0, kHorizon)) label_it(*id, step.number);
        break;
      case Act::label_before:
        label_it(ids_ + static_cast<int>(step.number % 3), step.number);
        break;
      case Act::label_too_late:
        if (const auto id = choose(step.number, kHorizon + 1, kEndOfTime))
          label_it(*id, step.number);
        break;
      default: break;
    }
  }
  [[nodiscard]] const Stream& stream() const { return stream_; }

 private:
  [[nodiscard]] int next_id() { return ids_++; }
  // One whose first prediction is as old as that.
  [[nodiscard]] std::optional<int> choose(std::uint32_t number, DurationMs from,
                                          DurationMs to) const {
    std::vector<int> found;
    for (const auto& [id, at] : predicted_at_) {
      if (now_ - at >= from && now_ - at <= to) found.push_back(id);
    }
    if (found.empty()) return std::nullopt;
    return found[number % found.size()];
  }
  void predict(int id, DurationMs at, std::uint32_t number) {
    FakeMessage message = prediction(std::to_string(id), at, number % 10);
    if (number % 3 == 0) message.version = "v2";
    predicted_at_.try_emplace(id, at);
    // All predictions of an id are in one partition, as by key, and all of its labels, maybe in
    // that of another lane; hence the order of each is that of writing.
    stream_.emplace_back(id % kPartitions, message);
  }
  void label_it(int id, std::uint32_t number) {
    stream_.emplace_back((id + 1) % kPartitions,
                         label(std::to_string(id), now_, number % 2 == 0 ? "1" : "0"));
  }

  DurationMs now_ = 0;
  int ids_ = 0;
  std::map<int, DurationMs> predicted_at_;
  Stream stream_;
};

// --- The pipeline that goes through them

class Walk {
 public:
  Walk(const std::vector<Step>& steps, unsigned lanes, DurationMs slide) {
    Writer writer;
    for (const Step& step : steps) {
      writer.write(step);
      written_.push_back(writer.stream().size());
    }
    pipeline_.stream = writer.stream();
    pipeline_.config.daemon.checkpoint_interval = 1;
    ModelConfig& model = pipeline_.config.models[0];
    model.window.size = kWindow;
    model.window.slide = slide;
    model.window.idle_timeout = kIdle;
    model.window.idle_close = kIdleClose;
    model.label_horizon = kHorizon;
    model.amend_interval = 3;
    pipeline_.start(lanes);
    for (std::size_t i = 0; i < steps.size(); ++i) take(steps[i], written_[i]);
    finish();
  }
  [[nodiscard]] Pipeline& pipeline() { return pipeline_; }

 private:
  void take(const Step& step, std::size_t written) {
    switch (step.act) {
      case Act::catch_up: EXPECT_TRUE(pipeline_.source().settle()); break;
      case Act::checkpoint: pipeline_.checkpoint(); break;
      case Act::idle:
        pipeline_.clock().advance(kIdle);
        pipeline_.coordinator().step();
        break;
      case Act::idle_close:
        pipeline_.clock().advance(kIdleClose);
        pipeline_.coordinator().step();
        break;
      case Act::kill: restart(step); break;
      case Act::stop:
        pipeline_.coordinator().stop();
        restart(step);
        break;
      case Act::rebalance: rebalance(step); break;
      default: pipeline_.source().release(written); break;
    }
    released_ = written;
  }
  void restart(const Step& step) {
    pipeline_.kill();
    pipeline_.start(1 + step.number % 2, released_);
  }
  void rebalance(const Step& step) {
    const auto partition = static_cast<std::int32_t>(step.number / 2 % kPartitions);
    const bool is_label = step.number % 2 == 0;
    FakeSource& source = pipeline_.source();
    const MessageKind kind = is_label ? MessageKind::label : MessageKind::prediction;
    source.at_next_control([&](SourceHost& host) { source.revoke(kind, partition, host); });
    pipeline_.coordinator().step();
    // What is not assigned does not hold back the time, which for labels ends what they count for.
    if (!is_label) {
      (void)source.settle();
      pipeline_.checkpoint();
    }
    source.at_next_control([&](SourceHost& host) { source.give_back(kind, partition, host); });
    pipeline_.coordinator().step();
  }
  // Everything is read and every window closed; the stop publishes what is still to be amended.
  void finish() {
    pipeline_.read(pipeline_.stream.size());
    pipeline_.clock().advance(kIdleClose);
    pipeline_.coordinator().step();
    pipeline_.coordinator().stop();
  }

  Pipeline pipeline_;
  std::vector<std::size_t> written_;  // messages after each step
  std::size_t released_ = 0;
};

void count_by_definition(unsigned lanes, DurationMs slide) {
  constexpr int kMostSteps = 200;
  const auto steps =
      *rc::gen::resize(kMostSteps, rc::gen::container<std::vector<Step>>(any_step())).as("steps");
  Walk walk(steps, lanes, slide);
  const Table published = as_published(walk.pipeline());
  const Table expected = by_definition(walk.pipeline().stream, slide);
  if (published == expected) return;
  std::ostringstream text;
  text << "published:" << published << "\nby definition:" << expected;
  RC_FAIL(text.str());
}

RC_GTEST_PROP(PipelineModel, CountsByDefinitionThroughAnyInterleavingFromOneLane, ()) {
  count_by_definition(1, kWindow);
}

RC_GTEST_PROP(PipelineModel, CountsByDefinitionThroughAnyInterleavingFromTwoLanes, ()) {
  count_by_definition(2, kWindow);
}

RC_GTEST_PROP(PipelineModel, HoppingWindowsCountByDefinitionThroughAnyInterleaving, ()) {
  count_by_definition(2, kSlide);
}

}  // namespace
}  // namespace driftd
