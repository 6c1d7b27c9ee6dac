#include "state/window_archive.h"

#include "core/check.h"

namespace driftd {

void WindowRecord::write(ByteWriter& out) const {
  out.signed_varint(index);
  out.signed_varint(revision);
  out.signed_varint(start);
  out.signed_varint(end);
  out.varint(predictions);
  out.varint(labelled);
  out.varint(published_labelled);
  out.signed_varint(published_at);
  out.signed_varint(published_time);
  out.byte(static_cast<std::uint8_t>((features_pending ? 1 : 0) | (performance_pending ? 2 : 0) |
                                     (matured ? 4 : 0) | (is_closed ? 8 : 0) |
                                     (is_biased ? 16 : 0) | (is_biased_by_age ? 32 : 0) |
                                     (verdict_pending ? 64 : 0)));
  label_delays.write(out);
  out.varint(class_coverage.size());
  for (const double share : class_coverage) out.number(share);
}

bool WindowRecord::read(ByteReader& in, WindowRecord& out) {
  out.index = in.signed_varint();
  out.revision = static_cast<std::int32_t>(in.signed_varint());
  out.start = in.signed_varint();
  out.end = in.signed_varint();
  out.predictions = in.varint();
  out.labelled = in.varint();
  out.published_labelled = in.varint();
  out.published_at = in.signed_varint();
  out.published_time = in.signed_varint();
  const std::uint8_t flags = in.byte();
  out.features_pending = (flags & 1) != 0;
  out.performance_pending = (flags & 2) != 0;
  out.matured = (flags & 4) != 0;
  out.is_closed = (flags & 8) != 0;
  out.is_biased = (flags & 16) != 0;
  out.is_biased_by_age = (flags & 32) != 0;
  out.verdict_pending = (flags & 64) != 0;
  if (!ClassDelays::read(in, out.label_delays)) return false;
  out.class_coverage.resize(in.element_count());
  for (double& share : out.class_coverage) share = in.number();
  return in.at_end();
}

void WindowArchive::put_pane(const PaneKey& key, WindowSummaries summaries) {
  panes_[key] = std::move(summaries);
  changes_.panes.insert(key);
  changes_.erased_panes.erase(key);
}

Result<WindowSummaries> WindowArchive::summaries(const PaneKey& key) {
  const auto found = panes_.find(key);
  DRIFTD_CHECK(found != panes_.end());
  if (found->second) return *found->second;
  DRIFTD_CHECK(loader_ != nullptr);
  return loader_(key);
}

void WindowArchive::erase_pane(const PaneKey& key) {
  if (panes_.erase(key) == 0) return;
  changes_.panes.erase(key);
  changes_.erased_panes.insert(key);
}

WindowRecord* WindowArchive::find(const PaneKey& key) {
  const auto found = windows_.find(key);
  return found == windows_.end() ? nullptr : &found->second;
}

WindowRecord& WindowArchive::change(const PaneKey& key) {
  const auto [found, is_new] = windows_.try_emplace(key);
  if (is_new) open_.insert(key);
  changes_.windows.insert(key);
  return found->second;
}

void WindowArchive::close(const PaneKey& key) {
  change(key).is_closed = true;
  open_.erase(key);
}

void WindowArchive::forget(const PaneKey& key) {
  if (windows_.erase(key) == 0) return;
  open_.erase(key);
  changes_.windows.erase(key);
  forgotten_.insert(key);
  changes_.forgotten.insert(key);
  while (forgotten_.size() > kMaxForgotten) {
    changes_.no_longer_remembered.insert(*forgotten_.begin());
    forgotten_.erase(forgotten_.begin());
  }
}

void WindowArchive::restore(const PaneKey& key, const WindowRecord& window) {
  windows_[key] = window;
  if (!window.is_closed) open_.insert(key);
}

void WindowArchive::committed() {
  if (loader_) {
    for (const PaneKey& key : changes_.panes) panes_.at(key).reset();
  }
  changes_ = {};
}

}  // namespace driftd
