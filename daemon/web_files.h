// The status page's files, compiled into the binary, so that it needs nothing beside itself.
//
// The definition is generated from web/ at build time by cmake/embed.cmake. Thread rule: constants,
// any thread. Allocation rule: none. Failure rule: a path that is not served gives nothing.
#pragma once

#include <optional>
#include <string_view>

namespace driftd {

struct WebFile {
  std::string_view content;
  std::string_view content_type;
};

// `path` as in the request: "/app.js", "/vendor/uPlot.min.css"; "/" is index.html.
[[nodiscard]] std::optional<WebFile> web_file(std::string_view path);

}  // namespace driftd
