#include "sources/discarded.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace driftd {
namespace {

constexpr DurationMs kLogInterval = 10'000;

// RFC 4648, section 4.
void append_base64(std::string& out, std::string_view bytes) {
  static constexpr char kAlphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = (group << 8) | (k < left ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out.push_back(k <= left ? kAlphabet[(group >> (18 - 6 * k)) & 63] : '=');
    }
  }
}

// A topic needs no escapes; a file's path may.
void append_quoted(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
  }
  out.push_back('"');
}

[[nodiscard]] std::string line_of(DiscardReason reason, const MessageOrigin& origin,
                                  std::string_view bytes) {
  std::string line = "{\"topic\":";
  append_quoted(line, origin.topic);
  line += fmt::format(",\"partition\":{},\"offset\":{},\"reason\":\"{}\",\"bytes\":\"",
                      origin.partition, origin.offset, to_string(reason));
  append_base64(line, bytes);
  line += "\"}\n";
  return line;
}

}  // namespace

struct DiscardedMessages::File {
  ~File() {
    if (descriptor >= 0) ::close(descriptor);
  }
  std::string path;
  int descriptor = -1;
  bool begins_line = true;  // false behind a line that was cut short, by a crash or a full disk
};

DiscardedMessages::DiscardedMessages(const Clock& clock, std::string path, std::size_t max_bytes)
    : clock_(clock), max_bytes_(max_bytes) {
  std::ranges::fill(last_logged_, kNoTime);
  if (path.empty()) return;
  file_ = std::make_unique<File>();
  file_->path = std::move(path);
  // Readable by the owner alone, because events may hold personal data.
  file_->descriptor = ::open(file_->path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (file_->descriptor < 0) {
    spdlog::error("{}: bad messages cannot be kept ({}); they are counted only", file_->path,
                  std::strerror(errno));
    return;
  }
  struct stat status{};
  if (::fstat(file_->descriptor, &status) == 0) written_ = static_cast<std::size_t>(status.st_size);
  char last = '\n';
  if (written_ > 0 && ::pread(file_->descriptor, &last, 1, status.st_size - 1) == 1) {
    file_->begins_line = last == '\n';
  }
}

DiscardedMessages::~DiscardedMessages() = default;

void DiscardedMessages::discard(DiscardReason reason, const MessageOrigin& origin,
                                std::string_view bytes) {
  const std::scoped_lock lock(mutex_);
  TimeMs& last = last_logged_[static_cast<std::size_t>(reason)];
  if (const TimeMs now = clock_.steady(); last == kNoTime || now - last >= kLogInterval) {
    last = now;
    spdlog::warn("discarded a message: {} ({}[{}] at {}, {} bytes)", to_string(reason),
                 origin.topic, origin.partition, origin.offset, bytes.size());
  }
  if (!file_) return;
  std::string line = line_of(reason, origin, bytes);
  if (!file_->begins_line) line.insert(0, 1, '\n');
  if (file_->descriptor < 0 || written_ + line.size() > max_bytes_) {
    not_kept_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const ssize_t written = ::write(file_->descriptor, line.data(), line.size());
  if (written > 0) {
    written_ += static_cast<std::size_t>(written);
    file_->begins_line = line[static_cast<std::size_t>(written) - 1] == '\n';
  }
  if (written != static_cast<ssize_t>(line.size()))
    not_kept_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace driftd
