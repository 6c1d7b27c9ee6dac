// The sink over the store: report lines from the outbox become rows.
//
// Thread rule: one thread, as for every sink. Allocation rule: may allocate. Failure rule:
// `unavailable` while the database is away, with nothing written; `rejected` where lines were
// dropped, and then all others were written.
#pragma once

#include <string>

#include "sinks/sink.h"
#include "sinks/store.h"

namespace driftd {

class StoreSink final : public Sink {
 public:
  // `store` outlives the sink.
  StoreSink(std::string name, Store& store) : name_(std::move(name)), store_(store) {}

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::size_t batch_size() const override { return kBatchSize; }
  [[nodiscard]] Result<void> deliver(std::span<const OutboxEntry> entries) override;

 private:
  // Large enough to make a commit's cost small, small enough that a retry repeats little.
  static constexpr std::size_t kBatchSize = 500;

  [[nodiscard]] Result<void> write_one_by_one(std::span<const Report> reports, std::size_t& dropped,
                                              std::string& reason);

  const std::string name_;
  Store& store_;
};

}  // namespace driftd
