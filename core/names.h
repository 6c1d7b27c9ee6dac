// An append-only table of texts with small codes, shared by all lanes: version names, class names.
//
// Thread rule: `code` may be called from any thread (a mutex, taken once per batch and new text at
// most, because lanes keep their own copy of what they have seen); `text` of a code that was handed
// out is valid for ever. Allocation rule: allocates when a text is new. Failure rule: beyond
// `limit` texts every new one becomes `other`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace driftd {

class Names {
 public:
  explicit Names(std::size_t limit) : limit_(limit) {}

  // The code of `text`, which is added when it is new.
  [[nodiscard]] std::uint32_t code(std::string_view text);
  [[nodiscard]] const std::string& text(std::uint32_t code) const;
  [[nodiscard]] std::size_t size() const;
  // How often a text was turned into `other` because the table was full.
  [[nodiscard]] std::uint64_t overflowed() const;

 private:
  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::deque<std::string> texts_;  // a deque, because its elements never move
  std::unordered_map<std::string_view, std::uint32_t> codes_;
  std::uint64_t overflowed_ = 0;
};

}  // namespace driftd
