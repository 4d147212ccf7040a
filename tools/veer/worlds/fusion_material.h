// The feed of a fusion world, its people and its videos, from options. All of it is made up.
// Thread-safety: free functions; everything returned is immutable and shared.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agents/policy_registry.h"
#include "env/data/dataset.h"
#include "env/store/transition_file.h"
#include "scenarios/fusion/fusion.h"
#include "scenarios/fusion/retention.h"
#include "tools/veer/worlds/models.h"
#include "tools/veer/worlds/world_options.h"

namespace veer::tools {

struct FeedWorld {
  std::shared_ptr<const Dataset> data;  ///< videos and people; nobody has a log
  LoadedModel users;                    ///< the known truth
  FusionParameters parameters;
  RetentionParameters retention;  ///< read by retention-v1
};

/// Throws ConfigError for sizes out of range, and for --returns that are none of the three.
FeedWorld open_feed(const WorldOptions& options);

/// Its scenario, fusion-v1 or retention-v1, with the people of `part`; empty: everybody.
std::unique_ptr<Scenario> feed_scenario(const FeedWorld& feed, const std::string& scenario,
                                        std::optional<Part> part);

/// Whether policies set the weights of a ranking in this scenario.
bool is_feed(std::string_view scenario) noexcept;

/// The rules of a feed as rules_of() wrote them, among other lines. `name` stands for the file in messages.
/// Throws FormatError.
WorldOptions feed_options(const std::string& rules, const std::string& name);

/// What a policy of a recorded run of fusion-v1 did, as a log of decisions. `acted` names it; empty: the only
/// one. Throws ConfigError for another scenario or name, and what reading the run throws.
TransitionLog log_of_run(const std::filesystem::path& run, const std::string& acted);

/// "weights:click=1,complete=0.5": the same weights for everybody, by the names of the tasks.
PolicyEntry weights_entry();

/// "noise" of policies that set weights, and what it does to one.
PolicyParameter noise_parameter();
std::shared_ptr<const Policy> with_noise(std::shared_ptr<const Policy> policy,
                                         const PolicyParameters& parameters);

}  // namespace veer::tools
