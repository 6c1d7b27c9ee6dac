#include "bench/event_generator.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <iterator>
#include <numbers>

namespace driftd {
namespace {

constexpr std::uint64_t kFirstTimeMs = 1'700'000'000'000;
constexpr std::uint64_t kLabelDelayMs = 60'000;
constexpr std::uint64_t kVersions = 3;
constexpr std::array<const char*, 8> kCountries = {"AT", "CH", "DE", "DK", "ES", "FR", "IT", "NL"};

// What tells the streams of one number apart.
constexpr std::uint64_t kEvents = 0x0123'4567'89AB'CDEF;
constexpr std::uint64_t kLabels = 0x1357'9BDF'0246'8ACE;
constexpr std::uint64_t kReference = 0xFEDC'BA98'7654'3210;

[[nodiscard]] TrafficRandom random_of(std::uint64_t stream, std::uint64_t number) {
  return TrafficRandom(stream ^ TrafficRandom(number)());
}

[[nodiscard]] double feature(TrafficRandom& random, int position) {
  switch (position % 4) {
    case 0: return random.normal();
    case 1: return -10 * std::log(random.uniform());
    case 2: return std::exp(random.normal());
    default: return random.uniform();
  }
}

// The first draws of an event's stream, so that its label finds the id and the score again.
struct Head {
  std::uint64_t id_high;
  std::uint64_t id_low;
  double score;
};
[[nodiscard]] Head draw_head(TrafficRandom& random) {
  const std::uint64_t high = random();
  const std::uint64_t low = random();
  return {high, low, random.uniform()};
}

void append_id(std::string& out, const Head& head) {
  fmt::format_to(std::back_inserter(out), R"({{"id":"{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",)",
                 head.id_high >> 32, (head.id_high >> 16) & 0xFFFF, head.id_high & 0xFFFF,
                 head.id_low >> 48, head.id_low & 0xFFFF'FFFF'FFFF);
}

}  // namespace

TrafficRandom::result_type TrafficRandom::operator()() {
  // Source: Steele, Lea and Flood (2014), with the constants of Vigna's splitmix64.c.
  std::uint64_t mixed = state_ += 0x9E37'79B9'7F4A'7C15;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58'476D'1CE4'E5B9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D0'49BB'1331'11EB;
  return mixed ^ (mixed >> 31);
}

double TrafficRandom::uniform() { return (static_cast<double>((*this)() >> 12) + 0.5) * 0x1.0p-52; }

double TrafficRandom::normal() {
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

void append_prediction(std::string& out, std::uint64_t number) {
  TrafficRandom random = random_of(kEvents, number);
  const Head head = draw_head(random);
  const auto to = std::back_inserter(out);
  append_id(out, head);
  fmt::format_to(to, R"("model":"{}","version":"v{}","ts":{},"features":{{)", kTrafficModel,
                 1 + number % kVersions, kFirstTimeMs + number);
  for (int i = 0; i < kTrafficFeatures; ++i) {
    fmt::format_to(to, R"("f{}":{:.9g},)", i, feature(random, i));
  }
  fmt::format_to(to, R"("country":"{}"}},"prediction":{:.6g},"latency_ms":{:.4g}}})",
                 kCountries[random() % kCountries.size()], head.score, 5 + 20 * random.uniform());
}

void append_short_prediction(std::string& out, std::uint64_t number) {
  TrafficRandom random = random_of(kEvents, number);
  const Head head = draw_head(random);
  append_id(out, head);
  fmt::format_to(std::back_inserter(out),
                 R"("model":"{}","version":"v{}","ts":{},"features":{{"f0":{:.9g}}},)"
                 R"("prediction":{:.6g}}})",
                 kTrafficModel, 1 + number % kVersions, kFirstTimeMs + number, feature(random, 0),
                 head.score);
}

void append_label(std::string& out, std::uint64_t number) {
  TrafficRandom random = random_of(kEvents, number);
  const Head head = draw_head(random);
  const int actual = random_of(kLabels, number).uniform() < head.score ? 1 : 0;
  append_id(out, head);
  fmt::format_to(std::back_inserter(out), R"("model":"{}","ts":{},"actual":{}}})", kTrafficModel,
                 kFirstTimeMs + kLabelDelayMs + number, actual);
}

void append_reference_header(std::string& out) {
  for (int i = 0; i < kTrafficFeatures; ++i) fmt::format_to(std::back_inserter(out), "f{},", i);
  out += "country\n";
}

void append_reference_row(std::string& out, std::uint64_t number) {
  TrafficRandom random = random_of(kReference, number);
  for (int i = 0; i < kTrafficFeatures; ++i) {
    fmt::format_to(std::back_inserter(out), "{:.9g},", feature(random, i));
  }
  out += kCountries[random() % kCountries.size()];
  out += '\n';
}

}  // namespace driftd
