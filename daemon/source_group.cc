#include "daemon/source_group.h"

#include <algorithm>

namespace driftd {

Result<void> SourceGroup::start(SourceHost& host, unsigned lanes) {
  for (Source* source : sources_) {
    if (auto begun = source->start(host, lanes); !begun) return begun;
  }
  return {};
}

void SourceGroup::control() {
  for (Source* source : sources_) source->control();
}

bool SourceGroup::ready() const {
  return std::all_of(sources_.begin(), sources_.end(),
                     [](const Source* source) { return source->ready(); });
}

bool SourceGroup::poll(unsigned lane, LaneBatch& batch, std::uint32_t max_rows,
                       DurationMs timeout) {
  bool more = false;
  const auto count = static_cast<std::uint32_t>(sources_.size());
  // Each has its part of the batch, so that one which always has more never keeps another from
  // being read.
  const std::uint32_t rows = std::max(1u, max_rows / count);
  for (Source* source : sources_)
    more |= source->poll(lane, batch, rows, batch.rows > 0 ? 0 : timeout / count);
  return more;
}

PartitionStates SourceGroup::progress() const {
  PartitionStates all;
  for (const Source* source : sources_) all.merge(source->progress());
  return all;
}

void SourceGroup::acknowledge(const PartitionStates& durable) {
  for (Source* source : sources_) source->acknowledge(durable);
}

void SourceGroup::stop() {
  for (Source* source : sources_) source->stop();
}

}  // namespace driftd
