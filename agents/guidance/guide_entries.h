// The words ipg, itmprec and rerank, guiders that need no training beyond a next-item network's, and irn, a
// network of its own. How files are read is the program's business; the words, their parameters and what
// becomes of them are here.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agents/guidance/person_vectors.h"
#include "agents/policy_registry.h"

namespace veer {

/// A network as guiders read it.
struct GuideModel {
  std::shared_ptr<const PersonVectors> people;
  std::vector<float> table;  ///< [N+1, d] item vectors, row 0 unused
};

/// The network in `file`, checked against the context's data set.
using LoadGuideModel = std::function<GuideModel(const PolicyContext& context, const std::string& file)>;

/// ipg, itmprec and rerank over the networks that `load` reads.
std::vector<PolicyEntry> guide_entries(const LoadGuideModel& load);
/// irn over those that `load` reads.
PolicyEntry irn_entry(const LoadGuideModel& load);

/// The parameter model=FILE of policies made from one file.
PolicyParameter model_parameter(std::string kinds);
/// Its value. Throws ConfigError where it is not given.
std::string model_file(const PolicyParameters& parameters);

}  // namespace veer
