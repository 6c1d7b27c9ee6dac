#include "state/window_archive.h"

#include "core/check.h"

namespace driftd {

void ClosedWindow::write(ByteWriter& out) const {
  out.signed_varint(index);
  out.signed_varint(revision);
  out.signed_varint(start);
  out.signed_varint(end);
  out.varint(predictions);
  out.varint(labelled);
  out.varint(published_labelled);
  out.signed_varint(published_at);
  out.byte(static_cast<std::uint8_t>((features_pending ? 1 : 0) | (performance_pending ? 2 : 0) |
                                     (matured ? 4 : 0)));
}

bool ClosedWindow::read(ByteReader& in, ClosedWindow& out) {
  out.index = in.signed_varint();
  out.revision = static_cast<std::int32_t>(in.signed_varint());
  out.start = in.signed_varint();
  out.end = in.signed_varint();
  out.predictions = in.varint();
  out.labelled = in.varint();
  out.published_labelled = in.varint();
  out.published_at = in.signed_varint();
  const std::uint8_t flags = in.byte();
  out.features_pending = (flags & 1) != 0;
  out.performance_pending = (flags & 2) != 0;
  out.matured = (flags & 4) != 0;
  return in.at_end();
}

ClosedWindow* WindowArchive::find(const PaneKey& key) {
  const auto found = records_.find(key);
  return found == records_.end() ? nullptr : &found->second.window;
}

void WindowArchive::put(const PaneKey& key, const ClosedWindow& window, WindowSummaries summaries) {
  Record& record = records_[key];
  record.window = window;
  record.summaries = std::move(summaries);
  record.summaries_changed = true;
  mark_changed(key);
}

void WindowArchive::mark_changed(const PaneKey& key) {
  const auto found = records_.find(key);
  DRIFTD_CHECK(found != records_.end());
  if (found->second.changed) return;
  found->second.changed = true;
  changed_.push_back(key);
}

Result<WindowSummaries> WindowArchive::summaries(const PaneKey& key) {
  const auto found = records_.find(key);
  DRIFTD_CHECK(found != records_.end());
  if (found->second.summaries) return *found->second.summaries;
  DRIFTD_CHECK(loader_ != nullptr);
  return loader_(key);
}

void WindowArchive::forget(const PaneKey& key) {
  if (records_.erase(key) == 0) return;
  forgotten_.insert(key);
  newly_forgotten_.push_back(key);
  while (forgotten_.size() > kMaxForgotten) {
    erased_.push_back(*forgotten_.begin());
    forgotten_.erase(forgotten_.begin());
  }
}

void WindowArchive::restore(const PaneKey& key, const ClosedWindow& window) {
  records_[key].window = window;
}

void WindowArchive::committed() {
  for (const PaneKey& key : changed_) {
    const auto found = records_.find(key);
    if (found == records_.end()) continue;
    found->second.changed = false;
    found->second.summaries_changed = false;
    if (loader_) found->second.summaries.reset();
  }
  changed_.clear();
  newly_forgotten_.clear();
  erased_.clear();
}

}  // namespace driftd
