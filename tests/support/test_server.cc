#include "tests/support/test_server.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace driftd {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kStartLimit{100};  // the first run may have to fetch Kafka's jars

// Not inside a TemporaryFolder: Postgres runs as a user of its own, who may not look in there.
[[nodiscard]] std::string server_folder(const std::string& name) {
  std::string folder = (fs::temp_directory_path() / ("driftd-" + name + "-XXXXXX")).string();
  if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
  return folder;
}

[[nodiscard]] std::string script(const std::string& name) {
  return std::string(DRIFTD_TEST_DATA) + "/servers/" + name;
}

}  // namespace

TestServer::TestServer(const std::string& name, const std::string& prefix,
                       const Process::Environment& settings) {
  Process::Environment environment = settings;
  environment[prefix + "_PORT"] = std::to_string(port_);
  environment[prefix + "_DIR"] = server_folder(name);
  environment[prefix + "_WIPE"] = "1";
  start_keeper(script(name + "-down.sh"), environment);
  const CommandResult up = run_command({script(name + "-up.sh")}, kStartLimit, environment);
  if (up.status != 0) throw std::runtime_error(name + "-up.sh failed:\n" + up.output);
}

TestServer::~TestServer() {
  ::close(alive_);
  char byte = 0;
  while (::read(gone_, &byte, 1) > 0) continue;
  ::close(gone_);
}

// Forked twice, so that the keeper is nobody's child: whoever kills the test and all its children
// leaves it alone. It waits for the end of its standard input, whose other end only the test has.
void TestServer::start_keeper(const std::string& script_path,
                              const Process::Environment& environment) {
  int alive[2];
  int gone[2];
  if (::pipe2(alive, O_CLOEXEC) != 0 || ::pipe2(gone, O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipe");
  }
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) {
    ::setsid();
    if (::fork() != 0) ::_exit(0);
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    ::dup2(alive[0], STDIN_FILENO);
    ::dup2(gone[1], STDOUT_FILENO);
    ::dup2(::open("/dev/null", O_WRONLY), STDERR_FILENO);
    ::execl("/bin/sh", "sh", "-c", "cat; exec \"$0\"", script_path.c_str(), nullptr);
    ::_exit(127);
  }
  ::waitpid(child, nullptr, 0);
  ::close(alive[0]);
  ::close(gone[1]);
  alive_ = alive[1];
  gone_ = gone[0];
}

}  // namespace driftd
