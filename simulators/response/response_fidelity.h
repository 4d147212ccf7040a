// How faithful a response model is: on slates it did not see, are clicked items scored above the others, and
// are its probabilities honest? Thread-safety: pure functions; the work is spread over the current arena, and
// results do not depend on the number of threads.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "simulators/fidelity.h"
#include "simulators/response/response_model.h"
#include "simulators/response/response_user.h"
#include "simulators/response/slate_people.h"

namespace veer {

struct ResponseFidelity {
  std::int64_t slates = 0;
  double click_rate = 0.0;      ///< share of the shown items that were clicked
  double predicted_rate = 0.0;  ///< mean probability of a click
  double cross_entropy = 0.0;   ///< nats per item; probabilities are kept 1e-7 away from 0 and 1
  double slot_auc = 0.5;        ///< mean over slots of the AUC within the slot
  Calibration calibration;      ///< of all slots together: its `auc`, bins and expected error

  std::map<std::string, double> to_metrics() const;
};

/// Numbers of the log's slates whose person is in the part, ascending.
std::vector<std::int64_t> slates_of(const SlateData& data, Part part);

/// Of these slates, without slate effects. Throws ConfigError when there are none.
ResponseFidelity measure_response_fidelity(const ResponseModel& model, ResponseLink link,
                                           const SlateData& data, std::span<const std::int64_t> slates);

}  // namespace veer
