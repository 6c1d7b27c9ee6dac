// The alarm rules that are usually set, each as one number a window: the rule alerts where it
// exceeds a limit. So the same rule can be judged as it is usually set and with a limit tuned to
// any rate of false alarms.
//
// Thread rule: immutable once made. Allocation rule: by the window. Cannot fail.
#pragma once

#include <array>
#include <vector>

#include "bench/simulated_traffic.h"
#include "windows/reference.h"

namespace driftd {

inline constexpr int kRules = 8;
struct RuleInfo {
  const char* name;
  std::vector<double> usual;  // limits as usually set
};
// p-values are compared as -log10 p.
[[nodiscard]] const std::array<RuleInfo, kRules>& rules();
using RuleValues = std::array<double, kRules>;

class RivalRules {
 public:
  // `rows`: the reference's values by column, for the Wasserstein distance. What the mean +- 3 sd
  // rules need of the history is given to `learn`; without it they never alert.
  RivalRules(const Reference& reference, const Columns& rows);

  // KS, PSI, .. of every column; kept, so that a window is looked at once.
  struct Distances {
    std::vector<double> p;  // of KS, or of chi-square for categories
    std::vector<double> ks;
    std::vector<double> js;
    double largest_psi = 0;
    double largest_wasserstein = 0;  // over the reference's standard deviation; numeric columns
  };
  [[nodiscard]] Distances distances(const std::vector<SeriesSummary>& window,
                                    const Columns& columns) const;
  void learn(const std::vector<Distances>& history);
  [[nodiscard]] RuleValues values(const Distances& distances) const;

 private:
  struct Spread {
    double mean = 0;
    double sd = 0;
  };
  const Reference& reference_;
  Columns sorted_;
  std::vector<double> sd_;
  std::vector<Spread> ks_;
  std::vector<Spread> js_;
};

}  // namespace driftd
