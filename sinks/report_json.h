// The report lines of driftd: one JSON object each, the same in a replay's report, the log, the
// outbox and the API.
//
// Thread rule: pure functions. Allocation rule: `append_json` only grows `out`. Failure rule:
// writing cannot fail (a number that is not finite becomes null, bytes that are not UTF-8 become
// U+FFFD); reading returns `corrupted`. Reading gives back exactly what was written, save for those
// two.
#pragma once

#include <string>
#include <string_view>

#include "core/report.h"
#include "core/result.h"

namespace driftd {

// Appends one object, without a line end.
void append_json(std::string& out, const Finding& finding);
void append_json(std::string& out, const MetricValue& metric);
void append_json(std::string& out, const Transition& transition);
void append_json(std::string& out, const ReplaySummary& summary);
void append_json(std::string& out, const Report& report);

// Reads a finding, metric or health line back. Unknown fields are passed over.
[[nodiscard]] Result<Report> parse_report(std::string_view line);

}  // namespace driftd
