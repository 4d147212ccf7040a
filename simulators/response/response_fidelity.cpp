#include "simulators/response/response_fidelity.h"

#include <algorithm>
#include <cmath>

#include "env/error.h"
#include "env/runtime.h"
#include "simulators/response/response_tables.h"

namespace veer {

std::map<std::string, double> ResponseFidelity::to_metrics() const {
  return {{"slates", static_cast<double>(slates)},
          {"click_rate", click_rate},
          {"predicted_rate", predicted_rate},
          {"cross_entropy", cross_entropy},
          {"slot_auc", slot_auc},
          {"auc", calibration.auc},
          {"expected_calibration_error", calibration.expected_error}};
}

std::vector<std::int64_t> slates_of(const SlateData& data, Part part) {
  std::vector<std::int64_t> slates;
  for (std::int64_t s = 0; s < data.log.size(); ++s) {
    if (data.people.part(data.people.starts[at(s)].user) == part) slates.push_back(s);
  }
  return slates;
}

ResponseFidelity measure_response_fidelity(const ResponseModel& model, ResponseLink link,
                                           const SlateData& data, std::span<const std::int64_t> slates) {
  if (slates.empty()) {
    throw ConfigError({.file = {}, .line = 0, .field = "fidelity of answers"},
                      {"no slates", "at least one", "nobody of that part was shown any"});
  }
  constexpr std::int64_t slates_per_task = 256;
  const response::Tables tables(model);
  const std::size_t slots = at(data.log.slots);
  std::vector<double> probability(slates.size() * slots);
  parallel_for((std::ssize(slates) + slates_per_task - 1) / slates_per_task, [&](std::int64_t task) {
    response::Scratch scratch(model.sizes);
    float u[response::width], q[response::width];
    const std::int64_t last = std::min(std::ssize(slates), (task + 1) * slates_per_task);
    for (std::int64_t i = task * slates_per_task; i < last; ++i) {
      const std::int64_t s = slates[at(i)];
      const SlateStart& start = data.people.starts[at(s)];
      tables.read_profile(data.people.profile(start.user), scratch, u);
      tables.read_history(u, data.people.history(start, model.sizes.history), scratch, q);
      for (std::size_t k = 0; k < slots; ++k) {
        const ItemId item = data.log.items[at(s) * slots + k];
        probability[at(i) * slots + k] = double{click_probability(link, tables.score(item, q))};
      }
    }
  });
  ResponseFidelity result;
  result.slates = std::ssize(slates);
  const auto shown = static_cast<double>(probability.size());
  std::vector<double> clicked, missed;
  result.slot_auc = 0.0;
  for (std::size_t k = 0; k < slots; ++k) {
    std::vector<double> yes, no;
    for (std::size_t i = 0; i < slates.size(); ++i) {
      const double p = probability[i * slots + k];
      const bool click = data.log.clicks[at(slates[i]) * slots + k] != 0;
      (click ? yes : no).push_back(p);
      const double kept = std::clamp(p, 1e-7, 1.0 - 1e-7);
      result.cross_entropy -= std::log(click ? kept : 1.0 - kept) / shown;
      result.predicted_rate += p / shown;
      result.click_rate += click ? 1.0 / shown : 0.0;
    }
    result.slot_auc += calibration_of(yes, no).auc / static_cast<double>(slots);
    clicked.insert(clicked.end(), yes.begin(), yes.end());
    missed.insert(missed.end(), no.begin(), no.end());
  }
  result.calibration = calibration_of(clicked, missed);
  return result;
}

}  // namespace veer
