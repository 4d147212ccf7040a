// The toy implementations pass the conformance kit, in every shape of world.
#include "tests/conformance/conformance.h"
#include "tests/test.h"
#include "tests/toys/line_world.h"
#include "tests/toys/policies.h"

using namespace veer;
using namespace veer::toys;

TEST_CASE("the line user conforms") { conformance::check_user_model(LineUser(20), {.tolerance = 1e-6}); }

TEST_CASE("toy policies conform, each in its world") {
  conformance::check_policy(UniformItems(20, 1), LineWorld({}));
  conformance::check_policy(UniformItems(20, 3), LineWorld({.slots = 3}));
  conformance::check_policy(Walker(3, false), LineWorld({}));
  conformance::check_policy(Walker(3, true), LineWorld({}));
  conformance::check_policy(Pointer(20), LineWorld({.reals = 1}));
}

TEST_CASE("line worlds conform under both kinds of acceptance") {
  const auto uniform = std::make_shared<UniformItems>(20, 1);
  conformance::check_scenario(LineWorld({}), uniform);
  conformance::check_scenario(LineWorld({.acceptance = Acceptance::always}), uniform);
  conformance::check_scenario(LineWorld({.acceptance = Acceptance::always, .rewards = false}), uniform);
  conformance::check_scenario(LineWorld({.slots = 3, .modifier = true}),
                              std::make_shared<UniformItems>(20, 3));
  conformance::check_scenario(LineWorld({.reals = 1}), std::make_shared<Pointer>(20));
  conformance::check_scenario(LineWorld({}), std::make_shared<Walker>(4, false));
  conformance::check_scenario(LineWorld({}), std::make_shared<Walker>(4, true, 2));
}
