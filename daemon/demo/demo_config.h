// The configuration that the demo runs: written as a file, as any user's would be, so that what is
// shown goes through every part of driftd.
//
// Thread rule: pure but for the files that it writes. Failure rule: `io` with the file's name.
#pragma once

#include <string>

#include "core/result.h"
#include "daemon/demo/scratch_folder.h"

namespace driftd {

struct DemoEndpoints {
  std::string brokers;
  std::string reference;  // path
  std::string webhook_url;
  std::string webhook_secret;
};

// A new secret of 24 random bytes, whsec_<base64>.
[[nodiscard]] std::string make_webhook_secret();

// Writes driftd.toml and webhook.key into `folder` and returns the path of the former. The page is
// on its usual port where that is free, else on any.
[[nodiscard]] Result<std::string> write_demo_config(const ScratchFolder& folder,
                                                    const DemoEndpoints& endpoints);

}  // namespace driftd
