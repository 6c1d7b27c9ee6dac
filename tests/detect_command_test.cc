// `driftd detect` as a script sees it: the binary, its two outputs and its status.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "daemon/exit_codes.h"
#include "tests/support/golden.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"

namespace driftd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::chrono::seconds kLimit{60};

struct Said {
  int status = 0;
  std::string output;
  std::string errors;
};

class Detect : public testing::Test {
 protected:
  // `words` as a shell takes them; {file} stands for the test's file.
  [[nodiscard]] Said detect(std::string words, const std::string& before = "") const {
    const std::string file = folder_.path() / "values.csv";
    if (const auto at = words.find("{file}"); at != std::string::npos) words.replace(at, 6, file);
    const std::string out = folder_.path() / "out";
    const std::string err = folder_.path() / "err";
    const CommandResult result = run_command(
        {"/bin/sh", "-c",
         before + "'" + DRIFTD_BINARY + "' detect " + words + " >'" + out + "' 2>'" + err + "'"},
        kLimit);
    return {result.status, read_text(out), read_text(err)};
  }
  void write(const std::string& text) const { write_text(folder_.path() / "values.csv", text); }
  // 100 zeros, then 60 hundreds: page_hinkley fires in row 100.
  [[nodiscard]] static std::string step(const std::string& header, const std::string& behind = "") {
    std::string text = header + "\n";
    for (int i = 0; i < 160; ++i) text += (i < 100 ? "0" : "100") + behind + "\n";
    return text;
  }

  TemporaryFolder folder_;
};

TEST_F(Detect, PrintsTheRowsWhereItFiresAndNothingElse) {
  write(step("x"));
  const Said said = detect("page_hinkley {file}");
  EXPECT_EQ(said.status, kExitOk);
  EXPECT_EQ(said.output, "100\n");
  EXPECT_EQ(said.errors, "page_hinkley on `x`: 1 drift in 160 rows\n");
}

TEST_F(Detect, TakesItsWordsInAnyOrder) {
  write(step("x,y", ",1"));
  for (const char* const words :
       {"page_hinkley --column x --set threshold=99.5 --set mode=up {file}",
        "--set mode=up --set threshold=99.5 page_hinkley --column x {file}",
        "page_hinkley {file} --set threshold=99.5 --column x --set mode=up"}) {
    // The sum is 100 - 100/101 in row 100, below the threshold, and above it in row 101.
    EXPECT_EQ(detect(words).output, "101\n") << words;
  }
}

TEST_F(Detect, ReadsStandardInput) {
  write(step("x"));
  EXPECT_EQ(detect("page_hinkley - <'" + (folder_.path() / "values.csv").string() + "'").output,
            "100\n");
}

TEST_F(Detect, BeginsAnewWithTheRowAfterADrift) {
  std::string text = "x\n";
  for (int i = 0; i < 400; ++i) text += (i / 100 % 2 == 0 ? "0\n" : "100\n");
  write(text);
  EXPECT_EQ(detect("page_hinkley {file}").output, "100\n200\n300\n");
}

TEST_F(Detect, CountsWhatIsNoNumberAndNeverTakesItForZero) {
  // Were a hole read as 0, page_hinkley would fall by 100 there.
  std::string text = "x,y\n";
  for (int i = 0; i < 100; ++i) text += "100,1\n";
  text += ",1\nnan,1\nNaN,1\ninf,1\n-inf,1\nbroken,1\n0x10,1\n";
  for (int i = 0; i < 100; ++i) text += "100,1\n";
  text += "1000,1\n";
  write(text);
  const Said said = detect("page_hinkley --column x {file}");
  EXPECT_EQ(said.status, kExitOk);
  EXPECT_EQ(said.output, "207\n");
  EXPECT_THAT(said.errors, AllOf(HasSubstr("1 drift in 208 rows"),
                                 HasSubstr("skipped: 3 missing, 2 infinite, 2 text (first `broken` "
                                           "in row 105)")));
}

TEST_F(Detect, TakesTrueAndFalseAsErrorsForDetectorsOfErrors) {
  std::string numbers = "x\n";
  std::string words = "x\n";
  for (int i = 0; i < 2'000; ++i) {
    const bool error = i < 1'000 ? i % 10 == 0 : i % 2 == 0;
    numbers += error ? "1\n" : "0\n";
    words += error ? (i % 4 == 0 ? "True\n" : "true\n") : (i % 3 == 0 ? "False\n" : "false\n");
  }
  write(numbers);
  const std::string expected = detect("ddm {file}").output;
  EXPECT_THAT(expected, StartsWith("10"));
  write(words);
  EXPECT_EQ(detect("ddm {file}").output, expected);
  EXPECT_EQ(detect("page_hinkley {file}").status, kExitUsage);
}

TEST_F(Detect, WantsAColumnWhereThereAreSeveral) {
  write(step("amount,y", ",1"));
  const Said none = detect("adwin {file}");
  EXPECT_EQ(none.status, kExitUsage);
  EXPECT_THAT(none.output, IsEmpty());
  EXPECT_THAT(none.errors, HasSubstr("has 2 columns; say which with --column: `amount`, `y`"));
  const Said wrong = detect("adwin --column amuont {file}");
  EXPECT_EQ(wrong.status, kExitUsage);
  EXPECT_THAT(wrong.errors, HasSubstr("did you mean `amount`? it has `amount`, `y`"));
  write(step("x,x", ",1"));
  EXPECT_THAT(detect("adwin --column x {file}").errors, HasSubstr("more than once"));
}

TEST_F(Detect, RefusesWhatItDoesNotKnow) {
  write(step("x"));
  const std::pair<const char*, const char*> cases[] = {
      {"adwni {file}", "did you mean `adwin`?"},
      {"adwin --set detla=1 {file}", "did you mean `delta`?"},
      {"adwin --set delta=2 {file}", "a number above 0, at most 1; the default is 0.002"},
      {"adwin --set delta {file}", "write KEY=VALUE"},
      {"adwin --colum x {file}", "--colum"},
      {"adwin", "file is required"},
  };
  for (const auto& [words, expected] : cases) {
    const Said said = detect(words);
    EXPECT_EQ(said.status, kExitUsage) << words;
    EXPECT_THAT(said.output, IsEmpty()) << words;
    EXPECT_THAT(said.errors, HasSubstr(expected)) << words;
  }
}

TEST_F(Detect, SaysWhatIsWrongWithTheFile) {
  EXPECT_EQ(detect("adwin {file}").status, kExitIo);
  write("");
  EXPECT_EQ(detect("adwin {file}").status, kExitIo);
  write(step("x") + "1,2\n");
  const Said broken = detect("page_hinkley {file}");
  EXPECT_EQ(broken.status, kExitIo);
  EXPECT_EQ(broken.output, "100\n");
  EXPECT_THAT(broken.errors, HasSubstr("values.csv:162: the row has 2 fields"));
  write("x\nred\ngreen\n");
  const Said texts = detect("adwin {file}");
  EXPECT_EQ(texts.status, kExitUsage);
  EXPECT_THAT(texts.errors, HasSubstr("holds texts (first `red`)"));
  write("x\n");
  EXPECT_EQ(detect("adwin {file}").status, kExitOk);
}

TEST_F(Detect, GivesStatisticsAsJson) {
  write(step("x"));
  const Said said = detect("page_hinkley --json {file}");
  EXPECT_THAT(said.output, StartsWith("{\"row\":100,\"level\":\"drift\",\"statistic\":9"));
  EXPECT_THAT(said.output, HasSubstr("\"threshold\":50,\"p_value\":null}\n"));
}

TEST_F(Detect, TeachesInItsHelp) {
  const Said said = detect("--help");
  EXPECT_EQ(said.status, kExitOk);
  for (const char* const name :
       {"adwin", "page_hinkley", "kswin", "ddm", "eddm", "hddm_a", "hddm_w", "cusum", "ewma",
        "delta=0.002", "two_sided_test=false"}) {
    EXPECT_THAT(said.output, HasSubstr(std::string("  ") + name)) << name;
  }
}

TEST_F(Detect, SaysThatStandardOutputIsFull) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  write(step("x"));
  const CommandResult result =
      run_command({"/bin/sh", "-c",
                   std::string("'") + DRIFTD_BINARY + "' detect page_hinkley '" +
                       (folder_.path() / "values.csv").string() + "' >/dev/full 2>/dev/null"},
                  kLimit);
  EXPECT_EQ(result.status, kExitIo);
}

// The shared goldens of River, through the command line: every stream with every detector's
// defaults.
TEST_F(Detect, PrintsRiversRowsOfTheSharedStreams) {
  const auto shared = find_shared();
  if (!shared) GTEST_SKIP() << kNoShared;
  const auto folder = *shared / "data/golden/detectors";
  std::size_t compared = 0;
  for (const auto& row : read_csv(folder / "golden.csv")) {
    const std::string name = row[1] == "ADWIN"         ? "adwin"
                             : row[1] == "PageHinkley" ? "page_hinkley"
                             : row[1] == "HDDMW"       ? "hddm_w"
                                                       : "";
    if (row[2] != "{}" || name.empty()) continue;
    std::string expected;
    for (const char c : row[4]) {
      if (c == ',' || c == ']') expected += '\n';
      if (c >= '0' && c <= '9') expected += c;
    }
    if (row[4] == "[]") expected.clear();
    EXPECT_EQ(
        detect(name + " '" + (folder / "streams" / (row[0] + ".csv.gz")).string() + "'").output,
        expected)
        << row[1] << " on " << row[0];
    ++compared;
  }
  EXPECT_GE(compared, 30U);
}

}  // namespace
}  // namespace driftd
