#include "core/check.h"

#include <cstdio>
#include <cstdlib>

namespace driftd {

void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "driftd: internal error, please report it: %s does not hold at %s:%d\n",
               expression, file, line);
  std::abort();
}

}  // namespace driftd
