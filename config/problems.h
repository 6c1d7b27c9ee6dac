// Collects everything that is wrong with a configuration, so that all of it is told at once.
//
// One loader, one thread. Allocates; cannot fail.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "config/load.h"

namespace driftd {

class Problems {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}

  void add(const Place& place, std::string message, std::string suggestion = {});
  [[nodiscard]] bool empty() const { return problems_.empty(); }
  // In the order of the file; what the command line said comes last.
  [[nodiscard]] std::vector<ConfigProblem> take();

 private:
  std::string file_;
  std::vector<ConfigProblem> problems_;
};

// "did you mean `x`?" where one is close, else `otherwise` with all of them listed.
[[nodiscard]] std::string suggest(std::string_view word, std::span<const std::string_view> known,
                                  std::string_view otherwise);

}  // namespace driftd
