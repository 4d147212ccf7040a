// The promises of the contracts as checks. Every user model, policy and scenario calls its one in three
// lines:
//
//   TEST_CASE("my model conforms") {
//     veer::conformance::check_user_model(model, {.tolerance = 1e-5});
//   }
//
// Implemented in conformance.cpp; add it to the sources of the test program.
#pragma once

#include <cstdint>
#include <memory>

#include "env/policy.h"
#include "env/scenario.h"
#include "env/user_model.h"

namespace veer::conformance {

struct UserModelOptions {
  std::int32_t history_capacity = 12;
  std::int32_t horizon = 5;
  std::int32_t shard_rows = 64;
  std::int32_t people = 10;  ///< user ids drawn from 0..people-1
  double tolerance = 1e-5;   ///< between stepping and score_paths, and between kept and rebuilt workspaces
  bool deterministic_state = true;  ///< false: advance() draws noise that score_paths also draws
};

/// begin / choose / advance / measure / copy_state / propose / score_paths: ranges, determinism, independence
/// of other rows, untouched state in choose, refusals, rebuilt workspaces, agreement of stepping and scoring,
/// gaps in paths, outputs that are not wanted.
void check_user_model(const UserModel& model, const UserModelOptions& options = {});

/// Same observation, same action: for any neighbours, place in the shard and workspace; actions in range;
/// finite log-probabilities. `scenario` provides the observations.
void check_policy(const Policy& policy, const Scenario& scenario);

/// Episodes are functions of (seed, episode) alone; sizes stay within the spec; same bytes for several thread
/// counts and numbers of rows in flight; every episode ends within the horizon; rewards are finite.
void check_scenario(const Scenario& scenario, const std::shared_ptr<const Policy>& policy);

}  // namespace veer::conformance
