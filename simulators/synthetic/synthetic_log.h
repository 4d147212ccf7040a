// A data set whose truth is known: logs that the people of a SyntheticWorld leave behind under a biased
// logger.
//
// Thread-safety: pure functions of the parameters (Stream::generate, keyed by person and attempt); people are
// generated in parallel. The person with UserId u in the data set is the person u of the world.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "env/data/dataset.h"
#include "simulators/synthetic/synthetic_user.h"

namespace veer {

struct SyntheticLogParameters {
  SyntheticParameters world;
  std::string name = "synthetic";
  std::int32_t people = 1000;  ///< U >= 1
  std::int32_t events = 60;    ///< accepted items per person on average; each has events/2 .. 3 events/2
  std::uint64_t seed = 1;      ///< of the logger, the answers and the split

  // What the logger shows: item i with probability proportional to
  //   exp(taste * U(i) / temperature + popularity * quality(i)) over the items free to be taken,
  // or, with probability `exploration`, any of them. Only accepted items enter the log.
  float taste = 1.0F;         ///< >= 0; how well the logger knows the person; 1: exactly
  float popularity = 0.5F;    ///< >= 0; how much it pushes items of high quality whoever is there
  float exploration = 0.05F;  ///< 0..1
  std::int32_t rest = 10;     ///< accepted items before one may be taken again; 0..items/2
};

struct SyntheticLog {
  Dataset dataset;
  std::shared_ptr<const SyntheticUser> truth;
};

/// Catalogue with topics as attributes and made-up titles, logs, parts, provenance and fingerprint.
/// Throws ConfigError for parameters out of range; a person's log must fit the catalogue (3 events/2 <=
/// items).
SyntheticLog generate_synthetic_log(const SyntheticLogParameters& parameters);

}  // namespace veer
