// What each item of a written path did to the person, as a user model sees it: the raw step rewards of ProRL.
// Torch-free. Thread-safety: pure functions. Source: Hou et al., "ProRL" (arXiv 2605.28293), section on
// rewards.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "agents/generative/path_writer.h"
#include "env/user_model.h"

namespace veer {

/// The three things that are rewarded.
enum class Metric : std::uint8_t {
  interest,    ///< gain of ln p(target) by this item (IoI)
  rank,        ///< places the target rose by this item (IoR), positive: up
  acceptance,  ///< probability that the item is accepted (CTR)
};
inline constexpr std::size_t metric_count = 3;

enum class StepKind : std::uint8_t {
  none,  ///< past the end of the path
  real,
  invalid,    ///< tokens of no item: nothing was shown
  duplicate,  ///< an item that stood earlier in the same path
};

/// [rows, width] each, row by row; 0 where there is no reward.
struct StepRewards {
  std::int32_t width = 0;
  std::vector<StepKind> kind;
  std::array<std::vector<float>, metric_count> raw;
  std::vector<float> start_interest;     ///< [prompts]
  std::vector<std::int32_t> start_rank;  ///< [prompts]

  std::int32_t rows() const noexcept {
    return width == 0 ? 0 : static_cast<std::int32_t>(kind.size() / at(width));
  }
  std::size_t place(std::int32_t row, std::int32_t step) const noexcept {
    return at(row) * at(width) + at(step);
  }
};

/// Shows every path to people with the prompts' histories, everything accepted, and measures before and after
/// every item. The sums over a path are its IoI and IoR. On all threads; with a workspace of `users`, on the
/// calling one.
StepRewards measure_steps(const UserModel& users, std::span<const PathPrompt> prompts,
                          const WrittenPaths& paths, Workspace* workspace = nullptr);

}  // namespace veer
