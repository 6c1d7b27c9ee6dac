// Writes JSON into a string, piece by piece. Every JSON text that leaves driftd's sinks is made by
// this.
//
// Thread rule: one thread per writer. Allocation rule: only what the string grows by. Failure rule:
// cannot fail; whatever goes in, valid JSON in valid UTF-8 comes out, as long as what is begun is
// ended.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace driftd {

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  void key(std::string_view name);

  void value(std::string_view text);
  void value(const char* text) { value(std::string_view(text)); }
  // The shortest digits that read back as the same number; null where it is not finite.
  void value(double number);
  void value(std::optional<double> number);
  void value(std::same_as<bool> auto truth) { literal(truth ? "true" : "false"); }
  void value(std::signed_integral auto number) { integer(number); }
  void value(std::unsigned_integral auto number)
    requires(!std::same_as<decltype(number), bool>)
  {
    unsigned_integer(number);
  }
  // An array of them.
  void value(std::span<const std::string> texts) {
    begin_array();
    for (const std::string& text : texts) value(std::string_view(text));
    end_array();
  }
  void null() { literal("null"); }

  void field(std::string_view name, const auto& content) {
    key(name);
    value(content);
  }

 private:
  void open(char bracket);
  void close(char bracket);
  void separate();
  void quote(std::string_view text);
  void literal(std::string_view text);
  void integer(std::int64_t number);
  void unsigned_integer(std::uint64_t number);

  std::string& out_;
  bool first_ =
      true;  // nothing stands before the next value in its object or array, save perhaps its key
};

}  // namespace driftd
