// A world to play in, from options: data set, user models, scenario, judges, and the policies that enter it.
// What evaluate, guide and demo share. Thread-safety: built on the main thread, immutable afterwards.
// Ownership: a World owns everything it hands out.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agents/policy_registry.h"
#include "env/data/attribute_table.h"
#include "env/data/dataset.h"
#include "env/data/support.h"
#include "env/graph/item_graph.h"
#include "env/scenario.h"
#include "scenarios/guidance.h"
#include "scenarios/session.h"
#include "scenarios/stress/suite.h"
#include "simulators/panel.h"
#include "tools/veer/worlds/models.h"
#include "tools/veer/worlds/world_options.h"

namespace veer::tools {

struct Entrant {
  std::string name;  ///< as policy_names() says: the option, with files by their name alone
  std::shared_ptr<const Policy> policy;
  std::string option{};  ///< as it was given
};

class World {
 public:
  /// Throws what reading the files, building the scenario and resolving the device throw.
  World(const WorldOptions& options, const std::string& device);

  const Dataset& data() const noexcept { return *data_; }
  const Scenario& scenario() const noexcept { return *scenario_; }
  /// Null where people are drawn without a population file.
  const Population* population() const noexcept;
  const AttributeTable& attributes() const noexcept { return *attributes_; }
  /// First the people of the world ("users"), then the planning model when it is another one ("planner"),
  /// then those of WorldOptions::judges in their order. Null in a world of slates, which have no paths.
  const Panel* panel() const noexcept { return panel_.get(); }

  /// What one should know of these options though they are no mistake, a sentence each.
  std::span<const std::string> remarks() const noexcept { return remarks_; }

  /// From now on this world is the one of the options with its people perturbed so; as it was for none.
  /// Policies stay what they are: see told(). Throws ConfigError where people do not decide, and what
  /// PerturbedScenario throws.
  void put_under_stress(const std::vector<stress::Perturbation>& perturbations);

  /// The policies as these perturbations leave them: late to hear of answers, or made from wrong attributes
  /// and vectors of items. `seed`: of the episodes. Valid until the next call, and as long as the world.
  std::vector<Entrant> told(const std::vector<Entrant>& entrants,
                            const std::vector<stress::Perturbation>& perturbations, std::uint64_t seed);

  /// Transitions in the logs of the people that planning models learn from (everybody's in a data set
  /// without such people). Built when it is first asked for.
  const ItemGraph& item_graph();

  /// [steps] how often the logs of the people that models may learn from (train_plan and train_judge;
  /// everybody's in a data set without such people) hold each step; see step_support.
  std::vector<std::int32_t> support(const Trajectories& paths);

  /// Policies from options such as "beam:width=4". Builds the item graph when one of them needs it. Throws
  /// ConfigError.
  std::vector<Entrant> enter(const std::vector<std::string>& policies);

  /// Whether people answer slates (slate-v1).
  bool has_slates() const noexcept { return calm_->spec().id == "slate-v1"; }
  /// Whether a policy sets the weights of a feed's ranking (fusion-v1, retention-v1).
  bool has_feed() const noexcept { return calm_->spec().reals > 0; }
  /// [N + 1, d] item vectors of the people's model.
  View<const float> item_vectors() const noexcept;
  /// Whether people browse without a target (session-v1).
  bool has_sessions() const noexcept { return sessions() != nullptr; }
  /// Of a world of slates: what a slate of 0, 1, .. clicks earns. Empty in others.
  std::vector<float> slate_worths() const;
  /// Pairs of person and target from a file, played in turn; 0 when the world draws either.
  std::int64_t pairs() const noexcept;

  /// What of the options changes results, as lines of TOML: rules, and files by checksum.
  std::string configuration() const;

 private:
  struct Lies;

  void open_people();
  PolicyContext context_of_policies() const;
  void seat_judges();
  const GuidanceScenario* guidance() const noexcept;  ///< null for another scenario
  const SessionScenario* sessions() const noexcept;   ///< the same

  WorldOptions options_;
  std::string device_;
  std::shared_ptr<const Dataset> data_;
  LoadedModel users_;
  std::optional<LoadedModel> planner_;
  std::optional<LoadedModel> others_;   ///< who comes in a stress test of other_people
  std::unique_ptr<const Panel> panel_;  ///< null where nothing is judged
  std::vector<std::pair<std::string, std::string>>
      checksums_;                         ///< of target, policy and judge files, by role; and judges' fits
  std::shared_ptr<const Scenario> calm_;  ///< as options have it
  std::shared_ptr<const Scenario> scenario_;  ///< calm_, or that under stress
  std::string stress_;                        ///< what is done to it, for configuration()
  std::vector<std::string> remarks_;
  std::unique_ptr<const AttributeTable> attributes_;
  std::unique_ptr<const ItemGraph> graph_;
  std::unique_ptr<const TransitionCounts> transitions_;
  std::shared_ptr<const Lies> lies_;  ///< what policies were told last; null: the truth
};

/// All policies this build has.
PolicyRegistry all_policies(const std::string& device);

}  // namespace veer::tools
