// Report lines: the fields, names and order that others rely on, and that reading gives back what
// was written.
#include "sinks/report_json.h"

#include <cmath>
#include <limits>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include "sinks/json_writer.h"
#include "sinks/log_sink.h"
#include "sinks/utf8_text.h"

namespace driftd {
namespace {

using testing::HasSubstr;

std::string json_of(const auto& line) {
  std::string out;
  append_json(out, line);
  return out;
}

std::string json_of_text(std::string_view text) {
  std::string out;
  JsonWriter(out).value(text);
  return out;
}

Finding finding() {
  return {.monitor = {"fraud", "v3", "all"},
          .series = "amount",
          .detector = "ks",
          .window = {.index = 7,
                     .start = 1'700'000'000'000,
                     .end = 1'700'003'600'000,
                     .n = 1'200,
                     .revision = 2},
          .statistic = 0.125,
          .p_value = 1e-9,
          .threshold = std::nullopt,
          .level = Level::drift};
}

MetricValue metric() {
  return {.monitor = {"fraud", "v3", "all"},
          .metric = "f1_macro",
          .window = {.index = 0, .start = 0, .end = 60'000, .n = 10, .revision = 0},
          .value = 0.5,
          .low = std::nullopt,
          .high = 1.0,
          .labelled = 4,
          .coverage = 0.4,
          .level = Level::insufficient_data};
}

Transition transition() {
  return {.monitor = {"fraud", "v3", "all"},
          .at = 1'700'003'600'000,
          .from = HealthState::healthy,
          .to = HealthState::degraded,
          .reasons = {"drift:amount", "low_accuracy"}};
}

TEST(ReportJson, WritesAFindingLine) {
  EXPECT_EQ(
      json_of(finding()),
      R"({"type":"finding","model":"fraud","version":"v3","segment":"all","series":"amount",)"
      R"("detector":"ks","window":{"index":7,"start":1700000000000,"end":1700003600000,"n":1200,)"
      R"("revision":2},"statistic":0.125,"p_value":1e-09,"threshold":null,"level":"drift"})");
}

TEST(ReportJson, WritesTheCoverageOfClassesWhereItIsKnown) {
  MetricValue metric_by_class = metric();
  metric_by_class.coverage_by_class = {{"0", 1}, {"1", 0.25}};
  EXPECT_NE(json_of(metric_by_class)
                .find(R"("coverage":0.4,"coverage_by_class":{"0":1,"1":0.25},"level")"),
            std::string::npos)
      << json_of(metric_by_class);
}

TEST(ReportJson, WritesTheBoundOfAMetricThatIsNotExact) {
  MetricValue rounded = metric();
  rounded.bound = 0.25;
  EXPECT_NE(json_of(rounded).find(R"("high":1,"bound":0.25,"labelled":4)"), std::string::npos)
      << json_of(rounded);
}

TEST(ReportJson, WritesTheIntervalOfAFindingThatHasOne) {
  Finding share = finding();
  EXPECT_EQ(json_of(share).find("\"low\""), std::string::npos);
  share.low = 0.1;
  share.high = 0.15;
  EXPECT_THAT(json_of(share), HasSubstr(R"("statistic":0.125,"low":0.1,"high":0.15,"p_value")"));
  share.high.reset();
  EXPECT_THAT(json_of(share), HasSubstr(R"("low":0.1,"high":null,"p_value")"));
}

TEST(ReportJson, WritesAMetricLine) {
  EXPECT_EQ(
      json_of(metric()),
      R"({"type":"metric","model":"fraud","version":"v3","segment":"all","metric":"f1_macro",)"
      R"("window":{"index":0,"start":0,"end":60000,"n":10,"revision":0},"value":0.5,"low":null,)"
      R"("high":1,"labelled":4,"coverage":0.4,"level":"insufficient_data"})");
}

TEST(ReportJson, WritesAHealthLine) {
  EXPECT_EQ(json_of(transition()),
            R"({"type":"health","model":"fraud","version":"v3","segment":"all","at":1700003600000,)"
            R"("from":"healthy","to":"degraded","reasons":["drift:amount","low_accuracy"]})");
}

TEST(ReportJson, WritesAHealthLineWithoutReasons) {
  Transition without = transition();
  without.reasons.clear();
  EXPECT_THAT(json_of(without), HasSubstr(R"("reasons":[]})"));
}

TEST(ReportJson, WritesASummaryLine) {
  const ReplaySummary summary{.predictions = 10,
                              .labels = 8,
                              .joined = 7,
                              .discarded = {{"empty", 1}, {"late_label", 2}},
                              .windows = 3,
                              .alerts = 1,
                              .seconds = 0.25};
  EXPECT_EQ(json_of(summary),
            R"({"type":"summary","predictions":10,"labels":8,"joined":7,)"
            R"("discarded":{"empty":1,"late_label":2},"windows":3,"alerts":1,"seconds":0.25})");
}

TEST(ReportJson, SaysPartialOnlyWhereTheWindowIs) {
  Finding partial = finding();
  EXPECT_EQ(json_of(partial).find("partial"), std::string::npos);
  partial.window.partial = true;
  EXPECT_TRUE(json_of(partial).ends_with(R"("level":"drift","partial":true})"));
}

TEST(ReportJson, WritesWhatIsNotANumberAsNull) {
  Finding odd = finding();
  odd.statistic = std::numeric_limits<double>::infinity();
  odd.p_value = std::nan("");
  EXPECT_THAT(json_of(odd), HasSubstr(R"("statistic":null,"p_value":null,"threshold":null)"));
}

TEST(ReportJson, WritesIntegersWithoutExponent) {
  Transition far = transition();
  far.at = std::numeric_limits<std::int64_t>::max();
  EXPECT_THAT(json_of(far), HasSubstr(R"("at":9223372036854775807,)"));
}

TEST(ReportJson, AppendsToWhatIsThere) {
  std::string out = "before\n";
  append_json(out, Report(transition()));
  EXPECT_TRUE(out.starts_with("before\n{\"type\":\"health\""));
}

TEST(JsonWriter, EscapesWhatMustBe) {
  EXPECT_EQ(json_of_text("a\"b\\c\n\r\t\x01\x7F/"), "\"a\\\"b\\\\c\\n\\r\\t\\u0001\x7F/\"");
  EXPECT_EQ(json_of_text({"\0", 1}), "\"\\u0000\"");
  EXPECT_EQ(json_of_text("Größe 漢 😀"), "\"Größe 漢 😀\"");
}

TEST(JsonWriter, ReplacesWhatIsNotUtf8) {
  struct Case {
    std::string_view bytes, text;
  };
  for (const auto& [bytes, text] : {
           Case{"\x80", "�"},                 // a continuation without a beginning
           Case{"a\xC3", "a�"},               // a beginning without its continuation
           Case{"\xC0\xAF", "��"},            // an overlong slash
           Case{"\xED\xA0\x80", "���"},       // a surrogate
           Case{"\xF4\x90\x80\x80", "����"},  // beyond U+10FFFF
           Case{"\xC3(", "�("},
       }) {
    EXPECT_EQ(json_of_text(bytes), "\"" + std::string(text) + "\"");
    EXPECT_EQ(valid_utf8(bytes), text);
  }
}

struct BadLine {
  std::string_view what, line, message;
};

class ParseReport : public testing::TestWithParam<BadLine> {};

TEST_P(ParseReport, RefusesWhatIsNoReportLine) {
  const auto report = parse_report(GetParam().line);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::corrupted);
  EXPECT_THAT(report.error().message, HasSubstr(std::string(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Lines, ParseReport,
    testing::Values(
        BadLine{"Empty", "", "not JSON"}, BadLine{"NoJson", "finding", "not JSON"},
        BadLine{"CutOff", R"({"type":"health","model")", "not JSON"},
        BadLine{"TwoObjects", "{}{}", "not JSON"}, BadLine{"Array", "[1]", "`type`"},
        BadLine{"OtherType", R"({"type":"summary"})", "`type`"},
        BadLine{"FieldMissing", R"({"type":"health","model":"m","segment":"all"})", "`version`"},
        BadLine{"WrongType",
                R"({"type":"health","model":"m","version":"v","segment":"all","at":"1"})", "`at`"},
        BadLine{
            "WrongState",
            R"({"type":"health","model":"m","version":"v","segment":"all","at":1,"from":"ill"})",
            "`from`"}),
    [](const auto& line) { return std::string(line.param.what); });

TEST(ParseReport, PassesOverUnknownFields) {
  std::string line = json_of(transition());
  line.insert(1, R"("extra":{"a":[1,{"b":2}],"reasons":["x"]},)");
  const auto report = parse_report(line);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(std::get<Transition>(*report).reasons, transition().reasons);
}

// Any Unicode text: its characters cover all lengths in UTF-8.
rc::Gen<std::string> text() {
  const auto character = rc::gen::map(rc::gen::inRange(0, 0x10FFFF - 0x800), [](int code) {
    if (code >= 0xD800) code += 0x800;  // surrogates are no characters
    std::string utf8;
    const auto put = [&utf8](int byte) { utf8 += static_cast<char>(byte); };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xC0 | (code >> 6));
      put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      put(0xE0 | (code >> 12));
      put(0x80 | ((code >> 6) & 0x3F));
      put(0x80 | (code & 0x3F));
    } else {
      put(0xF0 | (code >> 18));
      put(0x80 | ((code >> 12) & 0x3F));
      put(0x80 | ((code >> 6) & 0x3F));
      put(0x80 | (code & 0x3F));
    }
    return utf8;
  });
  const auto ascii = rc::gen::map(rc::gen::inRange(0, 128),
                                  [](int code) { return std::string(1, static_cast<char>(code)); });
  return rc::gen::map(
      rc::gen::container<std::vector<std::string>>(rc::gen::oneOf(ascii, character)),
      [](const std::vector<std::string>& characters) {
        std::string joined;
        for (const std::string& one : characters) joined += one;
        return joined;
      });
}

// Any finite number, by its bits, so that all exponents come.
rc::Gen<double> finite() {
  return rc::gen::suchThat(rc::gen::map(rc::gen::resize(100, rc::gen::arbitrary<std::uint64_t>()),
                                        [](std::uint64_t bits) {
                                          return std::bit_cast<double>(bits * 0x9E3779B97F4A7C15u);
                                        }),
                           [](double number) { return std::isfinite(number); });
}

std::optional<double> some_number() {
  if (*rc::gen::inRange(0, 4) == 0) return std::nullopt;
  return *rc::gen::oneOf(finite(), rc::gen::map(rc::gen::inRange(-1'000'000, 1'000'000),
                                                [](int n) { return n / 1000.0; }));
}

MonitorName some_monitor() { return {*text(), *text(), *text()}; }

WindowName some_window() {
  return {*rc::gen::arbitrary<std::int64_t>(), *rc::gen::arbitrary<std::int64_t>(),
          *rc::gen::arbitrary<std::int64_t>(), *rc::gen::arbitrary<std::int64_t>(),
          *rc::gen::arbitrary<std::int32_t>(), *rc::gen::arbitrary<bool>()};
}

Level some_level() {
  return *rc::gen::element(Level::insufficient_data, Level::stable, Level::warning, Level::drift,
                           Level::degraded);
}

HealthState some_state() {
  return *rc::gen::element(HealthState::unknown, HealthState::healthy, HealthState::degraded,
                           HealthState::critical, HealthState::stale);
}

// Equal structures give equal lines; the numbers are compared as numbers, so that the line's digits
// are tested, too.
void expect_same_window(const WindowName& read, const WindowName& written) {
  RC_ASSERT(std::tie(read.index, read.start, read.end, read.n, read.revision, read.partial) ==
            std::tie(written.index, written.start, written.end, written.n, written.revision,
                     written.partial));
}

template <typename T>
T read_back(const T& written) {
  const auto report = parse_report(json_of(written));
  RC_ASSERT(report.has_value());
  RC_ASSERT(json_of(*report) == json_of(written));
  return std::get<T>(*report);
}

RC_GTEST_PROP(ReportJson, ReadsFindingsBackAsTheyWere, ()) {
  const Finding written{.monitor = some_monitor(),
                        .series = *text(),
                        .detector = *text(),
                        .window = some_window(),
                        .statistic = some_number(),
                        .low = some_number(),
                        .high = some_number(),
                        .p_value = some_number(),
                        .bound = some_number(),
                        .threshold = some_number(),
                        .level = some_level()};
  const Finding read = read_back(written);
  RC_ASSERT(read.monitor == written.monitor);
  RC_ASSERT(std::tie(read.series, read.detector) == std::tie(written.series, written.detector));
  expect_same_window(read.window, written.window);
  RC_ASSERT(read.statistic == written.statistic);
  RC_ASSERT(read.low == written.low);
  RC_ASSERT(read.high == written.high);
  RC_ASSERT(read.p_value == written.p_value);
  RC_ASSERT(read.bound == written.bound);
  RC_ASSERT(read.threshold == written.threshold);
  RC_ASSERT(read.level == written.level);
}

RC_GTEST_PROP(ReportJson, ReadsMetricsBackAsTheyWere, ()) {
  const MetricValue written{some_monitor(),
                            *text(),
                            some_window(),
                            some_number(),
                            some_number(),
                            some_number(),
                            *rc::gen::arbitrary<std::int64_t>(),
                            *finite(),
                            some_level(),
                            some_number(),
                            *rc::gen::container<std::map<std::string, double>>(text(), finite())};
  const MetricValue read = read_back(written);
  RC_ASSERT(read.monitor == written.monitor);
  RC_ASSERT(read.metric == written.metric);
  expect_same_window(read.window, written.window);
  RC_ASSERT(read.value == written.value);
  RC_ASSERT(read.low == written.low);
  RC_ASSERT(read.high == written.high);
  RC_ASSERT(std::tie(read.labelled, read.coverage) == std::tie(written.labelled, written.coverage));
  RC_ASSERT(read.level == written.level);
  RC_ASSERT(read.bound == written.bound);
  RC_ASSERT(read.coverage_by_class == written.coverage_by_class);
}

RC_GTEST_PROP(ReportJson, ReadsTransitionsBackAsTheyWere, ()) {
  const Transition written{some_monitor(), *rc::gen::arbitrary<std::int64_t>(), some_state(),
                           some_state(), *rc::gen::container<std::vector<std::string>>(text())};
  const Transition read = read_back(written);
  RC_ASSERT(read.monitor == written.monitor);
  RC_ASSERT(std::tie(read.at, read.from, read.to, read.reasons) ==
            std::tie(written.at, written.from, written.to, written.reasons));
}

RC_GTEST_PROP(ReportJson, StaysOneReadableLineWhateverBytesTheNamesHave,
              (const std::string& bytes)) {
  Finding odd = finding();
  odd.series = bytes;
  const std::string line = json_of(odd);
  RC_ASSERT(line.find('\n') == std::string::npos);
  RC_ASSERT(valid_utf8(line) == line);
  const auto report = parse_report(line);
  RC_ASSERT(report.has_value());
  RC_ASSERT(std::get<Finding>(*report).series == valid_utf8(bytes));
}

// What LogSink writes while the log is at `level`, each line as "<level> <message>".
std::string logged(spdlog::level::level_enum level, const Report& report) {
  std::ostringstream text;
  const auto before = spdlog::default_logger();
  auto logger = std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_st>(text));
  logger->set_pattern("%l %v");
  logger->set_level(level);
  spdlog::set_default_logger(logger);
  LogSink().observe(report);
  spdlog::set_default_logger(before);
  return text.str();
}

TEST(LogSink, WarnsOfATransitionForTheWorse) {
  EXPECT_EQ(logged(spdlog::level::info, transition()), "warning " + json_of(transition()) + "\n");
  Transition recovery = transition();
  std::swap(recovery.from, recovery.to);
  EXPECT_EQ(logged(spdlog::level::info, recovery), "info " + json_of(recovery) + "\n");
}

TEST(LogSink, KeepsWhatIsStableForDebug) {
  EXPECT_EQ(logged(spdlog::level::info, finding()), "info " + json_of(finding()) + "\n");
  EXPECT_EQ(logged(spdlog::level::info, metric()), "");
  EXPECT_EQ(logged(spdlog::level::debug, metric()), "debug " + json_of(metric()) + "\n");
}

}  // namespace
}  // namespace driftd
