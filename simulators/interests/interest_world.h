// The truth behind a made-up world of two interests: one of the moment, which what people take moves and
// which decides what they take, and one of the long term, which decides what they buy.
//
// Items, interests of the moment x and of the long term p are directions in D dimensions. Item v is taken
// with probability sigmoid(4 v.x - 2); x then goes a fifth of the way towards v, drifts at random at every
// step (deviation `drift` per dimension) and is brought to length 1. At every step the person makes up their
// mind to buy with probability purchase_rate max(0, x.p)^2; the purchase itself comes `delay` steps later.
//
// Thread-safety: immutable. Everything is a function of the parameters (Philox, Stream::initialise).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "env/random.h"
#include "env/types.h"
#include "env/user_model.h"

namespace veer {

struct InterestParameters {
  std::int32_t items = 60;      ///< >= 2
  std::int32_t dimensions = 3;  ///< D, 2..64
  std::int32_t delay = 5;       ///< steps from a mind made up to the purchase, 1..1000
  float drift = 0.05F;          ///< >= 0
  float purchase_rate = 0.5F;   ///< 0..1
  std::uint64_t seed = 1;
};

class InterestWorld {
 public:
  /// Throws ConfigError naming the parameter that is out of range.
  explicit InterestWorld(const InterestParameters& parameters);

  const InterestParameters& parameters() const noexcept { return parameters_; }
  std::span<const float> item(ItemId item) const noexcept {
    return std::span(items_).subspan((at(item) - 1) * width(), width());
  }
  /// The item nearest to a direction, the first of equals; `direction` of any length.
  ItemId nearest(std::span<const float> direction) const noexcept;
  float take_probability(std::span<const float> interest, ItemId item) const noexcept;
  float purchase_probability(std::span<const float> interest,
                             std::span<const float> long_term) const noexcept;
  /// One step of x. `taken`: no_item where nothing was.
  void move(std::span<float> interest, ItemId taken, const StepKey& key) const noexcept;
  /// A direction by lot (Stream::begin_episode); `lane` tells several apart.
  void draw_direction(const StepKey& key, std::uint32_t lane, std::span<float> out) const noexcept;

 private:
  std::size_t width() const noexcept { return at(parameters_.dimensions); }

  InterestParameters parameters_;
  std::vector<float> items_;  ///< [N, D]
};

/// People of the world. Their interest of the moment is the first D values of the observation, whose owner is
/// the scenario; user_state holds what they will buy, `delay` values. measure(), propose() and score_paths()
/// throw ConfigError. REQUIRES: not null.
std::unique_ptr<UserModel> make_interest_users(std::shared_ptr<const InterestWorld> world);

}  // namespace veer
