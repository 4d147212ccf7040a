// How faithful a model of behaviours is, behaviour by behaviour: on slates it did not see, are items with
// which something was done scored above the others, and are its probabilities honest? Thread-safety: pure
// functions; the work is spread over the current arena, and results do not depend on the number of threads.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "simulators/behaviours/behaviour_model.h"
#include "simulators/fidelity.h"
#include "simulators/response/response_user.h"
#include "simulators/response/slate_people.h"

namespace veer {

struct BehaviourFidelity {
  Behaviour behaviour = Behaviour::click;
  std::int64_t shown = 0;       ///< items
  std::int64_t happened = 0;    ///< of them
  double predicted_rate = 0.0;  ///< mean probability
  double cross_entropy = 0.0;   ///< nats per item; probabilities are kept 1e-7 away from 0 and 1
  Calibration calibration;      ///< its `auc`, bins and expected error

  double rate() const noexcept {
    return shown == 0 ? 0.0 : static_cast<double>(happened) / static_cast<double>(shown);
  }
};

/// Of these slates, without slate effects, in the order of the model's behaviours. Throws ConfigError when
/// there are none.
std::vector<BehaviourFidelity> measure_behaviour_fidelity(const BehaviourModel& model, ResponseLink link,
                                                          const SlateData& data,
                                                          std::span<const std::int64_t> slates);

/// "click/auc", "click/calibration_error", "click/rate", ... for manifests.
std::map<std::string, double> behaviour_metrics(std::span<const BehaviourFidelity> fidelity);

/// Times each behaviour was done per time it was not, of these slates; a behaviour that nobody or everybody
/// did counts half a case of the other kind. [which]
std::vector<float> behaviour_odds(const SlateData& data, std::span<const std::int64_t> slates,
                                  std::span<const Behaviour> which);

}  // namespace veer
