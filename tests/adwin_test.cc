// ADWIN against itself without haste: River 0.26.1's steps one after the other, every cut of every
// look by its full formula. Blocks, the merging of whole rows and the test that leaves out cuts
// that are clearly none must not change a bit of the window, nor a row of detection.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "detectors/sequential/adwin.h"
#include "tests/support/seeded_values.h"

namespace driftd {
namespace {

// Rows are deques of summaries, newest last.
class PlainAdwin {
 public:
  explicit PlainAdwin(const SequentialSettings& settings) : settings_(settings) {}

  bool update(double x) {
    if (drift_) *this = PlainAdwin(settings_);
    ++ticks_;
    insert(x);
    if (ticks_ % settings_.whole("clock") != 0 || !(width_ > settings_.number("grace_period")))
      return false;
    while (has_cut()) {
      drift_ = true;
      drop_oldest();
    }
    return drift_;
  }

  [[nodiscard]] double width() const { return width_; }
  [[nodiscard]] double total() const { return total_; }
  [[nodiscard]] double squares() const { return squares_; }

 private:
  struct Bucket {
    double total;
    double squares;
  };

  void insert(double x) {
    rows_[0].push_back({x, 0});
    width_ += 1;
    if (width_ > 1) {
      const double deviation = x - total_ / (width_ - 1);
      squares_ += (width_ - 1) * deviation * deviation / width_;
    }
    total_ += x;
    double n = 1;
    for (std::size_t i = 0; i < rows_.size(); ++i, n *= 2) {
      if (rows_[i].size() != settings_.whole("max_buckets") + 1) break;
      if (i + 1 == rows_.size()) rows_.emplace_back();
      const Bucket one = rows_[i][0];
      const Bucket two = rows_[i][1];
      const double difference = one.total / n - two.total / n;
      rows_[i + 1].push_back(
          {one.total + two.total,
           one.squares + two.squares + n * n * difference * difference / (2 * n)});
      rows_[i].erase(rows_[i].begin(), rows_[i].begin() + 2);
    }
  }

  void drop_oldest() {
    const Bucket oldest = rows_.back().front();
    const double n = std::ldexp(1.0, static_cast<int>(rows_.size()) - 1);
    width_ -= n;
    total_ -= oldest.total;
    const double difference = oldest.total / n - total_ / width_;
    squares_ -= oldest.squares + n * width_ * difference * difference / (n + width_);
    rows_.back().pop_front();
    while (rows_.size() > 1 && rows_.back().empty()) rows_.pop_back();
  }

  [[nodiscard]] bool has_cut() const {
    const double least = settings_.number("min_window_length");
    const double term = std::log(2.0 * std::log(width_) / settings_.number("delta"));
    const double variance = squares_ / width_;
    double n0 = 0;
    double n1 = width_;
    double u0 = 0;
    double u1 = total_;
    for (std::size_t i = rows_.size(); i-- > 0;) {
      const double size = std::ldexp(1.0, static_cast<int>(i));
      for (std::size_t k = 0; k < rows_[i].size() - (i == 0 && !rows_[0].empty() ? 1 : 0); ++k) {
        n0 += size;
        n1 -= size;
        u0 += rows_[i][k].total;
        u1 -= rows_[i][k].total;
        if (n1 < std::max(1.0, least)) return false;
        if (n0 < least) continue;
        const double r = 1.0 / (n0 - least + 1.0) + 1.0 / (n1 - least + 1.0);
        const double epsilon = std::sqrt(2.0 * r * variance * term) + 2.0 / 3.0 * term * r;
        if (std::abs(u0 / n0 - u1 / n1) > epsilon) return true;
      }
    }
    return false;
  }

  SequentialSettings settings_;
  std::vector<std::deque<Bucket>> rows_ = std::vector<std::deque<Bucket>>(1);
  std::uint64_t ticks_ = 0;
  double width_ = 0;
  double total_ = 0;
  double squares_ = 0;
  bool drift_ = false;
};

struct Stream {
  const char* name;
  // From a standard normal value and the row.
  double (*value)(double normal, int row);
  std::size_t least_drifts;
};

TEST(Adwin, IsThePlainOneInBlocks) {
  const Stream streams[] = {
      {"normal", [](double z, int) { return z; }, 0},
      {"heavy tails", [](double z, int) { return std::exp(2 * z); }, 0},
      {"errors", [](double z, int row) { return z > (row % 6'000 < 3'000 ? 1 : 0.6) ? 1.0 : 0.0; },
       1},
      {"a slow slope", [](double z, int row) { return z + row * 5e-4; }, 1},
      {"small shifts", [](double z, int row) { return z + (row % 3'000 < 1'500 ? 0 : 0.35); }, 1},
      {"far from zero", [](double z, int row) { return 1e9 + z * 1e-3 + (row < 9'000 ? 0 : 0.01); },
       0},
      {"tiny", [](double z, int row) { return 1e-160 * (z + (row < 7'000 ? 0 : 1)); }, 0},
      {"large", [](double z, int row) { return 1e150 * (z + (row < 7'000 ? 0 : 1)); }, 0},
      {"constant, then another", [](double, int row) { return row < 6'000 ? 0.1 : 0.2; }, 1},
  };
  const std::vector<std::string> settings[] = {
      {},
      {"clock=1", "delta=0.3"},
      {"clock=7", "max_buckets=1"},
      {"clock=50", "max_buckets=2", "min_window_length=1", "delta=0.5"},
      {"clock=100", "max_buckets=8", "min_window_length=0"},
      {"grace_period=500", "min_window_length=40", "delta=1"},
  };
  for (const Stream& stream : streams) {
    std::size_t drifts = 0;
    for (const std::vector<std::string>& words : settings) {
      SCOPED_TRACE(std::string(stream.name) + " " + testing::PrintToString(words));
      const auto read = read_sequential_settings("adwin", words);
      ASSERT_TRUE(read);
      Splitmix random(31);
      std::vector<double> values(12'000);
      for (int row = 0; row < 12'000; ++row)
        values[static_cast<std::size_t>(row)] = stream.value(random.bell(), row);
      Adwin adwin(*read);
      PlainAdwin plain(*read);
      for (std::size_t row = 0; row < values.size();) {
        const auto wanted = static_cast<std::size_t>(random.uniform() * 150);
        const std::size_t taken = adwin.update_until_drift(
            std::span(values).subspan(row, std::min(values.size() - row, wanted)));
        bool fired = false;
        for (std::size_t i = 0; i < taken; ++i) {
          ASSERT_FALSE(fired) << row + i;
          fired = plain.update(values[row + i]);
        }
        row += taken;
        ASSERT_EQ(adwin.drift_detected() && taken > 0 ? fired : false, fired) << row;
        ASSERT_TRUE(adwin.usable());
        ASSERT_EQ(adwin.width(), plain.width()) << row;
        ASSERT_EQ(adwin.total(), plain.total()) << row;
        ASSERT_EQ(adwin.squares(), plain.squares()) << row;
        drifts += fired ? 1 : 0;
      }
    }
    EXPECT_GE(drifts, stream.least_drifts) << stream.name;
  }
}

}  // namespace
}  // namespace driftd
