// How the program's own log looks: text for people, or one JSON object a line for machines; always
// on standard error.
#pragma once

#include <string>

namespace driftd {

// `level`: debug, info, warning or error; `format`: text or json. Both as the configuration has
// checked them.
void set_up_logging(const std::string& level, const std::string& format);

}  // namespace driftd
