#include "sources/formats/format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

#include "config/config.h"
#include "tests/support/allocations.h"

namespace driftd {
namespace {

std::uint64_t bits(double value) { return std::bit_cast<std::uint64_t>(value); }

constexpr TimeMs kNow = 1'700'000'000'000;

void add_series(ModelSchema& model, const std::string& name, SeriesType type, SeriesRole role,
                std::initializer_list<const char*> categories = {}) {
  SeriesSchema series{.name = name, .type = type, .role = role, .categories = {}};
  for (const char* category : categories) {
    series.categories.emplace(category, static_cast<std::uint32_t>(series.categories.size()));
  }
  if (role == SeriesRole::feature) {
    model.feature_by_name.emplace(name, model.feature_count++);
  }
  model.series.push_back(std::move(series));
}

ModelSchema fraud_model(std::uint32_t index = 0) {
  ModelSchema model;
  model.index = ModelIndex{index};
  model.name = "fraud";
  model.task = Task::binary;
  add_series(model, "amount", SeriesType::numeric, SeriesRole::feature);
  add_series(model, "country", SeriesType::categorical, SeriesRole::feature, {"DE", "FR", "21"});
  add_series(model, "prediction", SeriesType::numeric, SeriesRole::prediction);
  add_series(model, "predicted_class", SeriesType::categorical, SeriesRole::predicted_class,
             {"0", "1"});
  add_series(model, "latency_ms", SeriesType::numeric, SeriesRole::latency);
  (void)model.classes->code("0");
  (void)model.classes->code("1");
  model.reference_classes = 2;
  model.positive_class = 1;
  return model;
}

ModelSchema digit_model(std::uint32_t index = 0) {
  ModelSchema model;
  model.index = ModelIndex{index};
  model.name = "digit";
  model.task = Task::multiclass;
  add_series(model, "x", SeriesType::numeric, SeriesRole::feature);
  for (const char* name : {"1", "2", "three"}) (void)model.classes->code(name);
  model.reference_classes = 3;
  model.scored_classes = {0, 2};
  return model;
}

ModelSchema price_model(std::uint32_t index = 0) {
  ModelSchema model;
  model.index = ModelIndex{index};
  model.name = "price";
  model.task = Task::regression;
  add_series(model, "rooms", SeriesType::numeric, SeriesRole::feature);
  return model;
}

// A decoder with its models and a batch.
class Bench {
 public:
  explicit Bench(std::vector<ModelSchema> models, DecoderOptions options = {})
      : models_(std::move(models)) {
    std::vector<const ModelSchema*> pointers;
    for (const ModelSchema& model : models_) {
      pointers.push_back(&model);
      batch.predictions.emplace_back(model);
      batch.labels.emplace_back(model);
    }
    decoder_ = make_json_decoder(pointers, options);
  }

  std::string predict(std::string_view bytes) { return decode(MessageKind::prediction, bytes); }
  std::string label(std::string_view bytes) { return decode(MessageKind::label, bytes); }
  EventBatch& rows(std::size_t model = 0) { return batch.predictions[model]; }
  LabelBatch& labels(std::size_t model = 0) { return batch.labels[model]; }

  LaneBatch batch;
  Decoded decoded;

 private:
  // The reason, or "" for a good message.
  std::string decode(MessageKind kind, std::string_view bytes) {
    // A copy of exactly this size, so that a sanitizer sees a read beyond it.
    const std::vector<char> copy(bytes.begin(), bytes.end());
    const auto bad = decoder_->decode(kind, {copy.data(), copy.size()}, kNow, batch, decoded);
    return bad ? std::string(to_string(*bad)) : "";
  }

  std::vector<ModelSchema> models_;
  std::unique_ptr<Decoder> decoder_;
};

std::vector<ModelSchema> models(ModelSchema one) {
  std::vector<ModelSchema> all;
  all.push_back(std::move(one));
  return all;
}

std::vector<ModelSchema> all_models() {
  std::vector<ModelSchema> all;
  all.push_back(fraud_model(0));
  all.push_back(digit_model(1));
  all.push_back(price_model(2));
  return all;
}

std::string event(std::string_view features, std::string_view rest = R"(,"prediction":0.5)") {
  return R"({"id":"a","ts":1700000000000,"features":)" + std::string(features) + std::string(rest) +
         "}";
}

TEST(JsonDecoder, FillsEveryColumnOfAPrediction) {
  Bench bench(models(fraud_model()));
  ASSERT_EQ(
      bench.predict(R"({"id":"a1","model":"fraud","version":"v3","ts":1700000000123,)"
                    R"("features":{"amount":12.5,"country":"FR","unknown":[1,{"x":null}]},)"
                    R"("prediction":0.75,"predicted_class":1,"latency_ms":12.25,"weight":4})"),
      "");
  EventBatch& rows = bench.rows();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows.ts[0], 1'700'000'000'123);
  EXPECT_EQ(bench.decoded.event_time, 1'700'000'000'123);
  EXPECT_EQ(rows.model().versions->text(static_cast<std::uint32_t>(position(rows.version[0]))),
            "v3");
  EXPECT_EQ(rows.score[0], 0.75);
  EXPECT_EQ(rows.predicted_class[0], 1u);
  EXPECT_EQ(rows.latency_ms[0], 12.25);
  EXPECT_EQ(rows.weight[0], 4);
  EXPECT_EQ(rows.columns[0].numbers[0], 12.5);
  EXPECT_EQ(rows.columns[1].codes[0], 1u);
  EXPECT_EQ(rows.columns[2].numbers[0], 0.75);
  EXPECT_EQ(rows.columns[3].codes[0], 1u);
  EXPECT_EQ(rows.columns[4].numbers[0], 12.25);
  EXPECT_EQ(bench.batch.rows, 1u);
}

TEST(JsonDecoder, FillsWhatAnEventLeavesOut) {
  Bench bench(models(fraud_model()));
  ASSERT_EQ(bench.predict(event("{}")), "");
  EventBatch& rows = bench.rows();
  EXPECT_EQ(rows.model().versions->text(static_cast<std::uint32_t>(position(rows.version[0]))),
            "default");
  EXPECT_EQ(rows.predicted_class[0], kNoClass);
  EXPECT_TRUE(std::isnan(rows.latency_ms[0]));
  EXPECT_EQ(rows.weight[0], 1);
  EXPECT_EQ(bits(rows.columns[0].numbers[0]), kMissingBits);
  EXPECT_EQ(rows.columns[1].codes[0], kMissingCategory);
  EXPECT_EQ(rows.columns[2].numbers[0], 0.5);
  EXPECT_EQ(rows.columns[3].codes[0], kMissingCategory);
  EXPECT_EQ(bits(rows.columns[4].numbers[0]), kMissingBits);
}

struct BadCase {
  const char* bytes;
  const char* reason;
};

TEST(JsonDecoder, SaysWhatIsBadInAPrediction) {
  const BadCase cases[] = {
      {"", "empty"},
      {" \t\r\n", "empty"},
      {"\xff", "invalid_utf8"},
      {"{\"id\":\"\xc3\x28\"}", "invalid_utf8"},
      {"{\"id\":\"a\",\"ts\":1,\"features\":{},\"prediction\":0.5,\"note\":\"\xed\xa0\x80\"}",
       "invalid_utf8"},
      {R"({"id":"a","ts":1,"features":{},"prediction":0.5)", "malformed_json"},
      {R"({"id":"a","ts":1,"features":{},"prediction":0.5}})", "malformed_json"},
      {R"({"id":"a","ts":1,"features":{},"prediction":0.5 "x":1})", "malformed_json"},
      {R"({"id":"a","ts":1,"features":{},"prediction":0.5,"\q":1})", "malformed_json"},
      {"{\"id\":\"a\",\"ts\":1,\"features\":{},\"prediction\":0.5,\"x\":\"\n\"}", "malformed_json"},
      {R"({"ts":1,"features":{},"prediction":0.5})", "missing_field"},
      {R"({"id":null,"ts":1,"features":{},"prediction":0.5})", "missing_field"},
      {R"({"id":"","ts":1,"features":{},"prediction":0.5})", "missing_field"},
      {R"({"id":1.5,"ts":1,"features":{},"prediction":0.5})", "wrong_type"},
      {R"({"id":{},"ts":1,"features":{},"prediction":0.5})", "wrong_type"},
      {R"({"id":"a","features":{},"prediction":0.5})", "missing_field"},
      {R"({"id":"a","ts":"yesterday","features":{},"prediction":0.5})", "wrong_type"},
      {R"({"id":"a","ts":1,"prediction":0.5})", "missing_field"},
      {R"({"id":"a","ts":1,"features":null,"prediction":0.5})", "missing_field"},
      {R"({"id":"a","ts":1,"features":{}})", "missing_field"},
      {R"({"id":"a","ts":1,"features":{},"prediction":null})", "missing_field"},
      {R"({"id":"a","ts":1,"features":{},"prediction":""})", "missing_field"},
      {R"({"id":"a","ts":1,"features":{},"prediction":[0.5]})", "wrong_type"},
      {R"({"id":"a","ts":1,"features":{},"prediction":1.5})", "wrong_type"},
      {R"({"id":"a","model":"other","ts":1,"features":{},"prediction":0.5})", "unknown_model"},
      {R"({"id":"a","model":{},"ts":1,"features":{},"prediction":0.5})", "unknown_model"},
      {R"({"id":"a","ts":1700003600001,"features":{},"prediction":0.5})", "too_far_ahead"},
  };
  // Once on a fresh decoder and once on one that has learnt the layout of a good event.
  Bench warm(models(fraud_model()));
  ASSERT_EQ(warm.predict(R"({"id":"a","ts":1,"features":{},"prediction":0.5})"), "");
  for (const BadCase& bad : cases) {
    Bench fresh(models(fraud_model()));
    EXPECT_EQ(fresh.predict(bad.bytes), bad.reason) << bad.bytes;
    EXPECT_EQ(fresh.batch.rows, 0u) << bad.bytes;
    EXPECT_EQ(fresh.rows().size(), 0u) << bad.bytes;
    EXPECT_EQ(fresh.rows().columns[0].numbers.size(), 0u) << bad.bytes;
    EXPECT_EQ(warm.predict(bad.bytes), bad.reason) << bad.bytes;
    EXPECT_EQ(warm.batch.rows, 1u) << bad.bytes;
  }
}

TEST(JsonDecoder, TakesExactlyOneObject) {
  const std::string good = event("{}");
  for (const std::string& bytes :
       {std::string("[]"), std::string("1"), std::string("null"), std::string("{"),
        std::string("\"text\""), good + good, good + " {}", good + "x", good + ",",
        good + " // note", "[" + good + "]", std::string("{'id':'a'}")}) {
    EXPECT_EQ(Bench(models(fraud_model())).predict(bytes), "malformed_json") << bytes;
  }
}

TEST(JsonDecoder, ChecksTheValuesThatItIgnores) {
  for (const char* value :
       {R"(tru)",    R"(truex)", R"(nul)",    R"([1,2)", R"([1 2])", R"([1,])",  R"({"y"})",
        R"({"y":})", R"("\q")",  R"("\u12")", R"(01)",   R"(+1)",    R"(1.)",    R"(.5)",
        R"(1e)",     R"(-)",     R"(0x1)",    "NaN",     "Infinity", "-Infinity"}) {
    Bench bench(models(fraud_model()));
    const auto with = [&](const char* x) {
      return event("{}", R"(,"prediction":0.5,"x":)" + std::string(x));
    };
    EXPECT_EQ(bench.predict(with(value)), "malformed_json") << value;
    EXPECT_EQ(bench.predict(with("1")), "");
    EXPECT_EQ(bench.predict(with(value)), "malformed_json") << value;
  }
}

TEST(JsonDecoder, SaysWhatIsBadInALabel) {
  const BadCase cases[] = {
      {R"({"id":"a","ts":1,"actual":null})", "missing_field"},
      {R"({"id":"a","ts":1,"actual":""})", "missing_field"},
      {R"({"id":"a","ts":1,"actual":[1]})", "wrong_type"},
      {R"({"id":"a","ts":1,"actual":1,"model":"nobody"})", "unknown_model"},
  };
  for (const BadCase& bad : cases) {
    Bench bench(models(fraud_model()));
    EXPECT_EQ(bench.label(bad.bytes), bad.reason) << bad.bytes;
    EXPECT_EQ(bench.labels().size(), 0u);
  }
  Bench price(models(price_model()));
  EXPECT_EQ(price.label(R"({"id":"a","ts":1,"actual":"12"})"), "wrong_type");
  EXPECT_EQ(price.label(R"({"id":"a","ts":1,"actual":true})"), "wrong_type");
}

TEST(JsonDecoder, RefusesWhatIsTooLargeBeforeReadingIt) {
  Bench bench(models(fraud_model()), {.max_event_bytes = 100});
  const std::string good = event("{}");
  EXPECT_EQ(bench.predict(good + std::string(100 - good.size(), ' ')), "");
  EXPECT_EQ(bench.predict(good + std::string(101 - good.size(), ' ')), "too_large");
}

TEST(JsonDecoder, TakesLabelsByTaskAndNeverTooFarAhead) {
  Bench bench(all_models());
  ASSERT_EQ(bench.label(R"({"id":"a","model":"fraud","ts":1900000000000,"actual":1})"), "");
  ASSERT_EQ(bench.label(R"({"id":"b","model":"fraud","ts":1,"actual":"1.0"})"), "");
  ASSERT_EQ(bench.label(R"({"id":"c","model":"digit","ts":1,"actual":"three"})"), "");
  ASSERT_EQ(bench.label(R"({"id":"d","model":"price","ts":1,"actual":-12.5})"), "");
  EXPECT_EQ(bench.label(R"({"id":"e","ts":1,"actual":1})"), "missing_field");
  EXPECT_EQ(bench.labels(0).actual_class, (std::vector<ClassCode>{1, 1}));
  EXPECT_TRUE(std::isnan(bench.labels(0).value[0]));
  EXPECT_EQ(bench.labels(1).actual_class, (std::vector<ClassCode>{2}));
  EXPECT_EQ(bench.labels(2).value[0], -12.5);
  EXPECT_EQ(bench.labels(2).actual_class[0], kNoClass);
  EXPECT_EQ(bench.labels(2).sequence[0], 3u);
  EXPECT_EQ(bench.decoded.model, ModelIndex{2});
}

TEST(JsonDecoder, TellsTimesApart) {
  struct Case {
    const char* ts;
    TimeMs time;
    TimestampUnit unit = TimestampUnit::detect;
  };
  const Case cases[] = {
      {"1600000000", 1'600'000'000'000},
      {"1600000000.123", 1'600'000'000'123},
      {"1600000000.9999", 1'600'000'000'999},
      {"1600000000123", 1'600'000'000'123},
      {"1600000000123.9", 1'600'000'000'123},
      {"1600000000123999", 1'600'000'000'123},
      {"1.6e9", 1'600'000'000'000},
      {"-1.5", -1'500},
      {"0", 0},
      {"5", 5, TimestampUnit::milliseconds},
      {"5999", 5, TimestampUnit::microseconds},
      {"-1", -1, TimestampUnit::microseconds},
      {"5", 5'000, TimestampUnit::seconds},
      {R"("2020-09-13T12:26:40Z")", 1'600'000'000'000},
      {R"("2020-09-13T12:26:40.5Z")", 1'600'000'000'500},
      {R"("2020-09-13t12:26:40.123999z")", 1'600'000'000'123},
      {R"("2020-09-13T14:26:40+02:00")", 1'600'000'000'000},
      {R"("2020-09-13 06:56:40-05:30")", 1'600'000'000'000},
      {R"("2020-02-29T00:00:00Z")", 1'582'934'400'000},
      {R"("2020-09-13T12:26:40Z")", 1'600'000'000'000, TimestampUnit::rfc3339},
  };
  for (const Case& c : cases) {
    Bench bench(models(fraud_model()), {.timestamps = static_cast<int>(c.unit)});
    EXPECT_EQ(bench.label(R"({"id":"a","actual":1,"ts":)" + std::string(c.ts) + "}"), "") << c.ts;
    EXPECT_EQ(bench.decoded.event_time, c.time) << c.ts;
  }
  for (const char* ts :
       {"\"2020-09-13T12:26:40\"", "\"2021-02-29T00:00:00Z\"", "\"2020-13-01T00:00:00Z\"",
        "\"2020-09-13T24:00:00Z\"", "\"2020-09-13T12:26:40.Z\"", "\"2020-09-13\"", "\"1600000000\"",
        "\"2020-09-13T12:26:40Zx\"", "1700000000000000000", "\"\"", "true", "-1e18", "1e300",
        "1e999"}) {
    Bench bench(models(fraud_model()));
    EXPECT_EQ(bench.label(R"({"id":"a","actual":1,"ts":)" + std::string(ts) + "}"), "wrong_type")
        << ts;
  }
  Bench strict(models(fraud_model()), {.timestamps = static_cast<int>(TimestampUnit::rfc3339)});
  EXPECT_EQ(strict.label(R"({"id":"a","actual":1,"ts":1600000000})"), "wrong_type");
}

TEST(JsonDecoder, CountsAWrongTypeInAFeatureAndKeepsTheEvent) {
  Bench bench(models(fraud_model()));
  ASSERT_EQ(bench.predict(event(R"({"amount":"12","country":{"x":1}})")), "");
  ASSERT_EQ(bench.predict(event(R"({"amount":true,"country":["DE"]})")), "");
  ASSERT_EQ(bench.predict(event(R"({"amount":{},"country":null})")), "");
  ASSERT_EQ(bench.predict(event(R"({"amount":null,"country":""})")), "");
  for (int row = 0; row < 3; ++row)
    EXPECT_TRUE(is_wrong_type(bench.rows().columns[0].numbers[row])) << row;
  EXPECT_EQ(bits(bench.rows().columns[0].numbers[3]), kMissingBits);
  EXPECT_EQ(bench.rows().columns[1].codes,
            (std::vector<std::uint32_t>{kWrongTypeCategory, kWrongTypeCategory, kMissingCategory,
                                        kMissingCategory}));
}

TEST(JsonDecoder, ComparesCategoriesAsText) {
  Bench bench(models(fraud_model()));
  for (const char* value :
       {"21", "21.0", "\"21\"", "2.1e1", "\"DE\"", "\"\\u0044E\"", "\"XX\"", "true", "21.5"}) {
    ASSERT_EQ(bench.predict(event("{\"country\":" + std::string(value) + "}")), "") << value;
  }
  const Column& country = bench.rows().columns[1];
  EXPECT_EQ(country.codes, (std::vector<std::uint32_t>{2, 2, 2, 2, 0, 0, 3, 4, 5}));
  ASSERT_EQ(country.unseen_size, 3u);
  EXPECT_EQ(country.unseen[0], "XX");
  EXPECT_EQ(country.unseen[1], "true");
  EXPECT_EQ(country.unseen[2], "21.5");
}

TEST(JsonDecoder, TakesFeaturesByPosition) {
  Bench bench(models(fraud_model()));
  ASSERT_EQ(bench.predict(event(R"([7,"FR",99])")), "");
  ASSERT_EQ(bench.predict(event(R"([8])")), "");
  ASSERT_EQ(bench.predict(event(R"([[9],"DE"])")), "");
  EXPECT_EQ(bench.rows().columns[0].numbers[0], 7);
  EXPECT_EQ(bench.rows().columns[0].numbers[1], 8);
  EXPECT_TRUE(is_wrong_type(bench.rows().columns[0].numbers[2]));
  EXPECT_EQ(bench.rows().columns[1].codes, (std::vector<std::uint32_t>{1, kMissingCategory, 0}));
}

TEST(JsonDecoder, ReadsTheClassOfABinaryModel) {
  Bench bench(models(fraud_model()));
  for (const char* rest :
       {R"(,"prediction":"1")", R"(,"prediction":true)",
        R"(,"prediction":0.9,"predicted_class":"0")", R"(,"prediction":1)",
        R"(,"prediction":0.2,"predicted_class":1.0)", R"(,"prediction":"0","predicted_class":1)",
        R"(,"prediction":0.1,"predicted_class":[])"}) {
    ASSERT_EQ(bench.predict(event("{}", rest)), "") << rest;
  }
  EventBatch& rows = bench.rows();
  const ClassCode truth = rows.model().classes->code("true");
  EXPECT_EQ(rows.predicted_class, (std::vector<ClassCode>{1, truth, 0, kNoClass, 1, 1, kNoClass}));
  EXPECT_TRUE(std::isnan(rows.score[0]));
  EXPECT_EQ(rows.score[2], 0.9);
  EXPECT_EQ(rows.score[3], 1);
  EXPECT_EQ(rows.columns[3].codes[0], 1u);
  EXPECT_TRUE(is_wrong_type(rows.columns[2].numbers[0]));
}

TEST(JsonDecoder, ReadsTheScoresOfAMulticlassModel) {
  Bench bench(models(digit_model()));
  ASSERT_EQ(bench.predict(event("{}", R"(,"prediction":2,"scores":{"three":0.3,"1.0":0.7,"9":1})")),
            "");
  ASSERT_EQ(bench.predict(event("{}", R"(,"prediction":"three","scores":{"1":"x"})")), "");
  ASSERT_EQ(bench.predict(event("{}", R"(,"prediction":1.0)")), "");
  ASSERT_EQ(bench.predict(event("{}", R"(,"prediction":7,"scores":[1,2])")), "");
  EventBatch& rows = bench.rows();
  EXPECT_EQ(rows.predicted_class, (std::vector<ClassCode>{1, 2, 0, 3}));
  ASSERT_EQ(rows.class_scores.size(), 8u);
  EXPECT_EQ(rows.class_scores[0], 0.7);
  EXPECT_EQ(rows.class_scores[1], 0.3);
  for (std::size_t i = 2; i < 8; ++i) EXPECT_TRUE(std::isnan(rows.class_scores[i])) << i;
}

TEST(JsonDecoder, TakesOnlyFiniteNumbersOfARegression) {
  Bench bench(models(price_model()));
  EXPECT_EQ(bench.predict(event("{}", R"(,"prediction":-1234.5)")), "");
  EXPECT_EQ(bench.predict(event("{}", R"(,"prediction":"12")")), "wrong_type");
  EXPECT_EQ(bench.predict(event("{}", R"(,"prediction":1e999)")), "wrong_type");
  EXPECT_EQ(bench.rows().score, (std::vector<double>{-1234.5}));
}

TEST(JsonDecoder, HashesAnIdByItsText) {
  Bench bench(models(fraud_model()));
  for (const char* id :
       {"\"12\"", "12", "\"\\u0031\\u0032\"", "13", "123456789012345678901234567890"}) {
    ASSERT_EQ(bench.label(R"({"ts":1,"actual":1,"id":)" + std::string(id) + "}"), "") << id;
  }
  const auto& ids = bench.labels().id;
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_EQ(ids[0], ids[2]);
  EXPECT_NE(ids[0], ids[3]);
}

TEST(JsonDecoder, TakesTheLastOfARepeatedKey) {
  for (int warm = 0; warm < 2; ++warm) {
    Bench bench(models(fraud_model()));
    const std::string repeated = event(R"({"amount":1,"amount":2,"country":"DE"})",
                                       R"(,"prediction":0.5,"prediction":0.25)");
    for (int i = 0; i <= warm; ++i) ASSERT_EQ(bench.predict(repeated), "");
    EXPECT_EQ(bench.rows().columns[0].numbers.back(), 2);
    EXPECT_EQ(bench.rows().score.back(), 0.25);
    const std::string twice =
        event(R"({"amount":1,"country":"DE"})", R"(,"features":{"amount":3},"prediction":0.5)");
    for (int i = 0; i <= warm; ++i) ASSERT_EQ(bench.predict(twice), "");
    EXPECT_EQ(bench.rows().columns[0].numbers.back(), 3);
    EXPECT_EQ(bench.rows().columns[1].codes.back(), kMissingCategory);
  }
}

TEST(JsonDecoder, ReadsOddLatenciesAndWeightsAsMissing) {
  Bench bench(models(fraud_model()));
  for (const char* value : {"-1", "\"5\"", "null", "{}", "1e999"}) {
    ASSERT_EQ(bench.predict(event("{}", R"(,"prediction":0.5,"latency_ms":)" + std::string(value) +
                                            R"(,"weight":)" + value)),
              "");
    EXPECT_TRUE(std::isnan(bench.rows().latency_ms.back())) << value;
    EXPECT_EQ(bench.rows().weight.back(), 1) << value;
  }
  ASSERT_EQ(bench.predict(event("{}", R"(,"prediction":0.5,"weight":0,"latency_ms":0)")), "");
  EXPECT_EQ(bench.rows().weight.back(), 1);
  EXPECT_EQ(bench.rows().latency_ms.back(), 0);
}

TEST(JsonDecoder, ConvertsNumbersAsTheStandardLibraryDoes) {
  Bench bench(models(fraud_model()));
  std::mt19937_64 random(7);
  std::vector<std::string> texts = {"0",
                                    "-0",
                                    "0.1",
                                    "1e22",
                                    "1e23",
                                    "9007199254740993",
                                    "18446744073709551616",
                                    "0.00000000000000000000000000000001",
                                    "1.7976931348623157e308",
                                    "5e-324",
                                    "2e-324",
                                    "1e400",
                                    "-1e400",
                                    "1e-400",
                                    "1E+5",
                                    "123456789.123456789",
                                    "0.30000000000000004",
                                    "1234567890123456789.5",
                                    "0e999999999999999999999",
                                    "1e-99999999999999999999",
                                    "1e99999999999999999999",
                                    std::string(400, '9'),
                                    "0." + std::string(400, '0') + "1"};
  for (int i = 0; i < 3000; ++i) {
    char text[64];
    const auto bits = random();
    const double any = std::bit_cast<double>(bits);
    if (!std::isfinite(any)) continue;
    std::snprintf(text, sizeof text,
                  i % 3 == 0   ? "%.17g"
                  : i % 3 == 1 ? "%.6f"
                               : "%.9g",
                  i % 3 == 0 ? any : static_cast<double>(static_cast<std::int64_t>(bits)) * 1e-10);
    texts.emplace_back(text);
  }
  for (const std::string& text : texts) {
    ASSERT_EQ(bench.predict(event("{\"amount\":" + text + "}")), "") << text;
    const double expected = std::strtod(text.c_str(), nullptr);
    ASSERT_EQ(bits(bench.rows().columns[0].numbers.back()), bits(expected)) << text;
  }
}

// The learnt layouts must never change what an event means: a decoder that has seen other events
// agrees with one that has seen nothing, over good events, events with bytes changed, and events
// cut short.
TEST(JsonDecoder, AgreesWithItselfWhateverItHasLearnt) {
  std::mt19937_64 random(11);
  const std::vector<std::string> seeds = {
      R"({"id":"a1","model":"fraud","version":"v3","ts":1600000000123,)"
      R"("features":{"amount":12.5,"country":"FR"},"prediction":0.75,"latency_ms":12.25})",
      R"({"id":"a1","model":"fraud","ts":1600000000123,)"
      R"("features":{"country":"DE","amount":-1e3},"prediction":0.75,"predicted_class":1})",
      R"({"id": "a1", "model": "digit", "ts": 1600000000, "features": [1.5],)"
      R"( "prediction": "three", "scores": {"1": 0.25, "three": 0.75}})",
      R"({"id":7,"model":"price","ts":"2020-09-13T12:26:40Z",)"
      R"("features":{"rooms":3,"extra":{"deep":[1,2,null]}},"prediction":100})"};
  const std::string alphabet = "{}[]:,\"\\ 0123456789.eE-+truefalsn\x01\xc3\xa9";
  Bench warm(all_models());
  std::size_t accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = seeds[random() % seeds.size()];
    const auto edits = random() % 4;
    for (std::uint64_t k = 0; k < edits; ++k)
      text[random() % text.size()] = alphabet[random() % alphabet.size()];
    if (random() % 16 == 0) text.resize(random() % text.size());
    warm.batch.clear();
    const std::string result = warm.predict(text);
    Bench fresh(all_models());
    ASSERT_EQ(fresh.predict(text), result) << text;
    for (std::size_t model = 0; model < 3; ++model) {
      const EventBatch& a = fresh.rows(model);
      const EventBatch& b = warm.rows(model);
      ASSERT_EQ(a.size(), b.size()) << text;
      if (a.size() == 0) continue;
      ++accepted;
      ASSERT_EQ(a.ts, b.ts) << text;
      ASSERT_EQ(a.id, b.id) << text;
      ASSERT_EQ(bits(a.score[0]), bits(b.score[0])) << text;
      for (std::size_t c = 0; c < a.columns.size(); ++c) {
        ASSERT_EQ(a.columns[c].codes, b.columns[c].codes) << text;
        ASSERT_EQ(a.columns[c].unseen_size, b.columns[c].unseen_size) << text;
        if (a.columns[c].numbers.empty()) continue;
        ASSERT_EQ(bits(a.columns[c].numbers[0]), bits(b.columns[c].numbers[0])) << text;
      }
    }
  }
  EXPECT_GT(accepted, 4'000u);
}

TEST(JsonDecoder, AllocatesNothingOnceItIsWarm) {
  std::vector<ModelSchema> one = models(fraud_model());
  const ModelSchema* pointer = one.data();
  LaneBatch batch;
  batch.predictions.emplace_back(one[0]);
  batch.labels.emplace_back(one[0]);
  const auto decoder = make_json_decoder({&pointer, 1}, {});
  std::vector<std::string> events;
  for (int i = 0; i < 1'000; ++i) {
    events.push_back("{\"id\":\"id-of-event-" + std::to_string(i) +
                     "\",\"ts\":" + std::to_string(1'600'000'000'000 + i) +
                     ",\"features\":{\"amount\":" + std::to_string(i * 0.37) + ",\"country\":\"" +
                     (i % 3 == 0 ? "DE" : "a country that the reference has not seen") +
                     "\"},\"prediction\":0.5,\"version\":\"version-" + std::to_string(i % 3) +
                     "\"" + (i % 2 == 0 ? ",\"predicted_class\":1}" : "}"));
  }
  const auto run = [&] {
    Decoded decoded;
    for (const std::string& text : events) {
      ASSERT_FALSE(decoder->decode(MessageKind::prediction, text, kNow, batch, decoded));
    }
    batch.clear();
  };
  run();
  const std::uint64_t before = allocations();
  run();
  EXPECT_EQ(allocations() - before, 0u);
}

TEST(JsonDecoder, ReadsDeepNestingUpToItsLimit) {
  Bench bench(models(fraud_model()));
  const auto nested = [](std::size_t depth) {
    return event("{}",
                 R"(,"prediction":0.5,"x":)" + std::string(depth, '[') + std::string(depth, ']'));
  };
  EXPECT_EQ(bench.predict(nested(200)), "");
  EXPECT_EQ(bench.predict(nested(2'000)), "malformed_json");
  EXPECT_EQ(bench.predict(nested(200'000)), "malformed_json");
}

}  // namespace
}  // namespace driftd
