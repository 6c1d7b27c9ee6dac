#include "sources/formats/json_value.h"

#include <bit>
#include <charconv>
#include <cstring>
#include <limits>

namespace driftd {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the eight-byte strides below read little-endian words");

// Every power of ten that a double holds exactly; 10^22 is the last.
constexpr double kExactPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                        1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                        1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

[[nodiscard]] inline bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

[[nodiscard]] inline std::uint64_t load_word(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Whether all eight bytes are digits: the high nibble is 3 before and after adding 6 (Lemire,
// "Quickly parsing eight digits", 2018).
[[nodiscard]] inline bool is_eight_digits(std::uint64_t word) {
  constexpr std::uint64_t kHighNibbles = 0xF0F0F0F0F0F0F0F0u;
  return ((word & kHighNibbles) | (((word + 0x0606060606060606u) & kHighNibbles) >> 4)) ==
         0x3333333333333333u;
}

// Their value, by three multiplications that join neighbours: pairs, then fours, then all eight
// (same source).
[[nodiscard]] inline std::uint64_t eight_digits(std::uint64_t word) {
  word -= 0x3030303030303030u;
  word = word * 10 + (word >> 8);
  return (((word & 0x000000FF000000FFu) * 0x000F424000000064u) +
          (((word >> 16) & 0x000000FF000000FFu) * 0x0000271000000001u)) >>
         32;
}

// What from_chars leaves unsaid for numbers beyond a double's range: infinite or zero. The decimal
// point's distance from the first digit that is not zero, plus the exponent, says which.
[[nodiscard]] double out_of_range(std::string_view text) {
  const bool negative = text.front() == '-';
  if (negative) text.remove_prefix(1);
  const std::size_t exponent_mark = text.find_first_of("eE");
  const std::string_view digits = text.substr(0, exponent_mark);
  std::int64_t exponent = 0;
  if (exponent_mark != std::string_view::npos) {
    std::string_view tail = text.substr(exponent_mark + 1);
    if (tail.front() == '+') tail.remove_prefix(1);
    const auto parsed = std::from_chars(tail.data(), tail.data() + tail.size(), exponent);
    constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max() / 2;
    if (parsed.ec != std::errc{}) exponent = tail.front() == '-' ? -kHuge : kHuge;
  }
  const std::size_t point = std::min(digits.find('.'), digits.size());
  const std::size_t first = digits.find_first_not_of("0.");
  const auto magnitude =
      static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first) + exponent;
  const double value = magnitude > 0 ? std::numeric_limits<double>::infinity() : 0.0;
  return negative ? -value : value;
}

[[nodiscard]] double convert(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? value : out_of_range(text);
}

// JSON's grammar: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
[[nodiscard]] const char* scan_number(const char* at, JsonValue& value) {
  const char* const begin = at;
  const bool negative = *at == '-';
  at += negative;
  const char* const whole = at;
  std::uint64_t digits = 0;
  while (is_digit(*at)) digits = digits * 10 + static_cast<std::uint64_t>(*at++ - '0');
  const auto whole_size = at - whole;
  if (whole_size == 0 || (whole_size > 1 && *whole == '0')) return nullptr;
  std::ptrdiff_t fraction_size = 0;
  if (*at == '.') {
    const char* const fraction = ++at;
    for (std::uint64_t word = load_word(at); is_eight_digits(word); word = load_word(at)) {
      digits = digits * 100'000'000 + eight_digits(word);
      at += 8;
    }
    while (is_digit(*at)) digits = digits * 10 + static_cast<std::uint64_t>(*at++ - '0');
    fraction_size = at - fraction;
    if (fraction_size == 0) return nullptr;
  }
  bool has_exponent = false;
  if (*at == 'e' || *at == 'E') {
    has_exponent = true;
    ++at;
    if (*at == '+' || *at == '-') ++at;
    if (!is_digit(*at)) return nullptr;
    while (is_digit(*at)) ++at;
  }
  value.kind = JsonValue::Kind::number;
  value.text = {begin, static_cast<std::size_t>(at - begin)};
  // Clinger 1990: digits below 2^53 and a power of ten up to 10^22 are exact doubles, so one
  // division rounds once. Up to 19 digits cannot have overflowed the accumulator.
  if (!has_exponent && whole_size + fraction_size <= 19 && digits <= (1ull << 53)) {
    const double exact = static_cast<double>(digits) / kExactPowersOfTen[fraction_size];
    value.number = negative ? -exact : exact;
  } else {
    value.number = convert(value.text);
  }
  return at;
}

// Marks (with their high bit) the bytes that end a plain text: quotes, backslashes and control
// characters. A byte above a marked one may be marked wrongly by a borrow; only the lowest mark is
// used, and that one is right (Mycroft 1987).
[[nodiscard]] inline std::uint64_t text_stops(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101u;
  const std::uint64_t quote = word ^ (kOnes * '"');
  const std::uint64_t backslash = word ^ (kOnes * '\\');
  return (((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) |
          ((word - kOnes * 0x20) & ~word)) &
         (kOnes * 0x80);
}

[[nodiscard]] const char* scan_text(const char* at, JsonValue& value) {
  const char* const begin = ++at;
  std::uint64_t stops = text_stops(load_word(at));
  while (stops == 0) {
    at += 8;
    stops = text_stops(load_word(at));
  }
  at += std::countr_zero(stops) / 8;
  if (*at != '"') return nullptr;
  value.kind = JsonValue::Kind::text;
  value.text = {begin, static_cast<std::size_t>(at - begin)};
  return at + 1;
}

[[nodiscard]] const char* scan_word(const char* at, std::string_view word, JsonValue::Kind kind,
                                    JsonValue& value) {
  if (std::strncmp(at, word.data(), word.size()) != 0) return nullptr;
  value.kind = kind;
  value.text = {at, word.size()};
  return at + word.size();
}

}  // namespace

const char* scan_scalar(const char* at, JsonValue& value) {
  switch (*at) {
    case '"': return scan_text(at, value);
    case 't': return scan_word(at, "true", JsonValue::Kind::boolean, value);
    case 'f': return scan_word(at, "false", JsonValue::Kind::boolean, value);
    case 'n': return scan_word(at, "null", JsonValue::Kind::null, value);
    default: return scan_number(at, value);
  }
}

}  // namespace driftd
