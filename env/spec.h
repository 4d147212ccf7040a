// What a world looks like from outside: sizes and rules, fixed before the first episode.
// Immutable value types; every buffer of a run is a function of these and the shard size.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace veer {

enum class ActionKind : std::uint8_t {
  item,    ///< one item per step
  slate,   ///< `width` items shown together
  path,    ///< a plan of up to `width` items, executed one per step
  vector,  ///< `width` real numbers (fusion weights)
};

/// Who decides whether a shown item is accepted.
enum class Acceptance : std::uint8_t {
  always,   ///< every item enters the history (the protocol of the guidance papers)
  sampled,  ///< the user model draws the answer; refused items do not enter the history
};

/// Fixed by a scenario. Sizes are counts of values per row.
struct EnvSpec {
  std::string id;                     ///< versioned, "guidance-v1"
  std::int32_t items = 0;             ///< catalogue size N; item ids are 1..N
  std::int32_t history_length = 0;    ///< items every episode starts with, at most
  std::int32_t history_capacity = 0;  ///< history column width; older items slide out on the left
  std::int32_t horizon = 0;           ///< steps after which an episode is truncated
  std::int32_t slots = 1;             ///< items people see per step
  std::int32_t reals = 0;             ///< real numbers per action; 0: the action is the items themselves
  std::int32_t features = 0;          ///< real-valued observation per row (fusion predictions)
  std::int32_t attributes = 0;        ///< number of distinct item attributes (0: none known)
  Acceptance acceptance = Acceptance::always;
  std::vector<std::string> modifiers;  ///< names of the run-time knobs, one float column each
};

/// What a policy does and needs. `state_width` floats and, for path policies, the plan are kept per row.
struct PolicySpec {
  std::string name;
  ActionKind action = ActionKind::item;
  std::int32_t width = 1;        ///< slots, plan length or vector dimension
  std::int32_t state_width = 0;  ///< floats of resident state per row
  bool closed_loop = false;      ///< path policies: plan again after every answer, not only when used up
};

struct UserModelSpec {
  std::string kind;                    ///< "sasrec", "synthetic", ...
  std::int32_t items = 0;              ///< catalogue size it was built for
  std::int32_t state_width = 0;        ///< floats of resident state per row
  std::int32_t positions = 0;          ///< history positions it can use; 0: any number
  std::vector<std::string> modifiers;  ///< knobs it reads by name from the scenario's columns
  std::int32_t members = 1;  ///< more than 1: an ensemble, which also says how far its members are apart
};

}  // namespace veer
