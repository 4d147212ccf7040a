// When to stop playing: looks at a figure after every batch of episodes until its always-valid interval is
// narrow enough. What `veer evaluate --until-halfwidth` asks and says. Thread-safety: one thread.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "rewards/confidence_sequence.h"
#include "tools/veer/figures/methods/episode_figures.h"

namespace veer::tools {

struct StoppingOptions {
  double halfwidth = 0.0;   ///< 0: no rule
  std::string metric;       ///< empty: the first of the scenario
  std::int64_t budget = 0;  ///< episodes per policy at most
};

class Stopping {
 public:
  /// Two or more policies: the difference of each to `baseline`, their intervals holding together (each
  /// misses with a share of 5 %). One: its mean. `looks`: as looks_of() says. `figures` must outlive this.
  /// Throws ConfigError naming --metric for a figure that the scenario does not have, --until-halfwidth for a
  /// width that is not above 0.
  Stopping(const StoppingOptions& options, const FigureSet& figures, std::vector<std::string> policies,
           const std::string& baseline, const std::vector<std::int64_t>& looks);

  /// The next episodes of a policy; the first judge counts.
  void add(std::size_t policy, const Trajectories& batch);
  /// REQUIRES: the same episodes of every policy were added. Whether all intervals are narrow enough.
  bool enough(std::int64_t episodes);

  std::string text() const;
  /// Keys metric, halfwidth, budget, reached, look, episodes, intervals.
  nlohmann::ordered_json json() const;

 private:
  struct Watched {
    std::size_t policy = 0;
    ConfidenceSequence sequence;
    Look last;
  };
  const StoppingOptions options_;
  const FigureSet& figures_;
  std::vector<std::string> policies_;
  std::size_t baseline_ = 0, figure_ = 0;
  std::size_t planned_ = 0;  ///< looks at most
  std::vector<Watched> watched_;
  std::vector<std::vector<float>> waiting_;  ///< per policy, since the last look
  std::vector<std::vector<UserId>> people_;
  std::int64_t looks_ = 0, episodes_ = 0;
  bool reached_ = false;
};

}  // namespace veer::tools
