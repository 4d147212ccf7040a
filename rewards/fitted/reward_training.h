// What both ways of fitting a reward share: pieces of logs, vectors of items, flat parameters and Adam.
//
// Parameters are one row of numbers: b of items 1..N, then W row by row. Gradients of a batch are computed in
// parallel and summed in the order of its examples, so results do not depend on the number of threads.
// Thread-safety: free functions and value types.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "env/data/dataset.h"
#include "rewards/fitted/reward_model.h"

namespace veer {

/// Events first .. first + length - 1 of a person's log.
struct LogPiece {
  UserId user = 0;
  std::int32_t first = 0, length = 0;
};

/// The logs of `people`, cut into pieces of `longest` events from their beginning; the last may be shorter
/// unless `whole`, which leaves it out.
std::vector<LogPiece> pieces_of(const Interactions& log, std::span<const UserId> people, std::int32_t longest,
                                bool whole);

/// What the person took before event first + k of the piece. REQUIRES: 0 <= k <= piece.length.
inline std::span<const ItemId> history_at(const Interactions& log, const LogPiece& piece,
                                          std::int32_t k) noexcept {
  return log.of(piece.user).first(at(piece.first + k));
}

/// Vectors of length 1 over the `most` commonest attributes of a catalogue; zeros for items with none of
/// them, width 0 for a catalogue without attributes.
ItemFeatures attribute_vectors(const Catalogue& catalogue, std::int32_t most = 64);

/// How Adam goes over the examples. The rate falls linearly to 0.
struct RewardTraining {
  std::int32_t epochs = 20;     ///< >= 1
  std::int32_t batch = 32;      ///< examples per step, >= 1
  double learning_rate = 0.05;  ///< > 0
  double ridge = 1.0;           ///< half of this times the squared parameters joins the loss of all examples
  std::uint64_t seed = 1;       ///< of the order of examples
  /// Called after every epoch with its mean loss per example. May be empty.
  std::function<void(std::int32_t epoch, double loss)> progress;
};

/// Adds the gradient of an example to `gradient` and returns its loss. Runs on several threads at once.
using ExampleGradient = std::function<double(std::int64_t example, std::span<const double> parameters,
                                             std::span<double> gradient)>;

/// Adam (Kingma and Ba, 2015) from zeros over examples 0..count-1. Throws ConfigError for options out of
/// range, Interrupted after a signal.
std::vector<double> fit_parameters(std::size_t parameters, std::int64_t count, const RewardTraining& training,
                                   const ExampleGradient& example);

/// Parameters times `unit` as a member of a model.
RewardMember member_of(std::span<const double> parameters, std::int32_t items, std::int32_t width,
                       double unit);

/// Sets the scale of a model to mean and deviation of its reward over the events of `pieces`; over one of
/// `stride` of them, the first included, where there are more than `most`. REQUIRES: at least one event.
void scale_to(RewardModel& model, const Interactions& log, std::span<const LogPiece> pieces,
              std::int64_t most = 20'000);

}  // namespace veer
