#include "core/event_time.h"

#include <chrono>
#include <cmath>

namespace driftd {
namespace {

constexpr TimeMs kFirstTime = -62'167'219'200'000;  // 0000-01-01T00:00:00Z
constexpr TimeMs kLastTime = 253'402'300'799'999;   // 9999-12-31T23:59:59.999Z

// Reads a text from the left; the first thing that is not as expected makes everything after it
// fail.
class TextCursor {
 public:
  explicit TextCursor(std::string_view text) : text_(text) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return ok_ && text_.empty(); }
  [[nodiscard]] char peek() const { return text_.empty() ? '\0' : text_.front(); }

  int digits(int count) {
    int value = 0;
    for (int i = 0; i < count; ++i) {
      if (peek() < '0' || peek() > '9') return stop();
      value = value * 10 + (peek() - '0');
      text_.remove_prefix(1);
    }
    return value;
  }
  char one_of(std::string_view choices) {
    const char next = peek();
    if (text_.empty() || !choices.contains(next)) return static_cast<char>(stop());
    text_.remove_prefix(1);
    return next;
  }
  // Milliseconds of a fraction of a second; further digits are cut off, as rounding up could leave
  // the second.
  int fraction() {
    if (peek() != '.') return 0;
    text_.remove_prefix(1);
    int value = 0;
    int count = 0;
    for (; peek() >= '0' && peek() <= '9'; ++count) {
      if (count < 3) value = value * 10 + (peek() - '0');
      text_.remove_prefix(1);
    }
    if (count == 0) return stop();
    for (; count < 3; ++count) value *= 10;
    return value;
  }

 private:
  int stop() {
    ok_ = false;
    text_ = {};
    return 0;
  }
  std::string_view text_;
  bool ok_ = true;
};

}  // namespace

TimestampUnit unit_by_magnitude(double value) {
  const double magnitude = std::abs(value);
  if (magnitude < 1e11) return TimestampUnit::seconds;
  return magnitude < 1e14 ? TimestampUnit::milliseconds : TimestampUnit::microseconds;
}

std::optional<TimeMs> time_from_number(double value, TimestampUnit unit) {
  if (unit == TimestampUnit::rfc3339 || !std::isfinite(value)) return std::nullopt;
  if (unit == TimestampUnit::detect) unit = unit_by_magnitude(value);
  double micros = value;
  if (unit == TimestampUnit::seconds) micros = value * 1e6;
  if (unit == TimestampUnit::milliseconds) micros = value * 1e3;
  // A double holds today's seconds to a quarter of a microsecond, so 1700000000.123 is rounded to
  // microseconds before the floor; otherwise it could become ...122 ms.
  micros = std::round(micros);
  const double millis = std::floor(micros / 1e3);
  if (!(millis >= static_cast<double>(kFirstTime) && millis <= static_cast<double>(kLastTime)))
    return std::nullopt;
  return static_cast<TimeMs>(millis);
}

std::optional<TimeMs> time_from_text(std::string_view text) {
  TextCursor cursor(text);
  const int year = cursor.digits(4);
  cursor.one_of("-");
  const int month = cursor.digits(2);
  cursor.one_of("-");
  const int day = cursor.digits(2);
  cursor.one_of("Tt ");
  const int hour = cursor.digits(2);
  cursor.one_of(":");
  const int minute = cursor.digits(2);
  cursor.one_of(":");
  const int second = cursor.digits(2);
  const int millis = cursor.fraction();
  int offset_minutes = 0;
  const char zone = cursor.one_of("Zz+-");
  if (zone == '+' || zone == '-') {
    const int hours = cursor.digits(2);
    cursor.one_of(":");
    const int minutes = cursor.digits(2);
    if (hours > 23 || minutes > 59) return std::nullopt;
    offset_minutes = (hours * 60 + minutes) * (zone == '-' ? -1 : 1);
  }
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  // A leap second is written :60 and counts as the second after :59.
  if (!cursor.at_end() || !date.ok() || hour > 23 || minute > 59 || second > 60)
    return std::nullopt;
  const TimeMs days = std::chrono::sys_days{date}.time_since_epoch().count();
  return ((days * 24 + hour) * 60 + minute - offset_minutes) * 60'000 + second * 1'000LL + millis;
}

}  // namespace driftd
