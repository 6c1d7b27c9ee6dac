// Little-endian bytes in and out: what summaries and state rows are stored as.
//
// Counts are unsigned LEB128 varints, because most counters are small; doubles are their eight
// bytes. A reader never reads past its end: after the first bad read `ok()` is false and every
// further value is zero, so that a decoder checks once, at the end. The formats built from it are
// described in docs/formats/.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace driftd {

class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  void byte(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      byte(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    byte(static_cast<std::uint8_t>(value));
  }
  void signed_varint(std::int64_t value) {
    varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void number(double value) { raw(&value, sizeof value); }
  void fixed64(std::uint64_t value) { raw(&value, sizeof value); }
  void text(std::string_view value) {
    varint(value.size());
    out_.append(value);
  }

 private:
  void raw(const void* bytes, std::size_t size) {
    out_.append(static_cast<const char*>(bytes), size);
  }
  std::string& out_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return ok_ && bytes_.empty(); }

  std::uint8_t byte() {
    std::uint8_t value = 0;
    raw(&value, 1);
    return value;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t next = byte();
      value |= static_cast<std::uint64_t>(next & 0x7F) << shift;
      if ((next & 0x80) == 0) return ok_ ? value : 0;
    }
    ok_ = false;
    return 0;
  }
  std::int64_t signed_varint() {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
  }
  double number() {
    double value = 0;
    raw(&value, sizeof value);
    return value;
  }
  std::uint64_t fixed64() {
    std::uint64_t value = 0;
    raw(&value, sizeof value);
    return value;
  }
  std::string_view text() {
    const std::uint64_t size = varint();
    if (size > bytes_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view value = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return value;
  }
  // A count of elements of at least one byte each: refused where the bytes left cannot hold them,
  // so that a flipped bit never becomes a huge allocation.
  std::uint64_t element_count() {
    const std::uint64_t count = varint();
    if (count > bytes_.size()) {
      ok_ = false;
      return 0;
    }
    return count;
  }

 private:
  void raw(void* value, std::size_t size) {
    if (!ok_ || bytes_.size() < size) {
      ok_ = false;
      return;
    }
    std::memcpy(value, bytes_.data(), size);
    bytes_.remove_prefix(size);
  }
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace driftd
