// What the command line adds to the file (--set KEY=VALUE) and what the environment adds to its
// strings (${NAME}).
//
// Both change the parsed document before anything is read from it, so that a key from the command
// line is checked exactly as one from the file. At start-up only; reads the environment; allocates;
// what is wrong goes to `problems`.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/document.h"
#include "config/problems.h"

namespace driftd {

// The sections of which there may be several: [[source]], [[model]], [[webhook]].
[[nodiscard]] bool is_repeated_section(std::string_view key);

// One KEY=VALUE as it is written.
struct Override {
  std::vector<std::string> path;  // the parts of KEY; empty where the text is not KEY=VALUE
  TomlNode value;                 // VALUE as TOML if it parses, else a string as it is
  Place place;                    // `file` is the option's name, or empty for --set
};
[[nodiscard]] Override parse_override(const std::string& text, const std::string& option = {});

// KEY is dotted, [[sections]] by position (`model.0.window.count=500`; where there is one only, the
// position may be left out). VALUE is TOML if it parses, else a string as it is.
void apply_overrides(TomlTable& document, std::span<const std::string> overrides,
                     Problems& problems);

// Replaces ${NAME} in every string of `node`; `$${` stands for a plain `${`. An unset variable is a
// problem, and the string is then `Reported`.
void expand_variables(TomlNode& node, Problems& problems);

}  // namespace driftd
