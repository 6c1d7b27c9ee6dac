// How two files differ, column by column: what `driftd compare` prints.
//
// Every column that both files have, save `id` and `ts`, in the order of the first one. A column is
// numeric where every cell of both is a number, infinite or missing, else categorical. Samples are
// taken as they are: nothing is thinned, every category is counted. Thread rule: none shared.
// Memory: the columns of both files, 8 bytes a number and each distinct text once, beside the text
// of the file being read. Failure rule: an Error that names the file and what to do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/model.h"
#include "core/report.h"
#include "core/result.h"

namespace driftd {

// Both samples on the same bins. Numeric: equal ones over the bulk of both, the tails in the outer
// ones. Categorical: the most frequent categories, and the rest.
struct Histogram {
  std::vector<std::string> labels;  // of a category each; numeric: the first and the last value
  std::vector<std::uint64_t> reference;
  std::vector<std::uint64_t> current;
};

struct ComparedDetector {
  std::string_view name;
  bool by_default;  // one of those that a series without a list of its own has
  Verdict verdict;
};

struct ComparedColumn {
  std::string name;
  SeriesType type = SeriesType::numeric;
  std::uint64_t reference_rows = 0;  // with a value
  std::uint64_t reference_missing = 0;
  std::uint64_t current_rows = 0;
  std::uint64_t current_missing = 0;
  std::vector<ComparedDetector> detectors;  // every one that fits, in the order of the registry
  Histogram histogram;

  // The worst level of the default detectors.
  [[nodiscard]] Level level() const;
};

struct FileComparison {
  std::vector<ComparedColumn> columns;
  std::vector<std::string> only_reference;
  std::vector<std::string> only_current;
  std::uint64_t reference_rows = 0;
  std::uint64_t current_rows = 0;
};

[[nodiscard]] Result<FileComparison> compare_files(const std::string& reference,
                                                   const std::string& current);

}  // namespace driftd
