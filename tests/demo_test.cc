// `driftd demo` as a script sees it: the binary in a process of its own, without a terminal.

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/exit_codes.h"

namespace driftd {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::chrono::seconds kLimit{60};
const fs::path kExample = fs::path(DRIFTD_ROOT) / "examples/car-loan";

// A folder that is the demo's temporary folder, and a place for the test's own files.
class Demo : public ::testing::Test {
 protected:
  Demo() {
    std::string name = (fs::temp_directory_path() / "demo-test-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    fs::create_directories(temporary());
    fs::create_directories(data());
  }
  ~Demo() override {
    if (process_ > 0) ::kill(-process_, SIGKILL);
    fs::remove_all(folder_);
  }

  [[nodiscard]] fs::path temporary() const { return folder_ / "tmp"; }
  [[nodiscard]] fs::path data() const { return folder_ / "data"; }
  // The example, as a folder that a test may damage.
  void copy_example() const {
    for (const char* name : {"predictions.jsonl.gz", "labels.jsonl.gz", "reference.csv.gz"}) {
      fs::copy_file(kExample / name, data() / name);
    }
  }

  // Starts `driftd demo ARGUMENTS` as the leader of a process group of its own.
  void start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {DRIFTD_BINARY, "demo"});
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    process_ = ::fork();
    ASSERT_GE(process_, 0);
    if (process_ == 0) {
      ::setsid();
      ::dup2(ends[1], STDOUT_FILENO);
      ::dup2(ends[1], STDERR_FILENO);
      ::setenv("TMPDIR", temporary().c_str(), 1);
      ::setenv("DRIFTD_EXAMPLES", kExample.parent_path().c_str(), 1);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    output_end_ = ends[0];
    started_ = steady_clock::now();
  }

  // Reads on until the output holds `text` (empty: until it ends).
  void read_until(const std::string& text) {
    for (;;) {
      if (!text.empty() && output_.contains(text)) return;
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(started_ + kLimit -
                                                                              steady_clock::now());
      pollfd ready{output_end_, POLLIN, 0};
      ASSERT_GT(::poll(&ready, 1, static_cast<int>(std::max<long>(0, left.count()))), 0)
          << "took too long; it said so far:\n"
          << output_;
      char bytes[4096];
      const ssize_t count = ::read(output_end_, bytes, sizeof bytes);
      if (count <= 0) break;
      output_.append(bytes, static_cast<std::size_t>(count));
    }
    ::close(output_end_);
    ASSERT_TRUE(text.empty()) << "ended without saying '" << text << "':\n" << output_;
  }

  // The exit status, once the process and its output have ended.
  [[nodiscard]] int wait() {
    read_until("");
    int status = 0;
    EXPECT_EQ(::waitpid(process_, &status, 0), process_);
    group_is_gone_ = ::kill(-process_, 0) != 0 && errno == ESRCH;
    process_ = 0;
    EXPECT_TRUE(WIFEXITED(status)) << output_;
    return WEXITSTATUS(status);
  }

  void expect_nothing_left() const {
    EXPECT_TRUE(group_is_gone_) << "a process was left behind";
    EXPECT_TRUE(fs::is_empty(temporary())) << fs::directory_iterator(temporary())->path();
  }

  [[nodiscard]] int lines_with(const std::string& text) const {
    int count = 0;
    for (std::size_t begin = 0; begin < output_.size();) {
      const std::size_t end = std::min(output_.find('\n', begin), output_.size());
      count += output_.substr(begin, end - begin).contains(text);
      begin = end + 1;
    }
    return count;
  }

  fs::path folder_;
  pid_t process_ = 0;
  bool group_is_gone_ = false;
  int output_end_ = -1;
  std::string output_;
  steady_clock::time_point started_;
};

TEST_F(Demo, FindsTheDriftDeliversTheWebhookAndLeavesNothingBehind) {
  start({"--exit", "--seconds", "8"});
  EXPECT_EQ(wait(), kExitOk) << output_;
  EXPECT_EQ(lines_with("drift found"), 1) << output_;
  EXPECT_EQ(lines_with("webhook delivered"), 1) << output_;
  EXPECT_THAT(output_, HasSubstr("page     http://127.0.0.1:"));
  EXPECT_THAT(output_, HasSubstr("health: healthy -> degraded because of drift:car_value"));
  EXPECT_THAT(output_,
              HasSubstr("12,500 predictions and 12,500 labels went through Kafka; 25 windows"));
  EXPECT_THAT(output_, HasSubstr("there was no alarm before that"));
  // What does not drift is not said to.
  EXPECT_THAT(output_, Not(HasSubstr("driver_tenure")));
  EXPECT_THAT(output_, Not(HasSubstr("\x1b[")));
  expect_nothing_left();
}

TEST_F(Demo, EndsInOrderOnASignal) {
  start({});
  read_until("health: unknown -> healthy");
  EXPECT_FALSE(fs::is_empty(temporary()));
  ::kill(process_, SIGINT);
  EXPECT_EQ(wait(), kExitOk) << output_;
  expect_nothing_left();
}

TEST_F(Demo, StaysUpAfterTheStreamUntilASignal) {
  start({"--seconds", "5"});
  read_until("Ctrl-C ends it");
  ::kill(process_, SIGTERM);
  EXPECT_EQ(wait(), kExitOk) << output_;
  EXPECT_EQ(lines_with("webhook delivered"), 1) << output_;
  expect_nothing_left();
}

TEST_F(Demo, SaysWhichFileIsMissing) {
  start({"--exit", "--data", data().string()});
  EXPECT_EQ(wait(), kExitIo) << output_;
  EXPECT_THAT(output_, HasSubstr("there is no file predictions.jsonl.gz"));
  EXPECT_THAT(output_, HasSubstr("--data"));
  expect_nothing_left();
}

TEST_F(Demo, SaysThatTheStreamIsDamaged) {
  copy_example();
  fs::resize_file(data() / "predictions.jsonl.gz", 100'000);
  start({"--exit", "--data", data().string()});
  EXPECT_EQ(wait(), kExitIo) << output_;
  EXPECT_THAT(output_, HasSubstr("predictions.jsonl.gz"));
  expect_nothing_left();
}

TEST_F(Demo, SaysThatTheReferenceCannotBeUsed) {
  copy_example();
  std::ofstream(data() / "reference.csv.gz") << "nothing\n";
  start({"--exit", "--data", data().string()});
  EXPECT_EQ(wait(), kExitConfig) << output_;
  EXPECT_THAT(output_, HasSubstr("reference.csv.gz"));
  expect_nothing_left();
}

}  // namespace
}  // namespace driftd
