#include "rewards/guidance.h"

#include <memory>

#include "env/data/attribute_table.h"

namespace veer {
namespace {

bool is_accepted(const RewardInputs& in, std::int32_t row, std::int32_t slot) noexcept {
  return in.items(row, slot) != no_item && (in.feedback(row, slot) & feedback::accepted) != 0;
}

/// Mean over the slots that show something; 0 when none does.
template <class Value>
void mean_over_shown(const RewardInputs& in, std::span<float> out, const Value& value) {
  for (std::int32_t row = 0; row < in.items.rows(); ++row) {
    float sum = 0.0F;
    int shown = 0;
    for (std::int32_t slot = 0; slot < in.items.width(); ++slot) {
      if (in.items(row, slot) == no_item) continue;
      sum += value(row, slot);
      ++shown;
    }
    out[at(row)] = shown == 0 ? 0.0F : sum / static_cast<float>(shown);
  }
}

}  // namespace

RewardTerm increase_of_interest(float weight) {
  return {.name = "ioi",
          .weight = weight,
          .reads_interest = true,
          .evaluate = [](const RewardInputs& in, auto out) {
            for (std::int32_t row = 0; row < in.items.rows(); ++row) {
              out[at(row)] = in.interest(row) - in.interest_before(row);
            }
          }};
}

RewardTerm increase_of_rank(float weight) {
  return {.name = "ior",
          .weight = weight,
          .reads_interest = true,
          .evaluate = [](const RewardInputs& in, auto out) {
            for (std::int32_t row = 0; row < in.items.rows(); ++row) {
              out[at(row)] = static_cast<float>(in.rank_before(row) - in.rank(row));
            }
          }};
}

RewardTerm click_probability(float weight) {
  RewardTerm term{.name = "ctr", .weight = weight, .evaluate = [](const RewardInputs& in, auto out) {
                    mean_over_shown(in, out, [&](std::int32_t row, std::int32_t slot) {
                      return in.probability(row, slot);
                    });
                  }};
  term.reads_acceptance = true;
  return term;
}

RewardTerm acceptance(float weight) {
  return {.name = "acceptance", .weight = weight, .evaluate = [](const RewardInputs& in, auto out) {
            mean_over_shown(in, out, [&](std::int32_t row, std::int32_t slot) {
              return is_accepted(in, row, slot) ? 1.0F : 0.0F;
            });
          }};
}

RewardTerm target_accepted(float weight) {
  return {.name = "target", .weight = weight, .evaluate = [](const RewardInputs& in, auto out) {
            for (std::int32_t row = 0; row < in.items.rows(); ++row) {
              float reached = 0.0F;
              for (std::int32_t slot = 0; slot < in.items.width(); ++slot) {
                if (in.items(row, slot) == in.target(row) && is_accepted(in, row, slot)) reached = 1.0F;
              }
              out[at(row)] = reached;
            }
          }};
}

RewardTerm coherence(const Catalogue& catalogue, float weight) {
  const auto table = std::make_shared<const AttributeTable>(catalogue);
  return {.name = "coherence", .weight = weight, .evaluate = [table](const RewardInputs& in, auto out) {
            for (std::int32_t row = 0; row < in.items.rows(); ++row) {
              const bool counts = in.step(row) > 0 && is_accepted(in, row, 0);
              out[at(row)] = counts && table->share(in.last_item(row), in.items(row, 0)) ? 1.0F : 0.0F;
            }
          }};
}

RewardTerm abandonment(float weight) {
  return {.name = "abandonment", .weight = weight, .evaluate = [](const RewardInputs& in, auto out) {
            for (std::int32_t row = 0; row < in.items.rows(); ++row) {
              out[at(row)] = in.end(row) == EndReason::user_left ? -1.0F : 0.0F;
            }
          }};
}

}  // namespace veer
