// The truth behind a made-up feed whose pages mix recommended items and ads: what they are like, who clicks
// what, and what a page does to people's patience.
//
// Items have an appeal (they are clicked for it) and a substance (people are glad they clicked), ads an
// appeal and a bid that is paid for a click. Appeal and substance of items fall apart: `bait` is how much an
// item appeals for the substance it lacks. People look at slot k with probability look^k, and click what they
// look at by the logistic of appeal + match of taste and topic + their eagerness. A page moves patience by
//
//   - 1 + glad * (substance of the items clicked) - annoyance * (look^k of slots with an ad)
//   - crowding * (pairs of neighbouring ads)
//
// Source of the setting: Cross-DQN (WWW 2022) and RAM (KDD 2020), whose logs are not public. The numbers are
// ours. Thread-safety: immutable. Everything is a function of the parameters (Philox, Stream::initialise).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "env/types.h"
#include "env/user_model.h"

namespace veer {

struct AdsWorldParameters {
  std::int32_t items = 200, ads = 50;                      ///< >= 1; item ids 1..items, ads behind them
  std::int32_t people = 500;                               ///< >= 1
  std::int32_t topics = 4;                                 ///< 1..64; each item and ad has one
  float look = 0.85F;                                      ///< > 0..1
  float bait = 0.7F;                                       ///< 0..1
  float glad = 0.6F, annoyance = 0.25F, crowding = 0.25F;  ///< >= 0
  std::uint64_t seed = 1;
};

class AdsWorld {
 public:
  /// Throws ConfigError naming the parameter that is out of range.
  explicit AdsWorld(const AdsWorldParameters& parameters);

  const AdsWorldParameters& parameters() const noexcept { return parameters_; }
  std::int32_t catalogue() const noexcept { return parameters_.items + parameters_.ads; }
  bool is_ad(ItemId item) const noexcept { return item > parameters_.items; }

  /// Probability of a click once looked at.
  float appeal_to(UserId user, ItemId item) const noexcept;
  /// Of an item 0..1; 0 for ads.
  float substance(ItemId item) const noexcept { return is_ad(item) ? 0.0F : worth_[at(item) - 1]; }
  /// Paid for a click; 0 for items.
  float bid(ItemId item) const noexcept { return is_ad(item) ? worth_[at(item) - 1] : 0.0F; }
  float look(std::int32_t slot) const noexcept;

  /// What a page does to patience, given who was clicked (veer::feedback).
  float patience_moved(std::span<const ItemId> page, std::span<const std::uint8_t> answers) const noexcept;

 private:
  AdsWorldParameters parameters_;
  std::vector<float> appeal_, worth_;  ///< by item id - 1
  std::vector<std::int32_t> topic_;
  std::vector<float> tastes_;     ///< [people, topics]
  std::vector<float> eagerness_;  ///< [people]
};

/// People of the world: probability and clicks (Stream::choice, one lane per slot). Nothing about them
/// changes but the patience that the scenario keeps. measure() and propose() throw ConfigError. REQUIRES: not
/// null.
std::unique_ptr<UserModel> make_ads_users(std::shared_ptr<const AdsWorld> world);

}  // namespace veer
