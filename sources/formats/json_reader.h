// The whole of one JSON event as a flat list of its scalars: the general path, by simdjson
// On-Demand.
//
// It visits every value, needed or not, because an event with an error anywhere is bad as a whole.
//
// Thread rule: one reader per lane. Allocation rule: none in steady state. Failure rule: false
// where the bytes are not exactly one JSON object; `members` is then meaningless.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "sources/formats/json_value.h"

namespace driftd {

// Where in an event a value stands. `other` is inside a value that no rule knows: read, checked,
// and ignored.
enum class JsonPlace : std::uint8_t { top, feature_name, feature_position, score, other };

struct JsonMember {
  JsonPlace place = JsonPlace::other;
  std::string_view key;     // unescaped; empty inside arrays
  std::uint32_t index = 0;  // of feature_position: the element's
  JsonValue value;
  const char* begin = nullptr;  // a scalar's bytes in the message; a container has none
  const char* end = nullptr;
};

class JsonReader {
 public:
  JsonReader();
  ~JsonReader();
  // `bytes` must be followed by kScanPadding zero bytes. The members' texts live until the next
  // call.
  [[nodiscard]] bool read(std::string_view bytes);
  [[nodiscard]] const std::vector<JsonMember>& members() const { return members_; }

 private:
  struct Walk;
  struct Parser;
  std::unique_ptr<Parser> parser_;
  std::vector<JsonMember> members_;
};

}  // namespace driftd
