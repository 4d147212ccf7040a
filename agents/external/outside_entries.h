// The words of policies from outside: process[...]:COMMAND and plugin[...]:FILE.so,OPTIONS.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agents/policy_registry.h"

namespace veer::external {

std::vector<PolicyEntry> outside_entries();

/// The words of a command or of a plug-in with its options that are files, as they stand there: what a policy
/// from outside consists of, as far as anyone can see.
std::vector<std::string> files_among(std::string_view argument);

}  // namespace veer::external
