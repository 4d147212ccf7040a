// The leaderboard while it is being played: means and intervals that narrow, on a terminal in place,
// elsewhere as plain lines, and as curves for TensorBoard. Thread-safety: main thread only.
//
// The intervals are for watching. Who stops when one looks narrow enough stops at a lucky moment; decide by
// what is printed at the end.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "env/loop/trajectories.h"
#include "rewards/confidence_sequence.h"
#include "tools/veer/figures/watching/event_file.h"
#include "tools/veer/terminal/console.h"

namespace CLI {
class App;
}

namespace veer::tools {

/// Mean of a figure over episodes so far; the episodes of one person count together.
class RunningMean {
 public:
  /// REQUIRES: as many people as values. NaN is skipped.
  void add(const std::vector<float>& values, const std::vector<UserId>& people);
  double mean() const noexcept { return last_.mean; }  ///< NaN before the first value
  /// Half the width of the 95 % interval, normal approximation, people being independent; NaN for fewer than
  /// two people. The order of adding does not matter beyond rounding.
  double half_width() const noexcept;

 private:
  ConfidenceSequence sums_;
  Look last_{.mean = std::numeric_limits<double>::quiet_NaN(),
             .standard_error = std::numeric_limits<double>::quiet_NaN()};
};

class LiveBoard {
 public:
  /// `watch`: show it, unless the console is quiet. `tensorboard`: a folder; empty: no curves. Throws
  /// IoError.
  LiveBoard(const Console& console, bool watch, const std::string& tensorboard);
  ~LiveBoard();
  LiveBoard(const LiveBoard&) = delete;
  LiveBoard& operator=(const LiveBoard&) = delete;

  /// Another world, from nothing: what follows is shown and filed under its name.
  void begin(const std::string& world);
  /// Some more episodes of a policy, judged.
  void add(const std::string& policy, const Trajectories& episodes);

  /// The policies by descending mean of the leading figure: IoI under the first judge, where there is a
  /// target, else what episodes brought. Whole lines.
  std::string text() const;

 private:
  struct Figure {
    std::string judge, name;
    RunningMean running;
  };
  struct Row {
    std::string policy;
    std::int64_t episodes = 0;
    std::vector<Figure> figures;
  };
  void show();
  void file(const Row& row);
  std::size_t leading(const Row& row) const;

  using Clock = std::chrono::steady_clock;
  const Console& console_;
  bool watch_;
  bool targets_ = false;
  std::optional<EventFile> events_;
  std::string world_;
  std::vector<Row> rows_;
  int lines_ = 0;  ///< of the table on the terminal
  bool pending_ = false;
  Clock::time_point shown_{};
};

/// --watch and --tensorboard.
void add_watch_options(CLI::App& app, bool& watch, std::string& tensorboard);

}  // namespace veer::tools
