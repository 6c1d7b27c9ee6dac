// The store, over SQLite and over a real Postgres server, by one suite; and the sink over it.
#include "sinks/store.h"

#include <sys/wait.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sinks/postgres_store.h"
#include "sinks/report_json.h"
#include "sinks/sqlite_store.h"
#include "sinks/store_sink.h"
#include "tests/store_clients.h"

namespace driftd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Finding finding() {
  return {.monitor = {"fraud", "v3", "all"},
          .series = "amount",
          .detector = "ks",
          .window = {.index = 7,
                     .start = 1'700'000'000'000,
                     .end = 1'700'003'600'000,
                     .n = 1'200,
                     .revision = 0},
          .statistic = 0.125,
          .p_value = 0.5,
          .threshold = 0.25,
          .level = Level::stable};
}

MetricValue metric() {
  return {.monitor = {"fraud", "v3", "all"},
          .metric = "accuracy",
          .window = {.index = 7,
                     .start = 1'700'000'000'000,
                     .end = 1'700'003'600'000,
                     .n = 10,
                     .revision = 0},
          .value = 0.75,
          .low = 0.5,
          .high = 0.875,
          .labelled = 5,
          .coverage = 0.5,
          .level = Level::degraded};
}

Transition transition() {
  return {.monitor = {"fraud", "v3", "all"},
          .at = 1'700'003'600'000,
          .from = HealthState::healthy,
          .to = HealthState::degraded,
          .reasons = {"drift:amount", "low_accuracy"}};
}

class StoreTest : public testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override {
    if (GetParam() == StoreKind::sqlite) {
      client_ = std::make_unique<SqliteClient>();
    } else {
      if (!server_) server_ = std::make_unique<PostgresServer>();
      client_ = std::make_unique<PostgresClient>(*server_);
    }
    store_ = client_->store();
    const Result<void> opened = store_->open();
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
  }
  void TearDown() override {
    store_.reset();
    client_.reset();
  }
  static void TearDownTestSuite() { server_.reset(); }

  void write(const std::vector<Report>& reports) {
    const Result<void> written = store_->write(reports);
    ASSERT_TRUE(written.has_value()) << written.error().message;
  }

  static inline std::unique_ptr<PostgresServer> server_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(Both, StoreTest, testing::Values(StoreKind::sqlite, StoreKind::postgres),
                         [](const auto& kind) {
                           return kind.param == StoreKind::sqlite ? "Sqlite" : "Postgres";
                         });

TEST_P(StoreTest, KeepsAFindingAsItIs) {
  write({finding()});
  EXPECT_THAT(client_->query(
                  "SELECT model, version, segment, series, detector, window_start, window_end, "
                  "revision, n, statistic, p_value, threshold, level, window_index FROM findings"),
              ElementsAre(ElementsAre("fraud", "v3", "all", "amount", "ks", "1700000000000",
                                      "1700003600000", "0", "1200", "0.125", "0.5", "0.25",
                                      "stable", "7")));
}

TEST_P(StoreTest, KeepsAMetricAsItIs) {
  write({metric()});
  EXPECT_THAT(
      client_->query(
          "SELECT model, version, segment, metric, window_start, window_end, revision, n, "
          "labelled, coverage, value, low, high, level, window_index FROM metrics"),
      ElementsAre(ElementsAre("fraud", "v3", "all", "accuracy", "1700000000000", "1700003600000",
                              "0", "10", "5", "0.5", "0.75", "0.5", "0.875", "degraded", "7")));
}

TEST_P(StoreTest, KeepsATransitionAsItIs) {
  write({transition()});
  EXPECT_THAT(
      client_->query(
          "SELECT model, version, segment, at, from_state, to_state, reasons FROM transitions"),
      ElementsAre(ElementsAre("fraud", "v3", "all", "1700003600000", "healthy", "degraded",
                              R"(["drift:amount","low_accuracy"])")));
}

TEST_P(StoreTest, HasNullWhereANumberIsNotDefined) {
  Finding undefined = finding();
  undefined.statistic.reset();
  undefined.p_value = std::nan("");
  undefined.threshold = std::numeric_limits<double>::infinity();
  write({undefined});
  EXPECT_THAT(client_->query("SELECT statistic, p_value, threshold FROM findings"),
              ElementsAre(ElementsAre("NULL", "NULL", "NULL")));
}

TEST_P(StoreTest, KeepsNumbersToTheLastBit) {
  const double numbers[] = {1.0 / 3, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 123456789.123456789,
                            1e-17};
  std::vector<Report> reports;
  for (std::size_t i = 0; i < std::size(numbers); ++i) {
    Finding exact = finding();
    exact.window.index = static_cast<std::int64_t>(i);
    exact.statistic = numbers[i];
    reports.emplace_back(exact);
  }
  write(reports);
  for (std::size_t i = 0; i < std::size(numbers); ++i) {
    const std::string literal = fmt::format("{:.17e}", numbers[i]);
    const std::string type = GetParam() == StoreKind::sqlite ? "REAL" : "DOUBLE PRECISION";
    EXPECT_THAT(
        client_->query(fmt::format("SELECT count(*) FROM findings WHERE window_index = {} AND "
                                   "statistic = CAST('{}' AS {})",
                                   i, literal, type)),
        ElementsAre(ElementsAre("1")))
        << literal;
  }
}

TEST_P(StoreTest, ChangesNothingWhenTheSameIsWrittenAgain) {
  const std::vector<Report> reports = {finding(), metric(), transition()};
  write(reports);
  write(reports);
  for (const char* name : {"findings", "metrics", "transitions"}) {
    EXPECT_THAT(client_->query(fmt::format("SELECT count(*) FROM {}", name)),
                ElementsAre(ElementsAre("1")));
  }
}

TEST_P(StoreTest, TakesTheLastOfARowThatComesTwiceInOneBatch) {
  Finding corrected = finding();
  corrected.statistic = 0.75;
  corrected.level = Level::drift;
  write({finding(), corrected});
  EXPECT_THAT(client_->query("SELECT statistic, level FROM findings"),
              ElementsAre(ElementsAre("0.75", "drift")));
}

TEST_P(StoreTest, ShowsTheLatestRevisionAndKeepsTheOlder) {
  MetricValue amended = metric();
  amended.window.revision = 10;
  amended.labelled = 9;
  MetricValue between = metric();
  between.window.revision = 9;
  MetricValue other = metric();
  other.metric = "f1";
  write({amended, metric(), between, other});
  EXPECT_THAT(
      client_->query("SELECT metric, revision, labelled FROM metrics_latest ORDER BY metric"),
      ElementsAre(ElementsAre("accuracy", "10", "9"), ElementsAre("f1", "0", "5")));
  EXPECT_THAT(client_->query("SELECT count(*) FROM metrics"), ElementsAre(ElementsAre("4")));

  Finding later = finding();
  later.window.revision = 1;
  write({later, finding()});
  EXPECT_THAT(client_->query("SELECT revision, series FROM findings_latest"),
              ElementsAre(ElementsAre("1", "amount")));
}

TEST_P(StoreTest, TellsWindowsByCountApartThatHaveTheSameTimes) {
  Finding next = finding();
  next.window.index = 8;
  next.window.revision = 1;
  write({finding(), next});
  EXPECT_THAT(
      client_->query("SELECT window_index, revision FROM findings_latest ORDER BY window_index"),
      ElementsAre(ElementsAre("7", "0"), ElementsAre("8", "1")));
}

TEST_P(StoreTest, WritesALargeBatch) {
  std::vector<Report> reports;
  for (int i = 0; i < 1'200; ++i) {
    Finding one = finding();
    one.series = fmt::format("feature_{}", i);
    reports.emplace_back(one);
  }
  write(reports);
  EXPECT_THAT(client_->query("SELECT count(*) FROM findings"), ElementsAre(ElementsAre("1200")));
}

TEST_P(StoreTest, WritesNothingForNothing) { write({}); }

TEST_P(StoreTest, KeepsOddNamesReadable) {
  Finding odd = finding();
  odd.monitor.version = "v'; DROP TABLE findings; --\"\\";
  odd.series = std::string("a\0b\xFF", 4);
  Transition odd_reason = transition();
  odd_reason.reasons = {std::string("drift:\0", 7)};
  write({odd, odd_reason});
  EXPECT_THAT(client_->query("SELECT version, series FROM findings"),
              ElementsAre(ElementsAre("v'; DROP TABLE findings; --\"\\", "a\uFFFDb\uFFFD")));
  EXPECT_THAT(client_->query("SELECT reasons FROM transitions"),
              ElementsAre(ElementsAre("[\"drift:\uFFFD\"]")));
}

TEST_P(StoreTest, CutsEndlessNamesAndKeepsThemApart) {
  // Random digits, because Postgres compresses what repeats before it measures.
  std::string endless;
  for (std::uint64_t i = 1; endless.size() < 20'000; ++i) {
    endless += fmt::format("{:x}", i * 0x9E3779B97F4A7C15u * (i ^ 0x5555));
  }
  Finding first = finding();
  first.monitor = {"m" + endless, "v" + endless, "s" + endless};
  first.series = endless + "1";
  Finding second = first;
  second.series = endless + "2";
  write({first, second});
  EXPECT_THAT(client_->query("SELECT count(DISTINCT series), max(length(series)) FROM findings"),
              ElementsAre(ElementsAre("2", "500")));
}

TEST_P(StoreTest, KeepsADeliveryAndItsLatestStatus) {
  Delivery delivery{.webhook = "webhook-0",
                    .id = "msg_1",
                    .monitor = {"fraud", "v3", "all"},
                    .at = 1'700'003'600'000,
                    .status = "failed",
                    .attempts = 1,
                    .delivered_at = std::nullopt};
  ASSERT_TRUE(store_->write_delivery(delivery).has_value());
  const std::string all =
      "SELECT webhook, id, model, version, segment, at, status, attempts, delivered_at FROM "
      "deliveries";
  EXPECT_THAT(client_->query(all),
              ElementsAre(ElementsAre("webhook-0", "msg_1", "fraud", "v3", "all", "1700003600000",
                                      "failed", "1", "NULL")));
  delivery.status = "delivered";
  delivery.attempts = 2;
  delivery.delivered_at = 1'700'003'700'000;
  ASSERT_TRUE(store_->write_delivery(delivery).has_value());
  EXPECT_THAT(client_->query(all),
              ElementsAre(ElementsAre("webhook-0", "msg_1", "fraud", "v3", "all", "1700003600000",
                                      "delivered", "2", "1700003700000")));
}

TEST_P(StoreTest, WritesABatchAsAWholeOrNotAtAll) {
  client_->refuse_warnings();
  Finding refused = finding();
  refused.level = Level::warning;
  refused.series = "refused";
  const Result<void> written = store_->write(std::vector<Report>{transition(), finding(), refused});
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, ErrorCode::rejected);
  EXPECT_THAT(written.error().message, testing::ContainsRegex("no.warnings.here"));
  EXPECT_THAT(client_->query("SELECT * FROM findings"), IsEmpty());
  EXPECT_THAT(client_->query("SELECT * FROM transitions"), IsEmpty());
  write({finding()});
}

TEST_P(StoreTest, KeepsItsRowsWhenItIsOpenedAgain) {
  write({finding()});
  store_ = client_->store();
  ASSERT_TRUE(store_->open().has_value());
  ASSERT_TRUE(store_->open().has_value());
  EXPECT_THAT(client_->query("SELECT count(*) FROM findings"), ElementsAre(ElementsAre("1")));
  EXPECT_THAT(client_->query("SELECT version FROM driftd_schema ORDER BY version"),
              ElementsAre(ElementsAre("1"), ElementsAre("2")));
}

TEST_P(StoreTest, RefusesTheSchemaOfALaterDriftd) {
  client_->query("INSERT INTO driftd_schema (version) VALUES (99)");
  const Result<void> opened = client_->store()->open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::incompatible);
  EXPECT_THAT(opened.error().message, HasSubstr("schema 99"));
}

TEST_P(StoreTest, IsMigratedOnceWhenSeveralOpenItTogether) {
  store_.reset();
  for (const char* view : {"findings_latest", "metrics_latest"})
    client_->query(fmt::format("DROP VIEW {}", view));
  for (const char* name : {"findings", "metrics", "transitions", "deliveries", "driftd_schema"}) {
    client_->query(fmt::format("DROP TABLE {}", name));
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      const std::unique_ptr<Store> store = client_->store();
      const Result<void> opened = store->open();
      EXPECT_TRUE(opened.has_value()) << opened.error().message;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(client_->query("SELECT version FROM driftd_schema ORDER BY version"),
              ElementsAre(ElementsAre("1"), ElementsAre("2")));
}

std::vector<OutboxEntry> entries_of(const std::vector<std::string>& payloads) {
  std::vector<OutboxEntry> entries;
  for (const std::string& payload : payloads) {
    entries.push_back({.sequence = static_cast<std::int64_t>(entries.size()),
                       .id = "",
                       .payload = payload,
                       .created = 0});
  }
  return entries;
}

std::string line_of(const Report& report) {
  std::string line;
  append_json(line, report);
  return line;
}

TEST_P(StoreTest, IsFilledFromReportLines) {
  StoreSink sink("store", *store_);
  EXPECT_EQ(sink.name(), "store");
  const auto delivered =
      sink.deliver(entries_of({line_of(finding()), line_of(metric()), line_of(transition())}));
  ASSERT_TRUE(delivered.has_value()) << delivered.error().message;
  for (const char* name : {"findings", "metrics", "transitions"}) {
    EXPECT_THAT(client_->query(fmt::format("SELECT count(*) FROM {}", name)),
                ElementsAre(ElementsAre("1")));
  }
}

TEST_P(StoreTest, LosesOnlyTheLinesThatItCannotTake) {
  client_->refuse_warnings();
  Finding refused = finding();
  refused.level = Level::warning;
  refused.series = "refused";
  StoreSink sink("store", *store_);
  const auto delivered = sink.deliver(
      entries_of({line_of(refused), "no report line", line_of(finding()), line_of(metric())}));
  ASSERT_FALSE(delivered.has_value());
  EXPECT_EQ(delivered.error().code, ErrorCode::rejected);
  EXPECT_THAT(delivered.error().message, HasSubstr("2 of 4 report lines"));
  EXPECT_THAT(client_->query("SELECT level FROM findings"), ElementsAre(ElementsAre("stable")));
  EXPECT_THAT(client_->query("SELECT count(*) FROM metrics"), ElementsAre(ElementsAre("1")));
}

TEST(SqliteStore, HasIntegersInItsIntegerColumns) {
  SqliteClient client;
  const auto store = client.store();
  ASSERT_TRUE(store->write(std::vector<Report>{finding()}).has_value());
  EXPECT_THAT(client.query("SELECT typeof(window_start), typeof(revision), typeof(n), "
                           "typeof(statistic) FROM findings"),
              ElementsAre(ElementsAre("integer", "integer", "integer", "real")));
  EXPECT_THAT(
      client.query("SELECT type FROM pragma_table_info('findings') WHERE name = 'window_start'"),
      ElementsAre(ElementsAre("INTEGER")));
}

TEST(SqliteStore, CanBeReadAfterItsProcessWasKilled) {
  SqliteClient client;
  const pid_t child = fork();
  if (child == 0) {
    const auto store = client.store();
    const bool written = store->write(std::vector<Report>{finding()}).has_value();
    _exit(written ? 0 : 1);  // no destructor runs: the write-ahead log stays behind
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_TRUE(std::filesystem::exists(client.path() + "-wal"));
  EXPECT_THAT(client.query("SELECT count(*) FROM findings_latest"), ElementsAre(ElementsAre("1")));
}

TEST(SqliteStore, DoesNotWaitForAReader) {
  SqliteClient client;
  const auto store = client.store();
  ASSERT_TRUE(store->write(std::vector<Report>{finding()}).has_value());
  sqlite3* reader = nullptr;
  ASSERT_EQ(sqlite3_open(client.path().c_str(), &reader), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(reader, "BEGIN; SELECT * FROM findings", nullptr, nullptr, nullptr),
            SQLITE_OK);
  EXPECT_TRUE(store->write(std::vector<Report>{metric()}).has_value());
  sqlite3_close(reader);
}

TEST(SqliteStore, SaysThatAFileIsNoDatabase) {
  const auto folder = fresh_folder();
  const std::string path = folder / "notes.txt";
  std::ofstream(path) << std::string(4'096, 'x');
  const Result<void> opened = SqliteStore(path).open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
  EXPECT_THAT(opened.error().message, HasSubstr(path));
  EXPECT_THAT(opened.error().message, HasSubstr("choose another path"));
  std::filesystem::remove_all(folder);
}

TEST(SqliteStore, SaysThatItsFolderCannotBeMade) {
  const Result<void> opened = SqliteStore("/dev/null/state/driftd.db").open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
  EXPECT_THAT(opened.error().message, HasSubstr("/dev/null/state"));
}

class PostgresStoreTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<PostgresServer>(); }
  static void TearDownTestSuite() { server_.reset(); }
  static inline std::unique_ptr<PostgresServer> server_;
};

TEST_F(PostgresStoreTest, GoesOnAfterAnOutage) {
  PostgresClient client(*server_);
  const auto store = client.store();
  ASSERT_TRUE(store->write(std::vector<Report>{finding()}).has_value());
  server_->stop();
  for (int attempt = 0; attempt < 2; ++attempt) {
    const Result<void> written = store->write(std::vector<Report>{metric()});
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().code, ErrorCode::unavailable) << written.error().message;
  }
  server_->start();
  const Result<void> written = store->write(std::vector<Report>{metric()});
  EXPECT_TRUE(written.has_value()) << written.error().message;
  EXPECT_THAT(client.query("SELECT count(*) FROM findings"), ElementsAre(ElementsAre("1")));
  EXPECT_THAT(client.query("SELECT count(*) FROM metrics"), ElementsAre(ElementsAre("1")));
}

TEST_F(PostgresStoreTest, GoesOnAfterItsConnectionWasCut) {
  PostgresClient client(*server_);
  const auto store = client.store();
  ASSERT_TRUE(store->open().has_value());
  client.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
      "AND pid <> "
      "pg_backend_pid()");
  const Result<void> written = store->write(std::vector<Report>{finding()});
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, ErrorCode::unavailable) << written.error().message;
  EXPECT_TRUE(store->write(std::vector<Report>{finding()}).has_value());
}

TEST_F(PostgresStoreTest, MakesVanishedTablesAnew) {
  PostgresClient client(*server_);
  const auto store = client.store();
  ASSERT_TRUE(store->open().has_value());
  client.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
  const Result<void> written = store->write(std::vector<Report>{finding()});
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, ErrorCode::unavailable) << written.error().message;
  EXPECT_TRUE(store->write(std::vector<Report>{finding()}).has_value());
}

TEST_F(PostgresStoreTest, SaysWhichRightIsMissing) {
  PostgresClient client(*server_);
  client.query("CREATE ROLE stranger LOGIN");
  const Result<void> opened = client.store_of("stranger", "")->open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
  EXPECT_THAT(opened.error().message, HasSubstr("GRANT"));
}

TEST_F(PostgresStoreTest, NeedsNoRightToCreateWhereTheTablesAreThere) {
  PostgresClient client(*server_);
  ASSERT_TRUE(client.store()->open().has_value());
  client.query(
      "CREATE ROLE writer LOGIN; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO "
      "writer");
  const Result<void> written = client.store_of("writer", "")->write(std::vector<Report>{finding()});
  EXPECT_TRUE(written.has_value()) << written.error().message;
}

TEST_F(PostgresStoreTest, KeepsTheRowsWhileAColumnIsNotAsItWas) {
  PostgresClient client(*server_);
  const auto store = client.store();
  ASSERT_TRUE(store->open().has_value());
  client.query("ALTER TABLE transitions RENAME COLUMN reasons TO why");
  const Result<void> written = store->write(std::vector<Report>{transition()});
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, ErrorCode::unavailable);
  EXPECT_THAT(written.error().message, HasSubstr("not as driftd made them"));
}

TEST_F(PostgresStoreTest, LogsInWithAPasswordAndNeverShowsIt) {
  PostgresClient client(*server_);
  const std::string password = "p&s %/?=#'\u00e4";
  client.query("CREATE ROLE keeper LOGIN SUPERUSER PASSWORD 'p&s %/?=#''\u00e4'");
  const auto rules = server_->data() / "pg_hba.conf";
  std::ofstream(rules)
      << "host all keeper 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"
         "local all all trust\n";
  client.query("SELECT pg_reload_conf(), pg_sleep(0.5)");
  const auto store = client.store_of("keeper", password);
  const Result<void> opened = store->open();
  EXPECT_TRUE(opened.has_value()) << opened.error().message;
  EXPECT_THAT(store->describe(), Not(HasSubstr("p&s")));

  const Result<void> refused = client.store_of("keeper", "wrong-password")->open();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::rejected) << refused.error().message;
  EXPECT_THAT(refused.error().message, HasSubstr("check the user, the password"));
  EXPECT_THAT(refused.error().message, Not(HasSubstr("wrong-password")));
}

TEST(PostgresStore, SaysThatNobodyListens) {
  PostgresStore store(fmt::format("postgresql://driftd@127.0.0.1:{}/postgres", free_port()), "");
  const Result<void> opened = store.open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
  EXPECT_EQ(opened.error().message.find('\n'), std::string::npos);
}

TEST(PostgresStore, DescribesItselfWithoutSecrets) {
  EXPECT_EQ(
      PostgresStore("postgresql://driftd:s3cret@db.example:5433/ml?password=x", "y").describe(),
      "postgresql://driftd@db.example:5433/ml");
  EXPECT_EQ(PostgresStore("postgresql://driftd@db.example:5433/ml", "y").describe(),
            "postgresql://driftd@db.example:5433/ml");
  EXPECT_EQ(PostgresStore("postgresql:///ml", "y").describe(), "postgresql:///ml");
}

}  // namespace
}  // namespace driftd
