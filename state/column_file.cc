#include "state/column_file.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <zlib.h>

#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <limits>
#include <memory>
#include <unordered_map>

namespace driftd {
namespace {

// The whole file, decompressed where it is gzipped.
[[nodiscard]] Result<std::string> read_bytes(const std::string& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) {
    return fail(
        ErrorCode::invalid_reference,
        fmt::format("{}: cannot be opened: check that the file exists and may be read", path));
  }
  gzbuffer(file.get(), 1 << 18);
  std::string bytes;
  constexpr std::size_t kChunk = 1 << 20;
  for (;;) {
    const std::size_t before = bytes.size();
    bytes.resize(before + kChunk);
    const int read = gzread(file.get(), bytes.data() + before, kChunk);
    if (read < 0) {
      int code = 0;
      return fail(ErrorCode::invalid_reference,
                  fmt::format("{}: reading failed ({}): the file may be cut off or damaged", path,
                              gzerror(file.get(), &code)));
    }
    bytes.resize(before + static_cast<std::size_t>(read));
    if (static_cast<std::size_t>(read) < kChunk) break;
  }
  // A gzip file that ends in the middle reads as a short one; its end says so.
  int code = Z_OK;
  gzerror(file.get(), &code);
  if (code == Z_BUF_ERROR) {
    return fail(ErrorCode::invalid_reference,
                fmt::format("{}: the gzip file is cut off; copy it again", path));
  }
  return bytes;
}

[[nodiscard]] std::string sha256_of(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

// Reads records of RFC 4180: quoted fields may hold commas, line ends and doubled quotes.
class CsvReader {
 public:
  explicit CsvReader(std::string_view bytes) : bytes_(bytes) {}

  // False at the end of the file and where quotes are not as they should be. Empty lines are passed
  // over.
  [[nodiscard]] bool next(std::vector<std::string>& fields) {
    while (!bytes_.empty() && (bytes_.front() == '\n' || bytes_.front() == '\r')) {
      line_ += bytes_.front() == '\n';
      bytes_.remove_prefix(1);
    }
    fields.clear();
    if (bytes_.empty()) return false;
    record_line_ = line_;
    for (;;) {
      fields.emplace_back(field());
      if (bad_quotes_) return false;
      if (bytes_.empty()) return true;
      const char end = bytes_.front();
      bytes_.remove_prefix(1);
      if (end == ',') continue;
      if (end == '\r' && !bytes_.empty() && bytes_.front() == '\n') bytes_.remove_prefix(1);
      ++line_;
      return true;
    }
  }
  [[nodiscard]] std::size_t line() const { return record_line_; }
  [[nodiscard]] bool bad_quotes() const { return bad_quotes_; }

 private:
  [[nodiscard]] std::string field() {
    if (!bytes_.starts_with('"')) {
      const std::size_t end = std::min(bytes_.find_first_of(",\r\n"), bytes_.size());
      const std::string text(bytes_.substr(0, end));
      bytes_.remove_prefix(end);
      return text;
    }
    bytes_.remove_prefix(1);
    std::string text;
    while (!bytes_.empty()) {
      const char c = bytes_.front();
      bytes_.remove_prefix(1);
      if (c == '"') {
        if (!bytes_.starts_with('"')) {
          bad_quotes_ = !bytes_.empty() && bytes_.find_first_of(",\r\n") != 0;
          return text;
        }
        bytes_.remove_prefix(1);
      }
      line_ += c == '\n';
      text.push_back(c);
    }
    bad_quotes_ = true;
    return text;
  }

  std::string_view bytes_;
  std::size_t line_ = 1;
  std::size_t record_line_ = 1;
  bool bad_quotes_ = false;
};

[[nodiscard]] Result<ColumnFile> read_csv(const std::string& path, std::string_view bytes) {
  ColumnFile file;
  CsvReader reader(bytes);
  std::vector<std::string> fields;
  const auto bad_quotes = [&] {
    return fail(ErrorCode::invalid_reference,
                fmt::format("{}:{}: a quoted field does not end, or goes on behind its closing "
                            "quote: double every quote inside a field",
                            path, reader.line()));
  };
  if (!reader.next(fields)) {
    if (reader.bad_quotes()) return bad_quotes();
    return fail(ErrorCode::invalid_reference, fmt::format("{}: the file is empty", path));
  }
  for (std::string& name : fields) {
    if (name.empty() || file.find(name) != nullptr) {
      return fail(ErrorCode::invalid_reference,
                  fmt::format("{}:1: the header has {}: every column needs a name of its own", path,
                              name.empty() ? "a column without a name"
                                           : "the column `" + name + "` twice"));
    }
    file.columns.emplace_back(std::move(name));
  }
  while (reader.next(fields)) {
    if (fields.size() != file.columns.size()) {
      return fail(ErrorCode::invalid_reference,
                  fmt::format("{}:{}: the row has {} fields, the header {}", path, reader.line(),
                              fields.size(), file.columns.size()));
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
      fields[i].empty() ? file.columns[i].add_missing() : file.columns[i].add(fields[i]);
    }
    ++file.rows;
  }
  if (reader.bad_quotes()) return bad_quotes();
  return file;
}

// Builds the value that Boost.JSON's own parser builds, save that doubles are correctly rounded:
// its own are off by a unit in the last place in every eighth case, and such a value would no
// longer be equal to the same one in an event.
struct ExactHandler {
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  using Text = boost::json::string_view;
  using Code = boost::system::error_code;

  bool on_document_begin(Code&) { return stack.reset(), true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return true; }
  bool on_object_end(std::size_t size, Code&) { return stack.push_object(size), true; }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(std::size_t size, Code&) { return stack.push_array(size), true; }
  bool on_key_part(Text text, std::size_t, Code&) { return stack.push_chars(text), true; }
  bool on_key(Text text, std::size_t, Code&) { return stack.push_key(text), true; }
  bool on_string_part(Text text, std::size_t, Code&) { return stack.push_chars(text), true; }
  bool on_string(Text text, std::size_t, Code&) { return stack.push_string(text), true; }
  bool on_number_part(Text, Code&) { return true; }
  bool on_int64(std::int64_t value, Text, Code&) { return stack.push_int64(value), true; }
  bool on_uint64(std::uint64_t value, Text, Code&) { return stack.push_uint64(value), true; }
  bool on_double(double value, Text text, Code&) {
    // A whole row is parsed in one piece, so `text` is all of the number.
    stack.push_double(parse_number({text.data(), text.size()}).value_or(value));
    return true;
  }
  bool on_bool(bool value, Code&) { return stack.push_bool(value), true; }
  bool on_null(Code&) { return stack.push_null(), true; }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

  boost::json::value_stack stack;
};

[[nodiscard]] boost::json::value parse_row(std::string_view text,
                                           boost::system::error_code& error) {
  boost::json::basic_parser<ExactHandler> parser{boost::json::parse_options{}};
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && read < text.size()) error = boost::json::error::extra_data;
  return error ? boost::json::value() : parser.handler().stack.release();
}

// Fills columns row by row where rows name their columns; a column that a row leaves out is missing
// in it.
class RowWriter {
 public:
  explicit RowWriter(ColumnFile& file) : file_(file) {}

  void add(const std::string& name, const boost::json::value& value) {
    if (value.is_null()) return;
    CellColumn& column = this->column(name);
    while (column.size() < file_.rows) column.add_missing();
    if (column.size() > file_.rows) return;  // a key twice in one row: the first one holds
    if (value.is_string()) {
      const auto& text = value.get_string();
      text.empty() ? column.add_missing() : column.add({text.data(), text.size()});
    } else {
      column.add(boost::json::serialize(value));
    }
  }
  void end_row() {
    ++file_.rows;
    for (CellColumn& column : file_.columns) {
      while (column.size() < file_.rows) column.add_missing();
    }
  }

 private:
  CellColumn& column(const std::string& name) {
    const auto [found, added] = by_name_.try_emplace(name, file_.columns.size());
    if (added) file_.columns.emplace_back(name);
    return file_.columns[found->second];
  }
  ColumnFile& file_;
  std::unordered_map<std::string, std::size_t> by_name_;
};

[[nodiscard]] Result<ColumnFile> read_ndjson(const std::string& path, std::string_view bytes) {
  ColumnFile file;
  RowWriter writer(file);
  std::size_t line = 0;
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::string_view text = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    ++line;
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    boost::system::error_code error;
    const boost::json::value row = parse_row(text, error);
    if (error || !row.is_object()) {
      return fail(ErrorCode::invalid_reference,
                  fmt::format("{}:{}: not a JSON object ({})", path, line,
                              error ? error.message() : "another value"));
    }
    for (const auto& member : row.get_object()) {
      const std::string key(member.key());
      if (key == "features" && member.value().is_object()) {
        for (const auto& feature : member.value().get_object())
          writer.add(feature.key(), feature.value());
      } else if (key == "scores" && member.value().is_object()) {
        for (const auto& score : member.value().get_object()) {
          writer.add("score_" + std::string(score.key()), score.value());
        }
      } else {
        writer.add(key, member.value());
      }
    }
    writer.end_row();
  }
  return file;
}

}  // namespace

const CellColumn* ColumnFile::find(std::string_view name) const {
  for (const CellColumn& column : columns) {
    if (column.name() == name) return &column;
  }
  return nullptr;
}

Result<ColumnFile> read_column_file(const std::string& path) {
  const Result<std::string> bytes = read_bytes(path);
  if (!bytes) return std::unexpected(bytes.error());
  std::string_view text = *bytes;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool json = first != std::string_view::npos && text[first] == '{';
  Result<ColumnFile> file = json ? read_ndjson(path, text) : read_csv(path, text);
  if (!file) return file;
  if (file->rows == 0) {
    return fail(
        ErrorCode::invalid_reference,
        fmt::format("{}: the file has no rows: a reference needs the rows of a known-good time",
                    path));
  }
  file->sha256 = sha256_of(*bytes);
  return file;
}

std::optional<double> parse_number(std::string_view cell) {
  while (!cell.empty() && (cell.front() == ' ' || cell.front() == '+')) cell.remove_prefix(1);
  while (!cell.empty() && cell.back() == ' ') cell.remove_suffix(1);
  double value = 0;
  // from_chars is correctly rounded and knows inf, infinity and nan in any case.
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (cell.empty() || end != cell.data() + cell.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    // Too large for a double is infinite, too small is zero, as every other reader has it.
    const bool tiny = cell.find_first_of("eE") != std::string_view::npos &&
                      cell.find('-', cell.find_first_of("eE")) != std::string_view::npos;
    const double size = tiny ? 0.0 : std::numeric_limits<double>::infinity();
    return cell.front() == '-' ? -size : size;
  }
  if (error != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace driftd
