// One record of RFC 4180 after the other, from bytes that may end in the middle of one.
//
// Quoted fields may hold commas, line ends and doubled quotes; empty lines are passed over. Thread
// rule: one user. Allocation rule: scratch that grows to the longest record. Failure rule: the
// outcome.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace driftd {

class CsvRecord {
 public:
  enum class Outcome : std::uint8_t {
    record,
    end,         // there is none
    incomplete,  // it may go on behind these bytes
    bad_quotes,
  };

  // `is_last`: nothing follows these bytes.
  [[nodiscard]] Outcome parse(std::string_view bytes, bool is_last);

  // Of the record: valid while the bytes are.
  [[nodiscard]] const std::vector<std::string_view>& fields() const { return fields_; }
  // How many of the bytes it took, with the empty lines before it.
  [[nodiscard]] std::size_t bytes() const { return taken_; }
  // The line it begins in, counted from 1 over all records.
  [[nodiscard]] std::size_t line() const { return record_line_; }

 private:
  [[nodiscard]] bool field(std::string_view& bytes);

  std::vector<std::string_view> fields_;
  std::deque<std::string> unquoted_;  // fields that are not as they stand in the bytes
  std::size_t used_ = 0;              // how many of `unquoted_` are of this record
  std::size_t taken_ = 0;
  std::size_t line_ = 1;
  std::size_t record_line_ = 1;
};

}  // namespace driftd
