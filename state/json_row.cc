#include "state/json_row.h"

#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>

#include "state/column_file.h"

namespace driftd {
namespace {

// Builds the value that Boost.JSON's own parser builds, save that doubles are correctly rounded:
// its own are off by a unit in the last place in every eighth case, and such a value would no
// longer be equal to the same one in an event.
struct ExactHandler {
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  using Text = boost::json::string_view;
  using Code = boost::system::error_code;

  bool on_document_begin(Code&) { return stack.reset(), true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return true; }
  bool on_object_end(std::size_t size, Code&) { return stack.push_object(size), true; }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(std::size_t size, Code&) { return stack.push_array(size), true; }
  bool on_key_part(Text text, std::size_t, Code&) { return stack.push_chars(text), true; }
  bool on_key(Text text, std::size_t, Code&) { return stack.push_key(text), true; }
  bool on_string_part(Text text, std::size_t, Code&) { return stack.push_chars(text), true; }
  bool on_string(Text text, std::size_t, Code&) { return stack.push_string(text), true; }
  bool on_number_part(Text, Code&) { return true; }
  bool on_int64(std::int64_t value, Text, Code&) { return stack.push_int64(value), true; }
  bool on_uint64(std::uint64_t value, Text, Code&) { return stack.push_uint64(value), true; }
  bool on_double(double value, Text text, Code&) {
    // A whole row is parsed in one piece, so `text` is all of the number.
    stack.push_double(parse_number({text.data(), text.size()}).value_or(value));
    return true;
  }
  bool on_bool(bool value, Code&) { return stack.push_bool(value), true; }
  bool on_null(Code&) { return stack.push_null(), true; }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

  boost::json::value_stack stack;
};

[[nodiscard]] boost::json::value parse_row(std::string_view text,
                                           boost::system::error_code& error) {
  boost::json::basic_parser<ExactHandler> parser{boost::json::parse_options{}};
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && read < text.size()) error = boost::json::error::extra_data;
  return error ? boost::json::value() : parser.handler().stack.release();
}

[[nodiscard]] std::optional<std::string_view> cell_of(const boost::json::value& value,
                                                      std::string& buffer) {
  if (value.is_null()) return std::nullopt;
  if (value.is_string()) {
    const auto& text = value.get_string();
    if (text.empty()) return std::nullopt;
    return std::string_view(text.data(), text.size());
  }
  buffer = boost::json::serialize(value);
  return buffer;
}

[[nodiscard]] bool is_of_another_model(const boost::json::object& event, std::string_view model) {
  const boost::json::value* const named = event.if_contains("model");
  return named != nullptr && named->is_string() && !model.empty() &&
         std::string_view(named->get_string()) != model;
}

}  // namespace

Result<bool> JsonRow::parse(std::string_view text, std::string_view model, const Take& take) {
  boost::system::error_code error;
  const boost::json::value row = parse_row(text, error);
  if (error || !row.is_object()) {
    return fail(ErrorCode::invalid_reference,
                "not a JSON object (" + (error ? error.message() : "another value") + ")");
  }
  const boost::json::object& members = row.get_object();
  const boost::json::value* const features = members.if_contains("features");
  const bool is_event = features != nullptr && features->is_object();
  if (features != nullptr && features->is_array()) {
    return fail(ErrorCode::invalid_reference,
                "`features` are an array, whose values have no names: write them as an object");
  }
  // A label, too, may say which model it is of.
  const bool is_label = features == nullptr && members.contains("actual") && members.contains("id");
  if ((is_event || is_label) && is_of_another_model(members, model)) return false;
  for (const auto& member : members) {
    const std::string_view key(member.key());
    if (key == "features" && is_event) {
      for (const auto& feature : features->get_object())
        take(feature.key(), cell_of(feature.value(), buffer_));
    } else if (key == "scores" && member.value().is_object()) {
      for (const auto& score : member.value().get_object())
        take("score_" + std::string(score.key()), cell_of(score.value(), buffer_));
    } else if (key != "model" || !is_event) {
      take(key, cell_of(member.value(), buffer_));
    }
  }
  return true;
}

}  // namespace driftd
