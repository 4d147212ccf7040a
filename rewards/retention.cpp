#include "rewards/retention.h"

namespace veer {

RewardTerm retention_term(std::int32_t pages, std::int32_t feature, float weight) {
  return {
      .name = "retention", .weight = weight, .evaluate = [pages, feature](const RewardInputs& in, auto out) {
        for (std::int32_t row = 0; row < in.features.rows(); ++row) {
          const bool ends = (in.step(row) + 1) % static_cast<std::uint32_t>(pages) == 0;
          out[at(row)] = ends ? -in.features(row, feature) : 0.0F;
        }
      }};
}

}  // namespace veer
