// The files that a configuration names: where they are, whether they can be read, and the secrets
// in them.
//
// At start-up only. Allocates; never throws. What is wrong is a text that says why, e.g. "No such
// file or directory".
#pragma once

#include <expected>
#include <optional>
#include <string>

namespace driftd {

// The folder of the configuration file, absolute.
[[nodiscard]] std::string folder_of(const std::string& file);
// `path` as an absolute path; a relative one is relative to `folder`.
[[nodiscard]] std::string resolve_path(const std::string& folder, const std::string& path);
// Empty where `path` is a file that can be read.
[[nodiscard]] std::optional<std::string> why_unreadable(const std::string& path);
// The whole file, up to kLargestText bytes.
inline constexpr std::size_t kLargestText = 4 << 20;
[[nodiscard]] std::expected<std::string, std::string> read_text_file(const std::string& path);

}  // namespace driftd
