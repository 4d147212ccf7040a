// What differs between two run directories: what they were made of, and what policies did in them.
// Thread-safety: pure functions of the files.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "env/store/run/run_directory.h"
#include "rewards/crossed.h"

namespace veer::tools {

/// One thing that is not the same. An empty value: there is none on that side.
struct Change {
  std::string area;  ///< data, models, configuration, code, policies, judges
  std::string key;
  std::string before, after;
};

/// A figure of a policy that both runs hold.
struct FigureChange {
  std::string policy, judge, figure;   ///< as RunFigure
  Estimate before, after, difference;  ///< after minus before
};

struct PolicyChange {
  std::string policy;
  /// Both runs hold these episodes with the same people and targets: differences are taken episode by
  /// episode. Otherwise all episodes of both are compared as independent samples.
  bool paired = false;
  std::int64_t before = 0, after = 0;  ///< episodes compared
  std::vector<FigureChange> figures;   ///< those that both have
};

struct RunDifference {
  bool same_steps = false;  ///< both complete, and one digest
  std::vector<Change> changes;
  std::vector<PolicyChange> policies;
};

/// Lines "key = value" of the two configurations and the other fields of the headers, area by area. What
/// names files by checksum stands in its area: a model file that was replaced is a change of models.
std::vector<Change> header_changes(const RunHeader& before, const RunHeader& after);

/// Reads one policy of each run at a time. Incomplete runs are compared as far as they go. Throws what
/// reading throws.
RunDifference difference_of_runs(const std::filesystem::path& before, const std::filesystem::path& after,
                                 const CrossedOptions& options);

std::string difference_text(const RunDifference& difference, std::string_view before, std::string_view after);
nlohmann::ordered_json difference_json(const RunDifference& difference);

}  // namespace veer::tools
