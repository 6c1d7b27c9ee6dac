#include "daemon/shown_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "sinks/utf8_text.h"
#include "sinks/webhook_body.h"

namespace driftd {
namespace {

constexpr std::string_view kCut = "..";

}  // namespace

std::string shown(std::string_view text, std::size_t width) {
  std::string made;
  for (std::size_t characters = 0; !text.empty() && characters < width; ++characters) {
    const std::size_t length = utf8_sequence_length(text);
    const auto first = static_cast<unsigned char>(text.front());
    const bool control =
        first < 0x20 || first == 0x7F ||
        (first == 0xC2 && length == 2 && static_cast<unsigned char>(text[1]) < 0xA0);
    made += length == 0 || control ? kReplacementCharacter : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
  return made;
}

std::string shortened(std::string_view text, std::size_t width) {
  std::string whole = shown(text);
  if (characters_in(whole) <= width) return whole;
  if (width <= kCut.size()) return shown(whole, width);
  return shown(whole, width - kCut.size()).append(kCut);
}

std::string shortened_at_front(std::string_view text, std::size_t width) {
  std::string whole = shown(text);
  const std::size_t characters = characters_in(whole);
  if (characters <= width) return whole;
  const std::size_t cut = std::min(characters, characters - width + kCut.size());
  return std::string(kCut.substr(0, width)).append(whole, shown(whole, cut).size());
}

std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, 1, ',');
  return text;
}

std::string date_of(TimeMs time) { return rfc3339(time).substr(0, std::size("2019-03-31") - 1); }

std::string minute_of(TimeMs time) {
  std::string text = rfc3339(time).substr(0, std::size("2019-03-31T03:00") - 1);
  text[std::size("2019-03-31") - 1] = ' ';
  return text;
}

std::string rough_duration(DurationMs duration) {
  struct Unit {
    std::string_view name;
    DurationMs length;
    double upto;  // in this unit, where the next larger one begins
  };
  static constexpr std::array<Unit, 4> kUnits{
      {{"s", 1'000, 60}, {"min", 60'000, 60}, {"h", 3'600'000, 48}, {"d", 86'400'000, 0}}};
  // One decimal, unless there are enough digits without; seconds and minutes need none.
  constexpr double kEnough = 100;
  for (const Unit& unit : kUnits) {
    const double count = static_cast<double>(duration) / static_cast<double>(unit.length);
    if (unit.upto > 0 && count >= unit.upto - 0.5) continue;
    const bool is_whole = unit.length < 3'600'000 || count >= kEnough;
    return fmt::format("{:.{}f} {}", count, is_whole ? 0 : 1, unit.name);
  }
  return {};
}

std::string number_text(double number) {
  constexpr double kFourDigits = 9'999.5;
  constexpr double kMostWritten = 1e12;
  const double size = std::abs(number);
  if (!(size >= kFourDigits && size < kMostWritten)) return fmt::format("{:.4g}", number);
  const std::string digits = grouped(static_cast<std::uint64_t>(std::llround(size)));
  return number < 0 ? "-" + digits : digits;
}

std::vector<std::string> shown(const std::vector<std::string>& names) {
  std::vector<std::string> made;
  made.reserve(names.size());
  for (const std::string& name : names) made.push_back(shown(name));
  return made;
}

std::string padded(std::string_view text, std::size_t width) {
  std::string made = shown(text, width);
  const std::size_t used = characters_in(made);
  if (used < width) made.append(width - used, ' ');
  return made;
}

std::string minute_text(TimeMs time) { return minute_of(time) + " UTC"; }

std::string bars(const std::vector<double>& heights) {
  static constexpr std::array<const char*, 9> kBlocks = {" ", "▁", "▂", "▃", "▄",
                                                         "▅", "▆", "▇", "█"};
  constexpr double kSteps = 8;
  const double tallest = heights.empty() ? 0 : *std::ranges::max_element(heights);
  std::string made;
  for (const double height : heights) {
    const double step =
        height <= 0 || tallest <= 0 ? 0 : std::clamp(height / tallest * kSteps + 0.5, 1.0, kSteps);
    made += kBlocks[static_cast<std::size_t>(step)];
  }
  return made;
}

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  std::string made;
  std::size_t used = indent;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    const bool is_first = made.empty();
    if (!is_first && used + 1 + characters_in(word) > width) {
      made += '\n';
      made.append(indent, ' ');
      used = indent;
    } else if (!is_first) {
      made += ' ';
      ++used;
    }
    made += word;
    used += characters_in(word);
  }
  return made;
}

}  // namespace driftd
