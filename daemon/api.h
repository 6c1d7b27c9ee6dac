// What the daemon answers over HTTP: metrics, health, readiness, the status page and the numbers
// behind it.
//
// Thread rule: `handle` is called by one thread, the HTTP server's; the providers are called there
// too and must be quick and safe beside the threads that do the work. Allocation rule: allocates
// its answers; the largest is a series answer, bounded by History::kMaxAnswerPoints. Failure rule:
// cannot fail; what is not found is a 404 that says what there is.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "daemon/history.h"
#include "daemon/http_server.h"
#include "daemon/readiness.h"

namespace driftd {

// What the API asks others for.
struct ApiProviders {
  std::function<std::string()> metrics_text;  // the body of /metrics
  std::function<Readiness()> readiness;
};

class Api {
 public:
  // `version` is driftd's own; `models` are the configured ones. The start is taken to be now.
  Api(const Clock& clock, const History& history, std::string version,
      std::vector<std::string> models, ApiProviders providers);

  [[nodiscard]] HttpResponse handle(const HttpRequest& request) const;

 private:
  struct Route;

  [[nodiscard]] HttpResponse metrics(const HttpRequest& request) const;
  [[nodiscard]] HttpResponse health(const HttpRequest& request) const;
  [[nodiscard]] HttpResponse ready(const HttpRequest& request) const;
  [[nodiscard]] HttpResponse healthy(const HttpRequest& request) const;
  [[nodiscard]] HttpResponse status(const HttpRequest& request) const;
  [[nodiscard]] HttpResponse series(const HttpRequest& request) const;

  const Clock& clock_;
  const History& history_;
  const std::string version_;
  const std::vector<std::string> models_;
  const ApiProviders providers_;
  const TimeMs started_at_;
};

}  // namespace driftd
