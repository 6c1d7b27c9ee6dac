// Several sources as one: a lane polls each of them in turn.
//
// Thread and failure rules are those of sources/source.h. With one source it adds nothing.
#pragma once

#include <memory>
#include <vector>

#include "sources/source.h"

namespace driftd {

class SourceGroup final : public Source {
 public:
  // The sources outlive the group.
  explicit SourceGroup(std::vector<Source*> sources) : sources_(std::move(sources)) {}

  [[nodiscard]] Result<void> start(SourceHost& host, unsigned lanes) override;
  void control() override;
  [[nodiscard]] bool ready() const override;
  [[nodiscard]] bool poll(unsigned lane, LaneBatch& batch, std::uint32_t max_rows,
                          DurationMs timeout) override;
  [[nodiscard]] PartitionStates progress() const override;
  void acknowledge(const PartitionStates& durable) override;
  void stop() override;

 private:
  std::vector<Source*> sources_;
};

}  // namespace driftd
