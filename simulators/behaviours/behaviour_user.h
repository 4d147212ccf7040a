// People who do several things with the items of a slate: click, watch, like ... each drawn by itself, as a
// model of behaviours says. What was clicked joins the history together with all that was done with it.
//
// Thread-safety and ownership as in env/user_model.h; weights and people are shared, never copied.
// Torch-free.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "env/user_model.h"
#include "simulators/behaviours/behaviour_model.h"
#include "simulators/response/response_user.h"
#include "simulators/response/slate_people.h"

namespace veer {

namespace behaviour {
class Tables;
}

struct BehaviourOptions {
  /// From a score to a probability, of every behaviour alike. `doubled` is how KuaiSim answers: within
  /// 0.5..0.731, before the correlation.
  ResponseLink link = ResponseLink::soft;
  /// Of everything that training drops, 0 <= rate < 1; new masks per step from Stream::dropout. The published
  /// environment runs at 0.1 without saying so.
  float dropout = 0.0F;
  /// Takes `correlation` times the mean cosine of an item's encoding with those of its slate (itself
  /// included) from its probability of a click, down to 0, and from those of other behaviours the same share:
  /// most are rarer than that. With `doubled` links every behaviour loses as much, as published.
  float correlation = 0.0F;
  /// The published code's correlation: the cosine divided by the width of an encoding, so that a slate of
  /// equal items loses 0.003 instead of 0.2.
  bool published_correlation = false;
  /// Position bias, as ResponseOptions::examination; of every behaviour.
  float examination = 0.0F;
};

/// REQUIRES: neither pointer is null. `probability` is that of the click; what else is done stands in the
/// bits of the answer (env/behaviours.h). Profiles are read by user id; what was done with a history before
/// an episode is found again in that person's list. The state: the person's encoding, then what was done at
/// each place. Interest in an item is its share of the softmax over the click scores of all items; propose()
/// ranks by that score, whatever the target. Throws ConfigError when model, people and options do not fit
/// together.
std::unique_ptr<UserModel> make_behaviour_user(const std::shared_ptr<const BehaviourModel>& model,
                                               std::shared_ptr<const SlatePeople> people,
                                               const BehaviourOptions& options = {});

/// What the model says without slate effects and without dropout. Thread-safe: const.
class BehaviourScorer {
 public:
  explicit BehaviourScorer(const BehaviourModel& model);
  ~BehaviourScorer();
  BehaviourScorer(BehaviourScorer&&) noexcept;
  BehaviourScorer& operator=(BehaviourScorer&&) noexcept;

  /// out [items, behaviours]: scores, offsets included, for this person after this history, of which the
  /// newest sizes.history count; done [history]: what was done with each, as answers.
  void scores(UserId user, std::span<const float> profile, std::span<const ItemId> history,
              std::span<const std::uint8_t> done, std::span<const ItemId> items, std::span<float> out) const;

 private:
  std::unique_ptr<const behaviour::Tables> tables_;
};

}  // namespace veer
