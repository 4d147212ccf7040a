#include "env/store/probe.h"

#include <cmath>

#include "env/error.h"

namespace veer {

void check_probe(const std::string& name, std::span<const float> stored, std::span<const float> found) {
  const Where where{{}, 0, "probe/output/" + name};
  if (stored.size() != found.size()) {
    throw FormatError(where, {std::to_string(stored.size()) + " values", std::to_string(found.size()), {}});
  }
  for (std::size_t i = 0; i < stored.size(); ++i) {
    // Written so that a value that is not a number fails.
    if (std::abs(found[i] - stored[i]) <= probe_tolerance * (1.0F + std::abs(stored[i]))) continue;
    throw VerificationError(where, {std::to_string(found[i]) + " at index " + std::to_string(i),
                                    std::to_string(stored[i]) + " as stored when the model was saved",
                                    "the file was altered, or this build computes wrongly"});
  }
}

}  // namespace veer
