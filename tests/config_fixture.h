// A folder of its own for each test that loads a configuration, with a reference in it.
//
// One test, one thread. The folder goes when the test ends.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/load.h"

namespace driftd {

inline const std::string kModel = "[[model]]\nname = \"m\"\nreference = \"reference.csv\"\n";
inline const std::string kSource =
    "[[source]]\nbrokers = \"localhost:9092\"\npredictions = [\"p\"]\n";
inline const std::string kWebhook = "[[webhook]]\nurl = \"https://ci.example/retrain\"\n";
inline const std::string kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

class ConfigFixture : public ::testing::Test {
 protected:
  ConfigFixture() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "driftd-config-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    write("reference.csv", "amount,prediction,actual\n1,0.5,1\n");
  }
  ~ConfigFixture() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder_ / name).string();
  }
  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  auto load(const std::string& text, const LoadOptions& options = {}) {
    write("driftd.toml", text);
    return load_config(path("driftd.toml"), options);
  }
  Config load_good(const std::string& text, const LoadOptions& options = {}) {
    auto config = load(text, options);
    if (!config) ADD_FAILURE() << to_text(config.error()) << "in\n" << text;
    return config.value_or(Config{});
  }
  std::vector<ConfigProblem> load_bad(const std::string& text, const LoadOptions& options = {}) {
    auto config = load(text, options);
    EXPECT_FALSE(config.has_value()) << text;
    return config ? std::vector<ConfigProblem>{} : config.error();
  }

  std::filesystem::path folder_;
};

}  // namespace driftd
