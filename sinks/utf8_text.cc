#include "sinks/utf8_text.h"

namespace driftd {
namespace {

struct LeadByte {
  unsigned char first, last;                // range of the sequence's first byte
  std::size_t length;                       // of the whole sequence
  unsigned char second_first, second_last;  // range of its second byte; the others are 80..BF
};

// Table 3-7 of the Unicode standard, "Well-Formed UTF-8 Byte Sequences". The ranges of the second
// byte keep out overlong forms, surrogates and what lies beyond U+10FFFF.
constexpr LeadByte kLeadBytes[] = {
    {0x00, 0x7F, 1, 0x00, 0x00}, {0xC2, 0xDF, 2, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0xA0, 0xBF},
    {0xE1, 0xEC, 3, 0x80, 0xBF}, {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF},
    {0xF0, 0xF0, 4, 0x90, 0xBF}, {0xF1, 0xF3, 4, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x80, 0x8F},
};

unsigned char byte_at(std::string_view text, std::size_t position) {
  return static_cast<unsigned char>(text[position]);
}

bool continues(const LeadByte& lead, std::string_view text) {
  if (text.size() < lead.length) return false;
  if (lead.length == 1) return true;
  const unsigned char second = byte_at(text, 1);
  if (second < lead.second_first || second > lead.second_last) return false;
  for (std::size_t i = 2; i < lead.length; ++i) {
    if ((byte_at(text, i) & 0xC0) != 0x80) return false;
  }
  return true;
}

}  // namespace

std::size_t utf8_sequence_length(std::string_view text) {
  if (text.empty()) return 0;
  const unsigned char first = byte_at(text, 0);
  for (const LeadByte& lead : kLeadBytes) {
    if (first < lead.first || first > lead.last) continue;
    return continues(lead, text) ? lead.length : 0;
  }
  return 0;
}

std::string valid_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    result += length == 0 ? kReplacementCharacter : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return result;
}

}  // namespace driftd
