#include "sources/replay_source.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "sources/line_reader.h"

namespace driftd {
namespace {

class NoHost final : public SourceHost {
 public:
  const PartitionStates& stored() const override { return stored_; }
  void checkpoint_before_revoke() override {}

 private:
  PartitionStates stored_;
};

class Replay : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "driftd-replay-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    for (std::uint32_t i = 0; i < 2; ++i) {
      ModelSchema& model = models_[i];
      model.index = ModelIndex{i};
      model.name = i == 0 ? "a" : "b";
      model.task = Task::regression;
      model.series.push_back({.name = "x",
                              .type = SeriesType::categorical,
                              .role = SeriesRole::feature,
                              .categories = {}});
      model.feature_by_name.emplace("x", 0);
      model.feature_count = 1;
      pointers_.push_back(&model);
      batch_.predictions.emplace_back(model);
      batch_.labels.emplace_back(model);
    }
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& content) {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return folder_ / name;
  }
  std::string write_gzip(const std::string& name, const std::string& content) {
    const std::string path = folder_ / name;
    gzFile file = ::gzopen(path.c_str(), "wb");
    ::gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
    ::gzclose(file);
    return path;
  }
  static std::string prediction(int id, std::int64_t ts, const char* model = "a") {
    return "{\"id\":" + std::to_string(id) + ",\"model\":\"" + model +
           "\",\"ts\":" + std::to_string(ts * 1'000'000'000) + ",\"features\":{\"x\":\"u" +
           std::to_string(id) + "\"},\"prediction\":" + std::to_string(id) + "}\n";
  }
  static std::string label(int id, std::int64_t ts, const char* model = "a") {
    return "{\"id\":" + std::to_string(id) + ",\"model\":\"" + model +
           "\",\"ts\":" + std::to_string(ts * 1'000'000'000) + ",\"actual\":" + std::to_string(id) +
           "}\n";
  }

  // The events as "p1 l1 p2 ..." in merged order, read with batches of `max_rows`; checks that
  // sequences are dense.
  std::string read(ReplaySource& source, std::uint32_t max_rows) {
    std::string order;
    while (source.poll(0, batch_, max_rows, 0)) {
      EXPECT_LE(batch_.rows, max_rows);
      std::vector<std::string> events(batch_.rows);
      for (int model = 0; model < 2; ++model) {
        const EventBatch& rows = batch_.predictions[model];
        EXPECT_EQ(rows.columns[0].unseen_size, rows.size());
        for (std::size_t i = 0; i < rows.size(); ++i) {
          events.at(rows.sequence[i]) = "p" + std::to_string(static_cast<int>(rows.score[i]));
          EXPECT_EQ(rows.columns[0].unseen[i],
                    "u" + std::to_string(static_cast<int>(rows.score[i])));
        }
        const LabelBatch& labels = batch_.labels[model];
        for (std::size_t i = 0; i < labels.size(); ++i) {
          events.at(labels.sequence[i]) = "l" + std::to_string(static_cast<int>(labels.value[i]));
        }
      }
      for (const std::string& event : events) {
        EXPECT_FALSE(event.empty());
        order += (order.empty() ? "" : " ") + event;
      }
      discards_.merge(batch_.discarded);
      batch_.clear();
    }
    return order;
  }
  std::unique_ptr<ReplaySource> open(const std::string& predictions, const std::string& labels,
                                     DecoderOptions options = {.timestamps = 0}) {
    auto source = make_replay_source(predictions, labels, pointers_, clock_, discarded_, options);
    const auto started = source->start(host_, 1);
    EXPECT_TRUE(started) << started.error().message;
    return source;
  }

  std::filesystem::path folder_;
  ModelSchema models_[2];
  std::vector<const ModelSchema*> pointers_;
  LaneBatch batch_;
  ManualClock clock_{20'000'000'000'000};  // later than every event of these tests
  DiscardedMessages discarded_{clock_, "", 0};
  DiscardCounts discards_;
  NoHost host_;
};

TEST_F(Replay, MergesBothFilesByTimeWhateverTheBatchSize) {
  const std::string predictions =
      write("p", prediction(1, 1) + prediction(2, 5, "b") + prediction(3, 3) + prediction(4, 9));
  const std::string labels =
      write("l", label(1, 1) + label(2, 4, "b") + label(3, 6) + label(4, 2) + label(5, 12));
  for (const std::uint32_t max_rows : {1u, 2u, 3u, 5u, 100u}) {
    // A tie goes to the prediction; prediction 3 and label 4 are late in their files and stay
    // behind their neighbours.
    EXPECT_EQ(read(*open(predictions, labels), max_rows), "p1 l1 l2 p2 p3 l3 l4 p4 l5") << max_rows;
  }
}

TEST_F(Replay, ReadsPredictionsAlone) {
  auto source = open(write("p", prediction(1, 1) + prediction(2, 2)), "");
  EXPECT_EQ(read(*source, 10), "p1 p2");
  EXPECT_EQ(source->progress().size(), 1u);
}

TEST_F(Replay, ReadsGzipAndALastLineWithoutLineFeed) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += prediction(i, 1 + i / 10'000);
  text.pop_back();
  auto source = open(write_gzip("p.gz", text), write_gzip("l.gz", label(1, 1)));
  EXPECT_TRUE(read(*source, 1'000).ends_with("p19998 p19999"));
  EXPECT_FALSE(source->failed());
}

TEST_F(Replay, TellsItsProgressByLines) {
  const std::string path = write("p", prediction(1, 3) + "bad\n" + prediction(2, 2));
  auto source = open(path, "");
  const PartitionId id{"replay", path, 0};
  ASSERT_TRUE(source->poll(0, batch_, 1, 0));
  EXPECT_EQ(source->progress().at(id).progress.next_offset, 1);
  EXPECT_FALSE(source->progress().at(id).progress.caught_up);
  batch_.clear();
  EXPECT_EQ(read(*source, 10), "p2");
  const PartitionState end = source->progress().at(id);
  EXPECT_EQ(end.kind, MessageKind::prediction);
  EXPECT_EQ(end.progress.next_offset, 3);
  EXPECT_EQ(end.progress.max_event_time, 3'000'000'000'000);
  EXPECT_TRUE(end.progress.caught_up);
}

TEST_F(Replay, DiscardsBadLinesOnceEach) {
  const std::string path =
      write("p", "\n" + prediction(1, 1) + "{\n" + prediction(2, 2) + std::string(500, ' ') + "\n");
  auto source = open(path, write("l", "[]\n" + label(1, 5)), {.max_event_bytes = 200});
  EXPECT_EQ(read(*source, 1), "p1 p2 l1");
  const auto count = [&](DiscardReason reason) {
    return discards_.by_reason[static_cast<std::size_t>(reason)];
  };
  EXPECT_EQ(count(DiscardReason::empty), 1u);
  EXPECT_EQ(count(DiscardReason::malformed_json), 2u);
  EXPECT_EQ(count(DiscardReason::too_large), 1u);
}

TEST_F(Replay, DiscardsWhatLiesAheadOfTheClock) {
  const std::string path = write("p", prediction(1, 9'000) + prediction(2, 30'000));
  EXPECT_EQ(read(*open(path, ""), 10), "p1");
  DiscardCounts expected;
  expected.add(DiscardReason::too_far_ahead);
  EXPECT_EQ(discards_.by_reason, expected.by_reason);
}

TEST_F(Replay, DeliversTheGoodPartOfATruncatedGzipThenFails) {
  std::mt19937 random(3);
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += prediction(static_cast<int>(random() % 100'000'000), 1);
  const std::string path = write_gzip("p.gz", text);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  auto source = open(path, "");
  EXPECT_GT(read(*source, 1'000).size(), 1'000u);
  ASSERT_TRUE(source->failed());
  EXPECT_EQ(source->failed()->code, ErrorCode::corrupted);
  EXPECT_NE(source->failed()->message.find("cut short"), std::string::npos)
      << source->failed()->message;
  EXPECT_EQ(discards_.by_reason, DiscardCounts{}.by_reason);
}

TEST_F(Replay, SaysThatAGzipIsDamaged) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += prediction(i, 1);
  const std::string path = write_gzip("p.gz", text);
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(path) / 2));
    file << std::string(64, '\xff');
  }
  auto source = open(path, "");
  while (source->poll(0, batch_, 1'000, 0)) batch_.clear();
  ASSERT_TRUE(source->failed());
  EXPECT_EQ(source->failed()->code, ErrorCode::corrupted);
}

TEST_F(Replay, SaysWhatCannotBeOpened) {
  const auto start = [&](const std::string& predictions, const std::string& labels) {
    return make_replay_source(predictions, labels, pointers_, clock_, discarded_, {})
        ->start(host_, 1);
  };
  const std::string good = write("p", prediction(1, 1));
  const auto missing = start(folder_ / "missing", "");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::io);
  EXPECT_NE(missing.error().message.find("missing"), std::string::npos);
  EXPECT_FALSE(start(good, folder_ / "missing"));
  EXPECT_FALSE(start(folder_, ""));
  EXPECT_FALSE(start(good, good));
}

TEST_F(Replay, EndsAtOnceWhereBothFilesAreEmpty) {
  auto source = open(write("p", ""), write("l", ""));
  EXPECT_FALSE(source->poll(0, batch_, 10, 0));
  EXPECT_FALSE(source->failed());
}

TEST_F(Replay, ReadsLinesAcrossBuffersAndKeepsOnlyTheBeginningOfLongOnes) {
  std::mt19937 random(5);
  std::vector<std::string> lines;
  std::string text;
  for (int i = 0; i < 400; ++i) {
    lines.emplace_back(i % 50 == 0 ? 700'000 : random() % 5'000, static_cast<char>('a' + i % 26));
    text += lines.back() + "\n";
  }
  auto reader = LineReader::open(write("lines", text), 100'000);
  ASSERT_TRUE(reader);
  for (const std::string& expected : lines) {
    const auto line = reader->next();
    ASSERT_TRUE(line);
    EXPECT_EQ(*line, expected.substr(0, 100'001));
  }
  EXPECT_FALSE(reader->next());
  EXPECT_FALSE(reader->failed());
}

}  // namespace
}  // namespace driftd
