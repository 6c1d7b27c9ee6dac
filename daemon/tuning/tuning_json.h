// A comparison of policies as one JSON object; docs/tuning.md has its fields.
//
// Thread rule: pure function. Allocation rule: only grows `out`. Cannot fail; what is not known is
// null.
#pragma once

#include <string>

#include "daemon/tuning/tuning.h"

namespace driftd {

// Appends one object, without a line end.
void append_json(std::string& out, const Tuning& tuning);

}  // namespace driftd
