#include "core/names.h"

#include "core/check.h"

namespace driftd {

std::uint32_t Names::code(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = codes_.find(text); found != codes_.end()) return found->second;
  if (texts_.size() >= limit_) {
    ++overflowed_;
    text = "other";
    if (const auto found = codes_.find(text); found != codes_.end()) return found->second;
  }
  const auto code = static_cast<std::uint32_t>(texts_.size());
  texts_.emplace_back(text);
  codes_.emplace(texts_.back(), code);
  return code;
}

const std::string& Names::text(std::uint32_t code) const {
  const std::scoped_lock lock(mutex_);
  DRIFTD_CHECK(code < texts_.size());
  return texts_[code];
}

std::size_t Names::size() const {
  const std::scoped_lock lock(mutex_);
  return texts_.size();
}

std::uint64_t Names::overflowed() const {
  const std::scoped_lock lock(mutex_);
  return overflowed_;
}

}  // namespace driftd
