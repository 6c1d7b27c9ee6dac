// The cells of one JSON object, as columns name them: a flat row, or an event as driftd reads it.
//
// Doubles are correctly rounded, so that a value equals the same one in an event. Thread rule: one
// user. Allocation rule: per row. Failure rule: an Error that says what is no row.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace driftd {

class JsonRow {
 public:
  // A cell is empty where it is missing; it is valid during the call.
  using Take = std::function<void(std::string_view name, std::optional<std::string_view> cell)>;

  // False (and nothing taken) for an event that says it is of another model than `model`, where
  // that is not empty.
  [[nodiscard]] Result<bool> parse(std::string_view text, std::string_view model, const Take& take);

 private:
  std::string buffer_;
};

}  // namespace driftd
