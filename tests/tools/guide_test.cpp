// veer guide: why the interest changed, the person without the guidance, and what it refuses.
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "env/data/fingerprint.h"
#include "tests/test.h"
#include "tests/tools/run_program.h"
#include "tests/tools/small_world.h"

using namespace veer;
using namespace veer::tests;
using Json = nlohmann::json;

namespace {

Finished guide(const SmallWorld& world, const std::string& users, std::vector<std::string> more) {
  std::vector<std::string> arguments{"guide", "--data", world.data, "--users", users, "--policy", "random"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_veer(arguments);
}

/// A split and a counterfactual that fit themselves and the path they explain.
void check_explained(const Json& path, const std::string& judge, std::size_t mechanisms) {
  CAPTURE(judge);
  const Json& explained = path.at("explanation").at(judge);
  CHECK(explained.at("mechanisms").size() == mechanisms);
  double before = path.at("start").at(judge).at("interest");
  const std::size_t steps = path.at("steps").size();
  REQUIRE(explained.at("steps").size() == steps);
  REQUIRE(explained.at("without_guidance").at("steps").size() == steps);
  for (std::size_t k = 0; k < steps; ++k) {
    const Json& step = explained.at("steps").at(k);
    double sum = 0.0;
    CHECK(step.at("parts").size() == mechanisms);
    for (const auto& [name, part] : step.at("parts").items()) sum += part.get<double>();
    CHECK(sum == doctest::Approx(step.at("change").get<double>()).epsilon(1e-12));
    CHECK(step.at("sum") == step.at("change"));
    const double now = path.at("steps").at(k).at("judges").at(judge).at("interest");
    CHECK(std::abs(step.at("change").get<double>() - (now - before)) < 1e-4);
    before = now;
    const Json& alone = explained.at("without_guidance").at("steps").at(k);
    CHECK(alone.at("effect").at("interest").get<double>() ==
          doctest::Approx(now - alone.at("interest").get<double>()));
    CHECK(alone.at("effect").at("rank").get<int>() ==
          alone.at("rank").get<int>() - path.at("steps").at(k).at("judges").at(judge).at("rank").get<int>());
  }
  CHECK(explained.at("without_guidance").at("start").at("rank") == path.at("start").at(judge).at("rank"));
}

}  // namespace

TEST_CASE("guide --explain says which mechanism did what, and what the person would have done alone") {
  const SmallWorld world;
  const Finished text = guide(world, world.users, {"--explain"});
  REQUIRE_MESSAGE(text.code == 0, text.err);
  for (const char* part : {"What changed the interest under users", "recovery  boredom  acceptance", "drift",
                           "sum", "The same person without the guidance", "taken of their own accord",
                           "Effect of the guidance at the end", "they do not prove why"}) {
    CHECK_MESSAGE(has(text.out, part), part << " in\n" << text.out);
  }
  const Finished json = guide(world, world.users, {"--explain", "--json"});
  REQUIRE(json.code == 0);
  CHECK(json.out == guide(world, world.users, {"--explain", "--json", "--threads", "1"}).out);
  check_explained(Json::parse(json.out), "users", 4);
  // The path itself is the one without --explain.
  Json explained = Json::parse(json.out);
  explained.erase("explanation");
  CHECK(explained == Json::parse(guide(world, world.users, {"--json"}).out));
}

TEST_CASE(
    "learned people: a shift_user is explained, a network says why not, a world of networks is refused") {
  if (!can_fit()) {
    MESSAGE("skipped: a build without LibTorch fits nothing");
    return;
  }
  const SmallWorld world;
  const std::string base = world.folder / "sasrec.model.h5", people = world.folder / "shift.model.h5";
  const Finished fitted = run_veer({"fit",      "sasrec",   "--data",  world.data, "-o",
                                    base,       "--hidden", "8",       "--inner",  "8",
                                    "--layers", "1",        "--heads", "1",        "--epochs",
                                    "2",        "--people", "all",     "--quiet",  "--batch-targets",
                                    "400"});
  REQUIRE_MESSAGE(fitted.code == 0, fitted.err);
  const Finished shifting = run_veer({"fit", "shift_user", "--base", base, "--data", world.data, "-o", people,
                                      "--people", "all", "--mechanisms", "average,boredom", "--quiet"});
  REQUIRE_MESSAGE(shifting.code == 0, shifting.err);

  const Finished refused = guide(world, base, {"--explain"});
  CHECK(refused.code == 2);
  CHECK(refused.out.empty());
  CHECK(has(refused.err, "--explain: found judges that name no mechanisms: users (sasrec)"));
  CHECK(has(refused.err, "veer fit shift_user"));

  const Finished both = guide(world, base, {"--explain", "--judge", "shift=" + people});
  REQUIRE_MESSAGE(both.code == 0, both.err);
  CHECK(has(both.out, "sasrec encodes the whole history anew at every step: it names no mechanisms."));
  CHECK(has(both.out, "What changed the interest under shift"));
  const Json path =
      Json::parse(guide(world, base, {"--explain", "--json", "--judge", "shift=" + people}).out);
  CHECK(path.at("explanation").at("users").at("mechanisms").is_null());
  CHECK(path.at("explanation").at("users").at("without_guidance").at("steps").size() == 10);
  check_explained(path, "shift", path.at("explanation").at("shift").at("mechanisms").size());
}

TEST_CASE("a title that two items share names neither; their ids do") {
  SmallWorld world;
  Dataset& data = world.log.dataset;
  const std::string twin = data.catalogue.titles[5];
  data.catalogue.titles[9] = twin;
  data.fingerprint = fingerprint_of(data);
  write_dataset(world.data, data);
  write_model(world.users, synthetic_model_file(*world.log.truth, data.fingerprint, data.name));
  const std::string user = data.interactions.user_ids[0];
  const Finished shared = guide(world, world.users, {"--user", user, "--target", twin});
  CHECK(shared.code == 2);
  CHECK(shared.out.empty());
  CHECK(has(shared.err, "the title of 2 items"));
  CHECK(has(shared.err, "name one by its id: " + data.catalogue.ids[5] + ", " + data.catalogue.ids[9]));
  for (const std::size_t item : {5, 9}) {
    const Finished named =
        guide(world, world.users, {"--user", user, "--target", data.catalogue.ids[item], "--json"});
    REQUIRE_MESSAGE(named.code == 0, named.err);
    CHECK(Json::parse(named.out).at("target").at("id") == data.catalogue.ids[item]);
  }
  const Finished alone = guide(world, world.users, {"--user", user, "--target", data.catalogue.titles[6]});
  CHECK(alone.code == 0);
  CHECK(has(guide(world, world.users, {"--user", user, "--target", "no such thing"}).err,
            "the data set has no such item"));
}
