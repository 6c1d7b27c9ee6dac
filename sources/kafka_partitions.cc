#include "sources/kafka_partitions.h"

#include <algorithm>
#include <vector>

namespace driftd {

PartitionReader& PartitionTable::assign(const PartitionId& id, MessageKind kind, unsigned lanes) {
  const std::scoped_lock lock(mutex_);
  std::vector<std::size_t> load(lanes, 0);
  for (const auto& [other, reader] : readers_) {
    if (reader.assigned && reader.kind == kind) ++load[reader.lane];
  }
  PartitionReader& reader = readers_[id];
  reader.id = id;
  reader.kind = kind;
  if (!reader.assigned)
    reader.lane = static_cast<unsigned>(std::ranges::min_element(load) - load.begin());
  reader.assigned = true;
  generation_.fetch_add(1, std::memory_order_release);
  return reader;
}

void PartitionTable::release(PartitionReader& reader) {
  const std::scoped_lock lock(mutex_);
  reader.assigned = false;
  generation_.fetch_add(1, std::memory_order_release);
}

PartitionReader& PartitionTable::expect(const PartitionId& id, MessageKind kind) {
  const std::scoped_lock lock(mutex_);
  PartitionReader& reader = readers_[id];
  reader.id = id;
  reader.kind = kind;
  return reader;
}

PartitionReader* PartitionTable::find(const PartitionId& id) {
  const std::scoped_lock lock(mutex_);
  const auto found = readers_.find(id);
  return found == readers_.end() ? nullptr : &found->second;
}

void PartitionTable::for_each_assigned(const std::function<void(PartitionReader&)>& visit) {
  const std::scoped_lock lock(mutex_);
  for (auto& [id, reader] : readers_) {
    if (reader.assigned) visit(reader);
  }
}

void PartitionTable::for_each_assigned(
    const std::function<void(const PartitionReader&)>& visit) const {
  const std::scoped_lock lock(mutex_);
  for (const auto& [id, reader] : readers_) {
    if (reader.assigned) visit(reader);
  }
}

void PartitionTable::for_each_other(const std::function<void(PartitionReader&)>& visit) {
  const std::scoped_lock lock(mutex_);
  for (auto& [id, reader] : readers_) {
    if (!reader.assigned) visit(reader);
  }
}

void PartitionTable::for_each_other(
    const std::function<void(const PartitionReader&)>& visit) const {
  const std::scoped_lock lock(mutex_);
  for (const auto& [id, reader] : readers_) {
    if (!reader.assigned) visit(reader);
  }
}

}  // namespace driftd
