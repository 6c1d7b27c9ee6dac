#include "tests/support/stored_results.h"

#include <sqlite3.h>

#include <cmath>
#include <fstream>
#include <memory>
#include <set>
#include <stdexcept>

#include <gtest/gtest.h>
#include <boost/json.hpp>
#include <pqxx/pqxx>

namespace driftd {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr double kTolerance = 1e-9;
constexpr int kBusyMs = 5'000;  // how long a writer may hold the database

// A table: its key, counts and values in this order, with `revision` and `level` beside them.
struct Table {
  const char* name;
  const char* type;  // of the report line
  std::vector<const char*> names;
  std::vector<const char*> counts;
  std::vector<const char*> values;
};

const Table kTables[] = {
    {"findings", "finding", {"series", "detector"}, {"n"}, {"statistic", "p_value", "threshold"}},
    {"metrics", "metric", {"metric"}, {"n", "labelled"}, {"coverage", "value", "low", "high"}},
};

[[nodiscard]] std::string select(const Table& table) {
  std::string sql = "SELECT model, version, segment";
  for (const char* name : table.names) sql += std::string(", ") + name;
  sql += ", window_start, window_end, revision, level";
  for (const char* count : table.counts) sql += std::string(", ") + count;
  for (const char* value : table.values) sql += std::string(", ") + value;
  return sql + " FROM " + table.name;
}

using TextRow = std::vector<std::optional<std::string>>;

// Puts rows of `select` into results.
class Collector {
 public:
  void add(const Table& table, const TextRow& row) {
    std::string key = table.type;
    std::size_t at = 0;
    while (at < 3 + table.names.size() + 2) key += " " + row.at(at++).value();
    StoredResult result;
    result.revision = std::stoll(row.at(at++).value());
    result.level = row.at(at++).value();
    for (std::size_t i = 0; i < table.counts.size(); ++i) {
      result.counts.push_back(std::stoll(row.at(at++).value()));
    }
    for (std::size_t i = 0; i < table.values.size(); ++i) {
      const auto& text = row.at(at++);
      result.values.push_back(text ? std::optional(std::strtod(text->c_str(), nullptr))
                                   : std::nullopt);
    }
    add(key, std::move(result));
  }

  void add(const std::string& key, StoredResult result) {
    EXPECT_TRUE(rows_.emplace(key, result.revision).second)
        << key << " is there twice in revision " << result.revision;
    const auto [place, is_new] = results.try_emplace(key, result);
    if (!is_new && result.revision > place->second.revision) place->second = std::move(result);
  }

  StoredResults results;

 private:
  std::set<std::pair<std::string, std::int64_t>> rows_;
};

[[nodiscard]] std::string as_text(const json::value& value) {
  return value.is_string() ? std::string(value.as_string()) : json::serialize(value);
}

[[nodiscard]] std::optional<double> as_number(const json::value* value) {
  if (value == nullptr || value->is_null()) return std::nullopt;
  return value->to_number<double>();
}

void add_line(const json::object& line, const Table& table, Collector& collector) {
  const json::object& window = line.at("window").as_object();
  std::string key = table.type;
  for (const char* name : {"model", "version", "segment"}) key += " " + as_text(line.at(name));
  for (const char* name : table.names) key += " " + as_text(line.at(name));
  for (const char* name : {"start", "end"}) key += " " + as_text(window.at(name));
  StoredResult result;
  result.revision = window.at("revision").to_number<std::int64_t>();
  result.level = as_text(line.at("level"));
  for (const char* name : table.counts) {
    const json::object& place = std::string_view(name) == "n" ? window : line;
    result.counts.push_back(place.at(name).to_number<std::int64_t>());
  }
  for (const char* name : table.values) result.values.push_back(as_number(line.if_contains(name)));
  collector.add(key, std::move(result));
}

[[nodiscard]] bool same(const std::optional<double>& a, const std::optional<double>& b) {
  if (!a || !b) return !a && !b;
  return std::abs(*a - *b) <= kTolerance * std::max({1.0, std::abs(*a), std::abs(*b)});
}

[[nodiscard]] std::string text_of(const std::vector<std::optional<double>>& values) {
  std::string text;
  for (const auto& value : values) text += (value ? std::to_string(*value) : "NULL") + " ";
  return text;
}

}  // namespace

StoredResults results_in_sqlite(const fs::path& database) {
  if (!fs::exists(database)) return {};
  sqlite3* opened = nullptr;
  const int status = sqlite3_open_v2(database.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> connection(opened, sqlite3_close);
  if (status != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(opened));
  sqlite3_busy_timeout(opened, kBusyMs);
  std::pair<Collector, const Table*> target;
  const auto add = [](void* to, int columns, char** texts, char**) {
    TextRow row;
    for (int i = 0; i < columns; ++i) {
      row.push_back(texts[i] == nullptr ? std::nullopt : std::optional<std::string>(texts[i]));
    }
    auto& [collector, table] = *static_cast<std::pair<Collector, const Table*>*>(to);
    collector.add(*table, row);
    return 0;
  };
  for (const Table& table : kTables) {
    target.second = &table;
    if (sqlite3_exec(opened, select(table).c_str(), add, &target, nullptr) != SQLITE_OK) {
      const std::string message = sqlite3_errmsg(opened);
      if (message.starts_with("no such table")) return {};  // the daemon is just making it
      throw std::runtime_error(message);
    }
  }
  return target.first.results;
}

StoredResults results_in_postgres(const std::string& url) {
  pqxx::connection connection(url);
  pqxx::nontransaction work(connection);
  Collector collector;
  for (const Table& table : kTables) {
    for (const auto& row : work.exec(select(table))) {
      TextRow texts;
      for (const auto& field : row) {
        texts.push_back(field.is_null() ? std::nullopt : std::optional<std::string>(field.c_str()));
      }
      collector.add(table, texts);
    }
  }
  return collector.results;
}

StoredResults results_in_report(const fs::path& report) {
  std::ifstream in(report);
  Collector collector;
  for (std::string line; std::getline(in, line);) {
    const json::value value = json::parse(line);
    for (const Table& table : kTables) {
      if (as_text(value.at("type")) == table.type) add_line(value.as_object(), table, collector);
    }
  }
  return collector.results;
}

void expect_same_results(const StoredResults& actual, const StoredResults& expected) {
  for (const auto& [key, result] : actual) {
    EXPECT_TRUE(expected.contains(key)) << key << " is not expected";
  }
  for (const auto& [key, result] : expected) {
    const auto found = actual.find(key);
    if (found == actual.end()) {
      ADD_FAILURE() << key << " is missing";
      continue;
    }
    EXPECT_EQ(found->second.counts, result.counts) << key;
    EXPECT_EQ(found->second.level, result.level) << key;
    EXPECT_TRUE(std::ranges::equal(found->second.values, result.values, same))
        << key << ": " << text_of(found->second.values) << "instead of " << text_of(result.values);
  }
}

}  // namespace driftd
