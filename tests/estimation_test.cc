#include "windows/estimation.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <random>

#include "tests/support/fingerprints.h"
#include "tests/support/models.h"

namespace driftd {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Scores that tie in twentieths; the label is drawn from `truth` of the score.
std::vector<ScoredLabel> reference_rows(double (*truth)(double)) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> uniform;
  std::vector<ScoredLabel> rows;
  for (int i = 0; i < 2'000; ++i) {
    const double score = i % 20 / 20.0;
    rows.push_back({score, uniform(random) < truth(score)});
  }
  return rows;
}

const ModelUnderTest& binary_model() {
  static ModelUnderTest* const kModel = [] {
    auto* made = new ModelUnderTest(Task::binary);
    made->reference.estimation = learn_binary(reference_rows([](double s) { return s * s; }));
    return made;
  }();
  return *kModel;
}

const ModelUnderTest& multiclass_model() {
  static ModelUnderTest* const kModel = [] {
    auto* made = new ModelUnderTest(Task::multiclass);
    std::vector<std::vector<ScoredLabel>> by_class(3);
    for (int k = 0; k < 3; ++k)
      by_class[static_cast<std::size_t>(k)] = reference_rows([](double s) { return s / 2; });
    made->reference.estimation = learn_multiclass(by_class, made->schema.scored_classes);
    return made;
  }();
  return *kModel;
}

struct Row {
  double score = 0;
  ClassCode predicted = kNoClass;
  double other = 0;
};

EventBatch batch_of(const ModelUnderTest& model, std::span<const Row> rows) {
  EventBatch batch(model.schema);
  for (const Row& row : rows) {
    batch.score.push_back(row.score);
    batch.predicted_class.push_back(row.predicted);
    const double rest = 1 - row.score - row.other;
    batch.class_scores.insert(batch.class_scores.end(), {row.score, row.other, rest});
  }
  return batch;
}

void fold(const ModelUnderTest& model, EstimationSummary& summary, std::span<const Row> part) {
  const EventBatch batch = batch_of(model, part);
  std::vector<std::uint32_t> rows(part.size());
  for (std::uint32_t i = 0; i < rows.size(); ++i) rows[i] = i;
  EstimationSummary::Scratch scratch;
  summary.update(model.reference.estimation, batch, rows, scratch);
}

rc::Gen<std::vector<Row>> rows() {
  return rc::gen::container<std::vector<Row>>(rc::gen::build<Row>(
      rc::gen::set(&Row::score, rc::gen::weightedOneOf<double>(
                                    {{8, rc::gen::map(rc::gen::inRange(0, 161),
                                                      [](int n) { return n / 160.0; })},
                                     {1, rc::gen::element(kNaN, kInfinity, -2.0, 7.0)}})),
      rc::gen::set(&Row::predicted, rc::gen::element<ClassCode>(0, 1, 2, 9, kNoClass)),
      rc::gen::set(&Row::other,
                   rc::gen::map(rc::gen::inRange(0, 9), [](int n) { return n / 8.0; }))));
}

template <typename Model>
void keeps_the_merge_laws(const Model& model) {
  const std::vector<Row> stream = *rows();
  // A part without a prediction has no cells yet; what it adds is nothing, however often.
  EstimationSummary empty;
  fold(model, empty, {});
  check_merge_laws(
      empty, stream,
      [&](EstimationSummary& summary, std::span<const Row> part) { fold(model, summary, part); },
      fingerprint_of<EstimationSummary>);
}

RC_GTEST_PROP(Estimation, OfABinaryModelKeepsTheMergeLaws, ()) {
  keeps_the_merge_laws(binary_model());
}
RC_GTEST_PROP(Estimation, OfAMulticlassModelKeepsTheMergeLaws, ()) {
  keeps_the_merge_laws(multiclass_model());
}

template <typename Model>
void is_read_as_it_was_written(const Model& model) {
  EstimationSummary summary;
  fold(model, summary, *rows());
  check_stored_form(bytes_of(summary), [&](std::string_view bytes) -> std::optional<std::string> {
    ByteReader in(bytes);
    EstimationSummary read;
    const EstimationModel& estimation = model.reference.estimation;
    if (!EstimationSummary::read(in, estimation, read) || !in.at_end()) return std::nullopt;
    // What damage made of another shape is left empty, which is a valid state.
    if (read.cells.empty() && !summary.cells.empty()) return std::nullopt;
    return bytes_of(read);
  });
}

RC_GTEST_PROP(Estimation, OfABinaryModelIsReadAsItWasWritten, ()) {
  is_read_as_it_was_written(binary_model());
}
RC_GTEST_PROP(Estimation, OfAMulticlassModelIsReadAsItWasWritten, ()) {
  is_read_as_it_was_written(multiclass_model());
}

TEST(Estimation, CountsByPredictedClassWhichIsThatOfTheScoreWhereNoneIsSaid) {
  EstimationSummary summary;
  fold(binary_model(), summary,
       std::vector<Row>{{0.5, kNoClass}, {0.5, 0}, {0.25, 1}, {0.25, kNoClass}, {kNaN, 1}});
  EXPECT_EQ(summary.seen, 5U);
  EXPECT_EQ(summary.scored, 4U);
  std::uint64_t by_class[2] = {0, 0};
  for (std::size_t i = 0; i < summary.cells.size(); ++i) by_class[i % 2] += summary.cells[i].count;
  EXPECT_EQ(by_class[0], 2U);
  EXPECT_EQ(by_class[1], 2U);
}

TEST(Estimation, LeavesAStateOfAnotherShapeEmpty) {
  EstimationSummary summary;
  fold(binary_model(), summary, std::vector<Row>{{0.5, 1}, {0.125, 0}});
  const std::string bytes = bytes_of(summary);
  // Estimates were switched off, and on again with another reference.
  for (const EstimationModel& now : {EstimationModel{}, multiclass_model().reference.estimation,
                                     learn_binary({{0.25, false}, {0.5, true}, {0.75, false}})}) {
    ByteReader in(bytes);
    EstimationSummary read;
    ASSERT_TRUE(EstimationSummary::read(in, now, read));
    EXPECT_TRUE(in.at_end());
    EXPECT_EQ(read.seen, 0U);
    EXPECT_TRUE(read.cells.empty());
  }
}

TEST(Estimation, GivesEveryClassTheSameWhereNoneHasAProbability) {
  ModelUnderTest model(Task::multiclass);
  std::vector<std::vector<ScoredLabel>> by_class(3, {{0.5, true}, {0.25, false}});
  model.reference.estimation = learn_multiclass(by_class, model.schema.scored_classes);
  EventBatch batch(model.schema);
  batch.score = {kNaN};
  batch.predicted_class = {1};
  batch.class_scores = {0, 0, 0};
  EstimationSummary summary;
  EstimationSummary::Scratch scratch;
  const std::uint32_t row = 0;
  summary.update(model.reference.estimation, batch, {&row, 1}, scratch);
  for (std::size_t k = 0; k < 3; ++k) EXPECT_DOUBLE_EQ(summary.probabilities[3 + k], 1 / 3.0);
}

}  // namespace
}  // namespace driftd
