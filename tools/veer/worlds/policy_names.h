// What policies are called in tables and run files. Thread-safety: free function.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace veer::tools {

/// One name per option, in their order: the option itself, but files by their name alone, so that a run means
/// the same wherever its files lie: "dir/x.pt" is "x.pt", "next_item:model=dir/plan.model.h5" is
/// "next_item:model=plan". Where different options would share a name, each keeps the option as it was given.
/// What is no file that exists, or no option at all, is its own name.
std::vector<std::string> policy_names(std::span<const std::string> options);

}  // namespace veer::tools
