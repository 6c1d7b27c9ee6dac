// Replays event streams and compares every window with what SciPy and scikit-learn say of it.
//
// The small sets live in tests/golden/small (tool versions in its versions.json); the large ones
// are the shared data sets' golden_exact_*.csv (SciPy 1.17.1, scikit-learn 1.9.1). Tolerance: 1e-9
// relative, p-values 1e-6, of KS 5e-6.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "config/catalog.h"
#include "config/load.h"
#include "daemon/replay.h"
#include "state/column_file.h"
#include "tests/support/golden.h"
#include "windows/reference.h"

namespace driftd {
namespace {

namespace fs = std::filesystem;

class Collector final : public ReplayObserver {
 public:
  void report(const Report& report) override {
    if (const auto* finding = std::get_if<Finding>(&report)) {
      EXPECT_GE(finding->window.revision, revision(findings_, key(*finding)));
      findings_[key(*finding)] = *finding;
    } else if (const auto* metric = std::get_if<MetricValue>(&report)) {
      const auto before = metrics_.find(key(*metric));
      if (before != metrics_.end()) {
        EXPECT_GE(metric->labelled, before->second.labelled) << "a later revision has fewer labels";
      }
      metrics_[key(*metric)] = *metric;
    }
  }
  void progress(std::uint64_t, std::uint64_t) override {}

  [[nodiscard]] const Finding* finding(const std::string& series, const std::string& detector,
                                       long chunk) const {
    const auto found = findings_.find(fmt::format("{}/{}/{}", series, detector, chunk));
    return found == findings_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] const MetricValue* metric(const std::string& name, long chunk) const {
    const auto found = metrics_.find(fmt::format("{}/{}", name, chunk));
    return found == metrics_.end() ? nullptr : &found->second;
  }

 private:
  [[nodiscard]] static std::string key(const Finding& f) {
    return fmt::format("{}/{}/{}", f.series, f.detector, f.window.index);
  }
  [[nodiscard]] static std::string key(const MetricValue& m) {
    return fmt::format("{}/{}", m.metric, m.window.index);
  }
  [[nodiscard]] static int revision(const std::map<std::string, Finding>& findings,
                                    const std::string& key) {
    const auto found = findings.find(key);
    return found == findings.end() ? 0 : found->second.window.revision;
  }
  std::map<std::string, Finding> findings_;
  std::map<std::string, MetricValue> metrics_;
};

[[nodiscard]] bool agree(const std::optional<double>& ours, const std::string& golden,
                         double relative) {
  if (golden.empty() || golden == "nan") return !ours;
  if (!ours) return false;
  const double theirs = std::strtod(golden.c_str(), nullptr);
  // Some statistics are exactly 0 for one side and a rounding away from it for the other.
  return std::abs(*ours - theirs) <= relative * std::max(std::abs(*ours), std::abs(theirs)) + 1e-12;
}

// The CSV's rows, each by column name.
[[nodiscard]] std::vector<std::map<std::string, std::string>> read_rows(const fs::path& path) {
  std::ifstream in(path);
  std::string header;
  std::getline(in, header);
  std::vector<std::string> names;
  std::istringstream fields(header);
  for (std::string name; std::getline(fields, name, ',');) names.push_back(name);
  std::vector<std::map<std::string, std::string>> rows;
  for (const std::vector<std::string>& cells : read_csv(path)) {
    std::map<std::string, std::string>& row = rows.emplace_back();
    for (std::size_t i = 0; i < names.size() && i < cells.size(); ++i) row[names[i]] = cells[i];
  }
  return rows;
}

// Whether the reference has one value in this column.
[[nodiscard]] bool is_constant(const fs::path& folder, const std::string& column) {
  static std::map<std::string, ColumnFile> files;
  const std::string path = (folder / "reference.csv.gz").string();
  if (!files.contains(path)) files[path] = read_column_file(path).value();
  const CellColumn& cells = *files[path].find(column);
  for (std::size_t i = 1; i < cells.size(); ++i) {
    if (cells.cell(i) != cells.cell(0)) return false;
  }
  return true;
}

// A replay of one set with windows as long as the golden chunks.
[[nodiscard]] Collector replay_set(const fs::path& folder, const std::string& labels_file) {
  std::ifstream meta_file(folder / "meta.json");
  std::stringstream text;
  text << meta_file.rdbuf();
  const boost::json::object meta = boost::json::parse(text.str()).as_object();
  const std::string task(meta.at("task").as_string());
  std::string toml = fmt::format(
      "[[model]]\nname = \"{}\"\ntask = \"{}\"\nreference = \"{}\"\nreference_max_distinct = "
      "1000000\n"
      "window = {{ count = {} }}\nlabel_horizon = \"400d\"\nalerts = {{ policy = \"fixed\" }}\n",
      std::string(meta.at("model").as_string()), task, (folder / "reference.csv.gz").string(),
      meta.at("chunk_size_used_in_golden").as_int64());
  if (task == "binary") toml += "positive_class = 1\n";
  toml += "[model.features]\n";
  const auto add_series = [&](std::string_view name, SeriesType type) {
    std::string wanted;
    for (const std::string_view detector : available_detectors(type))
      wanted += fmt::format("{}{} = {{}}", wanted.empty() ? "" : ", ", detector);
    toml += fmt::format("\"{}\" = {{ type = \"{}\", detectors = {{ {} }} }}\n", name,
                        to_string(type), wanted);
  };
  for (const auto& feature : meta.at("features").as_object()) {
    add_series(feature.key(), feature.value().as_string() == "numeric" ? SeriesType::numeric
                                                                       : SeriesType::categorical);
  }
  const auto reference = read_column_file((folder / "reference.csv.gz").string());
  if (!reference) {
    ADD_FAILURE() << reference.error().message;
    return {};
  }
  const bool is_class = task == "multiclass";
  if (reference->find("prediction") != nullptr)
    add_series("prediction", is_class ? SeriesType::categorical : SeriesType::numeric);
  if (reference->find("latency_ms") != nullptr) add_series("latency_ms", SeriesType::numeric);
  if (reference->find("predicted_class") != nullptr)
    add_series("predicted_class", SeriesType::categorical);
  const fs::path config_path =
      fs::temp_directory_path() /
      fmt::format("replay-golden-{}-{}.toml", getpid(), folder.filename().string());
  std::ofstream(config_path) << toml;
  const auto config = load_config(config_path.string(), {{}, true});
  fs::remove(config_path);
  Collector collector;
  if (!config) {
    ADD_FAILURE() << to_text(config.error());
    return collector;
  }
  const auto summary = replay(
      *config, {(folder / "predictions.jsonl.gz").string(), (folder / labels_file).string(), 0},
      collector);
  if (!summary) ADD_FAILURE() << summary.error().message;
  return collector;
}

[[nodiscard]] fs::path small_set(const std::string& name) {
  return fs::path(DRIFTD_TEST_DATA) / "golden" / "small" / name;
}

class SmallSet : public testing::TestWithParam<std::string> {
 protected:
  const fs::path folder_ = small_set(GetParam());
};

void expect_metrics(const fs::path& folder, const Collector& collector, const std::string& file) {
  std::size_t compared = 0;
  for (auto& row : read_rows(folder / file)) {
    const MetricValue* metric = collector.metric(row["metric"], std::stol(row["chunk"]));
    ASSERT_NE(metric, nullptr) << row["metric"] << " of chunk " << row["chunk"];
    EXPECT_TRUE(agree(metric->value, row["value"], 1e-9))
        << row["metric"] << " of chunk " << row["chunk"] << ": " << metric->value.value_or(NAN)
        << " is not " << row["value"];
    EXPECT_EQ(metric->window.n, std::stol(row["n"]))
        << row["metric"] << " of chunk " << row["chunk"];
    EXPECT_EQ(metric->labelled, std::stol(row["labelled"]))
        << row["metric"] << " of chunk " << row["chunk"];
    ++compared;
  }
  EXPECT_GT(compared, 30u);
}

TEST_P(SmallSet, FindingsEqualSciPy) {
  const Collector collector = replay_set(folder_, "labels.jsonl.gz");
  std::size_t compared = 0;
  for (auto& row : read_rows(folder_ / "golden_univariate.csv")) {
    const Finding* finding =
        collector.finding(row["series"], row["detector"], std::stol(row["chunk"]));
    ASSERT_NE(finding, nullptr) << row["series"] << " " << row["detector"] << " of chunk "
                                << row["chunk"];
    EXPECT_TRUE(agree(finding->statistic, row["statistic"], 1e-9))
        << row["series"] << " " << row["detector"] << " of chunk " << row["chunk"] << ": "
        << finding->statistic.value_or(NAN) << " is not " << row["statistic"];
    // Those of shares are in golden/proportion.csv.
    const bool is_share = row["detector"] == "missing" || row["detector"] == "unseen";
    EXPECT_TRUE(is_share ||
                agree(finding->p_value, row["p_value"], row["detector"] == "ks" ? 5e-6 : 1e-6))
        << row["series"] << " " << row["detector"] << " p of chunk " << row["chunk"];
    EXPECT_EQ(finding->window.n, std::stol(row["n"])) << row["series"] << " " << row["detector"];
    ++compared;
  }
  EXPECT_GT(compared, 100u);
}

TEST_P(SmallSet, MetricsEqualScikitLearn) {
  expect_metrics(folder_, replay_set(folder_, "labels.jsonl.gz"), "golden_metrics.csv");
}

TEST(SmallSetWithMessyLabels, CountsEachOnceAndTheFirstHolds) {
  const fs::path folder = small_set("car_loan");
  expect_metrics(folder, replay_set(folder, "labels_messy.jsonl.gz"), "golden_metrics_messy.csv");
}

INSTANTIATE_TEST_SUITE_P(Sets, SmallSet, testing::Values("car_loan", "car_price", "shapes"),
                         [](const auto& set) { return set.param; });

class SharedSet : public testing::TestWithParam<std::string> {};

// The shared goldens' names for what has another name here.
[[nodiscard]] std::string our_metric(const std::string& golden) {
  static const std::map<std::string, std::string> kNames = {
      {"roc_auc_ovr_macro", "roc_auc"},
      {"f1_macro_sklearn_default", "f1_macro"},
      {"f1_micro_sklearn_default", "f1_micro"},
      {"f1_weighted_sklearn_default", "f1_weighted"},
      {"f1_micro_all_classes", "f1_micro"},
      {"precision_micro_all_classes", "precision_micro"},
      {"recall_micro_all_classes", "recall_micro"},
      {"f1_weighted_all_classes", "f1_weighted"},
      {"precision_weighted_all_classes", "precision_weighted"},
      {"recall_weighted_all_classes", "recall_weighted"}};
  const auto found = kNames.find(golden);
  return found == kNames.end() ? golden : found->second;
}

// Rows that are no metric here: counts, other metrics, and macro averages over classes that the
// window has not.
[[nodiscard]] bool is_foreign(const std::string& golden) {
  static const std::set<std::string> kForeign = {"specificity",
                                                 "positives",
                                                 "predicted_positives",
                                                 "mse",
                                                 "max_error",
                                                 "spearman",
                                                 "f1_macro_all_classes",
                                                 "precision_macro_all_classes",
                                                 "recall_macro_all_classes"};
  return kForeign.contains(golden) || golden.starts_with("support_");
}

void expect_shared_metrics(const fs::path& folder, const std::string& labels,
                           const Collector& collector) {
  std::size_t compared = 0;
  for (auto& row : read_rows(folder / "golden_exact_metrics.csv")) {
    if (row["labels_file"] != labels || is_foreign(row["metric"])) continue;
    const MetricValue* metric =
        collector.metric(our_metric(row["metric"]), std::stol(row["chunk_index"]));
    ASSERT_NE(metric, nullptr) << row["metric"] << " of chunk " << row["chunk_index"];
    EXPECT_TRUE(agree(metric->value, row["value"], 1e-9))
        << row["metric"] << " of chunk " << row["chunk_index"];
    EXPECT_EQ(metric->labelled, std::stol(row["n_labelled"]))
        << row["metric"] << " of chunk " << row["chunk_index"];
    EXPECT_FALSE(metric->bound) << "windows of up to 100,000 labels are exact";
    ++compared;
  }
  EXPECT_GE(compared, 60u);
}

// Missing, unseen and out-of-range values: NannyML's rates, which have all rows in the divisor,
// too, and the exact counts.
void expect_data_quality(const fs::path& folder, const Collector& collector) {
  const std::map<std::string, std::string> checks = {{"missing_values_rate", "missing"},
                                                     {"unseen_values_rate", "unseen"},
                                                     {"out_of_range_rate", "out_of_range"}};
  std::size_t compared = 0;
  const auto compare = [&](const std::string& series, const std::string& check,
                           const std::string& chunk, double expected) {
    const Finding* finding = collector.finding(series, check, std::stol(chunk));
    // Neither the labels nor the outputs of the model that the tools call features are series.
    if (finding == nullptr) return;
    EXPECT_NEAR(finding->statistic.value_or(NAN), expected, 1e-9)
        << series << " " << check << " of chunk " << chunk;
    ++compared;
  };
  for (auto& row : read_rows(folder / "golden_nannyml_data_quality.csv")) {
    const auto check = checks.find(row["method"]);
    if (row["period"] != "analysis" || check == checks.end()) continue;
    compare(row["column"], check->second, row["chunk_index"], std::stod(row["value"]));
  }
  EXPECT_GE(compared, 50u);
  for (auto& row : read_rows(folder / "golden_exact_univariate.csv")) {
    const double rows = std::stod(row["end_index"]) - std::stod(row["start_index"]) + 1;
    compare(row["column"], "missing", row["chunk_index"], std::stod(row["missing"]) / rows);
    if (row["method"] == "unseen_values")
      compare(row["column"], "unseen", row["chunk_index"], std::stod(row["value"]) / rows);
  }
  EXPECT_GE(compared, 500u);
}

// The finite numbers of a reference's column.
[[nodiscard]] std::vector<double> reference_numbers(const fs::path& folder,
                                                    const std::string& column) {
  const auto file = read_column_file((folder / "reference.csv.gz").string());
  const CellColumn& cells = *file.value().find(column);
  std::vector<double> numbers;
  for (std::size_t row = 0; row < cells.size(); ++row) {
    const auto cell = cells.cell(row);
    const auto number = cell ? parse_number(*cell) : std::nullopt;
    if (number && std::isfinite(*number)) numbers.push_back(*number);
  }
  return numbers;
}

[[nodiscard]] std::size_t distinct_in(const fs::path& folder, const std::string& column) {
  const auto file = read_column_file((folder / "reference.csv.gz").string());
  const CellColumn& cells = *file.value().find(column);
  std::set<std::string> distinct;
  for (std::size_t row = 0; row < cells.size(); ++row)
    distinct.insert(std::string(cells.cell(row).value_or("")));
  return distinct.size();
}

// NannyML 0.13.1, where its definition is ours; docs/detectors.md says where it is not.
void expect_nannyml(const fs::path& folder, const Collector& collector) {
  // From so many reference rows on it estimates the rank statistics from quantiles.
  constexpr std::size_t kEstimatedFrom = 10'000;
  const std::map<std::string, std::string> detectors = {
      {"kolmogorov_smirnov", "ks"}, {"wasserstein", "wasserstein"}, {"chi2", "chi2"},
      {"jensen_shannon", "js"},     {"hellinger", "hellinger"},     {"l_infinity", "linf"}};
  std::map<std::string, std::size_t> distinct;
  std::map<std::string, std::vector<double>> numbers;
  std::size_t compared = 0;
  for (auto& row : read_rows(folder / "golden_nannyml_univariate.csv")) {
    if (row["period"] != "analysis") continue;
    const std::string& column = row["column"];
    const Finding* finding =
        collector.finding(column, detectors.at(row["method"]), std::stol(row["chunk_index"]));
    if (finding == nullptr) continue;
    if (!numbers.contains(column)) {
      numbers[column] = reference_numbers(folder, column);
      distinct[column] = distinct_in(folder, column);
    }
    const bool numeric = collector.finding(column, "ks", 0) != nullptr;
    const bool by_rank = row["method"] == "kolmogorov_smirnov" || row["method"] == "wasserstein";
    if (numeric && (!by_rank || numbers[column].size() >= kEstimatedFrom)) continue;
    if (row["method"] == "chi2" && distinct[column] <= 2) continue;  // Yates' correction
    std::optional<double> ours = finding->statistic;
    if (row["method"] == "wasserstein") {
      if (!ours) continue;  // a constant reference
      *ours *= population_deviation(numbers[column]);
    }
    EXPECT_TRUE(agree(ours, row["value"], 1e-9))
        << "NannyML's " << row["method"] << " of " << column << ", chunk " << row["chunk_index"];
    ++compared;
  }
  const bool only_estimates = compared == 0;  // numeric features over a long reference
  EXPECT_TRUE(only_estimates || compared >= 50u) << compared;
}

// Evidently 0.7.23, likewise.
void expect_evidently(const fs::path& folder, const Collector& collector) {
  struct Same {
    const char* detector;
    bool p_value;
  };
  const std::map<std::pair<std::string, std::string>, Same> same = {
      {{"anderson", "num"}, {"anderson_darling", true}},
      {{"cramer_von_mises", "num"}, {"cvm", true}},
      {{"wasserstein", "num"}, {"wasserstein", false}},
      {{"psi", "cat"}, {"psi", false}},
      {{"hellinger", "cat"}, {"hellinger", false}}};
  std::size_t compared = 0;
  for (auto& row : read_rows(folder / "golden_evidently_stattests.csv")) {
    const auto found = same.find({row["method"], row["type"]});
    if (found == same.end() || row["status"] != "ok") continue;
    const Finding* finding =
        collector.finding(row["column"], found->second.detector, std::stol(row["chunk_index"]));
    if (finding == nullptr) continue;
    // It divides by at least 0.001; over a constant column nothing is defined here.
    if (row["method"] == "wasserstein" && is_constant(folder, row["column"])) continue;
    if (!finding->statistic && row["method"] == "anderson") continue;  // all values equal
    EXPECT_TRUE(agree(found->second.p_value ? finding->p_value : finding->statistic,
                      row["drift_score"], 1e-6))
        << "Evidently's " << row["method"] << " of " << row["column"] << ", chunk "
        << row["chunk_index"];
    ++compared;
  }
  EXPECT_GE(compared, 400u);
}

TEST_P(SharedSet, EqualsTheGoldensInEveryChunk) {
  const auto shared = find_shared();
  if (!shared) GTEST_SKIP() << kNoShared;
  const fs::path folder = *shared / "data" / GetParam();
  const Collector collector = replay_set(folder, "labels.jsonl.gz");
  const std::map<std::string, std::string> detectors = {{"ks_2samp_asymp", "ks"},
                                                        {"psi", "psi"},
                                                        {"js_distance_base2", "js"},
                                                        {"hellinger", "hellinger"},
                                                        {"l_infinity", "linf"},
                                                        {"total_variation", "tv"},
                                                        {"chi2", "chi2"},
                                                        {"wasserstein_over_std", "wasserstein"}};
  std::size_t compared = 0;
  for (auto& row : read_rows(folder / "golden_exact_univariate.csv")) {
    const auto detector = detectors.find(row["method"]);
    if (detector == detectors.end()) continue;
    const Finding* finding =
        collector.finding(row["column"], detector->second, std::stol(row["chunk_index"]));
    ASSERT_NE(finding, nullptr) << row["column"] << " " << row["method"] << " of chunk "
                                << row["chunk_index"];
    // Not defined over a constant reference, whose deviation is a rounding in NumPy, not zero.
    const bool constant = detector->second == "wasserstein" && is_constant(folder, row["column"]);
    EXPECT_TRUE(agree(finding->statistic, constant ? "" : row["value"], 1e-9))
        << row["column"] << " " << row["method"] << " of chunk " << row["chunk_index"];
    EXPECT_FALSE(finding->bound) << row["column"] << " " << row["method"];
    if (!row["pvalue"].empty()) {
      EXPECT_TRUE(agree(finding->p_value, row["pvalue"], 5e-6))
          << row["column"] << " of chunk " << row["chunk_index"];
    }
    EXPECT_EQ(finding->window.n, std::stol(row["n_used"])) << row["column"];
    ++compared;
  }
  EXPECT_GE(compared, 100u);
  expect_shared_metrics(folder, "labels", collector);
  expect_data_quality(folder, collector);
  expect_nannyml(folder, collector);
  if (fs::exists(folder / "golden_evidently_stattests.csv")) expect_evidently(folder, collector);
}

TEST(SharedSetWithMessyLabels, EqualsTheGoldens) {
  const auto shared = find_shared();
  if (!shared) GTEST_SKIP() << kNoShared;
  const fs::path folder = *shared / "data" / "elec2";
  expect_shared_metrics(folder, "labels_messy", replay_set(folder, "labels_messy.jsonl.gz"));
}

INSTANTIATE_TEST_SUITE_P(Sets, SharedSet,
                         testing::Values("elec2", "nml_car_loan", "nml_car_loan_dq", "gas_sensor",
                                         "nml_car_price", "sea_abrupt", "sea_null"),
                         [](const auto& set) { return set.param; });

// --- Estimates without labels, against NannyML 0.13.1 (docs/estimates.md)

// NannyML rounds the cumulative counts of its ROC AUC to five decimals.
constexpr double kRoundedAuc = 1e-7;
// The order of a class's scores between two boundaries is not known where they are normalised.
constexpr double kMulticlassAuc = 1e-4;

TEST_P(SmallSet, EstimatesEqualNannyML) {
  if (GetParam() == "car_price") GTEST_SKIP() << "errors of a regression are estimated otherwise";
  const Collector collector = replay_set(folder_, "labels.jsonl.gz");
  std::size_t compared = 0;
  for (auto& row : read_rows(folder_ / "golden_estimated.csv")) {
    if (row["metric"] == "roc_auc") continue;  // with NannyML's own rounding and order of ties
    const bool is_area = row["metric"] == "roc_auc_exact";
    const std::string name = is_area ? "roc_auc" : row["metric"];
    const MetricValue* metric = collector.metric(name + "_estimated", std::stol(row["chunk"]));
    ASSERT_NE(metric, nullptr) << name << " of chunk " << row["chunk"];
    const bool is_multiclass_area = is_area && GetParam() == "shapes";
    EXPECT_TRUE(agree(metric->value, row["value"], is_multiclass_area ? kMulticlassAuc : 1e-9))
        << name << " of chunk " << row["chunk"] << ": " << metric->value.value_or(NAN) << " is not "
        << row["value"];
    if (!metric->value) continue;  // a class of which no row is to be expected
    EXPECT_LE(metric->low, metric->value);
    EXPECT_GE(metric->high, metric->value);
    EXPECT_EQ(metric->level, Level::stable);
    ++compared;
  }
  EXPECT_GE(compared, 25u);
}

TEST_P(SharedSet, EstimatesEqualNannyML) {
  const auto shared = find_shared();
  if (!shared) GTEST_SKIP() << kNoShared;
  const fs::path folder = *shared / "data" / GetParam();
  if (!fs::exists(folder / "golden_nannyml_cbpe.csv")) GTEST_SKIP() << "no CBPE of this set";
  const Collector collector = replay_set(folder, "labels.jsonl.gz");
  std::size_t compared = 0;
  for (auto& row : read_rows(folder / "golden_nannyml_cbpe.csv")) {
    const MetricValue* metric =
        collector.metric(row["method"] + "_estimated", std::stol(row["chunk_index"]));
    if (row["period"] != "analysis" || metric == nullptr) continue;
    // NannyML adds an incomplete last chunk to the one before it.
    if (std::stol(row["end_index"]) - std::stol(row["start_index"]) + 1 != metric->window.n)
      continue;
    EXPECT_TRUE(agree(metric->value, row["value"], row["method"] == "roc_auc" ? kRoundedAuc : 1e-9))
        << row["method"] << " of chunk " << row["chunk_index"] << ": "
        << metric->value.value_or(NAN) << " is not " << row["value"];
    ++compared;
  }
  EXPECT_GE(compared, 45u);
}

}  // namespace
}  // namespace driftd
