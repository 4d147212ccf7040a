// Fidelity in the long run: when simulated people go on by themselves from where real logs are cut, do they
// become a population like the real one?
//
// A next-item score says whether one step is right; a simulator is stepped many times, and small errors feed
// themselves. Here every held-out person is rolled forward K steps from the cut (roll.h), under the behaviour
// that the log shows: people choose for themselves, and items are taken again only as soon as anybody in the
// log took one again. What the simulated people took is compared with what the same people really took
// (behaviour.h).
//
// Yardstick. Two samples of the same people differ too. The people are cut into random halves A and B, R
// times (Philox, Stream::bootstrap). For each distance D,
//   real      = D(real A, real B)                          how far real people are from each other
//   simulated = (D(simulated A, real B) + D(real A, simulated B)) / 2      samples of the same size
// and both are averaged over the halvings, so that a simulator that is the truth has a ratio simulated / real
// near 1 for any number of people. JS and KS are averaged as they are. For the MMD the average is taken of
// its unbiased square, whose mean between real halves is 0: there `real` is the root of the root mean square,
// `simulated` the root of the mean, 0 when that is negative. The same is done for people who take what is
// popular and know nothing else, so that the other end of the scale is seen as well.
//
// More people make `real` smaller and the same error a larger ratio: compare ratios on one set of people.
//
// Thread-safety: pure functions; work is spread over the current arena, and results do not depend on the
// number of threads. Torch-free.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "env/data/dataset.h"
#include "env/user_model.h"
#include "simulators/fidelity.h"
#include "simulators/long_run/behaviour.h"
#include "simulators/long_run/grade.h"
#include "simulators/long_run/roll.h"

namespace veer::long_run {

struct Options {
  StartOptions starts;           ///< where logs are cut, and K; `starts.seed` is not read: `seed` is
  std::uint64_t seed = 1;        ///< of cuts, choices and halvings
  std::int32_t window = 5;       ///< items per window, 1..K
  std::int32_t halvings = 20;    ///< R, 2..10000
  std::int32_t proposals = 100;  ///< RollOptions::proposals
  std::function<void(std::int64_t done, std::int64_t people)> progress{};  ///< called from any thread
};

/// One line of the table.
struct Row {
  Measure measure = Measure::popularity;
  double simulated = 0.0;
  double by_popularity = 0.0;  ///< the same for people who take what is popular
  double real = 0.0;
  double real_deviation = 0.0;  ///< standard deviation over halvings of the same (MMD: of its square)
  double ratio = 1.0;           ///< simulated / real
  double popularity_ratio = 1.0;
};

/// The mean of something over people, as time goes on.
struct Course {
  std::vector<double> real;
  std::vector<double> simulated;
};

struct Report {
  std::int64_t people = 0;          ///< compared
  std::int64_t left_out = 0;        ///< of the part, because their logs are too short (or not drawn)
  std::int32_t rest = never_again;  ///< see rest_between_repeats()
  bool chooses_for_itself = true;
  std::vector<Row> rows;
  std::vector<std::string> not_compared;  ///< "repeat rate: nobody in this log takes an item twice"
  Course diversity;        ///< mean distinct attributes, window by window; empty without attributes
  Course autocorrelation;  ///< mean similarity, by lag in windows from 1 on
  Calibration acceptance;  ///< see acceptance.h; not part of the grade
  Grade grade;             ///< of `rows`
  Grade popularity_grade;  ///< what people who take what is popular would get

  /// Flat names for manifests: "long_run_ratio", "long_run_worst_ratio", "long_run_people", ...
  std::map<std::string, double> to_metrics() const;
};

/// Compares the people of `people` with themselves as `model` simulates them. Throws ConfigError for options
/// out of range or a model of another catalogue, DataError when fewer than 20 people have a log long enough,
/// Interrupted.
Report measure(const UserModel& model, const Dataset& data, const std::vector<UserId>& people,
               const Options& options);

/// Compares made-up logs with real ones in the same way: `real` and `made` hold one person per log, strangers
/// to each other; the first `starts.least_history` items of a log are its past, the `starts.steps` after them
/// are compared. Where and whom to cut is not asked. Nothing is said about acceptance. As many people as the
/// smaller side has are compared. Throws as measure() does.
Report compare_logs(const Dataset& data, const Interactions& real, const Interactions& made,
                    const Options& options);

}  // namespace veer::long_run
