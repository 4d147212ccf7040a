// One value per metric and episode, metric by metric. Value type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace veer {

/// `Metric` is an enum of `count` values from 0 on. NaN: the metric is not defined for that episode;
/// summaries skip it.
template <class Metric, std::int32_t count>
class MetricColumns {
 public:
  explicit MetricColumns(std::int64_t episodes)
      : episodes_(episodes), values_(static_cast<std::size_t>(episodes * count)) {}
  std::int64_t episodes() const noexcept { return episodes_; }
  std::span<float> of(Metric metric) noexcept { return std::span(values_).subspan(offset(metric), size()); }
  std::span<const float> of(Metric metric) const noexcept {
    return std::span(values_).subspan(offset(metric), size());
  }

 private:
  std::size_t size() const noexcept { return static_cast<std::size_t>(episodes_); }
  std::size_t offset(Metric metric) const noexcept { return static_cast<std::size_t>(metric) * size(); }
  std::int64_t episodes_;
  std::vector<float> values_;
};

}  // namespace veer
