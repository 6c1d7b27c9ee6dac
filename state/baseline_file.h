// A baseline as a file: what `driftd baseline make` freezes, and what a model's `reference` may
// name instead of raw rows.
//
// A note for people and the model itself, each its own bytes, under one checksum;
// docs/formats/baseline.md describes them. What identifies a baseline is the SHA-256 of the model's
// bytes alone, so that the same data, made again another day, is the same baseline. A file is put
// in place whole or not at all.
//
// Thread rule: any thread, no shared state. Allocation rule: by the file. Failure rule: an Error
// that names the file, what is wrong with it and what to do: another format version, a file that is
// cut off and one that is damaged are told apart.
#pragma once

#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace driftd {

// What is said about a baseline and decides nothing.
struct BaselineNote {
  TimeMs made_at = kNoTime;
  std::string made_by;              // "driftd 1.2.3"
  std::string model;                // the [[model]]'s name
  std::vector<std::string> inputs;  // where the rows came from, for people
  TimeMs from = kNoTime;            // of the rows; kNoTime: they had no times
  TimeMs to = kNoTime;
  std::vector<std::string> notes;  // what was inferred or is odd
};

// So much of a hash is enough to tell baselines apart where people read it.
inline constexpr std::size_t kShortHash = 12;

struct BaselineParts {
  BaselineNote note;
  std::string model;  // see baseline_model.h
  std::string hash;   // of `model`, in hex
};

// Whether the file begins as a baseline does; false as well where it cannot be read.
[[nodiscard]] bool is_baseline(const std::string& path);

[[nodiscard]] Result<BaselineParts> read_baseline_file(const std::string& path);

// Written beside `path`, flushed, and renamed: what was there before stays until then.
[[nodiscard]] Result<> write_baseline_file(const std::string& path, const BaselineNote& note,
                                           const std::string& model);

[[nodiscard]] std::string sha256_hex(std::string_view bytes);

}  // namespace driftd
