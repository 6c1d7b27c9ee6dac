// What is meant to happen in the demo: drift is found, health degrades, a signed webhook arrives.
// Tells each of these once, when it has happened, and at the end what all of it was.
//
// Thread rule: one thread. Allocation rule: may allocate. Failure rule: what did not happen is an
// answer of `missing`.
#pragma once

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "daemon/demo/example_data.h"
#include "daemon/demo/observation.h"
#include "daemon/demo/webhook_receiver.h"

namespace driftd {

struct StoryLine {
  std::string text;
  bool is_bad = false;
};

class Story {
 public:
  // `data` outlives the story; `window_count` is the number of predictions in a window.
  Story(const ExampleData& data, std::int64_t window_count);

  // What is new. The webhooks are those of before the observation, so that nothing is told before
  // its cause.
  [[nodiscard]] std::vector<StoryLine> news(const Observation& seen,
                                            std::span<const ReceivedWebhook> webhooks);
  // What has not happened (yet), of all that is meant to.
  [[nodiscard]] std::vector<std::string> missing(const Observation& seen) const;
  // Whether a webhook came whose signature is wrong.
  [[nodiscard]] bool has_failed() const { return wrong_signatures_ > 0; }
  [[nodiscard]] std::vector<std::string> summary(const Observation& seen) const;

 private:
  void tell_drift(const Observation& seen, std::vector<StoryLine>& lines);
  void tell_health(const Observation& seen, std::vector<StoryLine>& lines);
  void tell_webhook(const ReceivedWebhook& webhook, std::vector<StoryLine>& lines);
  [[nodiscard]] std::string drift_in_words(const Observation& seen) const;
  [[nodiscard]] std::string accuracy_in_words(const Observation& seen) const;
  [[nodiscard]] std::string health_in_words(const Observation& seen) const;

  const ExampleData& data_;
  const std::int64_t window_count_;
  std::set<std::string> drifting_;  // series that were told of
  std::size_t transitions_told_ = 0;
  std::size_t webhooks_told_ = 0;
  std::size_t wrong_signatures_ = 0;
  std::size_t delivered_ = 0;
  bool degraded_ = false;
};

}  // namespace driftd
