// Reports in the log: each as its report line, at a level by what it says.
//
// Thread rule: any thread. Allocation rule: allocates only where the log's level lets the line
// through. Failure rule: cannot fail; what the log itself cannot write is its own affair.
#pragma once

#include "core/report.h"

namespace driftd {

class LogSink {
 public:
  // Transitions for the worse are warnings; other transitions, drift and degraded metrics are info;
  // all else is debug.
  void observe(const Report& report) const;
};

}  // namespace driftd
