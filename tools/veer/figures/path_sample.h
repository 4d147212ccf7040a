// Some recorded paths, step by step with titles, for the explorer of a report: of a few episodes spread
// evenly over the run what every policy did. Thread-safety: one thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "env/data/dataset.h"
#include "env/loop/trajectories.h"

namespace veer::tools {

class PathSample {
 public:
  /// At most `most` episodes; `judges`: the first so many of the trajectories'. `data` must outlive the
  /// sample.
  PathSample(const Dataset& data, std::vector<std::string> judges, std::int64_t most)
      : data_(data), judges_(std::move(judges)), most_(most) {}

  /// REQUIRES: the same episodes as before. Throws DataError for items outside the catalogue.
  void add(const std::string& policy, const Trajectories& paths);

  std::int64_t shown() const noexcept { return static_cast<std::int64_t>(places_.size()); }
  std::int64_t episodes() const noexcept { return episodes_; }
  std::size_t policies() const noexcept { return policies_.size(); }

  /// Keys "judges", "policies", "titles" (by item), "episodes": each "id", "person" (the source's id),
  /// "target" (0: none), "history" (newest last, at most ten), and "paths", per policy its "end", "return",
  /// "start" (per judge interest and rank) and "steps": [step, item, answer, probability, then per judge
  /// probability, interest, rank].
  nlohmann::ordered_json json() const;

 private:
  void choose(const Trajectories& paths);
  void mention(ItemId item);

  const Dataset& data_;
  std::vector<std::string> judges_;
  std::int64_t most_;
  std::int64_t episodes_ = 0;
  std::vector<std::size_t> places_;  ///< of the chosen episodes
  std::vector<std::string> policies_;
  std::vector<ItemId> mentioned_;
  std::vector<nlohmann::ordered_json> chosen_;  ///< one per place
};

}  // namespace veer::tools
