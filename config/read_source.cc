#include <fmt/format.h>

#include <algorithm>

#include "config/sections.h"

namespace driftd {
namespace {

// What librdkafka accepts as a topic. A name that begins with `^` would be a pattern there.
constexpr std::size_t kLongestTopic = 249;

[[nodiscard]] bool is_topic(std::string_view name) {
  return !name.empty() && name.size() <= kLongestTopic && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

void check_topics(const TableReader& table, std::string_view key,
                  const std::vector<std::string>& topics) {
  for (std::size_t i = 0; i < topics.size(); ++i) {
    if (!is_topic(topics[i])) {
      table.problem(key, fmt::format("`{}` holds \"{}\", which is no topic name", key, topics[i]),
                    "topics are letters, digits, `.`, `_` and `-`; patterns are not supported");
    }
    if (std::find(topics.begin(), topics.begin() + static_cast<std::ptrdiff_t>(i), topics[i]) !=
        topics.begin() + static_cast<std::ptrdiff_t>(i)) {
      table.problem(key, fmt::format("`{}` lists the topic \"{}\" twice", key, topics[i]));
    }
  }
}

void read_topics(TableReader& table, KafkaSourceConfig& source) {
  table.require("predictions", "add the topics to read, e.g. predictions = [\"predictions\"]");
  if (table.texts("predictions", source.predictions, "[\"predictions\"]")) {
    check_topics(table, "predictions", source.predictions);
    if (source.predictions.empty()) {
      table.problem("predictions", "`predictions` lists no topic", "for example [\"predictions\"]");
    }
  }
  if (!table.texts("labels", source.labels, "[\"labels\"]")) return;
  check_topics(table, "labels", source.labels);
  for (const std::string& topic : source.labels) {
    if (std::ranges::find(source.predictions, topic) == source.predictions.end()) continue;
    table.problem("labels",
                  fmt::format("the topic \"{}\" is in `predictions` and in `labels`", topic),
                  "predictions and labels come from topics of their own");
  }
}

void read_start(TableReader& table, KafkaSourceConfig& source) {
  const TomlNode* const node = table.find("start");
  if (node == nullptr) return;
  const auto* text = node->as<std::string>();
  if (text != nullptr && (*text == "earliest" || *text == "latest")) {
    source.start = *text == "latest" ? StartAt::latest : StartAt::earliest;
    return;
  }
  // RFC 3339 is how TOML writes a time, so TOML's own parser reads the one in the string.
  const auto parsed = text == nullptr ? std::optional(*node) : parse_value(*text);
  if (const auto* instant = parsed ? parsed->as<Instant>() : nullptr) {
    source.start = StartAt::time;
    source.start_time = std::max<TimeMs>(0, instant->time);  // before 1970 is from the beginning
    return;
  }
  table.problem(
      "start", fmt::format("`start` cannot be {}", table.quoted("start")),
      "use \"earliest\", \"latest\" or a time with an offset such as \"2026-01-31T00:00:00Z\"");
}

struct RefusedProperty {
  std::string_view name;
  std::string_view use;
};

// Exactly-once rests on these: driftd sets them itself.
constexpr RefusedProperty kRefusedProperties[] = {
    {"enable.auto.commit",
     "driftd commits after every checkpoint; see `checkpoint_interval` in [daemon]"},
    {"enable.auto.offset.store", "driftd stores offsets together with its state"},
    {"auto.offset.reset", "use `start` in [[source]]"},
    {"topic.auto.offset.reset", "use `start` in [[source]]"},
    {"enable.partition.eof", "driftd needs it to tell a quiet partition from a slow one"},
    {"group.id", "use `group_id` in [[source]]"},
    {"bootstrap.servers", "use `brokers` in [[source]]"},
    {"metadata.broker.list", "use `brokers` in [[source]]"},
    {"group.instance.id", "driftd keeps one in `state_dir`, so that a restart is ready at once"},
    {"partition.assignment.strategy",
     "driftd sets it, because its state moves with the partitions"},
};

void read_properties(TableReader& table, KafkaSourceConfig& source) {
  TableReader properties = table.table("properties", "{ \"security.protocol\" = \"SSL\" }");
  for (const TomlEntry& entry : properties.entries()) {
    if (entry.node.as<TomlTable>() != nullptr) {
      (void)properties.find(entry.key);
      table.context().problems.add(
          entry.place, fmt::format("`{}` is a table, not a property", entry.key),
          "put the whole name into quotes: { \"security.protocol\" = \"SSL\" }");
      continue;
    }
    std::string value;
    const bool read = properties.text(entry.key, value, "\"500\"");
    const auto* refused = std::ranges::find(kRefusedProperties, entry.key, &RefusedProperty::name);
    if (refused != std::end(kRefusedProperties)) {
      table.context().problems.add(entry.place,
                                   fmt::format("the property `{}` cannot be set here", entry.key),
                                   std::string(refused->use));
    } else if (read) {
      source.properties.emplace(entry.key, std::move(value));
    }
  }
}

}  // namespace

KafkaSourceConfig read_source(TableReader& table, std::size_t position) {
  KafkaSourceConfig source;
  source.name = fmt::format("kafka-{}", position);
  if (table.refuse_planned_value(
          "type", {"http", "replay"},
          "use type = \"kafka\"; for files there is the command `driftd replay`")) {
    table.ignore_unknown();
    return source;
  }
  std::string type;
  table.choice<std::string>("type", type, {{"kafka", "kafka"}});
  table.require("brokers",
                "add brokers = \"localhost:9092\" with your brokers, separated by commas");
  table.text("brokers", source.brokers, "\"localhost:9092\"");
  table.text("group_id", source.group_id, "\"driftd\"");
  read_topics(table, source);
  if (!table.refuse_planned_value(
          "format",
          {"cloudevents", "kserve", "seldon", "sagemaker", "azureml", "bentoml", "databricks"},
          "use format = \"json\", driftd's own events")) {
    table.choice<std::string>("format", source.format, {{"json", "json"}});
  }
  table.choice<TimestampUnit>("timestamps", source.timestamps,
                              {{"detect", TimestampUnit::detect},
                               {"seconds", TimestampUnit::seconds},
                               {"milliseconds", TimestampUnit::milliseconds},
                               {"microseconds", TimestampUnit::microseconds},
                               {"rfc3339", TimestampUnit::rfc3339}});
  read_start(table, source);
  table.choice<OffsetLost>("offset_lost", source.offset_lost,
                           {{"stop", OffsetLost::stop},
                            {"earliest", OffsetLost::earliest},
                            {"latest", OffsetLost::latest}});
  read_properties(table, source);
  return source;
}

}  // namespace driftd
