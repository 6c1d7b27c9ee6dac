// The two steps of loading a configuration: its file as a document that is ready to be read, and
// the document as a configuration. Between them a policy may be laid over it.
//
// Internal to this room. At start-up only. Allocates; never throws; what is wrong goes to
// `context`.
#pragma once

#include <optional>
#include <string>

#include "config/config.h"
#include "config/document.h"
#include "config/load.h"
#include "config/table_reader.h"

namespace driftd {

// Parsed, with the overrides applied and the variables replaced; empty where the file cannot be
// read or is no TOML.
[[nodiscard]] std::optional<TomlTable> open_document(const std::string& path,
                                                     const LoadOptions& options,
                                                     ReadContext& context);
// Without `path` and `notes`; worth something only where `context` has no problems.
[[nodiscard]] Config read_document(const TomlTable& document, const LoadOptions& options,
                                   ReadContext& context);

}  // namespace driftd
