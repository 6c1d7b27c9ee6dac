// Whether the daemon is ready, and if not, why.
#pragma once

#include <string>
#include <vector>

namespace driftd {

struct Readiness {
  bool ready = false;
  std::vector<std::string> reasons;  // why not, one sentence each
};

}  // namespace driftd
