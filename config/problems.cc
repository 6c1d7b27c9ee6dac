#include "config/problems.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/closest.h"

namespace driftd {

void Problems::add(const Place& place, std::string message, std::string suggestion) {
  ConfigProblem problem{file_, place.line, place.column, std::move(message), std::move(suggestion)};
  if (!place.file.empty()) problem.file = place.file;
  if (!place.override_key.empty()) {
    if (place.file.empty()) problem.file = "--set";
    problem.line = problem.column = 0;
    problem.message = fmt::format("{}: {}", place.override_key, problem.message);
  }
  problems_.push_back(std::move(problem));
}

std::vector<ConfigProblem> Problems::take() {
  std::ranges::stable_sort(problems_, {}, [this](const ConfigProblem& problem) {
    return std::tuple(problem.file != file_, std::string_view(problem.file), problem.line,
                      problem.column);
  });
  return std::move(problems_);
}

std::string suggest(std::string_view word, std::span<const std::string_view> known,
                    std::string_view otherwise) {
  if (const auto near = closest(word, known)) return fmt::format("did you mean `{}`?", *near);
  return fmt::format("{}: {}", otherwise, fmt::join(known, ", "));
}

std::string to_text(const std::vector<ConfigProblem>& problems) {
  std::string text;
  for (const ConfigProblem& problem : problems) {
    text += problem.file;
    if (problem.line > 0) text += fmt::format(":{}:{}", problem.line, problem.column);
    text += fmt::format(": error: {}\n", problem.message);
    if (!problem.suggestion.empty()) text += fmt::format("  help: {}\n", problem.suggestion);
  }
  return text;
}

}  // namespace driftd
