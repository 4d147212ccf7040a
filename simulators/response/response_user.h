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

namespace response {
class Tables;
}

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

/// REQUIRES: neither pointer is null. Profiles are read by user id. Interest in an item is its share of the
/// softmax over the scores of all items, whatever the link; propose() ranks items by score, whatever the
/// target. Throws ConfigError when model, people and options do not fit together.
std::unique_ptr<UserModel> make_response_user(const std::shared_ptr<const ResponseModel>& model,
                                              std::shared_ptr<const SlatePeople> people,
                                              const ResponseOptions& options = {});

/// What the model says without slate effects and without dropout: what an oracle knows. Thread-safe: const.
class ResponseScorer {
 public:
  /// REQUIRES: not null.
  explicit ResponseScorer(const std::shared_ptr<const ResponseModel>& model);
  ~ResponseScorer();
  ResponseScorer(ResponseScorer&&) noexcept;
  ResponseScorer& operator=(ResponseScorer&&) noexcept;

  /// Scores of `items` for this profile after this history, of which the newest sizes.history count.
  void scores(std::span<const float> profile, std::span<const ItemId> history, std::span<const ItemId> items,
              std::span<float> out) const;
  /// out[i] for item i of all N + 1 rows.
  void all_scores(std::span<const float> profile, std::span<const ItemId> history,
                  std::span<float> out) const;

 private:
  std::unique_ptr<const response::Tables> tables_;
};

/// The probability of a click.
float click_probability(ResponseLink link, float score) noexcept;

}  // namespace veer
