// What world to play in, as options say it: which scenario, its rules, and the files it is made of.
// Thread-safety: value types and free functions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/data/dataset.h"
#include "env/scenario.h"
#include "env/user_model.h"
#include "scenarios/targets.h"

namespace CLI {
class App;
}

namespace veer::tools {

struct WorldOptions {
  std::string scenario = "guidance-v1";
  std::string data;                 ///< dataset file
  std::string users;                ///< model file: the people of this world
  std::string other_users;          ///< model file: who comes in a stress test of other_people
  std::string planner;              ///< model file that policies plan with; empty: users
  std::vector<std::string> judges;  ///< "name=file"
  std::string part = "test";
  std::string population;  ///< file of cohorts; empty: everybody of `part`
  std::string cut = "random";
  int history = 10;
  int horizon = 0;  ///< 0: the scenario's own
  int patience = 3;
  std::string patience_rule = "total";
  // guidance-v1
  std::string targets = "natural";  ///< natural, uniform-unseen or a file
  std::string acceptance = "always";
  std::string end_at_target = "auto";
  std::vector<TargetChoice> choices;  ///< instead of `targets` when not empty
  // session-v1
  std::string purchases;  ///< purchase model file; empty: nobody buys
  float click_reward = 0.2F, purchase_reward = 1.0F, skip_cost = 0.0F, leave_cost = 0.0F;
  std::string reward;  ///< reward model file; empty: none
  float reward_weight = 1.0F;
  // slate-v1
  std::string world = "rl4rs-session";  ///< a name of slate_worlds()
  std::string link;                     ///< empty: the world's own
  std::string profiles, items;          ///< files: who people are, what items are
  int made_up_people = 4000;            ///< also of fusion-v1
  float user_dropout = 0.0F;
  std::string answers = "clicks";      ///< or behaviours: what earns and pleases
  std::string correlation = "cosine";  ///< or published
  // fusion-v1
  int feed_items = 2000, candidates = 40;
  int page = 0;  ///< videos; 0: 3, retention-v1: 6
  // retention-v1
  std::string returns = "fitted";
  int session_pages = 5, sessions = 6;
  // fusion-v1 and retention-v1
  std::uint64_t world_seed = 1;
};

/// The options of a world on a subcommand.
void add_world_options(CLI::App& app, WorldOptions& options);
/// Those of them that only fusion-v1 has.
void add_feed_options(CLI::App& app, WorldOptions& options);

/// Throws ConfigError for options that belong to another scenario, and for files that are missing among them.
void require_files(const WorldOptions& options);

/// Whether WorldOptions::targets is a file.
bool targets_from_file(const WorldOptions& options);

/// Whose logs or starts; empty: everybody's. Throws ConfigError for another word.
std::optional<Part> part_of(const WorldOptions& options);

/// Throws ConfigError for words and numbers that the scenario does not know or that belong to another one,
/// and what reading files and building the scenario throw.
std::unique_ptr<Scenario> scenario_of(const WorldOptions& options, const std::shared_ptr<const Dataset>& data,
                                      const std::shared_ptr<const UserModel>& users);

/// Scenario and rules as lines of TOML: what of the options changes results, files aside.
std::string rules_of(const WorldOptions& options);

}  // namespace veer::tools
