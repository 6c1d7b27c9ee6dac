#include "sources/formats/json_reader.h"

#include <simdjson.h>

namespace driftd {
namespace {

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;

// Events are a few levels deep; the limit only bounds the recursion below.
constexpr int kMaxDepth = 256;

static_assert(kScanPadding >= simdjson::SIMDJSON_PADDING);

// A token runs to the next one: what follows a scalar in it is white space.
[[nodiscard]] std::string_view without_trailing_space(std::string_view token) {
  const std::size_t last = token.find_last_not_of(" \t\r\n");
  return token.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

}  // namespace

struct JsonReader::Parser {
  ondemand::parser simdjson;
};

// One recursive walk over a message; every method returns the first error met.
struct JsonReader::Walk {
  std::vector<JsonMember>& members;

  error_code value(ondemand::value value, JsonMember member, int depth) {
    if (depth > kMaxDepth) return simdjson::DEPTH_ERROR;
    ondemand::json_type type{};
    if (const auto error = value.type().get(type)) return error;
    if (type == ondemand::json_type::object || type == ondemand::json_type::array) {
      member.value.kind = JsonValue::Kind::container;
      const JsonPlace inside = place_inside(member, type == ondemand::json_type::array);
      members.push_back(member);
      return type == ondemand::json_type::array ? array(value, inside, depth)
                                                : object(value, inside, depth);
    }
    return scalar(value, type == ondemand::json_type::string, member);
  }

  error_code object(ondemand::value value, JsonPlace place, int depth) {
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return error;
    return fields(object, place, depth);
  }

  error_code fields(ondemand::object object, JsonPlace place, int depth) {
    for (auto result : object) {
      ondemand::field field;
      if (const auto error = std::move(result).get(field)) return error;
      JsonMember member;
      member.place = place;
      if (const auto error = field.unescaped_key().get(member.key)) return error;
      if (const auto error = this->value(field.value(), member, depth + 1)) return error;
    }
    return simdjson::SUCCESS;
  }

  error_code array(ondemand::value value, JsonPlace place, int depth) {
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return error;
    JsonMember member;
    member.place = place;
    for (auto result : array) {
      ondemand::value element;
      if (const auto error = std::move(result).get(element)) return error;
      if (const auto error = this->value(element, member, depth + 1)) return error;
      ++member.index;
    }
    return simdjson::SUCCESS;
  }

  error_code scalar(ondemand::value value, bool is_text, JsonMember member) {
    const std::string_view token = without_trailing_space(value.raw_json_token());
    member.begin = token.data();
    member.end = token.data() + token.size();
    if (is_text) {
      member.value.kind = JsonValue::Kind::text;
      if (const auto error = value.get_string().get(member.value.text)) return error;
    } else if (scan_scalar(member.begin, member.value) != member.end) {
      return simdjson::TAPE_ERROR;
    }
    members.push_back(member);
    return simdjson::SUCCESS;
  }

  // What the values inside a container are. A repeated `features` or `scores` takes the place of
  // the one before.
  JsonPlace place_inside(const JsonMember& member, bool is_array) {
    if (member.place != JsonPlace::top) return JsonPlace::other;
    if (member.key == "features") {
      forget(JsonPlace::feature_name);
      forget(JsonPlace::feature_position);
      return is_array ? JsonPlace::feature_position : JsonPlace::feature_name;
    }
    if (member.key == "scores" && !is_array) {
      forget(JsonPlace::score);
      return JsonPlace::score;
    }
    return JsonPlace::other;
  }

  void forget(JsonPlace place) {
    for (JsonMember& member : members) {
      if (member.place == place) member.place = JsonPlace::other;
    }
  }
};

JsonReader::JsonReader() : parser_(std::make_unique<Parser>()) {}
JsonReader::~JsonReader() = default;

bool JsonReader::read(std::string_view bytes) {
  members_.clear();
  const simdjson::padded_string_view padded(bytes.data(), bytes.size(),
                                            bytes.size() + kScanPadding);
  ondemand::document document;
  if (parser_->simdjson.iterate(padded).get(document) != simdjson::SUCCESS) return false;
  ondemand::object object;
  if (document.get_object().get(object) != simdjson::SUCCESS) return false;
  Walk walk{members_};
  if (walk.fields(object, JsonPlace::top, 0) != simdjson::SUCCESS) return false;
  // Behind the object there must be nothing: simdjson has no place to show once every token is used
  // up.
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

}  // namespace driftd
