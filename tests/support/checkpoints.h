// A checkpoint with one of everything, and all that a state directory holds as one text, so that
// two states can be compared.
#pragma once

#include <fmt/format.h>

#include <string>

#include "state/outbox_reader.h"
#include "state/state_store.h"

namespace driftd {

// Bytes that a text column or a C string would cut off.
inline const std::string kBytes("\x00\xFF\x00 and more", 11);

[[nodiscard]] inline StoredOutboxEntry entry(const std::string& sink, const std::string& id) {
  StoredOutboxEntry made;
  made.sink = sink;
  made.id = id;
  made.payload = "p" + id;
  made.created = 77;
  return made;
}

[[nodiscard]] inline Checkpoint one_of_everything() {
  Checkpoint all;
  all.partitions = {{"kafka-0", "predictions", 3, 0, 1LL << 40, 1'700'000'000'123, (1LL << 40) - 1,
                     0xFEDC'BA98'7654'3210},
                    {"kafka-0", "labels", 0, 1, 5, kNoTime}};
  all.names = {{"fraud", "version", 0, "v1"}, {"fraud", "class", 1, kBytes}};
  all.open_panes = {{1, {"fraud", 2, -3'600'000}, {kBytes, "performance"}}};
  StoredWindow& window = all.windows.emplace_back();
  window.window = {"fraud", 0, 7};
  window.record = kBytes;
  all.panes = {{{"fraud", 0, 7}, {"features", kBytes}}};
  all.forgotten_windows = {{"fraud", 0, 6}};
  all.monitors = {{"fraud", 0, 12, 12'345, kBytes}};
  all.joins = {{"fraud", {{5, 7}, {12, 1LL << 40}}, 90, 80}, {"other", {{0, 1}}}};
  all.outbox = {entry("store", "a")};
  all.fingerprints = {{"fraud", "task=binary"}};
  return all;
}

// Changes something in every table; another `n`, other values. `bytes` are added to its open panes,
// so that it does not fit into SQLite's cache.
[[nodiscard]] inline Checkpoint change_of_everything(int n, std::size_t bytes = 0) {
  Checkpoint all;
  all.partitions = {{"kafka-0", "labels", 0, 1, 5 + n, 1'000 + n}};
  all.names = {{"fraud", "version", static_cast<std::uint32_t>(n), fmt::format("v{}", n)}};
  all.open_panes = {{0, {"fraud", 0, n}, {fmt::format("pane {}", n), "p"}}};
  for (std::size_t i = 0; i < bytes / 1'000; ++i)
    all.open_panes.push_back(
        {2, {"fraud", 0, static_cast<std::int64_t>(i)}, {std::string(1'000, 'f'), ""}});
  all.closed_open_panes = {{0, {"fraud", 0, n - 1}}};
  StoredWindow& window = all.windows.emplace_back();
  window.window = {"fraud", 0, 7};
  window.record = fmt::format("record {}", n);
  all.panes = {{{"fraud", 0, 7}, {fmt::format("features {}", n), "performance"}}};
  all.monitors = {{"fraud", 0, 12 + n, 12'345 + n, fmt::format("health {}", n)}};
  all.joins = {{"fraud", {{0, static_cast<std::uint64_t>(n)}}}};
  all.outbox = {entry("store", fmt::format("b{}", n))};
  return all;
}

// Reads whatever can be read; the first error otherwise.
[[nodiscard]] inline Result<std::string> text_of_state(StateStore& store) {
  const auto state = store.load();
  if (!state) return std::unexpected(state.error());
  std::string text = store.instance_id() + "\n";
  for (const auto& p : state->partitions)
    text += fmt::format("partition {} {} {} {} {} {} {} {}\n", p.source, p.topic, p.partition,
                        p.kind, p.next_offset, p.max_event_time, p.last_offset, p.last_fingerprint);
  for (const auto& n : state->names)
    text += fmt::format("name {} {} {} {}\n", n.model, n.kind, n.code, n.text);
  for (const auto& p : state->open_panes)
    text += fmt::format("open {} {} {} {} {} {}\n", p.lane, p.window.model, p.window.version,
                        p.window.pane, p.summaries.features, p.summaries.performance);
  for (const auto& w : state->windows)
    text += fmt::format("window {} {} {} {}\n", w.window.model, w.window.version, w.window.pane,
                        w.record);
  for (const auto& pane : state->panes) {
    const auto summaries = store.load_summaries(pane);
    if (!summaries) return std::unexpected(summaries.error());
    text += fmt::format("pane {} {} {} {} {}\n", pane.model, pane.version, pane.pane,
                        summaries->features, summaries->performance);
  }
  for (const auto& w : state->forgotten_windows)
    text += fmt::format("forgotten {} {} {}\n", w.model, w.version, w.pane);
  for (const auto& m : state->monitors)
    text += fmt::format("monitor {} {} {} {} {}\n", m.model, m.version, m.windows, m.predictions,
                        m.health);
  for (const auto& join : state->joins) {
    text += fmt::format("join {} {} {}\n", join.model, join.predictions_until, join.until);
    for (const JoinSegment& segment : join.segments)
      text += fmt::format("segment {} {}\n", segment.first, segment.rows);
  }
  for (const auto& f : state->fingerprints)
    text += fmt::format("fingerprint {} {}\n", f.model, f.fingerprint);
  const auto sizes = store.outbox_sizes();
  if (!sizes) return std::unexpected(sizes.error());
  for (const auto& [sink, size] : *sizes) {
    const auto reader = OutboxReader::open(store.path());
    if (!reader) return std::unexpected(reader.error());
    const auto entries = (*reader)->read(sink, 0, size + 1);
    if (!entries) return std::unexpected(entries.error());
    for (const StoredOutboxEntry& e : *entries)
      text += fmt::format("outbox {} {} {} {} {}\n", e.sequence, sink, e.id, e.payload, e.created);
  }
  return text;
}

[[nodiscard]] inline Result<std::string> text_of_state(const std::string& folder) {
  const auto store = StateStore::open(folder);
  if (!store) return std::unexpected(store.error());
  return text_of_state(**store);
}

}  // namespace driftd
