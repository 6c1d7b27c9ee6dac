#include "state/baseline_rows.h"

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "core/event_time.h"
#include "core/model.h"

namespace driftd {
namespace {

constexpr std::size_t kLabelBlock = 65'536;

[[nodiscard]] auto order_of(const auto& label) { return std::tie(label.id_high, label.id_low); }

}  // namespace

void append_rows(const ColumnFile& from, const std::vector<bool>& keep, ColumnFile& into) {
  for (const CellColumn& column : from.columns) {
    auto found = std::ranges::find_if(
        into.columns, [&](const CellColumn& one) { return one.name() == column.name(); });
    if (found == into.columns.end()) {
      into.columns.emplace_back(column.name());
      found = std::prev(into.columns.end());
      while (found->size() < into.rows) found->add_missing();
    }
    for (std::size_t row = 0; row < from.rows; ++row) {
      if (!keep[row]) continue;
      const auto cell = column.cell(row);
      cell ? found->add(*cell) : found->add_missing();
    }
  }
  into.rows += static_cast<std::size_t>(std::ranges::count(keep, true));
  for (CellColumn& column : into.columns) {
    while (column.size() < into.rows) column.add_missing();
  }
}

std::optional<TimeMs> time_of_cell(std::string_view cell) {
  if (const std::optional<double> number = parse_number(cell))
    return time_from_number(*number, TimestampUnit::detect);
  return time_from_text(cell);
}

Result<BaselineRows> BaselineRows::open(BaselineInput input) {
  BaselineRows rows(std::move(input));
  for (const std::string& file : rows.input_.files) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    rows.bytes_ += error ? 0 : size;
  }
  if (!rows.input_.labels.empty()) {
    if (auto read = rows.read_labels(); !read) return std::unexpected(read.error());
  }
  return rows;
}

Result<> BaselineRows::read_labels() {
  Result<RowReader> reader = RowReader::open(input_.labels, {input_.model, input_.are_events});
  if (!reader) return std::unexpected(reader.error());
  TextIndex codes;
  ColumnFile block;
  for (;;) {
    block.clear_rows();
    const Result<std::size_t> read = reader->read(block, kLabelBlock);
    if (!read) return std::unexpected(read.error());
    if (*read == 0) break;
    const CellColumn* const ids = block.find("id");
    const CellColumn* const actual = block.find("actual");
    if (ids == nullptr || actual == nullptr) {
      return fail(ErrorCode::invalid_reference,
                  fmt::format("{}: labels need `id` and `actual`", input_.labels));
    }
    for (std::size_t row = 0; row < block.rows; ++row) {
      const auto id = ids->cell(row);
      const auto text = actual->cell(row);
      if (!id || !text) continue;
      const XXH128_hash_t hash = XXH3_128bits(id->data(), id->size());
      const auto [code, added] =
          codes.try_emplace(std::string(*text), static_cast<std::uint32_t>(texts_.size()));
      if (added) texts_.emplace_back(*text);
      labels_.push_back({hash.high64, hash.low64, code->second});
    }
    if (labels_.size() > kMostLabels) {
      return fail(ErrorCode::invalid_reference,
                  fmt::format("{}: more than {} labels: give those of the rows only, or put them "
                              "into a column `actual` of the rows",
                              input_.labels, kMostLabels));
    }
  }
  // Of two labels of one id the later one holds.
  std::ranges::reverse(labels_);
  std::ranges::stable_sort(labels_, {}, [](const Label& label) { return order_of(label); });
  return {};
}

const std::string* BaselineRows::label_of(std::string_view id) const {
  const XXH128_hash_t hash = XXH3_128bits(id.data(), id.size());
  const Label wanted{hash.high64, hash.low64, 0};
  const auto found = std::ranges::lower_bound(labels_, order_of(wanted), {},
                                              [](const Label& label) { return order_of(label); });
  if (found == labels_.end() || order_of(*found) != order_of(wanted)) return nullptr;
  return &texts_[found->text];
}

// Fills the missing labels of the rows from `from` on.
void BaselineRows::join(ColumnFile& rows, std::size_t from) const {
  const CellColumn* const ids = rows.find("id");
  if (labels_.empty() || ids == nullptr) return;
  CellColumn joined("actual");
  const CellColumn* const given = rows.find("actual");
  for (std::size_t row = 0; row < rows.rows; ++row) {
    auto cell = given == nullptr ? std::nullopt : given->cell(row);
    if (!cell && row >= from) {
      const auto id = ids->cell(row);
      const std::string* const label = id ? label_of(*id) : nullptr;
      if (label != nullptr) cell = *label;
    }
    cell ? joined.add(*cell) : joined.add_missing();
  }
  const auto place = std::ranges::find_if(
      rows.columns, [](const CellColumn& column) { return column.name() == "actual"; });
  if (place == rows.columns.end()) {
    rows.columns.push_back(std::move(joined));
  } else {
    *place = std::move(joined);
  }
}

Result<> BaselineRows::rewind() {
  next_file_ = 0;
  bytes_before_ = 0;
  bad_before_ = 0;
  reader_.reset();
  return {};
}

Result<bool> BaselineRows::read(ColumnFile& into, std::size_t most) {
  const bool is_cut = input_.start || input_.end;
  const std::size_t before = into.rows;
  while (into.rows == before) {
    if (!reader_) {
      if (next_file_ == input_.files.size()) return false;
      Result<RowReader> opened =
          RowReader::open(input_.files[next_file_], {input_.model, input_.are_events});
      if (!opened) return std::unexpected(opened.error());
      reader_ = std::move(*opened);
      ++next_file_;
    }
    ColumnFile& target = is_cut ? block_ : into;
    if (is_cut) block_.clear_rows();
    const Result<std::size_t> read = reader_->read(target, most);
    if (!read) return std::unexpected(read.error());
    if (*read == 0) {
      bytes_before_ += reader_->size();
      bad_before_ += reader_->bad_lines();
      reader_.reset();
      continue;
    }
    if (!is_cut) break;
    const CellColumn* const times = block_.find("ts");
    std::vector<bool> keep(block_.rows, false);
    for (std::size_t row = 0; times != nullptr && row < block_.rows; ++row) {
      const auto cell = times->cell(row);
      const auto time = cell ? time_of_cell(*cell) : std::nullopt;
      keep[row] =
          time && (!input_.start || *time >= *input_.start) && (!input_.end || *time < *input_.end);
    }
    append_rows(block_, keep, into);
  }
  join(into, before);
  return true;
}

std::uint64_t BaselineRows::bad_lines() const {
  return bad_before_ + (reader_ ? reader_->bad_lines() : 0);
}

double BaselineRows::share_read() const {
  const std::uint64_t now = bytes_before_ + (reader_ ? reader_->position() : 0);
  return bytes_ == 0 ? 0 : std::min(1.0, static_cast<double>(now) / static_cast<double>(bytes_));
}

}  // namespace driftd
