// veer fit MODEL --bag K, and veer fit ensemble --member FILE...: several models in one file that speak as
// one. Needs a build with LibTorch: defined in with_torch/fitting/ensemble_fit.cpp. Main thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "env/data/dataset.h"
#include "env/store/model_file.h"
#include "tools/veer/program.h"

namespace veer::tools {

/// Fits one model on people drawn with replacement by `seed`, going on from `checkpoint` where it exists and
/// leaving it there. `label`: "2 of 5", for progress lines.
using FitMember = std::function<ModelFile(std::uint64_t seed, const std::filesystem::path& checkpoint,
                                          const std::string& label)>;

struct BagTask {
  std::int32_t members = 0;
  std::uint64_t seed = 1;            ///< members have seeds of their own, see member_seed()
  std::filesystem::path checkpoint;  ///< those of the members end in .1, .2, ...
  bool fresh = false;                ///< do not go on from them
  FitMember fit;
};

/// Fits all members, one after the other, writes the ensemble and says how far the members are apart. The
/// checkpoints stay until all are done: a member that was finished before an interruption is not fitted
/// again. Throws what fitting throws.
void run_bag(const BagTask& task, const Dataset& data, const std::string& output, const Session& session);

/// Puts fitted models into one file. Throws ConfigError for files that do not go together, and what reading
/// them throws.
void run_ensemble(const std::vector<std::string>& files, const Dataset& data, const std::string& output,
                  const Session& session);

}  // namespace veer::tools
