// An HTTP client for tests: one GET a connection, to 127.0.0.1.
//
// Thread rule: any thread. Allocation rule: may allocate. Failure rule: no answer is status 0.
#pragma once

#include <string>
#include <string_view>

namespace driftd {

struct HttpAnswer {
  int status = 0;
  std::string body;
};
[[nodiscard]] HttpAnswer http_get(int port, const std::string& target);

// The sum of a metric's samples in a scrape, over those whose label set holds `labels`.
[[nodiscard]] double metric_sum(std::string_view scrape, std::string_view name,
                                std::string_view labels = {});

}  // namespace driftd
