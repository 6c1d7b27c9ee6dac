// What the documentation shows is loaded: the example file with all its options, and every TOML
// block in the docs.

#include <cstdlib>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "config/policies.h"
#include "tests/config_fixture.h"

namespace driftd {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The example file, whose comments say how its options and alternatives are written.
class Example : public ConfigFixture {
 protected:
  Example() {
    setenv("PGPASSWORD", "x", 1);
    setenv("KAFKA_PASSWORD", "x", 1);
    setenv("WEBHOOK_SECRET", kSecret.c_str(), 1);
    write("config/postgres.password", "x");
    write("config/webhook.key", kSecret);
    write("config/ca.pem", "");
    write("examples/car-loan/reference.csv.gz", "");
    for (std::string line :
         lines_of(read_file(fs::path(DRIFTD_ROOT) / "config/driftd.example.toml"))) {
      if (line.size() > 1 && line[0] == '#' && line[1] != ' ') line.erase(0, 1);
      lines_.push_back(line);
    }
  }
  // Loads the example with every option used, as if it stood in the project.
  void expect_good(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    write("config/driftd.toml", text);
    const auto config = load_config(path("config/driftd.toml"));
    EXPECT_TRUE(config.has_value()) << to_text(config.error());
  }

  std::vector<std::string> lines_;
};

TEST_F(Example, LoadsAsItIs) {
  const auto config = load_config((fs::path(DRIFTD_ROOT) / "config/driftd.example.toml").string());
  ASSERT_TRUE(config.has_value()) << to_text(config.error());
  EXPECT_THAT(config->notes, ElementsAre());
}

TEST_F(Example, LoadsWithEveryOption) { expect_good(lines_); }

TEST_F(Example, LoadsWithEachAlternative) {
  std::size_t alternatives = 0;
  std::size_t setting = 0;  // the line that an alternative stands for
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    if (!lines_[i].empty() && lines_[i][0] != '#') setting = i;
    if (!lines_[i].starts_with("# or: ")) continue;
    ++alternatives;
    auto changed = lines_;
    changed[setting] = lines_[i].substr(6);
    for (std::size_t j = i + 1; j < lines_.size() && lines_[j].starts_with("# and: "); ++j) {
      changed[j] = lines_[j].substr(7);
    }
    SCOPED_TRACE(changed[setting]);
    expect_good(changed);
  }
  EXPECT_GE(alternatives, 8U);
}

// The keys that the loader itself names when it meets an unknown one.
std::set<std::string> keys_of(const std::vector<ConfigProblem>& problems) {
  std::set<std::string> keys;
  for (const ConfigProblem& problem : problems) {
    const std::string& list = problem.suggestion;
    const std::size_t colon = list.find("the keys here are: ");
    if (colon == std::string::npos) continue;
    std::istringstream stream(list.substr(colon + 19));
    for (std::string key; stream >> key;) keys.insert(key.substr(0, key.find(',')));
  }
  return keys;
}

TEST_F(Example, AndTheDocumentationNameEveryKey) {
  const std::string unknown = "zzzzzzzz = 1\n";
  const std::set<std::string> keys = keys_of(load_bad(
      unknown + kSource + unknown + kModel + unknown +
      "window.zzzzzzzz = 1\nalerts.zzzzzzzz = 1\nquality.zzzzzzzz = 1\n" + "[model.features.a]\n" +
      unknown + "[model.features.a.detectors.ks]\n" + unknown + "[model.metrics.f1]\n" + unknown +
      "[store]\n" + unknown + "[daemon]\n" + unknown + kWebhook + unknown));
  EXPECT_GT(keys.size(), 50U);
  const std::string example = read_file(fs::path(DRIFTD_ROOT) / "config/driftd.example.toml");
  const std::string manual = read_file(fs::path(DRIFTD_ROOT) / "docs/configuration.md");
  for (const std::string& key : keys) {
    EXPECT_TRUE(std::regex_search(example, std::regex("\\b" + key + "\\b"))) << key;
    // A key stands there as `key`, a section as `[key]` or `[[key]]`.
    EXPECT_TRUE(std::regex_search(manual, std::regex("`\\[*" + key + "\\]*`"))) << key;
  }
}

struct Snippet {
  std::string where;  // file:line
  std::string mark;   // what a `<!-- snippet: .. -->` directly above it says
  std::string text;
  std::string answer;  // of a bad one: the ```text block behind it
};

// The lines from `at`, which opens a block, to the block's end; `at` is then the closing line.
std::string block_at(const std::vector<std::string>& lines, std::size_t& at) {
  std::string text;
  for (++at; at < lines.size() && lines[at] != "```"; ++at) text += lines[at] + "\n";
  EXPECT_LT(at, lines.size()) << "a block is not closed";
  return text;
}

// The ```toml blocks of a page.
std::vector<Snippet> snippets_of(const fs::path& page) {
  std::vector<Snippet> snippets;
  const std::vector<std::string> lines = lines_of(read_file(page));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i] == "```text" && !snippets.empty() && snippets.back().answer.empty()) {
      snippets.back().answer = block_at(lines, i);
    }
    if (i >= lines.size() || lines[i] != "```toml") continue;
    Snippet snippet;
    snippet.where = page.filename().string() + ":" + std::to_string(i + 1);
    if (i > 0 && lines[i - 1].starts_with("<!-- snippet: ")) snippet.mark = lines[i - 1];
    snippet.text = block_at(lines, i);
    snippets.push_back(std::move(snippet));
  }
  return snippets;
}

class Documentation : public ConfigFixture {
 protected:
  Documentation() {
    const fs::path root = DRIFTD_ROOT;
    std::vector<fs::path> pages{root / "docs/configuration.md"};
    if (fs::exists(root / "README.md")) pages.push_back(root / "README.md");
    for (const auto& entry : fs::directory_iterator(root / "docs")) {
      if (entry.path().extension() == ".md" && entry.path() != pages[0]) {
        pages.push_back(entry.path());
      }
    }
    for (const fs::path& page : pages) {
      for (Snippet& snippet : snippets_of(page)) snippets_.push_back(std::move(snippet));
    }
  }

  // Makes what a snippet relies on: the files it names, and the variables.
  void provide(const std::string& text) {
    static const std::regex kFile("(reference|password_file|secret_file|ca_file) = \"([^\"$]+)\"");
    for (std::sregex_iterator found(text.begin(), text.end(), kFile), end; found != end; ++found) {
      const std::string name = (*found)[2];
      if (fs::path(name).is_absolute()) continue;
      write(name, (*found)[1] == "secret_file" ? kSecret : "amount,country\n12.5,DE\n");
    }
    static const std::regex kVariable(R"(\$\{([A-Za-z0-9_]+)\})");
    for (std::sregex_iterator found(text.begin(), text.end(), kVariable), end; found != end;
         ++found) {
      setenv((*found)[1].str().c_str(), kSecret.c_str(), 0);
    }
  }

  std::vector<Snippet> snippets_;
};

constexpr char kFragment[] = "<!-- snippet: fragment -->";
constexpr char kBad[] = "<!-- snippet: bad -->";
constexpr char kPolicy[] = "<!-- snippet: policy -->";

TEST_F(Documentation, EverySnippetLoads) {
  std::size_t loaded = 0;
  for (const Snippet& snippet : snippets_) {
    if (snippet.mark == kFragment || snippet.mark == kBad || snippet.mark == kPolicy) continue;
    EXPECT_EQ(snippet.mark, "") << snippet.where;
    provide(snippet.text);
    // One without a source is meant for `driftd replay`.
    const bool models_only = snippet.text.find("[[source]]") == std::string::npos;
    const auto config = load(snippet.text, {.overrides = {}, .models_only = models_only});
    EXPECT_TRUE(config.has_value()) << snippet.where << "\n" << to_text(config.error());
    ++loaded;
  }
  EXPECT_GE(loaded, 1U);
}

TEST_F(Documentation, EveryPolicyLoads) {
  write("driftd.toml", "[[model]]\nname = \"car-loan\"\nreference = \"reference.csv\"\n");
  std::size_t loaded = 0;
  for (const Snippet& snippet : snippets_) {
    if (snippet.mark != kPolicy) continue;
    write("policy.toml", snippet.text);
    const auto policies =
        load_policies(path("driftd.toml"), {{}, true}, {{path("policy.toml")}, {}});
    EXPECT_TRUE(policies.has_value()) << snippet.where << "\n" << to_text(policies.error());
    ++loaded;
  }
  EXPECT_GE(loaded, 1U);
}

TEST_F(Documentation, ErrorsAreShownAsTheyArePrinted) {
  std::size_t compared = 0;
  for (const Snippet& snippet : snippets_) {
    if (snippet.mark != kBad) continue;
    std::string printed = to_text(load_bad(snippet.text));
    for (std::size_t at; (at = printed.find(path(""))) != std::string::npos;) {
      printed.erase(at, path("").size());
    }
    EXPECT_EQ(printed, snippet.answer) << snippet.where;
    ++compared;
  }
  EXPECT_GE(compared, 1U);
}

TEST_F(Documentation, TheFirstConfigurationHasTwelveLinesAtMost) {
  ASSERT_FALSE(snippets_.empty());
  EXPECT_THAT(snippets_[0].where, HasSubstr("configuration.md"));
  EXPECT_LE(lines_of(snippets_[0].text).size(), 12U) << snippets_[0].text;
}

}  // namespace
}  // namespace driftd
