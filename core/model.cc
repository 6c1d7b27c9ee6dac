#include "core/model.h"

#include <charconv>
#include <cstdlib>
#include <string>

namespace driftd {

std::string_view to_string(Task task) {
  switch (task) {
    case Task::binary: return "binary";
    case Task::multiclass: return "multiclass";
    case Task::regression: return "regression";
  }
  return "unknown";
}

std::string_view to_string(SeriesType type) {
  return type == SeriesType::numeric ? "numeric" : "categorical";
}

namespace {

[[nodiscard]] bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct NumberShape {
  bool is_number = false;
  std::size_t point = std::string_view::npos;     // position of '.'
  std::size_t exponent = std::string_view::npos;  // position of 'e' or 'E'
};

// Whether the text is a number as JSON writes one (so `007` and `+1` are texts), and where its
// parts are.
[[nodiscard]] NumberShape number_shape(std::string_view text) {
  NumberShape shape;
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t from = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i - from;
  };
  if (i < text.size() && text[i] == '-') ++i;
  const std::size_t whole_from = i;
  const std::size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[whole_from] == '0')) return shape;
  if (i < text.size() && text[i] == '.') {
    shape.point = i++;
    if (digits() == 0) return shape;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    shape.exponent = i++;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (digits() == 0) return shape;
  }
  shape.is_number = i == text.size();
  return shape;
}

[[nodiscard]] std::string_view canonical_boolean(std::string_view text) {
  if (text == "True" || text == "TRUE") return "true";
  if (text == "False" || text == "FALSE") return "false";
  return text;
}

}  // namespace

std::string_view canonical_category(std::string_view text, std::string& buffer) {
  if (text.empty() || !(is_digit(text.front()) || text.front() == '-')) {
    return canonical_boolean(text);
  }
  const NumberShape shape = number_shape(text);
  if (!shape.is_number) return text;
  if (shape.exponent != std::string_view::npos) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return text;  // out of a double's range: the text stands for itself
    buffer.resize(400);                     // 1.8e308 written out in full has 309 digits
    const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                       value == 0 ? 0.0 : value, std::chars_format::fixed);
    return {buffer.data(), static_cast<std::size_t>(written.ptr - buffer.data())};
  }
  // An integer keeps all its digits (it may be an id beyond 2^53); a fraction loses its trailing
  // zeros.
  if (shape.point != std::string_view::npos) {
    while (text.back() == '0') text.remove_suffix(1);
    if (text.back() == '.') text.remove_suffix(1);
  }
  return text == "-0" ? std::string_view("0") : text;
}

}  // namespace driftd
