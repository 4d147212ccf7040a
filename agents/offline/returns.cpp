#include "agents/offline/returns.h"

#include <cmath>

namespace veer::offline {

std::vector<float> returns_to_go(const SessionLog& log, float decay) {
  std::vector<float> out(at(log.events()));
  for (std::int32_t s = 0; s < log.sessions(); ++s) {
    double sum = 0.0;
    for (std::int32_t t = log.length(s); t-- > 0;) {
      const std::int64_t event = log.first(s) + t;
      sum += std::pow(double{decay}, t) * double{log.reward(event)};
      out[at(event)] = static_cast<float>(sum);
    }
  }
  return out;
}

std::vector<float> mean_returns(const SessionLog& log, std::span<const float> returns) {
  std::vector<double> sum(at(prompt_steps), 0.0), count(at(prompt_steps), 0.0);
  for (std::int64_t event = 0; event < log.events(); ++event) {
    const std::int32_t step = prompt_step(log.step(event));
    sum[at(step)] += double{returns[at(event)]};
    count[at(step)] += 1.0;
  }
  std::vector<float> out;
  for (std::size_t t = 0; t < sum.size(); ++t) {
    const float mean = count[t] > 0.0 ? static_cast<float>(sum[t] / count[t]) : 0.0F;
    out.push_back(mean > 0.0F ? mean : out.empty() ? 1.0F : out.back());
  }
  return out;
}

}  // namespace veer::offline
