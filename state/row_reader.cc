#include "state/row_reader.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/model.h"
#include "state/csv_record.h"
#include "state/json_row.h"

namespace driftd {
namespace {

constexpr std::size_t kBlockBytes = 1 << 20;

[[nodiscard]] std::unexpected<Error> bad_file(std::string message) {
  return fail(ErrorCode::invalid_reference, std::move(message));
}

// Which column of a ColumnFile a name is; one that is new has missing cells in the rows before.
class ColumnIndex {
 public:
  [[nodiscard]] std::size_t of(std::string_view name, ColumnFile& file) {
    if (by_name_.size() != file.columns.size()) rebuild(file);
    const auto found = by_name_.find(name);
    if (found != by_name_.end()) return found->second;
    const std::size_t at = file.columns.size();
    CellColumn& added = file.columns.emplace_back(std::string(name));
    while (added.size() < file.rows) added.add_missing();
    by_name_.emplace(std::string(name), static_cast<std::uint32_t>(at));
    return at;
  }

 private:
  void rebuild(const ColumnFile& file) {
    by_name_.clear();
    for (std::size_t i = 0; i < file.columns.size(); ++i)
      by_name_.emplace(file.columns[i].name(), static_cast<std::uint32_t>(i));
  }
  TextIndex by_name_;
};

void end_row(ColumnFile& file) {
  ++file.rows;
  for (CellColumn& column : file.columns) {
    if (column.size() < file.rows) column.add_missing();
  }
}

}  // namespace

// The decompressed bytes that have not been used yet, and what has become of all of them.
struct RowReader::Input {
  explicit Input(std::string of)
      : path(std::move(of)), digest(EVP_MD_CTX_new(), EVP_MD_CTX_free), file(nullptr, gzclose) {
    EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr);
  }

  [[nodiscard]] Result<> open() {
    file.reset(gzopen(path.c_str(), "rb"));
    if (!file) {
      return bad_file(
          fmt::format("{}: cannot be opened: check that the file exists and may be read", path));
    }
    gzbuffer(file.get(), 1 << 18);
    std::error_code error;
    size = std::filesystem::file_size(path, error);
    if (error) size = 0;
    return {};
  }

  [[nodiscard]] std::string_view rest() const { return std::string_view(buffer).substr(used); }
  [[nodiscard]] bool at_end() const { return ended && used == buffer.size(); }
  void use(std::size_t bytes) { used += bytes; }

  // Another block behind the rest.
  [[nodiscard]] Result<> read_more() {
    buffer.erase(0, used);
    used = 0;
    const std::size_t before = buffer.size();
    buffer.resize(before + kBlockBytes);
    const int count = gzread(file.get(), buffer.data() + before, kBlockBytes);
    int code = Z_OK;
    const char* const reason = gzerror(file.get(), &code);
    if (count < 0) {
      return bad_file(
          fmt::format("{}: reading failed ({}): the file may be cut off or damaged", path, reason));
    }
    buffer.resize(before + static_cast<std::size_t>(count));
    EVP_DigestUpdate(digest.get(), buffer.data() + before, static_cast<std::size_t>(count));
    if (static_cast<std::size_t>(count) == kBlockBytes) return {};
    ended = true;
    // A gzip file that ends in the middle reads as a short one; its end says so.
    if (code == Z_BUF_ERROR)
      return bad_file(fmt::format("{}: the gzip file is cut off; copy it again", path));
    return {};
  }

  std::string path;
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> digest;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file;
  std::uint64_t size = 0;
  std::string buffer;
  std::size_t used = 0;
  bool ended = false;
};

class RowReader::Rows {
 public:
  explicit Rows(std::unique_ptr<Input> input) : input_(std::move(input)) {}
  virtual ~Rows() = default;
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  [[nodiscard]] virtual Result<std::size_t> read(ColumnFile& into, std::size_t most) = 0;
  [[nodiscard]] const Input& seen() const { return *input_; }
  [[nodiscard]] std::uint64_t bad_lines() const { return bad_lines_; }

 protected:
  [[nodiscard]] Input& input() { return *input_; }
  [[nodiscard]] std::unexpected<Error> bad_line(std::size_t line, std::string_view what) const {
    return bad_file(fmt::format("{}:{}: {}", input_->path, line, what));
  }
  [[nodiscard]] Result<> read_more(std::size_t line) {
    if (input_->rest().size() > kMostRowBytes) {
      return bad_line(line, "the row is longer than 64 MiB; is a quote not closed?");
    }
    return input_->read_more();
  }

  std::uint64_t bad_lines_ = 0;

 private:
  std::unique_ptr<Input> input_;
};

class RowReader::CsvRows final : public Rows {
 public:
  using Rows::Rows;

  [[nodiscard]] Result<> read_header() {
    const Result<bool> read = next();
    if (!read) return std::unexpected(read.error());
    if (!*read) return bad_file(fmt::format("{}: the file is empty", input().path));
    for (const std::string_view name : record_.fields()) {
      if (name.empty()) return bad_header("a column without a name");
      if (std::ranges::find(header_, name) != header_.end())
        return bad_header(fmt::format("the column `{}` twice", name));
      header_.emplace_back(name);
    }
    return {};
  }

  [[nodiscard]] Result<std::size_t> read(ColumnFile& into, std::size_t most) override {
    std::vector<std::size_t> positions;
    positions.reserve(header_.size());
    for (const std::string& name : header_) positions.push_back(index_.of(name, into));
    std::size_t rows = 0;
    for (; rows < most; ++rows) {
      const Result<bool> read = next();
      if (!read) return std::unexpected(read.error());
      if (!*read) break;
      const auto& fields = record_.fields();
      if (fields.size() != header_.size()) {
        return bad_line(record_.line(), fmt::format("the row has {} fields, the header {}",
                                                    fields.size(), header_.size()));
      }
      for (std::size_t i = 0; i < fields.size(); ++i) {
        CellColumn& column = into.columns[positions[i]];
        fields[i].empty() ? column.add_missing() : column.add(fields[i]);
      }
      end_row(into);
    }
    return rows;
  }

 private:
  // False at the end. A record that reaches to the end of the buffer may go on behind it.
  [[nodiscard]] Result<bool> next() {
    for (;;) {
      const CsvRecord::Outcome outcome = record_.parse(input().rest(), input().ended);
      if (outcome == CsvRecord::Outcome::record) {
        input().use(record_.bytes());
        return true;
      }
      if (outcome == CsvRecord::Outcome::end) return false;
      if (outcome == CsvRecord::Outcome::bad_quotes) {
        return bad_line(record_.line(),
                        "a quoted field does not end, or goes on behind its closing quote: double "
                        "every quote inside a field");
      }
      if (auto more = read_more(record_.line()); !more) return std::unexpected(more.error());
    }
  }
  [[nodiscard]] std::unexpected<Error> bad_header(std::string_view what) const {
    return bad_line(1,
                    fmt::format("the header has {}: every column needs a name of its own", what));
  }

  CsvRecord record_;
  std::vector<std::string> header_;
  ColumnIndex index_;
};

class RowReader::JsonRows final : public Rows {
 public:
  JsonRows(std::unique_ptr<Input> input, RowOptions options)
      : Rows(std::move(input)), options_(std::move(options)) {}

  [[nodiscard]] Result<std::size_t> read(ColumnFile& into, std::size_t most) override {
    std::size_t rows = 0;
    while (rows < most) {
      const Result<std::optional<std::string_view>> text = next_line();
      if (!text) return std::unexpected(text.error());
      if (!*text) break;
      if ((*text)->find_first_not_of(" \t\r") == std::string_view::npos) continue;
      const auto added =
          parser_.parse(**text, options_.model, [&](std::string_view name, auto cell) {
            CellColumn& column = into.columns[index_.of(name, into)];
            // A key twice in one row: the first one holds.
            if (column.size() == into.rows) cell ? column.add(*cell) : column.add_missing();
          });
      if (!added && options_.are_events) {
        ++bad_lines_;
        continue;
      }
      if (!added) return bad_line(line_, added.error().message);
      if (!*added) continue;
      end_row(into);
      ++rows;
    }
    return rows;
  }

 private:
  [[nodiscard]] Result<std::optional<std::string_view>> next_line() {
    ++line_;
    std::size_t searched = 0;
    for (;;) {
      const std::string_view rest = input().rest();
      const std::size_t end = rest.find('\n', searched);
      if (end != std::string_view::npos) {
        input().use(end + 1);
        return rest.substr(0, end);
      }
      if (input().ended) {
        if (rest.empty()) return std::nullopt;
        input().use(rest.size());
        return rest;
      }
      searched = rest.size();
      if (auto more = read_more(line_); !more) return std::unexpected(more.error());
    }
  }

  RowOptions options_;
  JsonRow parser_;
  ColumnIndex index_;
  std::size_t line_ = 0;
};

RowReader::RowReader(std::unique_ptr<Rows> rows) : rows_(std::move(rows)) {}
RowReader::RowReader(RowReader&&) noexcept = default;
RowReader& RowReader::operator=(RowReader&&) noexcept = default;
RowReader::~RowReader() = default;

Result<RowReader> RowReader::open(const std::string& path, RowOptions options) {
  auto input = std::make_unique<Input>(path);
  if (auto opened = input->open(); !opened) return std::unexpected(opened.error());
  if (auto read = input->read_more(); !read) return std::unexpected(read.error());
  if (input->rest().starts_with("\xEF\xBB\xBF")) input->use(3);
  std::size_t first = 0;
  while ((first = input->rest().find_first_not_of(" \t\r\n")) == std::string_view::npos &&
         !input->ended) {
    if (auto read = input->read_more(); !read) return std::unexpected(read.error());
  }
  const bool is_json = first != std::string_view::npos && input->rest()[first] == '{';
  if (is_json || options.are_events)
    return RowReader(std::make_unique<JsonRows>(std::move(input), std::move(options)));
  auto rows = std::make_unique<CsvRows>(std::move(input));
  if (auto header = rows->read_header(); !header) return std::unexpected(header.error());
  return RowReader(std::move(rows));
}

Result<std::size_t> RowReader::read(ColumnFile& into, std::size_t most) {
  return rows_->read(into, most);
}

std::uint64_t RowReader::bad_lines() const { return rows_->bad_lines(); }

std::string RowReader::sha256() const {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> copy(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_MD_CTX_copy_ex(copy.get(), rows_->seen().digest.get());
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_DigestFinal_ex(copy.get(), digest.data(), &size);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

std::uint64_t RowReader::position() const {
  const auto offset = gzoffset(rows_->seen().file.get());
  return offset < 0 ? 0 : static_cast<std::uint64_t>(offset);
}
std::uint64_t RowReader::size() const { return rows_->seen().size; }

}  // namespace driftd
