#include "core/event_batch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "tests/support/models.h"

namespace driftd {
namespace {

class EventBatchTest : public testing::Test {
 protected:
  EventBatchTest() : model_(Task::multiclass), batch_(prepared(model_)) {}

  static const ModelSchema& prepared(ModelUnderTest& model) {
    model.add_usual_features();
    return model.schema;
  }

  void add_row(TimeMs ts, double amount, const std::string& channel) {
    batch_.ts.push_back(ts);
    batch_.id.push_back({1, static_cast<std::uint64_t>(ts)});
    batch_.version.push_back(VersionIndex{0});
    batch_.sequence.push_back(static_cast<std::uint32_t>(batch_.sequence.size()));
    batch_.score.push_back(0.5);
    batch_.predicted_class.push_back(0);
    batch_.class_scores.insert(batch_.class_scores.end(), {0.5, 0.25, 0.25});
    batch_.latency_ms.push_back(8);
    batch_.weight.push_back(1);
    batch_.columns[0].numbers.push_back(amount);
    append(batch_.columns[1], categories(), channel);
  }

  const std::vector<std::string>& categories() const {
    return std::get<CategoryReference>(model_.reference.series[1].baseline).categories;
  }

  void expect_rows(std::size_t rows) const {
    EXPECT_EQ(batch_.size(), rows);
    for (const std::size_t size :
         {batch_.id.size(), batch_.version.size(), batch_.sequence.size(), batch_.score.size(),
          batch_.predicted_class.size(), batch_.latency_ms.size(), batch_.weight.size(),
          batch_.columns[0].numbers.size(), batch_.columns[1].codes.size(),
          batch_.class_scores.size() / 3}) {
      EXPECT_EQ(size, rows);
    }
  }

  ModelUnderTest model_;
  EventBatch batch_;
};

TEST_F(EventBatchTest, TruncatesEveryVector) {
  for (int i = 0; i < 5; ++i) add_row(i, i, "web");
  batch_.truncate(3);
  expect_rows(3);
  batch_.truncate(3);
  expect_rows(3);
  batch_.truncate(7);
  expect_rows(3);
}

TEST_F(EventBatchTest, TruncatesARowThatIsOnlyHalfThere) {
  add_row(1, 1, "web");
  batch_.ts.push_back(2);
  batch_.id.push_back({});
  batch_.columns[0].numbers.push_back(2);
  batch_.truncate(1);
  expect_rows(1);
}

TEST_F(EventBatchTest, TakesBackTheUnseenTextsOfTruncatedRows) {
  add_row(1, 1, "fax");
  add_row(2, 1, "web");
  add_row(3, 1, "telex");
  add_row(4, 1, "pigeon");
  Column& channel = batch_.columns[1];
  EXPECT_EQ(channel.unseen_size, 3U);
  batch_.truncate(2);
  EXPECT_EQ(channel.unseen_size, 1U);
  EXPECT_EQ(channel.unseen[0], "fax");
  add_row(5, 1, "drum");
  EXPECT_EQ(channel.unseen_size, 2U);
  EXPECT_EQ(channel.unseen[1], "drum");
  EXPECT_EQ(channel.codes.back(), categories().size() + 1);
}

TEST_F(EventBatchTest, CountsTheMarksAsNoUnseenText) {
  add_row(1, 1, "fax");
  add_row(2, 1, "web");
  batch_.columns[1].codes.back() = kMissingCategory;
  add_row(3, 1, "web");
  batch_.columns[1].codes.back() = kWrongTypeCategory;
  batch_.truncate(1);
  EXPECT_EQ(batch_.columns[1].unseen_size, 1U);
}

TEST_F(EventBatchTest, KeepsItsCapacityWhenCleared) {
  for (int i = 0; i < 100; ++i) add_row(i, i, "unseen " + std::to_string(i));
  const double* const numbers = batch_.columns[0].numbers.data();
  const std::string* const texts = batch_.columns[1].unseen.data();
  batch_.clear();
  expect_rows(0);
  EXPECT_EQ(batch_.columns[1].unseen_size, 0U);
  for (int i = 0; i < 100; ++i) add_row(i, i, "other " + std::to_string(i));
  expect_rows(100);
  EXPECT_EQ(batch_.columns[0].numbers.data(), numbers);
  EXPECT_EQ(batch_.columns[1].unseen.data(), texts);
  EXPECT_EQ(batch_.columns[1].unseen[99], "other 99");
}

TEST(EventMarks, AreTwoDifferentKindsOfNaN) {
  EXPECT_TRUE(std::isnan(missing_number()));
  EXPECT_TRUE(std::isnan(wrong_type_number()));
  EXPECT_TRUE(is_wrong_type(wrong_type_number()));
  EXPECT_FALSE(is_wrong_type(missing_number()));
  EXPECT_FALSE(is_wrong_type(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_FALSE(is_wrong_type(0));
}

TEST(LaneBatchTest, ClearsBothKindsAndItsCounts) {
  const ModelSchema schema = make_schema(Task::binary);
  LaneBatch batch;
  batch.predictions.emplace_back(schema);
  batch.labels.emplace_back(schema);
  LabelBatch& labels = batch.labels[0];
  labels.ts.push_back(1);
  labels.id.push_back({});
  labels.sequence.push_back(0);
  labels.value.push_back(1);
  labels.actual_class.push_back(1);
  batch.discarded.add(DiscardReason::empty, 3);
  batch.rows = 1;
  batch.clear();
  EXPECT_EQ(batch.rows, 0U);
  EXPECT_EQ(batch.discarded.by_reason, DiscardCounts{}.by_reason);
  EXPECT_EQ(labels.size() + labels.id.size() + labels.sequence.size() + labels.value.size() +
                labels.actual_class.size(),
            0U);
}

TEST(Discard, NamesEveryReasonOnceAndAddsUp) {
  EXPECT_EQ(to_string(DiscardReason::empty), "empty");
  EXPECT_EQ(to_string(DiscardReason::late_label), "late_label");
  DiscardCounts one;
  DiscardCounts two;
  one.add(DiscardReason::too_large);
  two.add(DiscardReason::too_large, 2);
  two.add(DiscardReason::late_label);
  one.merge(two);
  EXPECT_EQ(one.by_reason[static_cast<std::size_t>(DiscardReason::too_large)], 3U);
  EXPECT_EQ(one.by_reason[static_cast<std::size_t>(DiscardReason::late_label)], 1U);
}

}  // namespace
}  // namespace driftd
