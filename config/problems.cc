#include "config/problems.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace driftd {

void Problems::add(const Place& place, std::string message, std::string suggestion) {
  ConfigProblem problem{file_, place.line, place.column, std::move(message), std::move(suggestion)};
  if (!place.override_key.empty()) {
    problem.file = "--set";
    problem.line = problem.column = 0;
    problem.message = fmt::format("{}: {}", place.override_key, problem.message);
  }
  problems_.push_back(std::move(problem));
}

std::vector<ConfigProblem> Problems::take() {
  std::ranges::stable_sort(problems_, {}, [this](const ConfigProblem& problem) {
    return std::tuple(problem.file != file_, problem.line, problem.column);
  });
  return std::move(problems_);
}

namespace {

// Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours
// cost 1 each.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> now(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        now[j] = std::min(now[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, now);
  }
  return last[b.size()];
}

}  // namespace

std::optional<std::string_view> closest(std::string_view word,
                                        std::span<const std::string_view> known) {
  // A third of the letters may be wrong: `lisen` is `listen`, `foo` is nothing. Longer words than
  // any key are noise.
  constexpr std::size_t kLongestWord = 64;
  if (word.size() > kLongestWord) return std::nullopt;
  std::optional<std::string_view> best;
  std::size_t limit = std::max<std::size_t>(1, word.size() / 3);
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance <= limit && (!best || distance < limit)) {
      best = candidate;
      limit = distance;
    }
  }
  return best;
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
