#include "sinks/store_sink.h"
#include <vector>

#include <fmt/format.h>

#include "sinks/report_json.h"

namespace driftd {

// The database takes a batch as a whole or not at all; this finds the rows that it will not take.
Result<void> StoreSink::write_one_by_one(std::span<const Report> reports, std::size_t& dropped,
                                         std::string& reason) {
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const Result<void> written = store_.write(reports.subspan(i, 1));
    if (written) continue;
    if (written.error().code == ErrorCode::unavailable) return written;
    ++dropped;
    if (reason.empty()) reason = written.error().message;
  }
  return {};
}

Result<void> StoreSink::deliver(std::span<const OutboxEntry> entries) {
  std::vector<Report> reports;
  reports.reserve(entries.size());
  std::size_t dropped = 0;
  std::string reason;
  for (const OutboxEntry& entry : entries) {
    if (auto report = parse_report(entry.payload)) {
      reports.push_back(std::move(*report));
    } else {
      ++dropped;
      if (reason.empty()) reason = report.error().message;
    }
  }
  Result<void> written = store_.write(reports);
  if (!written && written.error().code != ErrorCode::unavailable) {
    written = write_one_by_one(reports, dropped, reason);
  }
  if (!written) return written;
  if (dropped == 0) return {};
  return fail(ErrorCode::rejected, fmt::format("{} of {} report lines were not stored: {}", dropped,
                                               entries.size(), reason));
}

}  // namespace driftd
