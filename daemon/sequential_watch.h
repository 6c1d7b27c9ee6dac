// Sequential detectors over a monitor's windows: one value a window, in the order of windows.
//
// A window closes once and its metric is judged when its labels have come, which may be after later
// windows have been. A value therefore waits until every window before it has had its turn, so that
// what a detector says does not depend on the order in which labels come. A window whose value
// will never come (its horizon has passed, or it is undefined) is passed over, with a finding of
// insufficient_data. Thread rule: one owner (the coordinator's thread). Allocation rule: may
// allocate (once a window). Failure rule: bytes that are no snapshot are refused.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/byte_stream.h"
#include "core/report.h"
#include "core/result.h"
#include "detectors/sequential/sequential_detector.h"
#include "windows/pane.h"

namespace driftd {

// All of one monitor. They are part of its state, in the same checkpoint as its windows.
class SequentialWatches {
 public:
  // Makes what the configuration asks for. One that was there with the same series and settings
  // goes on; a new one begins with the window `next`, and what is not asked for any more goes.
  void configure(std::span<const SequentialConfig> wanted, std::int64_t next);

  // A window that has just closed (`closing`), or one that has been amended. `reports` are those
  // of this window and revision; what the detectors say is appended to `out`.
  void take(std::span<const SequentialConfig> wanted, const MonitorName& monitor,
            const WindowName& window, const MonitoredModel& model, const Pane& pane,
            std::span<const Report> reports, bool closing, std::vector<Finding>& out);

  // A window that will not be published again: whoever still waits for it passes it over.
  void give_up(const MonitorName& monitor, const WindowName& window, std::vector<Finding>& out);

  // What was last said, for after a restart.
  void recall(const MonitorName& monitor, std::vector<Finding>& out) const;

  // "series/detector" of each, as health knows them.
  [[nodiscard]] bool has(const std::string& key) const;
  [[nodiscard]] bool empty() const { return watches_.empty(); }

  void write(ByteWriter& out) const;
  [[nodiscard]] static bool read(ByteReader& in, SequentialWatches& out);

 private:
  struct Waiting {
    WindowName window;
    std::optional<double> value;
  };
  struct Said {
    WindowName window;
    Level level = Level::insufficient_data;
    SequentialReading reading;
  };
  struct Watch {
    std::string on;
    SequentialDetector detector;
    std::int64_t next = 0;                    // index of the window whose value it waits for
    std::map<std::int64_t, Waiting> waiting;  // by index; all behind `next`
    std::optional<Said> last;
  };

  static void offer(Watch& watch, const MonitorName& monitor, const WindowName& window,
                    std::optional<double> value, std::vector<Finding>& out);
  [[nodiscard]] static Said feed(SequentialDetector& detector, const Waiting& turn);
  [[nodiscard]] static Finding finding(const Watch& watch, const MonitorName& monitor);

  std::vector<Watch> watches_;  // in the order of the configuration
};

// Whether what is watched is there: a series of the model, and a detector that is found of it.
// Known only when the reference has been read.
[[nodiscard]] Result<> check_sequential(const ModelConfig& config, const ModelSchema& schema);

}  // namespace driftd
