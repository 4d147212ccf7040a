// People who answer slates: each item of a slate is clicked or not, as a response model says.
//
// Thread-safety and ownership as in env/user_model.h; weights and people are shared, never copied.
// Torch-free: what depends on an item alone is tabulated once, the rest runs in hand-written loops.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "env/user_model.h"
#include "simulators/response/response_model.h"
#include "simulators/response/slate_people.h"

namespace veer {

/// From a score to the probability of a click.
enum class ResponseLink : std::uint8_t {
  soft,  ///< sigmoid(score)
  /// score cut to 0..1. What a model of infinite capacity answers after it was fitted with the sigmoid
  /// applied twice, as the published code does: true rates below 0.5 become 0, above 0.731 they become 1.
  saturated,
  doubled,  ///< sigmoid(sigmoid(score)), within 0.5..0.731: how KuaiSim answers
};

struct ResponseOptions {
  ResponseLink link = ResponseLink::soft;
  /// Of the profile's hidden layer, 0 <= rate < 1; a new mask per step from Stream::dropout. The published
  /// environments run at 0.2 without saying so.
  float dropout = 0.0F;
  /// Takes `correlation` times the mean cosine of an item with all items of its slate (itself included) from
  /// its probability, down to 0. KuaiSim's item correlation with a cosine that is not divided by its width.
  float correlation = 0.0F;
  /// Position bias: slot k (from 0) is looked at with probability (k + 1)^-examination, and what nobody looks
  /// at is not clicked. 0: every slot is.
  float examination = 0.0F;
};

/// REQUIRES: neither pointer is null. Profiles are read by user id. Throws ConfigError when model, people and
/// options do not fit together. measure() and a PathQuery that asks for interest or rank are refused: the
/// model has no distribution over items. propose() ranks items by score.
std::unique_ptr<UserModel> make_response_user(std::shared_ptr<const ResponseModel> model,
                                              std::shared_ptr<const SlatePeople> people,
                                              const ResponseOptions& options = {});

/// The probabilities of clicking all items 1..N, out[i] for item i (out[0] = 0), before slate effects and
/// without dropout: what an oracle knows. `history` holds at most sizes.history items. Pure.
class ResponseScorer {
 public:
  explicit ResponseScorer(std::shared_ptr<const ResponseModel> model, ResponseLink link = ResponseLink::soft);
  ~ResponseScorer();
  ResponseScorer(ResponseScorer&&) noexcept;
  ResponseScorer& operator=(ResponseScorer&&) noexcept;

  void probabilities(std::span<const float> profile, std::span<const ItemId> history,
                     std::span<float> out) const;
  /// Scores of `items` alone.
  void scores(std::span<const float> profile, std::span<const ItemId> history, std::span<const ItemId> items,
              std::span<float> out) const;

 private:
  struct Tables;
  std::unique_ptr<const Tables> tables_;
};

}  // namespace veer
