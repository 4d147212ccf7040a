// A folder with a data set and the model of its true people, for tests that run the program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "env/store/dataset_file.h"
#include "env/store/model_file.h"
#include "simulators/synthetic/synthetic_log.h"
#include "tests/tools/run_program.h"

namespace veer::tests {

struct SmallWorld {
  ScratchFolder folder;
  std::string data = folder / "data.h5";
  std::string users = folder / "truth.model.h5";
  SyntheticLog log;

  explicit SmallWorld(std::uint64_t seed = 1) {
    SyntheticLogParameters parameters;
    parameters.people = 60;
    parameters.events = 30;
    parameters.world.items = 80;
    parameters.seed = seed;
    log = generate_synthetic_log(parameters);
    write_dataset(data, log.dataset);
    write_model(users, synthetic_model_file(*log.truth, log.dataset.fingerprint, log.dataset.name));
  }
  std::vector<std::string> evaluate(std::vector<std::string> more) const {
    std::vector<std::string> arguments{"evaluate", "--data", data, "--users", users};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
};

}  // namespace veer::tests
