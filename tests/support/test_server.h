// A real server of a test's own (Kafka, Postgres, Prometheus), run by the scripts in tests/servers.
//
// Thread rule: one thread. Allocation rule: may allocate. Failure rule: a server that does not
// start throws, with what its script said. However the test ends, also by SIGKILL, a keeper process
// beside it sees the end, stops the server and wipes its folder.
#pragma once

#include <string>

#include "tests/support/process.h"

namespace driftd {

class TestServer {
 public:
  // `name` as in tests/servers/NAME-up.sh; `prefix` begins the script's variables (KAFKA for
  // KAFKA_DIR); `settings` are further ones, with their prefix.
  TestServer(const std::string& name, const std::string& prefix,
             const Process::Environment& settings = {});
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  [[nodiscard]] int port() const { return port_; }

 private:
  void start_keeper(const std::string& script, const Process::Environment& environment);

  const int port_ = free_port();
  int alive_ = -1;  // closed when the server is to stop, by us or by the kernel
  int gone_ = -1;   // ends when the keeper has stopped it
};

}  // namespace driftd
