#include "core/byte_stream.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace driftd {
namespace {

// Every integer width is met, not only the small numbers that RapidCheck prefers.
rc::Gen<std::uint64_t> any_integer() {
  return rc::gen::map(rc::gen::pair(rc::gen::arbitrary<std::uint64_t>(), rc::gen::inRange(0, 64)),
                      [](const auto& drawn) -> std::uint64_t {
                        return (drawn.first * 0x9E3779B97F4A7C15ull) >> drawn.second;
                      });
}

RC_GTEST_PROP(ByteStream, ReadsBackWhatWasWritten, ()) {
  const std::uint64_t unsigned_number = *any_integer();
  const auto signed_number = static_cast<std::int64_t>(*any_integer());
  const std::uint64_t fixed = *any_integer();
  const auto small = static_cast<std::uint8_t>(*any_integer());
  const auto text = *rc::gen::arbitrary<std::string>();
  std::string bytes;
  ByteWriter out(bytes);
  out.varint(unsigned_number);
  out.signed_varint(signed_number);
  out.number(std::bit_cast<double>(fixed));
  out.text(text);
  out.byte(small);
  out.fixed64(fixed);

  ByteReader in(bytes);
  RC_ASSERT(in.varint() == unsigned_number);
  RC_ASSERT(in.signed_varint() == signed_number);
  RC_ASSERT(std::bit_cast<std::uint64_t>(in.number()) == fixed);
  RC_ASSERT(in.text() == text);
  RC_ASSERT(in.byte() == small);
  RC_ASSERT(!in.at_end());
  RC_ASSERT(in.fixed64() == fixed);
  RC_ASSERT(in.at_end());
}

TEST(ByteStream, WritesTheDocumentedBytes) {
  std::string bytes;
  ByteWriter out(bytes);
  out.varint(300);
  out.signed_varint(-1);
  out.number(1.0);
  out.text("ab");
  using namespace std::string_view_literals;
  EXPECT_EQ(bytes,
            "\xAC\x02\x01\0\0\0\0\0\0\xF0\x3F\x02"
            "ab"sv);
}

TEST(ByteStream, HoldsTheEndsOfEveryRange) {
  using Signed = std::numeric_limits<std::int64_t>;
  for (const std::int64_t value :
       {Signed::min(), Signed::min() + 1, std::int64_t{-1}, std::int64_t{0}, Signed::max()}) {
    std::string bytes;
    ByteWriter(bytes).signed_varint(value);
    ByteReader in(bytes);
    EXPECT_EQ(in.signed_varint(), value);
    EXPECT_TRUE(in.at_end());
  }
  std::string bytes;
  ByteWriter(bytes).varint(std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(bytes.size(), 10U);
  EXPECT_EQ(ByteReader(bytes).varint(), std::numeric_limits<std::uint64_t>::max());
}

TEST(ByteStream, GivesZerosAfterTheFirstBadRead) {
  ByteReader in(
      "\x05"
      "ab");
  EXPECT_EQ(in.text(), "") << "five bytes are not there";
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.byte(), 0);
  EXPECT_EQ(in.varint(), 0U);
  EXPECT_EQ(in.signed_varint(), 0);
  EXPECT_EQ(in.number(), 0.0);
  EXPECT_EQ(in.fixed64(), 0U);
  EXPECT_EQ(in.text(), "");
  EXPECT_EQ(in.element_count(), 0U);
  EXPECT_FALSE(in.ok());
  EXPECT_FALSE(in.at_end());
}

TEST(ByteStream, RefusesAVarintThatDoesNotEnd) {
  ByteReader overlong("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
  EXPECT_EQ(overlong.varint(), 0U);
  EXPECT_FALSE(overlong.ok());
  ByteReader cut("\xFF");
  EXPECT_EQ(cut.varint(), 0U);
  EXPECT_FALSE(cut.ok());
}

TEST(ByteStream, RefusesMoreElementsThanBytes) {
  ByteReader fits("\x02__");
  EXPECT_EQ(fits.element_count(), 2U);
  EXPECT_TRUE(fits.ok());
  ByteReader huge("\xFF\xFF\xFF\xFF\x0F__");
  EXPECT_EQ(huge.element_count(), 0U);
  EXPECT_FALSE(huge.ok());
}

}  // namespace
}  // namespace driftd
