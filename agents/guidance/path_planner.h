// Planning on a user model: greedy and beam search over the exact reward of a path.
//
// The planning model need not be the world's: a planner is handed its own `const UserModel&` and never sees
// the state of the people it recommends to. It starts from the observed history and assumes that every item
// it plans is accepted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "env/policy.h"
#include "env/user_model.h"

namespace veer {

/// What a planned path is worth besides the interest it gains.
enum class AcceptanceScore : std::uint8_t {
  mean_log,          ///< mean over the path of ln p(accept)
  mean_probability,  ///< mean over the path of p(accept), the CTR of the guidance papers
};

struct PathPlannerOptions {
  std::string name = "beam";
  std::int32_t width = 4;  ///< beams kept; 1 is greedy
  std::int32_t shortlist =
      64;  ///< m: items per beam and step, from UserModel::propose; 0: every item of the catalogue
  std::int32_t lookahead = 0;  ///< items planned at a time; 0: all the steps that are left
  bool closed_loop = false;    ///< plan again after every answer
  bool allow_target = false;
  bool may_stop = false;  ///< a plan ends where its score is highest, and is empty if nothing scores above 0
  double interest_weight = 1.0;
  double acceptance_weight = 0.0;
  AcceptanceScore acceptance = AcceptanceScore::mean_log;
  std::int32_t chunk_rows = 256;  ///< candidates advanced through the model at a time; no effect on results
  std::vector<float> modifiers;  ///< assumed run-time knobs, in the order of EnvSpec::modifiers; empty: all 1
};

/// Greedy: one item, looked at one step ahead, planned anew at every step.
PathPlannerOptions greedy_reward_options();

/// score(path) = interest_weight (ln p(target) after the path - before) + acceptance_weight * acceptance
/// score. With the default weights this is the IoI of the path under the planning model. At every step each
/// beam is extended by its shortlist (no item that the person has seen, was shown, or that is in the path;
/// not the target unless allowed), the extensions are carried through the model by copy_state and advance,
/// scored exactly, and the best `width` stay; between equal scores the earlier beam, then the lower item id.
/// With shortlist 0 and a width of all paths this is exhaustive search; otherwise it is a lower bound of the
/// best path under the planning model.
///
/// A path policy: the plan is `lookahead` items or what is left of the horizon; empty when nothing may be
/// shown. The policy is deterministic (log_prob 0). A model with noise in its state is planned on under noise
/// of its own, never the world's. Thread-safe: immutable; each workspace holds a private batch of 2 width +
/// chunk_rows rows and a model workspace for it.
class PathPlanner : public Policy {
 public:
  /// Both references must outlive the planner (the spec is copied). Throws ConfigError when the world shows
  /// more than one item per step, the model has another catalogue, or an option is out of range.
  PathPlanner(const UserModel& model, const EnvSpec& world, const PathPlannerOptions& options);

  const PolicySpec& spec() const noexcept override { return spec_; }
  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape&) const override;
  std::size_t working_bytes(const WorkspaceShape&) const noexcept override;
  void act(Rows, const Observation&, PolicyState&, Actions&, Mode) const override;

 private:
  struct Beam;
  struct Candidate;
  struct Scratch;
  WorkspaceShape model_shape() const noexcept;
  void load(std::int32_t row, const Observation& seen, Scratch& scratch) const;
  void shortlist(const std::vector<Beam>& beams, std::int32_t first_row, Scratch& scratch) const;
  void extend(std::int32_t first_parent, std::int32_t first_row, std::span<Candidate> candidates, bool score,
              Scratch& scratch) const;
  double score_of(const Candidate& candidate, double start_interest, std::size_t length) const;
  std::vector<ItemId> plan(std::int32_t row, const Observation& seen, const PolicyState& state) const;

  const UserModel& model_;
  EnvSpec world_;
  PathPlannerOptions options_;
  PolicySpec spec_;
};

}  // namespace veer
