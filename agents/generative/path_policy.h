// A policy that writes whole guidance paths with a path model. Torch-free header.
//
// Thread-safety: immutable; a worker's state is in PolicyState. Source: Hou et al., "ProRL" (arXiv
// 2605.28293), decoding; the closed loop is Veer's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agents/generative/path_model.h"
#include "agents/generative/path_writer.h"
#include "env/policy.h"
#include "env/user_model.h"

namespace veer {

enum class PathSearch : std::uint8_t {
  as_played,  ///< sampled or greedy, as the engine's mode says
  greedy,
  sample,
  beam,     ///< the best of `width` beams
  best_of,  ///< of `width` sampled paths the one with the highest score under the planning model:
            ///< IoI + acceptance_weight * mean acceptance, the first between equals
};
inline constexpr std::string_view path_search_names[] = {"as_played", "greedy", "sample", "beam", "best_of"};

struct PathPolicyOptions {
  std::string name = "path_model";
  PathRules rules;  ///< most_items: of the whole episode
  PathSearch search = PathSearch::as_played;
  std::int32_t width = 10;
  double acceptance_weight = 0.0;
  /// A refusal makes the policy plan the rest of the path anew, without what was shown already. Off: the plan
  /// is carried out whatever people answer.
  bool closed_loop = false;
};

/// `planner` is needed for best_of and must outlive the policy. The plan's log-probability is the sum over
/// its tokens where one path was drawn, 0 where a search chose. Throws ConfigError for options out of range.
std::unique_ptr<Policy> make_path_policy(const PathModel& model, const PathPolicyOptions& options,
                                         const UserModel* planner = nullptr);

}  // namespace veer
