#include "scenarios/ope/release.h"

#include <fmt/format.h>

#include <cmath>

namespace veer::ope {

std::vector<std::string> objections_to_release(const Estimate& behaviour, const Estimate* model,
                                               const Estimate& weighted, double margin) {
  std::vector<std::string> objections;
  if (model == nullptr) {
    objections.push_back(
        "the log has no q_hat and v_hat, so nothing but importance weights speaks for the policy");
  } else if (!((model->value > behaviour.value) == (weighted.value > behaviour.value))) {
    objections.push_back(
        fmt::format("{} at {:.4g} and {} at {:.4g} disagree whether the policy is better than the "
                    "one that acted, at {:.4g}",
                    model->name, model->value, weighted.name, weighted.value, behaviour.value));
  }
  const double least = behaviour.value - margin * std::abs(behaviour.value);
  if (!(weighted.low > least)) {  // NaN is no proof either
    objections.push_back(fmt::format("the interval of {} begins at {:.4g}; more than {:.4g} expected",
                                     weighted.name, weighted.low, least));
  }
  return objections;
}

}  // namespace veer::ope
