#include "daemon/budget_lesson.h"

#include <algorithm>
#include <utility>

namespace driftd {
namespace {

void write_history(ByteWriter& out, const BudgetHistory& history,
                   std::span<const SeriesSpec> specs) {
  out.varint(specs.size());
  out.varint(history.starts.size());
  for (std::size_t i = 0; i < history.starts.size(); ++i) {
    out.signed_varint(history.starts[i]);
    for (std::size_t k = 0; k < specs.size(); ++k) {
      const Point& point = history.windows[i][k];
      out.varint(static_cast<std::uint64_t>(point.n));
      if (is_share(specs[k].kind)) {
        out.varint(static_cast<std::uint64_t>(point.value));
      } else {
        out.number(point.value);
        out.number(point.variance);
      }
    }
  }
}

[[nodiscard]] bool read_history(ByteReader& in, BudgetHistory& history,
                                std::span<const SeriesSpec> specs) {
  if (in.varint() != specs.size()) return false;
  history.starts.resize(in.element_count());
  history.windows.assign(history.starts.size(), std::vector<Point>(specs.size()));
  for (std::size_t i = 0; i < history.starts.size(); ++i) {
    history.starts[i] = in.signed_varint();
    if (i > 0 && history.starts[i] <= history.starts[i - 1]) return false;
    for (std::size_t k = 0; k < specs.size(); ++k) {
      Point& point = history.windows[i][k];
      point.n = static_cast<double>(in.varint());
      if (is_share(specs[k].kind)) {
        point.value = static_cast<double>(in.varint());
      } else {
        point.value = in.number();
        point.variance = in.number();
      }
    }
  }
  return in.ok();
}

void write_model(ByteWriter& out, const std::shared_ptr<const BudgetModel>& model) {
  out.byte(model != nullptr ? 1 : 0);
  if (model != nullptr) model->write(out);
}

[[nodiscard]] bool read_model(ByteReader& in, std::shared_ptr<const BudgetModel>& out,
                              std::span<const SeriesSpec> specs) {
  if (in.byte() == 0) return in.ok();
  auto model = std::make_shared<BudgetModel>();
  if (!BudgetModel::read(in, *model)) return false;
  const bool fits = std::ranges::equal(
      model->series, specs,
      [](const SeriesModel& one, const SeriesSpec& spec) { return one.spec == spec; });
  out = std::move(model);
  return fits;
}

}  // namespace

std::string lesson_bytes(const BudgetLesson& lesson, std::span<const SeriesSpec> columns,
                         std::span<const SeriesSpec> errors) {
  std::string bytes;
  ByteWriter out(bytes);
  out.number(lesson.alerts);
  out.signed_varint(lesson.period);
  out.signed_varint(lesson.first_time);
  out.signed_varint(lesson.last_time);
  write_history(out, lesson.columns, columns);
  write_history(out, lesson.errors, errors);
  write_model(out, lesson.columns_model);
  write_model(out, lesson.errors_model);
  return bytes;
}

std::optional<BudgetLesson> read_lesson(std::string_view bytes, std::span<const SeriesSpec> columns,
                                        std::span<const SeriesSpec> errors) {
  ByteReader in(bytes);
  BudgetLesson lesson;
  lesson.alerts = in.number();
  lesson.period = in.signed_varint();
  lesson.first_time = in.signed_varint();
  lesson.last_time = in.signed_varint();
  if (!read_history(in, lesson.columns, columns) || !read_history(in, lesson.errors, errors) ||
      !read_model(in, lesson.columns_model, columns) ||
      !read_model(in, lesson.errors_model, errors) || !in.at_end()) {
    return std::nullopt;
  }
  return lesson;
}

}  // namespace driftd
