#include "tests/support/process.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace driftd {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr auto kPause = std::chrono::milliseconds(20);

// A socket that listens on `port` (0: any), or -1.
[[nodiscard]] int listen_on(int port) {
  const int handle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::bind(handle, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return handle;
  ::close(handle);
  return -1;
}

[[nodiscard]] int port_of(int handle) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  ::getsockname(handle, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

}  // namespace

bool wait_until(std::chrono::milliseconds limit, const std::function<bool()>& holds) {
  const auto deadline = steady_clock::now() + limit;
  while (!holds()) {
    if (steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(kPause);
  }
  return true;
}

std::string read_text(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

void write_text(const fs::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

int free_port() {
  for (int tries = 0; tries < 100; ++tries) {
    const int first = listen_on(0);
    if (first < 0) continue;
    const int port = port_of(first);
    const int second = port < 65'535 ? listen_on(port + 1) : -1;
    ::close(first);
    if (second < 0) continue;
    ::close(second);
    return port;
  }
  throw std::runtime_error("no free port");
}

Process::Process(const std::vector<std::string>& command, const fs::path& log,
                 const Environment& environment) {
  std::vector<std::string> texts = command;
  std::vector<char*> arguments;
  arguments.reserve(texts.size() + 1);
  for (std::string& text : texts) arguments.push_back(text.data());
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
  for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

Process::~Process() {
  if (status_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Process::send(int signal) const {
  if (!status_) ::kill(pid_, signal);
}

std::optional<int> Process::wait(std::chrono::milliseconds limit) {
  const bool ended = wait_until(limit, [this] {
    int status = 0;
    if (status_ || ::waitpid(pid_, &status, WNOHANG) != pid_) return status_.has_value();
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
  });
  return ended ? status_ : std::nullopt;
}

CommandResult run_command(const std::vector<std::string>& command, std::chrono::milliseconds limit,
                          const Process::Environment& environment) {
  const TemporaryFolder folder;
  const fs::path log = folder.path() / "output";
  Process process(command, log, environment);
  const std::optional<int> status = process.wait(limit);
  return {status.value_or(-1), read_text(log)};
}

}  // namespace driftd
