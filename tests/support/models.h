// A model as a test needs it: schema, reference and windows, without a configuration or a file.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/samples.h"
#include "windows/pane.h"

namespace driftd {

// Binary: classes 0 and 1, of which code 1 is positive. Multiclass: a, b, c, all with scores.
[[nodiscard]] inline ModelSchema make_schema(Task task) {
  ModelSchema schema;
  schema.name = "model";
  schema.task = task;
  const std::vector<std::string> classes = task == Task::binary ? std::vector<std::string>{"0", "1"}
                                           : task == Task::multiclass
                                               ? std::vector<std::string>{"a", "b", "c"}
                                               : std::vector<std::string>{};
  for (const std::string& name : classes) {
    const ClassCode code = schema.classes->code(name);
    if (task == Task::multiclass) schema.scored_classes.push_back(code);
  }
  schema.reference_classes = static_cast<std::uint32_t>(classes.size());
  if (task == Task::binary) schema.positive_class = 1;
  return schema;
}

// The address of a ModelUnderTest must stay the same: what it hands out points into it.
struct ModelUnderTest {
  explicit ModelUnderTest(Task task) : schema(make_schema(task)) {}
  ModelUnderTest(const ModelUnderTest&) = delete;
  ModelUnderTest& operator=(const ModelUnderTest&) = delete;

  void add_numeric(const std::string& name, std::vector<double> values) {
    schema.series.push_back({name, SeriesType::numeric, SeriesRole::feature, {}});
    reference.series.push_back({name, reference_of(std::move(values))});
    schema.feature_count = schema.series.size();
  }
  void add_category(const std::string& name, const std::vector<std::string>& values) {
    CategoryReference baseline = reference_of(values);
    TextIndex codes;
    for (std::uint32_t code = 0; code < baseline.categories.size(); ++code) {
      codes.emplace(baseline.categories[code], code);
    }
    schema.series.push_back({name, SeriesType::categorical, SeriesRole::feature, std::move(codes)});
    reference.series.push_back({name, std::move(baseline)});
    schema.feature_count = schema.series.size();
  }
  // One numeric and one categorical feature: `amount` and `channel`.
  void add_usual_features() {
    add_numeric("amount", {-1, 0, 0, 0.5, 1, 2, 3, 5, 8, 13, 21});
    add_category("channel", {"shop", "web", "web", "phone"});
  }

  [[nodiscard]] MonitoredModel monitored() const { return {&schema, &reference, window}; }

  ModelSchema schema;
  Reference reference;
  WindowSpec window{.size = 60'000};
};

}  // namespace driftd
