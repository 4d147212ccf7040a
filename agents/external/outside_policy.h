// A policy in a process of its own, asked over pipes: a command in any language, or a plug-in inside its
// host. PLUGIN_FORMAT.md says what passes between them.
//
// Why plug-ins have a process of their own, too: a library that writes where it must not would take the run
// and what it holds in memory with it, and nothing can end a function that does not return. A line per shard
// costs little beside that.
//
// Thread-safety: immutable to its callers. Workers that act at the same time ask processes of their own,
// started when they are first needed and kept; results do not depend on which process answers as long as
// answers are a function of the row asked about.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agents/external/protocol.h"
#include "env/policy.h"

namespace veer::external {

struct OutsideOptions {
  std::string name;
  std::vector<std::string> command;  ///< program and arguments
  Greeting world;
  double timeout = 10.0;  ///< seconds for one answer
  double start = 60.0;    ///< seconds until the first line
  int processes = 0;      ///< at once, at most; 0: as many as workers ask
};

/// Starts the program once to see that it greets back. Throws ConfigError when it does not; act() throws
/// PolicyError when it crashes, is late, or answers what the format forbids.
std::shared_ptr<const Policy> make_outside_policy(const OutsideOptions& options);

}  // namespace veer::external
