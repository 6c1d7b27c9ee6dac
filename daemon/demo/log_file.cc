#include "daemon/demo/log_file.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <cstddef>
#include <fstream>
#include <utility>

namespace driftd {
namespace {

constexpr std::size_t kMaxTroubles = 10;

}  // namespace

LogFile::LogFile(std::string path) : path_(std::move(path)), before_(spdlog::default_logger()) {
  try {
    auto logger = std::make_shared<spdlog::logger>(
        "demo", std::make_shared<spdlog::sinks::basic_file_sink_mt>(path_, true));
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-5l %v", spdlog::pattern_time_type::utc);
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
  } catch (const spdlog::spdlog_ex& error) {
    spdlog::warn("the log cannot go to {}: {}", path_, error.what());
  }
}

LogFile::~LogFile() { spdlog::set_default_logger(before_); }

std::vector<std::string> LogFile::troubles() const {
  std::vector<std::string> lines;
  std::ifstream file(path_);
  for (std::string line; std::getline(file, line);) {
    if (line.find(" error ") != std::string::npos) lines.push_back(line);
  }
  if (lines.size() > kMaxTroubles) lines.erase(lines.begin(), lines.end() - kMaxTroubles);
  return lines;
}

}  // namespace driftd
