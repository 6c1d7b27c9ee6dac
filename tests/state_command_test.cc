// `driftd state show|check|export` as a script sees them: the binary, on states made here.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "daemon/exit_codes.h"
#include "health/health.h"
#include "state/join_log.h"
#include "state/state_reader.h"
#include "state/state_store.h"
#include "state/window_archive.h"
#include "tests/support/models.h"
#include "tests/support/process.h"
#include "tests/support/state_files.h"

namespace driftd {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

constexpr std::chrono::seconds kLimit{60};
constexpr std::size_t kPage = 4'096;
constexpr std::size_t kStoredRow = sizeof(LabelJoin::Row) + 8;

// What a command has said.
struct Said {
  int status = 0;
  std::string output;
  std::string errors;
};

[[nodiscard]] Said state_command(const std::string& words) {
  const TemporaryFolder folder;
  const std::string out = folder.path() / "out";
  const std::string err = folder.path() / "err";
  const std::string command = std::string("exec '") + DRIFTD_BINARY + "' state " + words + " >'" +
                              out + "' 2>'" + err + "'";
  const CommandResult result = run_command({"/bin/sh", "-c", command}, kLimit);
  return {result.status, read_text(out), read_text(err)};
}

[[nodiscard]] std::vector<boost::json::object> lines_of(const std::string& ndjson) {
  std::vector<boost::json::object> lines;
  std::istringstream stream(ndjson);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(boost::json::parse(line).as_object());
  return lines;
}

[[nodiscard]] std::map<std::string, int> types_of(const std::vector<boost::json::object>& lines) {
  std::map<std::string, int> types;
  for (const auto& line : lines) ++types[std::string(line.at("type").as_string())];
  return types;
}

// Every file below a folder, with its bytes.
[[nodiscard]] std::map<std::string, std::string> files_below(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file())
      files[fs::relative(entry.path(), folder)] = read_text(entry.path());
  }
  return files;
}

void flip_a_bit(const fs::path& path, std::size_t at) {
  std::string bytes = read_text(path);
  ASSERT_LT(at, bytes.size()) << path;
  bytes[at] = static_cast<char>(bytes[at] ^ 4);
  write_file(path, bytes);
}

class StateCommand : public ::testing::Test {
 protected:
  StateCommand() { model_.add_usual_features(); }

  void SetUp() override {
    auto store = StateStore::open(state());
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    Checkpoint all = checkpoint();
    all.joins = {write_join()};
    ASSERT_TRUE(store_->write(all));
  }

  [[nodiscard]] std::string state() const { return folder_.path() / "state"; }
  // Beside the first one, a state that is whole and that nobody has open: as a stop leaves it, or,
  // with its log, as a crash does.
  [[nodiscard]] std::string stopped() {
    store_.reset();
    return state();
  }
  [[nodiscard]] std::string crashed() const {
    const std::string copy = folder_.path() / "crashed";
    fs::create_directories(copy);
    StateFiles::of(state()).put(copy);
    fs::copy(fs::path(state()) / "join", fs::path(copy) / "join", fs::copy_options::recursive);
    fs::copy_file(fs::path(state()) / "lock", fs::path(copy) / "lock");
    return copy;
  }
  [[nodiscard]] fs::path join_file(RowNumber first) const {
    return fs::path(state()) / "join" / "fraud%2Fcards" /
           (first == 0 ? "0000000000000000.rows" : "0000000000000002.rows");
  }

  [[nodiscard]] StoredSummaries summaries(std::uint64_t predictions) const {
    Pane pane(model_.monitored());
    pane.predictions = predictions;
    pane.first_time = 1'000;
    pane.last_time = 2'000;
    StoredSummaries bytes;
    pane.write_features(bytes.features);
    pane.write_performance(bytes.performance);
    return bytes;
  }

  [[nodiscard]] Checkpoint checkpoint() const {
    Checkpoint all;
    all.partitions = {{"kafka-0", "predictions", 3, 0, 10'721, 1'563'355'157'760},
                      {"kafka-0", "labels", 0, 1, 4'842, kNoTime}};
    all.names = {
        {kModel, "version", 0, "2018.1"}, {kModel, "class", 0, "0"}, {kModel, "class", 1, "1"}};
    for (const unsigned lane : {0U, 1U}) {
      StoredOpenPane& pane = all.open_panes.emplace_back();
      pane.lane = lane;
      pane.window = {kModel, 0, 120'000};
      pane.summaries = summaries(7 - lane);
    }
    StoredPane& pane = all.panes.emplace_back();
    pane.pane = {kModel, 0, 60'000};
    pane.summaries = summaries(500);
    WindowRecord record;
    record.index = 4;
    record.revision = 2;
    record.start = 60'000;
    record.end = 120'000;
    record.predictions = 500;
    record.labelled = 321;
    record.is_closed = true;
    StoredWindow& closed = all.windows.emplace_back();
    closed.window = {kModel, 0, 60'000};
    ByteWriter record_bytes(closed.record);
    record.write(record_bytes);
    all.forgotten_windows = {{kModel, 0, 0}};
    MonitorHealth health;
    health.state = HealthState::degraded;
    health.since = 1'563'265'372'480;
    health.reasons = {"drift:amount"};
    health.findings = {{"amount/ks", Level::drift}};
    StoredMonitor& monitor = all.monitors.emplace_back();
    monitor.model = kModel;
    monitor.windows = 5;
    ByteWriter health_bytes(monitor.health);
    health.write(health_bytes);
    health_bytes.varint(0);  // sequential detectors
    ClassDelays().write(health_bytes);
    health_bytes.signed_varint(kNoTime);  // the false-alarm budget
    health_bytes.text("");
    health_bytes.text("");
    for (const char* id : {"a", "b"}) {
      StoredOutboxEntry entry;
      entry.sink = "store";
      entry.id = id;
      entry.payload = std::string("{\"payload\":\"") + id + "\"}";
      entry.created = 1'700'000'000'000;
      all.outbox.push_back(entry);
    }
    all.fingerprints = {{kModel,
                         "task=binary reference=ab12 distinct=100 size=60000 slide=0 count=0 "
                         "amount:numeric channel:categorical"}};
    return all;
  }

  // Two segments: a prediction and a waiting label; then the prediction with its label, and another
  // prediction.
  [[nodiscard]] StoredJoin write_join() const {
    auto log = JoinLog::open(join_folder(state(), kModel), sizeof(LabelJoin::Row), {});
    EXPECT_TRUE(log) << log.error().message;
    (*log)->begin_segment();
    LabelJoin::Row row;
    row.id = {0x0123, 0xABCD};
    row.predicted_at = 1'500;
    row.pane = 120'000;
    row.score = 0.75;
    (*log)->append(std::as_bytes(std::span(&row, 1)));
    LabelJoin::Row label;
    label.id = {1, 1};
    label.labelled_at = 1'600;
    label.actual_class = 1;
    (*log)->append(std::as_bytes(std::span(&label, 1)));
    (*log)->begin_segment();
    row.labelled_at = 1'700;
    row.actual_class = 1;
    row.previous = 0;
    (*log)->append(std::as_bytes(std::span(&row, 1)));
    LabelJoin::Row next;
    next.id = {2, 2};
    next.predicted_at = 1'800;
    (*log)->append(std::as_bytes(std::span(&next, 1)));
    EXPECT_TRUE((*log)->write());
    EXPECT_TRUE((*log)->sync());
    return {kModel, {{0, 2}, {2, 2}}, kNoTime, kNoTime};
  }

  static constexpr const char* kModel = "fraud/cards";
  TemporaryFolder folder_;
  ModelUnderTest model_{Task::binary};
  std::unique_ptr<StateStore> store_;  // holds the lock
};

TEST_F(StateCommand, ShowsPeopleWhatIsInAState) {
  const Said said = state_command("show --state-dir " + stopped());
  EXPECT_EQ(said.status, kExitOk) << said.errors;
  EXPECT_THAT(
      said.output,
      AllOf(HasSubstr("format 5, instance driftd-"), HasSubstr("no driftd runs on it"),
            HasSubstr("model fraud/cards"), HasSubstr("binary, windows of 1 min, 2 series"),
            HasSubstr("reference   ab12"), HasSubstr("versions    2018.1"),
            HasSubstr("1 open, 1 closed that may still be amended, 1 final"),
            HasSubstr("1 prediction without a label yet, 1 label without a prediction, 1 joined")));
  EXPECT_THAT(
      said.output,
      AllOf(HasSubstr("4 rows in 2 files, 384 bytes"),
            HasSubstr("2018.1: degraded since 2019-07-16T08:22:52.480Z because of drift:amount; 5 "
                      "windows closed so far"),
            HasSubstr("kafka-0 predictions[3], predictions: next offset 10721, event time up to "
                      "2019-07-17T09:19:17.760Z"),
            HasSubstr("labels[0], labels: next offset 4842\n"), HasSubstr("store: 2 entries")));
  EXPECT_THAT(said.errors, "");
}

TEST_F(StateCommand, ShowsProgramsOneObject) {
  const Said said = state_command("show --json --state-dir " + stopped());
  EXPECT_EQ(said.status, kExitOk) << said.errors;
  const auto lines = lines_of(said.output);
  ASSERT_EQ(lines.size(), 1U);
  const auto& view = lines[0];
  EXPECT_EQ(view.at("format").as_string(), "5");
  EXPECT_FALSE(view.at("in_use").as_bool());
  EXPECT_EQ(view.at("join_bytes").as_int64(), 384);
  const auto& model = view.at("models").as_array().at(0).as_object();
  EXPECT_EQ(model.at("task").as_string(), "binary");
  EXPECT_EQ(model.at("window_size_ms").as_int64(), 60'000);
  EXPECT_EQ(model.at("open_windows").as_int64(), 1) << "of two lanes";
  EXPECT_EQ(model.at("join").at("labels_without_prediction").as_int64(), 1);
  EXPECT_EQ(model.at("monitors").at(0).at("health").as_string(), "degraded");
  EXPECT_TRUE(view.at("partitions").at(0).at("max_event_time").is_null());
  EXPECT_EQ(view.at("outbox").at(0).at("oldest").as_int64(), 1'700'000'000'000);
}

TEST_F(StateCommand, ExportsEverythingAsNdjson) {
  const Said said = state_command("export --state-dir " + stopped());
  EXPECT_EQ(said.status, kExitOk) << said.errors;
  const auto lines = lines_of(said.output);
  EXPECT_THAT(types_of(lines),
              ElementsAre(Pair("closed_window", 2), Pair("join_row", 4), Pair("monitor", 1),
                          Pair("open_pane", 2), Pair("outbox", 2), Pair("pane", 1),
                          Pair("partition", 2), Pair("summary", 1)));
  EXPECT_EQ(lines.back().at("type").as_string(), "summary");
  EXPECT_EQ(lines.back().at("counts").at("join_row").as_int64(), 4);
  std::map<std::string, std::vector<boost::json::object>> by_type;
  for (const auto& line : lines) by_type[std::string(line.at("type").as_string())].push_back(line);
  const auto& open = by_type["open_pane"][0];
  EXPECT_EQ(open.at("version").as_string(), "2018.1");
  EXPECT_EQ(open.at("predictions").as_int64(), 7);
  EXPECT_EQ(open.at("labelled").as_int64(), 0);
  EXPECT_EQ(open.at("last_event_time").as_int64(), 2'000);
  EXPECT_TRUE(by_type["closed_window"][0].at("final").as_bool());
  const auto& closed = by_type["closed_window"][1];
  EXPECT_EQ(closed.at("index").as_int64(), 4);
  EXPECT_EQ(closed.at("revision").as_int64(), 2);
  EXPECT_EQ(closed.at("end").as_int64(), 120'000);
  EXPECT_EQ(closed.at("labelled").as_int64(), 321);
  EXPECT_EQ(by_type["monitor"][0].at("findings").at("amount/ks").as_string(), "drift");
  const auto& prediction = by_type["join_row"][0];
  EXPECT_EQ(prediction.at("id_hash").as_string(), "0000000000000123000000000000abcd");
  EXPECT_EQ(prediction.at("prediction_time").as_int64(), 1'500);
  EXPECT_TRUE(prediction.at("label_time").is_null());
  EXPECT_TRUE(prediction.at("replaces").is_null());
  EXPECT_EQ(prediction.at("score").to_number<double>(), 0.75);
  EXPECT_TRUE(prediction.at("actual_class").is_null());
  const auto& label = by_type["join_row"][1];
  EXPECT_TRUE(label.at("prediction_time").is_null());
  EXPECT_TRUE(label.at("version").is_null());
  EXPECT_EQ(label.at("actual_class").as_string(), "1");
  const auto& joined = by_type["join_row"][2];
  EXPECT_EQ(joined.at("row").as_int64(), 2);
  EXPECT_EQ(joined.at("replaces").as_int64(), 0);
  EXPECT_EQ(joined.at("label_time").as_int64(), 1'700);
  EXPECT_EQ(by_type["outbox"][1].at("payload").as_string(), "{\"payload\":\"b\"}");
}

TEST_F(StateCommand, ChecksAStateThatIsWhole) {
  const Said said = state_command("check --state-dir " + stopped());
  EXPECT_EQ(said.status, kExitOk) << said.output << said.errors;
  EXPECT_THAT(said.output, AllOf(HasSubstr("3 panes, 2 windows, 2 outbox entries"),
                                 HasSubstr("the label join of fraud/cards: 4 rows in 2 files"),
                                 HasSubstr("everything is whole"), Not(HasSubstr("FAILED"))));
}

TEST_F(StateCommand, TouchesNoFileOfAStateThatNobodyUses) {
  const std::string with_log = crashed();
  ASSERT_FALSE(read_text(with_log + "/state.db-wal").empty());
  for (const std::string& folder : {with_log, stopped()}) {
    const auto before = files_below(folder);
    for (const char* word : {"show", "check", "export"}) {
      const Said said = state_command(std::string(word) + " --state-dir " + folder);
      EXPECT_EQ(said.status, kExitOk) << word << said.output << said.errors;
      EXPECT_THAT(said.output, HasSubstr("fraud/cards")) << "it is in the log";
      EXPECT_EQ(files_below(folder), before) << word;
    }
  }
}

TEST_F(StateCommand, ReadsWhileADriftdRunsOnIt) {
  const std::string where = " --state-dir " + state();
  EXPECT_THAT(state_command("show" + where).output, HasSubstr("in use by a driftd now"));
  const Said exported = state_command("export" + where);
  EXPECT_EQ(exported.status, kExitOk) << exported.errors;
  EXPECT_TRUE(lines_of(exported.output).back().at("in_use").as_bool());
  const Said checked = state_command("check" + where);
  EXPECT_EQ(checked.status, kExitOk) << checked.output << checked.errors;
  EXPECT_THAT(checked.output, HasSubstr("in use by a driftd"));
  Checkpoint next;
  next.partitions = {{"kafka-0", "labels", 0, 1, 9'999, kNoTime}};
  ASSERT_TRUE(store_->write(next)) << "it goes on as before";
  EXPECT_THAT(state_command("show" + where).output, HasSubstr("next offset 9999"));
  EXPECT_EQ(StateStore::open(state()).error().code, ErrorCode::unavailable) << "it has its lock";
}

// Offsets and windows of one export are of one checkpoint, whenever it is taken.
TEST_F(StateCommand, ExportsOneCheckpointWhileOthersAreWritten) {
  std::atomic<bool> is_over = false;
  std::atomic<std::int64_t> written = 0;
  std::thread writer([&] {
    for (std::int64_t n = 1; !is_over; ++n) {
      Checkpoint next = checkpoint();
      next.outbox.clear();
      next.partitions = {{"kafka-0", "labels", 0, 1, n, kNoTime}};
      next.monitors[0].windows = n;
      if (!store_->write(next)) return;
      written = n;
    }
  });
  const bool has_begun = wait_until(kLimit, [&] { return written > 0; });
  std::vector<Said> exports;
  for (int i = 0; i < 5; ++i) exports.push_back(state_command("export --state-dir " + state()));
  const bool goes_on =
      wait_until(kLimit, [&, before = written.load()] { return written > before + 1; });
  is_over = true;
  writer.join();
  EXPECT_TRUE(has_begun && goes_on);
  for (const Said& said : exports) {
    ASSERT_EQ(said.status, kExitOk) << said.errors;
    const auto lines = lines_of(said.output);
    ASSERT_EQ(lines[0].at("topic").as_string(), "labels");
    ASSERT_EQ(lines[2].at("type").as_string(), "monitor");
    EXPECT_EQ(lines[0].at("next_offset"), lines[2].at("windows"));
  }
}

TEST_F(StateCommand, KnowsAJoinFileThatADriftdHasRemoved) {
  const auto reader = StateReader::open(state());
  ASSERT_TRUE(reader) << reader.error().message;
  ASSERT_TRUE((*reader)->load_outline());
  EXPECT_TRUE((*reader)->names_segment(kModel, 0).value());
  Checkpoint next;
  next.joins = {{kModel, {{2, 2}}, kNoTime, kNoTime}};
  ASSERT_TRUE(store_->write(next));
  EXPECT_FALSE((*reader)->names_segment(kModel, 0).value());
  EXPECT_TRUE((*reader)->names_segment(kModel, 2).value());
}

TEST_F(StateCommand, NamesEachDamagedPage) {
  const std::string folder = stopped();
  const fs::path file = fs::path(folder) / "state.db";
  const std::string whole = read_text(file);
  ASSERT_GT(whole.size(), 5 * kPage);
  for (std::size_t page = 1; page <= whole.size() / kPage; ++page) {
    flip_a_bit(file, (page - 1) * kPage + 1'234);
    const Said said = state_command("check --state-dir " + folder);
    EXPECT_EQ(said.status, kExitIo) << said.output;
    EXPECT_THAT(said.output, AllOf(HasSubstr("FAILED  the state database " + file.string() +
                                             ": page " + std::to_string(page) + " (bytes " +
                                             std::to_string((page - 1) * kPage) + " to "),
                                   HasSubstr("put a copy back"), Not(HasSubstr("is whole"))));
    write_file(file, whole);
  }
  EXPECT_EQ(state_command("check --state-dir " + folder).status, kExitOk);
}

TEST_F(StateCommand, EndsTheExportWhereAPageIsDamaged) {
  const std::string folder = stopped();
  const fs::path file = fs::path(folder) / "state.db";
  const std::size_t at = read_text(file).find("{\"payload\":\"b\"}");
  ASSERT_NE(at, std::string::npos);
  flip_a_bit(file, at);
  const Said said = state_command("export --state-dir " + folder);
  EXPECT_EQ(said.status, kExitIo);
  const auto types = types_of(lines_of(said.output));
  EXPECT_EQ(types.at("closed_window"), 2) << "what comes before it is good";
  EXPECT_FALSE(types.contains("join_row"));
  EXPECT_FALSE(types.contains("summary"));
  EXPECT_THAT(said.errors, AllOf(HasSubstr("page " + std::to_string(at / kPage + 1) + " "),
                                 HasSubstr("it is not whole")));
  const Said shown = state_command("show --state-dir " + folder);
  EXPECT_EQ(shown.status, kExitIo);
  EXPECT_EQ(shown.output, "");
}

TEST_F(StateCommand, NamesADamagedLog) {
  const std::string folder = crashed();
  flip_a_bit(folder + "/state.db-wal", 32 + 24 + 100);
  const auto before = files_below(folder);
  const Said said = state_command("check --state-dir " + folder);
  EXPECT_EQ(said.status, kExitIo);
  EXPECT_THAT(said.output, HasSubstr("state.db-wal: its frame at bytes 32 to 4151 is damaged"));
  for (const char* word : {"show", "export"}) {
    const Said refused = state_command(std::string(word) + " --state-dir " + folder);
    EXPECT_EQ(refused.status, kExitIo) << word;
    EXPECT_EQ(refused.output, "") << word;
  }
  EXPECT_EQ(files_below(folder), before);
}

TEST_F(StateCommand, IsToldWhereADriftdStartsMeanwhile) {
  const std::string folder = stopped();
  const auto reader = StateReader::open(folder);
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_TRUE((*reader)->load_outline());
  EXPECT_TRUE((*reader)->check_untouched());
  auto store = StateStore::open(folder);
  ASSERT_TRUE(store) << store.error().message;
  ASSERT_TRUE((*store)->write({}));
  const Result<> untouched = (*reader)->check_untouched();
  ASSERT_FALSE(untouched);
  EXPECT_EQ(untouched.error().code, ErrorCode::unavailable);
}

TEST_F(StateCommand, NamesADamagedRowOfTheLabelJoin) {
  const std::string folder = stopped();
  flip_a_bit(join_file(2), 32 + kStoredRow + 10);
  const Said said = state_command("check --state-dir " + folder);
  EXPECT_EQ(said.status, kExitIo);
  EXPECT_THAT(said.output,
              AllOf(HasSubstr(join_file(2).string() + " is damaged: row 3 (bytes 112 to 191)"),
                    HasSubstr("put a copy"), HasSubstr("1 problem\n")));
  const Said exported = state_command("export --state-dir " + folder);
  EXPECT_EQ(exported.status, kExitIo);
  const auto types = types_of(lines_of(exported.output));
  EXPECT_EQ(types.at("join_row"), 3);
  EXPECT_FALSE(types.contains("summary"));
  EXPECT_THAT(exported.errors, HasSubstr("row 3"));
  EXPECT_EQ(state_command("show --state-dir " + folder).status, kExitIo);
}

TEST_F(StateCommand, NamesWhatIsWrongWithTheJoinsFiles) {
  const std::string folder = stopped();
  const std::string check = "check --state-dir " + folder;
  const std::string whole = read_text(join_file(0));
  write_file(join_file(0), whole + "of a checkpoint that never was");
  EXPECT_EQ(state_command(check).status, kExitOk);
  write_file(join_file(0), whole.substr(0, 32 + kStoredRow + 3));
  EXPECT_THAT(state_command(check).output,
              HasSubstr("is too short: 115 bytes instead of 192, its rows 1 to 1 are gone"));
  write_file(join_file(0), std::string(whole.size(), '\0'));
  EXPECT_THAT(state_command(check).output, HasSubstr("is damaged in its header (bytes 0 to 31)"));
  write_file(join_file(0), whole.substr(0, 32) + std::string(2 * kStoredRow, 'x'));
  EXPECT_THAT(state_command(check).output, HasSubstr("is damaged: rows 0 to 1 (bytes 32 to 191)"));
  fs::remove(join_file(0));
  const Said said = state_command(check);
  EXPECT_EQ(said.status, kExitIo);
  EXPECT_THAT(said.output, HasSubstr("0000000000000000.rows is missing"));
}

TEST_F(StateCommand, NamesWhatDriftdWouldNotWrite) {
  Checkpoint odd;
  odd.open_panes = {{0, {kModel, 0, 180'000}, {"features", "performance"}}};
  ASSERT_TRUE(store_->write(odd));
  const std::string folder = stopped();
  const Said said = state_command("check --state-dir " + folder);
  EXPECT_EQ(said.status, kExitIo);
  EXPECT_THAT(said.output, HasSubstr("the open pane 180000 of model fraud/cards, version 2018.1, "
                                     "is not what driftd writes"));
  const Said exported = state_command("export --state-dir " + folder);
  EXPECT_EQ(exported.status, kExitIo);
  EXPECT_THAT(exported.output, Not(HasSubstr("180000")));
}

TEST_F(StateCommand, SaysThatThereIsNoState) {
  const std::string missing = folder_.path() / "missing";
  for (const char* word : {"show", "check", "export"}) {
    const Said said = state_command(std::string(word) + " --state-dir " + missing);
    EXPECT_EQ(said.status, kExitUnavailable) << word;
    EXPECT_THAT(said.errors, AllOf(HasSubstr(missing), HasSubstr("No such file")));
    EXPECT_EQ(said.output, "");
  }
  EXPECT_FALSE(fs::exists(missing));
  fs::create_directories(missing);
  const Said empty = state_command("check --state-dir " + missing);
  EXPECT_EQ(empty.status, kExitUnavailable);
  EXPECT_THAT(empty.errors, HasSubstr("there is no state in " + missing));
  EXPECT_TRUE(fs::is_empty(missing));
}

TEST_F(StateCommand, TakesTheDirectoryFromTheConfiguration) {
  write_file(folder_.path() / "reference.csv", "amount\n1\n2\n");
  const fs::path config = folder_.path() / "driftd.toml";
  write_file(config,
             "[daemon]\nstate_dir = \"state\"\n[[source]]\nbrokers = \"${NO_SUCH_VARIABLE}\"\n"
             "[[model]]\nname = \"m\"\ntask = \"binary\"\nreference = \"reference.csv\"\n");
  const Said said = state_command("show --config " + config.string());
  EXPECT_EQ(said.status, kExitOk) << said.errors;
  EXPECT_THAT(said.output, HasSubstr("model fraud/cards"));
  write_file(config, "[daemon]\nstate_dirr = \"state\"\n");
  EXPECT_EQ(state_command("show --config " + config.string()).status, kExitConfig);
}

TEST_F(StateCommand, WantsOneDirectory) {
  const Said neither = state_command("check");
  EXPECT_EQ(neither.status, kExitUsage);
  EXPECT_THAT(neither.errors, HasSubstr("--state-dir"));
  EXPECT_EQ(state_command("check -d a -c b").status, kExitUsage);
  EXPECT_EQ(state_command("").status, kExitUsage);
  const Said help = state_command("--help");
  EXPECT_EQ(help.status, kExitOk);
  EXPECT_THAT(help.output, AllOf(HasSubstr("show"), HasSubstr("check"), HasSubstr("export"),
                                 HasSubstr("69 there is no state")));
}

}  // namespace
}  // namespace driftd
