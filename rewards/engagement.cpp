#include "rewards/engagement.h"

namespace veer {
namespace {

/// Adds `value` for every slot that shows something whose answer passes.
template <class Passes>
RewardFunction counting(float value, const Passes& passes) {
  return [value, passes](const RewardInputs& in, std::span<float> out) {
    for (std::int32_t row = 0; row < in.items.rows(); ++row) {
      out[at(row)] = 0.0F;
      for (std::int32_t slot = 0; slot < in.items.width(); ++slot) {
        if (in.items(row, slot) != no_item && passes(in.feedback(row, slot))) out[at(row)] += value;
      }
    }
  };
}

constexpr std::uint8_t bought = feedback::accepted | feedback::purchased;

}  // namespace

RewardTerm clicks(float weight) {
  return {.name = "clicks", .weight = weight, .evaluate = counting(1.0F, [](std::uint8_t answer) {
                                                return (answer & bought) == feedback::accepted;
                                              })};
}

RewardTerm purchases(float weight) {
  return {.name = "purchases", .weight = weight, .evaluate = counting(1.0F, [](std::uint8_t answer) {
                                                   return (answer & bought) == bought;
                                                 })};
}

RewardTerm skips(float weight) {
  return {.name = "skips", .weight = weight, .evaluate = counting(-1.0F, [](std::uint8_t answer) {
                                               return (answer & feedback::accepted) == 0;
                                             })};
}

}  // namespace veer
