// A baseline file: what is read from it is what the rows would have given, and nothing else is
// taken for one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <string>

#include "state/baseline_learner.h"
#include "state/baseline_model.h"
#include "tests/support/temporary_folder.h"

namespace driftd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

[[nodiscard]] std::string bytes_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Rows with ties, gaps, infinities, missing cells, more categories than are told apart, labels and
// scores that need calibration.
[[nodiscard]] std::string rows_of(Task task, std::size_t rows) {
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::ostringstream csv;
  csv.precision(17);
  csv << "id,ts,amount,level,country,empty,prediction,latency_ms,actual";
  if (task == Task::binary) csv << ",predicted_class";
  if (task == Task::multiclass) csv << ",score_a,score_b,score_c";
  csv << "\n";
  for (std::size_t i = 0; i < rows; ++i) {
    const double score = uniform(random);
    csv << "r" << i % (rows - 3) << "," << 1'700'000'000'000 + static_cast<long long>(i) * 60'000
        << ",";
    if (i % 97 == 5) csv << (i % 2 == 0 ? "inf" : "-inf");
    if (i % 97 != 5 && i % 41 != 3) csv << std::pow(score, 3) * 100;
    csv << "," << i / 7 % 5 << ",c" << i * i % 1'303 << ",,";
    const bool truth = uniform(random) < score * score;
    if (task == Task::binary) {
      csv << score << "," << 5 + score << "," << truth << "," << (score > 0.5);
    } else if (task == Task::multiclass) {
      const char* const names[] = {"a", "b", "c"};
      csv << names[i % 3] << "," << 5 + score << "," << names[truth ? i % 3 : 0] << "," << score / 2
          << "," << score / 2 << "," << 1 - score;
    } else {
      csv << score * 10 << "," << 5 + score << "," << score * 10 + uniform(random);
    }
    csv << "\n";
  }
  return csv.str();
}

class BaselineTest : public ::testing::Test {
 protected:
  BaselineTest() {
    config_.name = "fraud";
    config_.reference = folder_.path() / "reference.csv";
    config_.reference_max_distinct = 500;
    FeatureConfig& amount = config_.features.emplace_back();
    amount.name = "amount";
    amount.range = {0, 90};
    amount.detectors.emplace().emplace_back().name = "wasserstein";
    write(config_.reference, rows_of(Task::binary, 2'000));
  }

  void write(const std::filesystem::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
  }
  // The model of the rows, and one of the baseline that is made of it.
  [[nodiscard]] LoadedModel of_rows() {
    auto model = load_model(config_, ModelIndex{0});
    EXPECT_TRUE(model) << model.error().message;
    return std::move(*model);
  }
  [[nodiscard]] ModelConfig made() {
    const std::string bytes = baseline_bytes(of_rows(), config_);
    EXPECT_TRUE(write_baseline_file(baseline(), note_, bytes));
    ModelConfig config = config_;
    config.reference = baseline();
    return config;
  }
  [[nodiscard]] std::string baseline() const { return folder_.path() / "fraud.baseline"; }
  [[nodiscard]] std::string error_of(const ModelConfig& config) {
    const auto model = load_model(config, ModelIndex{0});
    EXPECT_FALSE(model);
    return model ? "" : model.error().message;
  }

  TemporaryFolder folder_;
  ModelConfig config_;
  BaselineNote note_{.made_at = 1'700'000'000'123,
                     .made_by = "driftd 9",
                     .model = "fraud",
                     .inputs = {"reference.csv (2000 rows)"},
                     .from = 5,
                     .to = 6,
                     .notes = {"odd"}};
};

TEST_F(BaselineTest, GivesBackTheModelOfTheRowsBitForBit) {
  for (const Task task : {Task::binary, Task::multiclass, Task::regression}) {
    config_.task = task;
    write(config_.reference, rows_of(task, 2'000));
    const LoadedModel rows = of_rows();
    const ModelConfig config = made();
    const auto read = load_model(config, ModelIndex{0});
    ASSERT_TRUE(read) << read.error().message;

    // The bytes hold every field that cannot be computed from the others.
    EXPECT_EQ(baseline_bytes(*read, config), baseline_bytes(rows, config_)) << to_string(task);
    EXPECT_NE(read->reference->estimation.index(), 0U) << "the rows teach estimates";
    EXPECT_TRUE(rows.reference->volume);
    EXPECT_EQ(read->reference->duplicates, 3U);
    const ModelSchema& one = *rows.schema;
    const ModelSchema& other = *read->schema;
    ASSERT_EQ(one.series.size(), other.series.size());
    for (std::size_t i = 0; i < one.series.size(); ++i) {
      EXPECT_EQ(one.series[i].name, other.series[i].name);
      EXPECT_EQ(one.series[i].type, other.series[i].type);
      EXPECT_EQ(one.series[i].role, other.series[i].role);
      EXPECT_EQ(one.series[i].categories, other.series[i].categories);
      EXPECT_EQ(one.series[i].sharing, other.series[i].sharing);
    }
    EXPECT_EQ(one.feature_count, other.feature_count);
    EXPECT_EQ(one.feature_by_name, other.feature_by_name);
    EXPECT_EQ(one.prediction_series, other.prediction_series);
    EXPECT_EQ(one.predicted_class_series, other.predicted_class_series);
    EXPECT_EQ(one.latency_series, other.latency_series);
    EXPECT_EQ(one.positive_class, other.positive_class);
    EXPECT_EQ(other.name, "fraud");
    EXPECT_EQ(other.label_horizon, config.label_horizon);
    for (std::size_t i = 0; i < rows.reference->series.size(); ++i) {
      const auto* numeric = std::get_if<NumericReference>(&rows.reference->series[i].baseline);
      if (numeric == nullptr) continue;
      const auto& again = std::get<NumericReference>(read->reference->series[i].baseline);
      EXPECT_EQ(numeric->cumulative, again.cumulative);
      EXPECT_EQ(numeric->edge_cells, again.edge_cells);
      EXPECT_EQ(numeric->keeps_gaps, again.keeps_gaps);
      ASSERT_EQ(numeric->fences.has_value(), again.fences.has_value());
      EXPECT_EQ(numeric->fences ? numeric->fences->high_cell : 0,
                again.fences ? again.fences->high_cell : 0);
    }
  }
}

TEST_F(BaselineTest, IsNamedByWhatItHoldsAndNotByWhenItWasMade) {
  const ModelConfig config = made();
  const auto first = read_baseline(baseline());
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->hash.size(), 64U);
  EXPECT_EQ(first->model.reference->hash, first->hash);
  EXPECT_EQ(first->note.made_at, note_.made_at);
  EXPECT_EQ(first->note.inputs, note_.inputs);
  EXPECT_EQ(first->note.notes, note_.notes);
  EXPECT_EQ(first->note.from, 5);

  note_.made_at += 1;
  (void)made();
  const auto later = read_baseline(baseline());
  ASSERT_TRUE(later);
  EXPECT_EQ(later->hash, first->hash);
  EXPECT_EQ(later->note.made_at, note_.made_at);

  write(config_.reference, rows_of(Task::binary, 2'001));
  (void)made();
  EXPECT_NE(read_baseline(baseline())->hash, first->hash);
}

TEST_F(BaselineTest, RefusesAConfigurationThatContradictsIt) {
  const ModelConfig good = made();
  struct Case {
    std::string key, baseline, config;
    void (*change)(ModelConfig&);
  };
  const std::vector<Case> cases = {
      {"task", "binary", "regression", [](ModelConfig& c) { c.task = Task::regression; }},
      {"positive_class", "1", "yes", [](ModelConfig& c) { c.positive_class = "yes"; }},
      {"window", "{ size = \"1h\" }", "{ size = \"2h\" }",
       [](ModelConfig& c) { c.window.size = 7'200'000; }},
      {"window", "{ size = \"1h\" }", "{ size = \"1h\", slide = \"5m\" }",
       [](ModelConfig& c) { c.window.slide = 300'000; }},
      {"window", "{ size = \"1h\" }", "{ count = 500 }",
       [](ModelConfig& c) {
         c.window.size = 0;
         c.window.count = 500;
       }},
      {"reference_max_distinct", "500", "600",
       [](ModelConfig& c) { c.reference_max_distinct = 600; }},
      {"features.amount.type", "numeric", "categorical",
       [](ModelConfig& c) { c.features[0].type = SeriesType::categorical; }},
      {"features.amount.range", "[0, 90]", "[0, 80]",
       [](ModelConfig& c) { c.features[0].range = {0, 80}; }},
      {"features.amount.range", "[0, 90]", "none",
       [](ModelConfig& c) { c.features[0].range.reset(); }},
  };
  for (const Case& row : cases) {
    ModelConfig config = good;
    row.change(config);
    EXPECT_THAT(error_of(config),
                AllOf(HasSubstr("fraud.baseline"), HasSubstr(row.key + " = " + row.baseline),
                      HasSubstr("says " + row.config), HasSubstr("driftd baseline make")));
  }
  ModelConfig config = good;
  config.features.emplace_back().name = "nowhere";
  EXPECT_THAT(error_of(config), AllOf(HasSubstr("nowhere"), HasSubstr("amount")));
}

TEST_F(BaselineTest, LeavesOutEstimatesThatAreNotWanted) {
  ModelConfig config = made();
  config.estimate = false;
  const auto read = load_model(config, ModelIndex{0});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->reference->estimation.index(), 0U);
}

TEST_F(BaselineTest, TellsDamageTruncationAndOtherVersionsApart) {
  const ModelConfig config = made();
  const std::string good = bytes_of_file(baseline());
  const auto error_with = [&](const std::string& bytes) {
    write(baseline(), bytes);
    return error_of(config);
  };
  const auto expect = [&](const std::string& message, const std::string& what) {
    EXPECT_THAT(message, AllOf(HasSubstr("fraud.baseline"), HasSubstr(what),
                               HasSubstr("driftd baseline make")));
  };
  for (const std::size_t kept :
       {std::size_t{16}, std::size_t{39}, good.size() / 2, good.size() - 1})
    expect(error_with(good.substr(0, kept)), "cut off");
  expect(error_with(good + "x"), "goes on behind its end");
  std::string version = good;
  version[16] = 9;
  expect(error_with(version), "format version 9");
  // Every byte behind the header is under the checksum.
  std::mt19937_64 random(3);
  for (int i = 0; i < 60; ++i) {
    std::string damaged = good;
    const std::size_t at = 40 + random() % (good.size() - 40);
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    expect(error_with(damaged), "damaged");
  }
  write(baseline(), "amount\n1\n2\n");
  EXPECT_FALSE(is_baseline(baseline()));
  const auto none = read_baseline(baseline());
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("is no baseline"));
}

// Not damage of a disk, which the checksum finds, but bytes that no writer of this version made.
TEST_F(BaselineTest, RefusesBytesThatAreWholeButMakeNoSense) {
  (void)made();
  const std::string bytes = baseline_bytes(of_rows(), config_);
  std::mt19937_64 random(5);
  int refused = 0;
  for (int i = 0; i < 120; ++i) {
    std::string changed = bytes;
    const std::size_t at = random() % bytes.size();
    changed[at] = static_cast<char>(random());
    if (i % 3 == 0) changed.resize(at);
    ASSERT_TRUE(write_baseline_file(baseline(), note_, changed));
    const auto read = read_baseline(baseline());
    if (read) continue;
    ++refused;
    EXPECT_EQ(read.error().code, ErrorCode::corrupted);
  }
  EXPECT_GE(refused, 40) << "at least those that end too early";
}

TEST_F(BaselineTest, KeepsWhatWasThereWhereItCannotBeWritten) {
  const std::string path = folder_.path() / "no-such-folder" / "x.baseline";
  const auto written = write_baseline_file(path, note_, "bytes");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::io);
  EXPECT_THAT(written.error().message, HasSubstr("no-such-folder"));
}

// Everything that is counted is equal; moments are up to rounding.
void expect_same(const LoadedModel& one, const LoadedModel& other) {
  ASSERT_EQ(one.reference->series.size(), other.reference->series.size());
  EXPECT_EQ(one.reference->rows, other.reference->rows);
  EXPECT_EQ(one.reference->duplicates, other.reference->duplicates);
  ASSERT_EQ(one.reference->volume.has_value(), other.reference->volume.has_value());
  if (one.reference->volume) {
    EXPECT_EQ(one.reference->volume->median, other.reference->volume->median);
  }
  EXPECT_EQ(one.schema->reference_classes, other.schema->reference_classes);
  EXPECT_EQ(one.schema->scored_classes, other.schema->scored_classes);
  EXPECT_EQ(one.schema->feature_by_name, other.schema->feature_by_name);
  EXPECT_EQ(one.reference->estimation.index(), other.reference->estimation.index());
  for (std::size_t i = 0; i < one.reference->series.size(); ++i) {
    const SeriesReference& a = one.reference->series[i];
    const SeriesReference& b = other.reference->series[i];
    ASSERT_EQ(a.name, b.name);
    ASSERT_EQ(a.baseline.index(), b.baseline.index()) << a.name;
    if (const auto* numeric = std::get_if<NumericReference>(&a.baseline)) {
      const auto& again = std::get<NumericReference>(b.baseline);
      EXPECT_TRUE(std::ranges::equal(numeric->index.boundaries(), again.index.boundaries()))
          << a.name;
      EXPECT_EQ(numeric->cumulative, again.cumulative) << a.name;
      EXPECT_EQ(numeric->summary.missing, again.summary.missing) << a.name;
      EXPECT_EQ(numeric->longest_run, again.longest_run) << a.name;
      EXPECT_EQ(numeric->out_of_range, again.out_of_range) << a.name;
      EXPECT_NEAR(numeric->deviation, again.deviation, 1e-9 * numeric->deviation) << a.name;
      EXPECT_NEAR(numeric->summary.moments.squares, again.summary.moments.squares,
                  1e-9 * numeric->summary.moments.squares);
    } else {
      const auto& category = std::get<CategoryReference>(a.baseline);
      const auto& again = std::get<CategoryReference>(b.baseline);
      EXPECT_EQ(category.categories, again.categories) << a.name;
      EXPECT_EQ(category.others, again.others) << a.name;
      EXPECT_EQ(category.counts, again.counts) << a.name;
      EXPECT_EQ(category.summary.missing, again.summary.missing) << a.name;
      EXPECT_EQ(category.longest_run, again.longest_run) << a.name;
    }
  }
  EXPECT_EQ(labelled(one.performance.performance), labelled(other.performance.performance));
  EXPECT_EQ(one.performance.latency.moments.count, other.performance.latency.moments.count);
  EXPECT_THAT(other.notes, ::testing::ElementsAreArray(one.notes));
}

class BaselineLearnerTest : public BaselineTest {
 protected:
  [[nodiscard]] Result<LearnedBaseline> try_learn(BaselineInput input, std::size_t memory) {
    input.model = config_.name;
    auto rows = BaselineRows::open(std::move(input));
    if (!rows) return std::unexpected(rows.error());
    LearnOptions options;
    options.memory = memory;
    return learn_baseline(config_, ModelIndex{0}, *rows, options);
  }
  [[nodiscard]] LearnedBaseline learn(BaselineInput input, std::size_t memory) {
    auto learned = try_learn(std::move(input), memory);
    EXPECT_TRUE(learned) << learned.error().message;
    return std::move(*learned);
  }
  static constexpr std::size_t kPlenty = 1 << 30;
};

TEST_F(BaselineLearnerTest, MakesTheSameOfRowsThatDoNotFitIntoMemory) {
  for (const Task task : {Task::binary, Task::multiclass, Task::regression}) {
    config_.task = task;
    write(config_.reference, rows_of(task, 2'000));
    const LearnedBaseline whole = learn({.files = {config_.reference}}, kPlenty);
    const LearnedBaseline streamed = learn({.files = {config_.reference}}, 0);
    EXPECT_TRUE(whole.in_memory);
    EXPECT_FALSE(streamed.in_memory);
    expect_same(whole.model, streamed.model);
    EXPECT_EQ(whole.from, streamed.from);
    EXPECT_EQ(whole.to, streamed.to);
    EXPECT_EQ(whole.to - whole.from, 1'999 * 60'000);
    EXPECT_EQ(baseline_bytes(whole.model, config_), baseline_bytes(of_rows(), config_))
        << "a configuration's reference file is learnt in the same way";
  }
}

TEST_F(BaselineLearnerTest, ReadsEventsAndJoinsTheirLabels) {
  config_.features.clear();
  std::string events, labels, flat = "id,ts,amount,kind,prediction,actual\n";
  for (int i = 0; i < 1'000; ++i) {
    const std::string id = "e" + std::to_string(i);
    const std::string ts = std::to_string(1'700'000'000'000 + i * 1'000);
    const std::string kind = i < 990 ? std::to_string(i % 4) : "x";
    const std::string score = "0." + std::to_string(i % 9 + 1);
    events += R"({"id":")" + id + R"(","model":")" + (i % 5 == 4 ? "other" : "fraud") +
              R"(","ts":)" + ts + R"(,"features":{"amount":)" + std::to_string(i % 37) +
              R"(,"kind":")" + kind + R"("},"prediction":)" + score + "}\n";
    if (i % 3 != 0)
      labels += R"({"id":")" + id + R"(","model":"fraud","ts":)" + ts + R"(,"actual":)" +
                std::to_string(i % 2) + "}\n";
    if (i % 5 == 4) continue;
    flat += id + "," + ts + "," + std::to_string(i % 37) + "," + kind + "," + score + "," +
            (i % 3 != 0 ? std::to_string(i % 2) : "") + "\n";
  }
  const std::string first = folder_.path() / "a.ndjson";
  const std::string second = folder_.path() / "b.ndjson";
  const std::size_t half = events.find('\n', events.size() / 2) + 1;
  write(first, events.substr(0, half));
  write(second, events.substr(half));
  write(folder_.path() / "labels.ndjson", labels);
  write(config_.reference, flat);
  const LoadedModel rows = of_rows();
  for (const std::size_t memory : {kPlenty, std::size_t{0}}) {
    const LearnedBaseline learned =
        learn({.files = {first, second}, .labels = folder_.path() / "labels.ndjson"}, memory);
    expect_same(rows, learned.model);
    EXPECT_EQ(learned.model.schema->series[1].type, SeriesType::categorical)
        << "only the last rows say that it is";
  }
}

TEST_F(BaselineLearnerTest, PassesOverMessagesThatAreNoEvents) {
  config_.features.clear();
  write(config_.reference,
        "garbage\n{\"features\":{\"x\":1}}\n[1]\n{\"features\":{\"x\":2}\n"
        "{\"features\":{\"x\":3}}\n");
  BaselineInput input{.files = {config_.reference}};
  input.are_events = true;
  for (const std::size_t memory : {kPlenty, std::size_t{0}}) {
    auto rows = BaselineRows::open(input);
    ASSERT_TRUE(rows);
    LearnOptions options;
    options.memory = memory;
    const auto learned = learn_baseline(config_, ModelIndex{0}, *rows, options);
    ASSERT_TRUE(learned) << learned.error().message;
    EXPECT_EQ(learned->model.reference->rows, 2U);
    EXPECT_EQ(rows->bad_lines(), 3U);
  }
}

TEST_F(BaselineLearnerTest, KeepsToAStretchOfTime) {
  BaselineInput input{.files = {config_.reference}};
  input.start = 1'700'000'000'000 + 100 * 60'000;
  input.end = 1'700'000'000'000 + 300 * 60'000;
  for (const std::size_t memory : {kPlenty, std::size_t{0}}) {
    const LearnedBaseline learned = learn(input, memory);
    EXPECT_EQ(learned.model.reference->rows, 200U);
    EXPECT_EQ(learned.from, *input.start);
    EXPECT_EQ(learned.to, *input.end - 60'000);
  }
  input.start = input.end = 0;
  const auto nothing = try_learn(input, kPlenty);
  ASSERT_FALSE(nothing);
  EXPECT_THAT(nothing.error().message, AllOf(HasSubstr("no rows"), HasSubstr("--start")));
}

// What a visitor was shown, as bytes.
[[nodiscard]] ReferenceWindowVisitor recorder(std::vector<std::string>& windows) {
  return [&](const ModelSchema&, const Reference&, const ReferenceWindow& window) {
    std::string& bytes = windows.emplace_back();
    ByteWriter out(bytes);
    out.signed_varint(window.pane);
    out.varint(window.rows);
    out.signed_varint(window.first_time);
    out.signed_varint(window.last_time);
    for (const SeriesSummary& series : window.series)
      std::visit([&](const auto& summary) { summary.write(out); }, series);
    std::visit([&](const auto& summary) { summary.write(out); }, window.performance);
  };
}

TEST_F(BaselineLearnerTest, ShowsTheWindowsOfRowsThatDoNotFitIntoMemory) {
  // More rows than are read at once, and some of them late.
  constexpr std::size_t kRows = 150'000;
  std::string rows = "ts,x,kind\n";
  for (std::size_t i = 0; i < kRows; ++i) {
    const std::size_t at = i % 11 == 3 ? i - 3 : i;
    rows += std::to_string(1'700'000'000'000 + at * 1'000) + "," + std::to_string(i * 7 % 97) +
            "," + (i % 5 == 0 ? "a" : "b") + "\n";
  }
  write(config_.reference, rows);
  config_.features.clear();
  const auto windows_of = [&](std::size_t memory) {
    std::vector<std::string> windows;
    BaselineInput input{.files = {config_.reference}};
    auto opened = BaselineRows::open(std::move(input));
    EXPECT_TRUE(opened);
    LearnOptions options;
    options.memory = memory;
    options.visit = recorder(windows);
    const auto learned = learn_baseline(config_, ModelIndex{0}, *opened, options);
    EXPECT_TRUE(learned) << learned.error().message;
    return windows;
  };
  const std::vector<std::string> whole = windows_of(kPlenty);
  EXPECT_EQ(whole.size(), 150'000 / 3'600 + 1);
  EXPECT_EQ(windows_of(0), whole);
  config_.window.size = 0;
  config_.window.count = 700;
  const std::vector<std::string> counted = windows_of(kPlenty);
  EXPECT_EQ(counted.size(), kRows / 700);
  EXPECT_EQ(windows_of(0).size(), counted.size()) << "rows that are late may be in the next one";
}

TEST_F(BaselineLearnerTest, RefusesRowsWhoseWindowHasBeenShown) {
  std::string rows = "ts,x\n";
  for (std::size_t i = 0; i < 150'000; ++i)
    rows += std::to_string(1'700'000'000 + (i == 140'000 ? 5 : i)) + ",1\n";
  write(config_.reference, rows);
  config_.features.clear();
  std::vector<std::string> windows;
  auto opened = BaselineRows::open({.files = {config_.reference}});
  ASSERT_TRUE(opened);
  LearnOptions options;
  options.memory = 0;
  options.visit = recorder(windows);
  const auto learned = learn_baseline(config_, ModelIndex{0}, *opened, options);
  ASSERT_FALSE(learned);
  EXPECT_THAT(learned.error().message,
              AllOf(HasSubstr("not in the order of time"), HasSubstr("sort them")));
}

TEST_F(BaselineLearnerTest, SaysWhatIsWrongWithTheRowsEitherWay) {
  config_.features[0].type = SeriesType::numeric;
  write(config_.reference, "amount,b\n1,1\nx,2\n");
  for (const std::size_t memory : {kPlenty, std::size_t{0}}) {
    const auto learned = try_learn({.files = {config_.reference}}, memory);
    ASSERT_FALSE(learned);
    EXPECT_THAT(learned.error().message,
                AllOf(HasSubstr("`amount`, row 2"), HasSubstr("not a number")));
  }
  config_.features[0].name = "nowhere";
  for (const std::size_t memory : {kPlenty, std::size_t{0}}) {
    const auto learned = try_learn({.files = {config_.reference}}, memory);
    ASSERT_FALSE(learned);
    EXPECT_THAT(learned.error().message, HasSubstr("`nowhere`"));
  }
}

}  // namespace
}  // namespace driftd
