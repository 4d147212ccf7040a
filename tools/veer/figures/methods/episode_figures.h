// What is measured of recorded episodes, scenario by scenario: the columns of `veer compare` and of sessions.
// Thread-safety: immutable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "env/data/attribute_table.h"
#include "env/data/dataset.h"
#include "env/data/transitions.h"
#include "env/loop/trajectories.h"
#include "tools/veer/figures/methods/method_table.h"

namespace veer::tools {

/// Of one policy under one judge.
struct EpisodeFigures {
  std::vector<std::vector<float>> values;  ///< [figures][episodes] NaN where undefined
  std::vector<double> whole;               ///< [whole figures] one number for all episodes together
};

class FigureSet {
 public:
  /// `data` must outlive the set. `item_vectors` [N + 1, d]: what the diversity of slates is measured by;
  /// copied, may be empty. Throws ConfigError for a scenario without figures of its own.
  FigureSet(const std::string& scenario, const Dataset& data, View<const float> item_vectors = {});

  std::span<const Figure> figures() const noexcept { return figures_; }
  std::span<const Figure> whole() const noexcept { return whole_; }
  /// Whether figures are what a judge says; otherwise they are the same under all.
  bool judged() const noexcept { return kind_ == Kind::paths; }
  /// How to read them, whole lines.
  std::string_view legend() const noexcept { return legend_; }

  /// `judge`: place in paths.judges. REQUIRES: episodes of the scenario.
  EpisodeFigures of(const Trajectories& paths, std::size_t judge) const;

 private:
  enum class Kind : std::uint8_t { paths, sessions, slates, feeds };
  const Dataset& data_;
  AttributeTable attributes_;
  std::vector<float> item_vectors_;
  std::int32_t vector_width_ = 0;
  Kind kind_ = Kind::paths;
  std::unique_ptr<const TransitionCounts> transitions_;  ///< of guidance
  std::vector<Figure> figures_, whole_;
  std::string_view legend_;
};

}  // namespace veer::tools
