// Sessions for offline agents, from options that `veer train` and `veer rank` share.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "agents/offline/session_log.h"

namespace CLI {
class App;
}

namespace veer::tools {

struct SessionChoice {
  offline::SessionOptions options;
  std::vector<std::string> rewards;  ///< "NAME=VALUE"
};
void add_session_options(CLI::App& app, SessionChoice& choice);
/// The options with the rewards read. Throws ConfigError naming --reward.
offline::SessionOptions session_options(const SessionChoice& choice);

}  // namespace veer::tools
