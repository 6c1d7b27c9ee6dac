#include "windows/pane.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <unordered_set>
#include <vector>

#include "tests/support/fingerprints.h"
#include "tests/support/models.h"

namespace driftd {
namespace {

const ModelUnderTest& model() {
  static ModelUnderTest* const kModel = [] {
    auto* made = new ModelUnderTest(Task::binary);
    made->add_usual_features();
    made->reference.estimation =
        learn_binary({{0.125, false}, {0.25, false}, {0.5, true}, {0.75, true}});
    return made;
  }();
  return *kModel;
}

struct Event {
  TimeMs ts = 0;
  double amount = 0;
  std::string channel;
  double latency = 0;
  int label = 0;  // 2: none came
  int duplicates = 0;
};

void fold(Pane& pane, std::span<const Event> part) {
  const auto& amount = std::get<NumericReference>(model().reference.series[0].baseline);
  const auto& channel = std::get<CategoryReference>(model().reference.series[1].baseline);
  Column column;
  EventBatch scores(model().schema);
  std::vector<std::uint32_t> rows;
  for (const Event& event : part) {
    rows.push_back(static_cast<std::uint32_t>(rows.size()));
    scores.score.push_back(event.latency / 500);
    scores.predicted_class.push_back(kNoClass);
    column.numbers.push_back(event.amount);
    append(column, channel.categories, event.channel);
    ++pane.predictions;
    pane.duplicates += static_cast<std::uint64_t>(event.duplicates);
    pane.first_time = std::min(pane.first_time, event.ts);
    pane.last_time = std::max(pane.last_time, event.ts);
    pane.latency.update({&event.latency, 1});
    if (event.label == 2) continue;
    const LabelledRow row{0.25, kNoClass, {}, 0, static_cast<ClassCode>(event.label)};
    std::get<BinaryPerformance>(pane.performance).update(model().schema, row);
  }
  NumericSummary::Scratch numeric;
  CategorySummary::Scratch category;
  EstimationSummary::Scratch estimation;
  if (!part.empty()) pane.estimation.update(model().reference.estimation, scores, rows, estimation);
  std::get<NumericSummary>(pane.series[0]).update(amount.index, column.numbers, numeric);
  std::get<CategorySummary>(pane.series[1]).update(column, column.codes, category);
}

rc::Gen<std::vector<Event>> events() {
  return rc::gen::container<std::vector<Event>>(rc::gen::build<Event>(
      rc::gen::set(&Event::ts, rc::gen::inRange<TimeMs>(-5'000, 5'000)),
      rc::gen::set(&Event::amount, column_value()),
      rc::gen::set(&Event::channel, rc::gen::element<std::string>("web", "shop", "fax", "telex")),
      rc::gen::set(&Event::latency,
                   rc::gen::map(rc::gen::inRange(0, 500), [](int n) { return n / 8.0; })),
      rc::gen::set(&Event::label, rc::gen::inRange(0, 3)),
      rc::gen::set(&Event::duplicates, rc::gen::inRange(0, 3))));
}

Pane pane_of(const std::vector<Event>& stream) {
  Pane pane(model().monitored());
  fold(pane, stream);
  return pane;
}

std::string features_of(const Pane& pane) {
  std::string bytes;
  pane.write_features(bytes);
  return bytes;
}

std::string performance_of(const Pane& pane) {
  std::string bytes;
  pane.write_performance(bytes);
  return bytes;
}

RC_GTEST_PROP(Pane, KeepsTheMergeLaws, ()) {
  check_merge_laws(Pane(model().monitored()), *events(), fold, fingerprint_of<Pane>);
}

RC_GTEST_PROP(Pane, IsReadAsItWasWritten, ()) {
  const Pane pane = pane_of(*events());
  check_stored_form(features_of(pane), [](std::string_view bytes) -> std::optional<std::string> {
    Pane read(model().monitored());
    if (!read.read_features(bytes, model().monitored())) return std::nullopt;
    return features_of(read);
  });
  check_stored_form(performance_of(pane), [](std::string_view bytes) -> std::optional<std::string> {
    Pane read(model().monitored());
    if (!read.read_performance(bytes, model().monitored())) return std::nullopt;
    return performance_of(read);
  });
  Pane both(model().monitored());
  RC_ASSERT(both.read_features(features_of(pane), model().monitored()));
  RC_ASSERT(both.read_performance(performance_of(pane), model().monitored()));
  RC_ASSERT(fingerprint_of(both) == fingerprint_of(pane));
}

TEST(Pane, RefusesTheStateOfAnotherModel) {
  ModelUnderTest other(Task::regression);
  other.add_numeric("amount", {1, 2, 3});
  const Pane pane = pane_of({{0, 1, "web", 8, 1}});
  Pane read(other.monitored());
  EXPECT_FALSE(read.read_features(features_of(pane), other.monitored()));
  ModelUnderTest same_series(Task::binary);
  same_series.add_numeric("amount", {1, 2, 3});
  same_series.add_category("channel", {"web"});
  Pane changed(same_series.monitored());
  EXPECT_FALSE(changed.read_features(features_of(pane), same_series.monitored()));
}

TEST(Pane, RemembersWhatChangedInEitherPart) {
  Pane left(model().monitored());
  Pane right(model().monitored());
  right.features_changed = true;
  left.merge(right);
  EXPECT_TRUE(left.features_changed);
  EXPECT_FALSE(left.performance_changed);
}

TEST(PaneKey, HashesApartByMonitorAndPane) {
  std::unordered_set<PaneKey> keys;
  std::unordered_set<std::size_t> hashes;
  for (std::uint32_t version = 0; version < 20; ++version) {
    for (std::int64_t minute = -50; minute < 50; ++minute) {
      const PaneKey key{{ModelIndex{1}, VersionIndex{version}}, minute * 60'000};
      EXPECT_TRUE(keys.insert(key).second);
      hashes.insert(std::hash<PaneKey>{}(key));
    }
  }
  EXPECT_GT(hashes.size(), 1'900U);
}

}  // namespace
}  // namespace driftd
