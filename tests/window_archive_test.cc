#include "state/window_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace driftd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

[[nodiscard]] PaneKey key_of(std::int64_t pane) { return {MonitorId{}, pane}; }

TEST(WindowRecord, IsReadAsItWasWritten) {
  for (int flags = 0; flags < 8; ++flags) {
    WindowRecord window;
    window.index = 70'000;
    window.revision = 12;
    window.start = -5'000;
    window.end = 1'700'000'000'123;
    window.predictions = 1ULL << 40;
    window.labelled = 300;
    window.published_labelled = 299;
    window.published_at = 1'700'000'000'999;
    window.features_pending = (flags & 1) != 0;
    window.performance_pending = (flags & 2) != 0;
    window.matured = (flags & 4) != 0;
    std::string bytes;
    ByteWriter out(bytes);
    window.write(out);

    WindowRecord read;
    ByteReader in(bytes);
    ASSERT_TRUE(WindowRecord::read(in, read));
    std::string again;
    ByteWriter second(again);
    read.write(second);
    EXPECT_EQ(again, bytes);
    EXPECT_EQ(read.start, -5'000);
    EXPECT_EQ(read.predictions, 1ULL << 40);
    EXPECT_EQ(read.features_pending, window.features_pending);
    EXPECT_EQ(read.matured, window.matured);

    for (std::size_t kept = 0; kept < bytes.size(); ++kept) {
      ByteReader part(std::string_view(bytes).substr(0, kept));
      EXPECT_FALSE(WindowRecord::read(part, read)) << kept;
    }
    bytes.push_back('\0');
    ByteReader longer(bytes);
    EXPECT_FALSE(WindowRecord::read(longer, read));
  }
}

TEST(WindowArchive, KeepsSummariesInMemoryWithoutALoader) {
  WindowArchive archive;
  archive.put_pane(key_of(1), {"features", "performance"});
  archive.change(key_of(1)).index = 3;
  archive.committed();
  ASSERT_NE(archive.find(key_of(1)), nullptr);
  EXPECT_EQ(archive.find(key_of(1))->index, 3);
  EXPECT_EQ(archive.summaries(key_of(1))->features, "features");
  EXPECT_EQ(archive.find(key_of(2)), nullptr);
  EXPECT_FALSE(archive.has_pane(key_of(2)));
}

TEST(WindowArchive, AsksTheLoaderOnlyForWhatIsCommittedAndUnchanged) {
  int loads = 0;
  WindowArchive archive([&](const PaneKey& key) -> Result<WindowSummaries> {
    ++loads;
    return WindowSummaries{"stored " + std::to_string(key.pane), ""};
  });
  archive.put_pane(key_of(1), {"fresh", ""});
  EXPECT_EQ(archive.summaries(key_of(1))->features, "fresh");
  archive.committed();
  EXPECT_EQ(archive.summaries(key_of(1))->features, "stored 1");
  archive.put_pane(key_of(1), {"changed", ""});
  EXPECT_EQ(archive.summaries(key_of(1))->features, "changed");
  archive.restore_pane(key_of(2));
  EXPECT_EQ(archive.summaries(key_of(2))->features, "stored 2");
  EXPECT_EQ(loads, 2);
}

TEST(WindowArchive, NamesEveryChangeOnceUntilItIsCommitted) {
  WindowArchive archive([](const PaneKey&) { return WindowSummaries{}; });
  archive.put_pane(key_of(1), {});
  (void)archive.change(key_of(1));
  (void)archive.change(key_of(1));
  (void)archive.change(key_of(2));
  EXPECT_THAT(archive.changes().windows, ElementsAre(key_of(1), key_of(2)));
  EXPECT_THAT(archive.changes().panes, ElementsAre(key_of(1)));
  archive.committed();
  EXPECT_THAT(archive.changes().windows, IsEmpty());
  (void)archive.change(key_of(2));
  EXPECT_THAT(archive.changes().windows, ElementsAre(key_of(2)));
  EXPECT_THAT(archive.changes().panes, IsEmpty());
  archive.erase_pane(key_of(1));
  archive.erase_pane(key_of(9));
  EXPECT_THAT(archive.changes().erased_panes, ElementsAre(key_of(1)));
}

TEST(WindowArchive, KnowsWhichWindowsAreOpen) {
  WindowArchive archive;
  (void)archive.change(key_of(1));
  (void)archive.change(key_of(2));
  archive.restore(key_of(3), {.is_closed = true});
  archive.restore(key_of(4), {});
  EXPECT_THAT(archive.open(), ElementsAre(key_of(1), key_of(2), key_of(4)));
  archive.close(key_of(1));
  EXPECT_THAT(archive.open(), ElementsAre(key_of(2), key_of(4)));
  EXPECT_TRUE(archive.find(key_of(1))->is_closed);
}

TEST(WindowArchive, RemembersThatAForgottenWindowWasClosed) {
  WindowArchive archive;
  (void)archive.change(key_of(1));
  archive.forget(key_of(1));
  archive.forget(key_of(5));
  EXPECT_EQ(archive.find(key_of(1)), nullptr);
  EXPECT_TRUE(archive.is_forgotten(key_of(1)));
  EXPECT_FALSE(archive.is_forgotten(key_of(5))) << "it was never there";
  EXPECT_THAT(archive.changes().forgotten, ElementsAre(key_of(1)));
  EXPECT_THAT(archive.changes().windows, IsEmpty());
  archive.committed();
  EXPECT_THAT(archive.changes().forgotten, IsEmpty());
  EXPECT_TRUE(archive.is_forgotten(key_of(1)));
  archive.restore_forgotten(key_of(7));
  EXPECT_TRUE(archive.is_forgotten(key_of(7)));
}

TEST(WindowArchive, RemembersABoundedNumberOfForgottenWindows) {
  WindowArchive archive;
  constexpr auto kLimit = static_cast<std::int64_t>(WindowArchive::kMaxForgotten);
  for (std::int64_t pane = 1; pane <= kLimit; ++pane) archive.restore_forgotten(key_of(pane));
  (void)archive.change(key_of(kLimit + 1));
  archive.forget(key_of(kLimit + 1));
  EXPECT_THAT(archive.changes().no_longer_remembered, ElementsAre(key_of(1)));
  EXPECT_FALSE(archive.is_forgotten(key_of(1)));
  EXPECT_TRUE(archive.is_forgotten(key_of(kLimit + 1)));
}

}  // namespace
}  // namespace driftd
