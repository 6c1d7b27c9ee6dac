// A folder of the demo's own under the system's temporary folder, for its user's eyes only; it and
// all that is in it goes when the object does.
//
// Thread rule: one owner. Failure rule: `make` says why there can be none; what cannot be removed
// stays, silently, for the system's own cleaning.
#pragma once

#include <string>

#include "core/result.h"

namespace driftd {

class ScratchFolder {
 public:
  [[nodiscard]] static Result<ScratchFolder> make();
  ScratchFolder(ScratchFolder&& other) noexcept;
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder();

  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

}  // namespace driftd
