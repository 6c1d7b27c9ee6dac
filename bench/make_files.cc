// Writes the traffic as files: predictions.ndjson, labels.ndjson and reference.csv.
//
//   bench_make_files FOLDER EVENTS REFERENCE_ROWS
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "bench/event_generator.h"

namespace {

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// Writes `head` and then `count` pieces, piece by piece.
template <typename Append>
bool write_file(const std::string& path, std::uint64_t count, std::string head, Append append) {
  const std::unique_ptr<std::FILE, FileCloser> file(std::fopen(path.c_str(), "wb"));
  bool written = file != nullptr;
  std::string& text = head;
  for (std::uint64_t i = 0; i < count && written; ++i) {
    append(text, i);
    written = std::fwrite(text.data(), 1, text.size(), file.get()) == text.size();
    text.clear();
  }
  written = written && std::fflush(file.get()) == 0;
  if (!written) std::perror(path.c_str());
  return written;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace driftd;
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s FOLDER EVENTS REFERENCE_ROWS\n", argv[0]);
    return 64;
  }
  const std::string folder = argv[1];
  const std::uint64_t events = std::strtoull(argv[2], nullptr, 10);
  const std::uint64_t rows = std::strtoull(argv[3], nullptr, 10);
  const auto as_line = [](auto append) {
    return [append](std::string& out, std::uint64_t number) {
      append(out, number);
      out += '\n';
    };
  };
  std::string header;
  append_reference_header(header);
  const bool written =
      write_file(folder + "/reference.csv", rows, header, append_reference_row) &&
      write_file(folder + "/predictions.ndjson", events, "", as_line(append_prediction)) &&
      write_file(folder + "/labels.ndjson", events, "", as_line(append_label));
  return written ? 0 : 74;
}
