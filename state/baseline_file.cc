#include "state/baseline_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "core/byte_stream.h"

namespace driftd {
namespace {

// Sixteen bytes that no CSV, JSON or gzip file begins with; the line end in it shows a transfer
// that changed line ends.
constexpr std::string_view kMagic = "driftd-baseline\n";
constexpr std::uint64_t kFormat = 1;
constexpr std::size_t kDigestBytes = 32;
// Magic, version, and the sizes of the two parts.
constexpr std::size_t kHeaderBytes = kMagic.size() + 3 * sizeof(std::uint64_t);
// A size beyond this is no size.
constexpr std::uint64_t kMostBytes = 1ULL << 40;

[[nodiscard]] std::string sha256(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

[[nodiscard]] std::string bytes_of(const BaselineNote& note) {
  std::string bytes;
  ByteWriter out(bytes);
  out.signed_varint(note.made_at);
  out.text(note.made_by);
  out.text(note.model);
  out.signed_varint(note.from);
  out.signed_varint(note.to);
  for (const auto* texts : {&note.inputs, &note.notes}) {
    out.varint(texts->size());
    for (const std::string& text : *texts) out.text(text);
  }
  return bytes;
}

[[nodiscard]] bool read_note(std::string_view bytes, BaselineNote& note) {
  ByteReader in(bytes);
  note.made_at = in.signed_varint();
  note.made_by = in.text();
  note.model = in.text();
  note.from = in.signed_varint();
  note.to = in.signed_varint();
  for (auto* texts : {&note.inputs, &note.notes}) {
    texts->resize(in.element_count());
    for (std::string& text : *texts) text = in.text();
  }
  return in.at_end();
}

[[nodiscard]] std::unexpected<Error> damaged(const std::string& path, std::string_view what) {
  return fail(
      ErrorCode::corrupted,
      fmt::format("{}: the baseline {}: copy it again from where it was made, or make a new "
                  "one with `driftd baseline make`",
                  path, what));
}

[[nodiscard]] std::string why(int error) {
  return std::error_code(error, std::generic_category()).message();
}

[[nodiscard]] Result<std::string> all_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad() || !file.is_open()) {
    return fail(
        ErrorCode::invalid_reference,
        fmt::format("{}: cannot be read: check that the file exists and may be read", path));
  }
  return bytes;
}

// All of the bytes, flushed to the disk; the system's error otherwise.
[[nodiscard]] int write_all(const std::string& path, std::string_view bytes) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return errno;
  int error = 0;
  while (!bytes.empty() && error == 0) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) error = errno;
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (error == 0 && ::fsync(file) != 0) error = errno;
  if (::close(file) != 0 && error == 0) error = errno;
  return error;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  std::string text;
  for (const char byte : sha256(bytes))
    text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

bool is_baseline(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, kMagic.size()> begin{};
  file.read(begin.data(), begin.size());
  return file.gcount() == static_cast<std::streamsize>(begin.size()) &&
         std::string_view(begin.data(), begin.size()) == kMagic;
}

Result<BaselineParts> read_baseline_file(const std::string& path) {
  Result<std::string> bytes = all_bytes(path);
  if (!bytes) return std::unexpected(bytes.error());
  const std::string_view all = *bytes;
  if (!all.starts_with(kMagic)) {
    return fail(ErrorCode::invalid_reference,
                fmt::format("{}: is no baseline: one is made with `driftd baseline make`", path));
  }
  if (all.size() < kHeaderBytes) return damaged(path, "is cut off");
  ByteReader header(all.substr(kMagic.size()));
  const std::uint64_t format = header.fixed64();
  const std::uint64_t note_bytes = header.fixed64();
  const std::uint64_t model_bytes = header.fixed64();
  if (format != kFormat) {
    return fail(ErrorCode::incompatible,
                fmt::format("{}: the baseline has format version {}, this driftd reads {}: use the "
                            "driftd that made it, or make it again with `driftd baseline make`",
                            path, format, kFormat));
  }
  if (note_bytes > kMostBytes || model_bytes > kMostBytes) return damaged(path, "is damaged");
  const std::uint64_t expected = kHeaderBytes + note_bytes + model_bytes + kDigestBytes;
  if (all.size() < expected) {
    return damaged(path, fmt::format("is cut off ({} of {} bytes)", all.size(), expected));
  }
  if (all.size() > expected) {
    return damaged(path,
                   fmt::format("goes on behind its end ({} of {} bytes)", all.size(), expected));
  }
  const std::string_view checked = all.substr(0, all.size() - kDigestBytes);
  if (sha256(checked) != all.substr(checked.size()))
    return damaged(path, "is damaged (its checksum is another one)");
  BaselineParts parts;
  if (!read_note(checked.substr(kHeaderBytes, note_bytes), parts.note))
    return damaged(path, "has a note that cannot be read");
  parts.model = checked.substr(kHeaderBytes + note_bytes);
  parts.hash = sha256_hex(parts.model);
  return parts;
}

Result<> write_baseline_file(const std::string& path, const BaselineNote& note,
                             const std::string& model) {
  const std::string note_bytes = bytes_of(note);
  std::string bytes(kMagic);
  ByteWriter out(bytes);
  out.fixed64(kFormat);
  out.fixed64(note_bytes.size());
  out.fixed64(model.size());
  bytes += note_bytes;
  bytes += model;
  bytes += sha256(bytes);

  const std::string beside = path + ".new";
  int error = write_all(beside, bytes);
  if (error == 0 && std::rename(beside.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    std::error_code ignored;
    std::filesystem::remove(beside, ignored);
    return fail(ErrorCode::io,
                fmt::format("{}: the baseline cannot be written: {}", path, why(error)));
  }
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const int directory =
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool is_durable = directory >= 0 && ::fsync(directory) == 0;
  error = errno;
  if (directory >= 0) ::close(directory);
  if (is_durable) return {};
  return fail(ErrorCode::io,
              fmt::format("{}: the baseline was written, but may not outlive a power "
                          "failure: {}",
                          path, why(error)));
}

}  // namespace driftd
