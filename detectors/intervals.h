// Confidence intervals of the performance metrics, by family: what each takes is in the mergeable
// state already, so that an interval costs no event anything.
//
// All are two-sided at 95 %. An interval that is not defined (too few rows, no spread seen, a value
// outside of a double's range) is an empty optional, never NaN; one that is defined contains its
// metric's value. docs/metrics.md gives each one's measured coverage. Thread rule: pure. Allocation
// rule: may allocate (once a window). Cannot fail.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "windows/performance.h"

namespace driftd {

struct Interval {
  double low = 0;
  double high = 0;
  bool operator==(const Interval&) const = default;
};

// The standard normal quantile at 0.975.
inline constexpr double kNormalQuantile = 1.959963984540054;
inline constexpr double kTail = 0.025;

// Empty where an end is not finite; else the interval, widened to its value where rounding or a
// bias of the estimate has left that outside.
[[nodiscard]] std::optional<Interval> containing(double value, double low, double high);

// --- Shares (intervals_of_shares.cc)

// Wilson (1927), J. Am. Stat. Assoc. 22: of `successes` in `trials` independent rows; empty without
// trials. `successes` may be a fraction.
[[nodiscard]] std::optional<Interval> wilson(double successes, double trials);

// Of the weighted sum of independent estimates: the method of variance estimates recovery (Zou and
// Donner 2008, Statistics in Medicine 27). A part without an interval is taken as known; empty
// where every one is.
struct Part {
  double value = 0;
  std::optional<Interval> interval;
  double weight = 0;
};
[[nodiscard]] std::optional<Interval> weighted_sum_interval(std::span<const Part> parts);

// F1 = 2 J / (1 + J) rises with J = TP / (TP + FP + FN), a share of the rows that are not true
// negatives: Wilson's interval of J, transformed (Lam, Gopal and Qian 2023, arXiv:2309.14621,
// "Wilson indirect"; J is the F* of Hand, Christen and Kirielle 2021, Machine Learning 110).
[[nodiscard]] std::optional<Interval> f1_interval(double true_positive, double false_positive,
                                                  double false_negative);

// --- Estimates with a variance (intervals_of_shares.cc), each normal on the scale named

// For values in (0, 1): on the scale of the log-odds.
[[nodiscard]] std::optional<Interval> logit_interval(double value, double variance);
// With another quantile than the normal distribution's.
[[nodiscard]] std::optional<Interval> logit_interval(double value, double variance,
                                                     double quantile);
// For values in (-1, 1): on the scale of atanh (Fisher's z).
[[nodiscard]] std::optional<Interval> fisher_interval(double value, double variance);

// --- Means (intervals_of_means.cc); empty below two rows and where all rows are equal

// Student's t.
[[nodiscard]] std::optional<Interval> mean_interval(const Moments& rows);
// Of a mean of values that are never negative, most of them skewed to the right: Student's t on the
// scale of the logarithm, by the delta method.
[[nodiscard]] std::optional<Interval> positive_mean_interval(const Moments& rows);
// Of the mean log loss. A row that gives an outcome the probability 0 is `certain`; where that
// outcome comes, it is `wrong` and loses kLargestLogLoss, a hundred times what others do, so that
// the spread of a window that happens to have none or few of them says nothing about them. They are
// a share with Wilson's interval; all other rows' losses have the one above; the two are added by
// `weighted_sum_interval`.
inline constexpr double kLargestLogLoss = 36.04365338911715;  // -ln 2^-52
[[nodiscard]] std::optional<Interval> log_loss_interval(const Moments& rows, double certain,
                                                        double wrong);
// Of R2 = 1 - sum u / sum d^2: the delta method for the logarithm of 1 - R2, a ratio of two means.
[[nodiscard]] std::optional<Interval> r2_interval(const RegressionPerformance& p);

// --- Ranks (intervals_of_ranks.cc)

// DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, exactly, from the tie counters.
struct RankEstimate {
  double value = 0;
  double variance = 0;  // 0 where no spread was seen
};
[[nodiscard]] std::optional<RankEstimate> delong(std::span<const ValueCounts::Entry> sorted);
// On the scale of the log-odds (Qin and Hotilovac 2008, Stat. Methods Med. Res. 17); where DeLong's
// variance is 0 or not defined, Newcombe's method 5 (2006, Statistics in Medicine 25), which needs
// the class sizes only.
[[nodiscard]] std::optional<Interval> auc_interval(const RankEstimate& auc, double positives,
                                                   double negatives);

// Of sum over thresholds of (recall_k - recall_{k-1}) precision_k: the jackknife's variance over
// all rows, exactly, in two passes over the scores (Efron and Stein 1981, Annals of Statistics 9),
// on the scale of the log-odds, which Boyd, Eng and Page (2013, ECML PKDD) advise, with Student's t
// of the rarer class, whose rows decide how well the variance is known. The variance by the
// influence of rows is too small in small windows, because the highest ranks count so much. Empty
// without rows of both classes.
[[nodiscard]] std::optional<Interval> average_precision_interval(
    std::span<const ValueCounts::Entry> sorted);

// Of the q-quantile, from the counts of kind 0: between two order statistics, by the binomial
// distribution (Conover 1999, Practical Nonparametric Statistics, 3.2). Empty where there are too
// few values for both ends.
[[nodiscard]] std::optional<Interval> quantile_interval(std::span<const ValueCounts::Entry> sorted,
                                                        double q);

// --- The confusion matrix (intervals_of_confusion.cc)

struct ConfusionCell {
  std::uint32_t actual = 0;  // positions of classes, below `ConfusionTable::classes`
  std::uint32_t predicted = 0;
  double rows = 0;
};
// The cells that have rows, and their margins.
struct ConfusionTable {
  std::vector<ConfusionCell> cells;
  std::vector<double> labelled;   // by class
  std::vector<double> predicted;  // by class
  std::vector<double> right;      // by class
  double rows = 0;

  [[nodiscard]] std::size_t classes() const { return labelled.size(); }
  void add(std::uint32_t actual, std::uint32_t predicted, double rows);
};

// The mean of the classes' shares right among the rows predicted to be them, by
// `weighted_sum_interval`.
[[nodiscard]] std::optional<Interval> macro_precision_interval(const ConfusionTable& table);

// The delta method on the multinomial cells (Agresti 2013, Categorical Data Analysis, 16.1). Where
// no cell differs in its influence, which is so when all rows are right, the variance is 0 and says
// nothing; then the classes' own intervals are combined, or accuracy's is taken.
[[nodiscard]] std::optional<Interval> weighted_precision_interval(const ConfusionTable& table,
                                                                  double value);
[[nodiscard]] std::optional<Interval> macro_f1_interval(const ConfusionTable& table, double value);
[[nodiscard]] std::optional<Interval> weighted_f1_interval(const ConfusionTable& table,
                                                           double value);
// Fleiss, Cohen and Everitt (1969), Psychological Bulletin 72.
[[nodiscard]] std::optional<Interval> kappa_interval(const ConfusionTable& table, double value);
// For two classes as in Itaya et al. (2025), Statistics in Medicine 44; Gorodkin's for more.
[[nodiscard]] std::optional<Interval> matthews_interval(const ConfusionTable& table, double value);

// The mean of one-versus-rest AUCs, with DeLong's variance of each. What rows do to two of them
// together is not in the counters; it is taken to be what they do to the AUCs of the thresholded
// scores, which are functions of the confusion matrix (each the mean of a recall and a
// specificity). `estimates[k]` belongs to the class at position `positions[k]` of the table.
[[nodiscard]] std::optional<Interval> mean_auc_interval(std::span<const RankEstimate> estimates,
                                                        std::span<const std::uint32_t> positions,
                                                        const ConfusionTable& table);

// --- Calibration (intervals_of_calibration.cc)

// Of the expected calibration error over the ten bins of the population. The estimate is biased
// upwards: bins that are right on average still miss by chance. The interval holds the sizes of
// miscalibration under which an estimate such as this one is not surprising, its mean, variance and
// skewness being those of sums of folded normals (Leone, Nelson and Nottingham 1961, Technometrics
// 3). Which 5 % are surprising passes from one tail where the model is calibrated to two where it
// is not (Feldman and Cousins 1998, Physical Review D 57). In which proportions the bins miss is
// not known: both as they are seen and with what chance adds to a square taken off, and whichever
// ends are further out. Low is 0 where perfect calibration is not surprising.
[[nodiscard]] std::optional<Interval> calibration_interval(const CalibrationBins& bins,
                                                           double value);

}  // namespace driftd
