// veer fit semantic_ids as anybody would run it, on a small world whose item vectors are known. Needs no
// LibTorch.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "env/error.h"
#include "env/nn/semantic_ids/semantic_ids_file.h"
#include "tests/test.h"
#include "tests/tools/run_program.h"
#include "tests/tools/small_world.h"

using namespace veer;
using namespace veer::tests;
using Json = nlohmann::json;

namespace {

std::vector<std::string> fit(const SmallWorld& world, const std::string& output,
                             const std::vector<std::string>& more) {
  std::vector<std::string> arguments{"fit", "semantic_ids", "--data", world.data, "-o", output};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// A published file for all items but the first, and one item too many.
std::string published_for(const SmallWorld& world) {
  Json published;
  const auto& ids = world.log.dataset.catalogue.ids;
  for (std::size_t item = 2; item < ids.size(); ++item) published[ids[item]] = {item / 10, item % 10, 1};
  published["no such item"] = {0, 0, 9};
  return published.dump();
}

}  // namespace

TEST_CASE("item vectors become ids, the same for any number of threads") {
  const SmallWorld world;
  const std::string one = world.folder / "one.model.h5", two = world.folder / "two.model.h5";
  const std::vector<std::string> more{"--vectors", world.users, "--codes", "16", "--levels", "2"};
  const auto with = [&](const std::vector<std::string>& last) {
    std::vector<std::string> all = more;
    all.insert(all.end(), last.begin(), last.end());
    return all;
  };
  const Finished text = run_veer(fit(world, one, with({"--threads", "1"})));
  CHECK(text.code == 0);
  CHECK(has(text.out, "80 of 80 items"));
  CHECK(has(text.out, "vocabulary 51"));
  CHECK(has(text.err, "level 1: 16 codes"));
  const Finished json = run_veer(fit(world, two, with({"--threads", "3", "--json"})));
  CHECK(json.code == 0);
  CHECK(read_text(one) == read_text(two));
  const Json report = Json::parse(json.out);
  CHECK(report["kind"] == "semantic_ids");
  CHECK(report["role"] == "item_ids");
  CHECK(report["report"]["digits"].size() == 3);
  CHECK(report["report"]["digits"][2]["prefixes"] == 80);
  CHECK(report["report"]["digits"][1]["residual"] < report["report"]["digits"][0]["residual"]);
  CHECK(report["hyper_parameters"]["balanced"] == "no");
  const nn::SemanticIdModel model = nn::load_semantic_ids(one, world.log.dataset.fingerprint);
  CHECK(model.ids.with_id() == 80);
  REQUIRE(model.codebooks);
  CHECK(model.codebooks->codes() == 16);

  const Finished balanced = run_veer(fit(world, two, with({"--balanced", "--first-digit", "0", "--json"})));
  CHECK(balanced.code == 0);
  const Json even = Json::parse(balanced.out);
  CHECK(even["hyper_parameters"]["balanced"] == "yes");
  CHECK(even["report"]["digits"][0]["entropy"] == 4.0);  // 16 codes of 5 items each
  CHECK(nn::load_semantic_ids(two, "").first_digit == 0);
  const Finished other_seed = run_veer(fit(world, two, with({"--seed", "2"})));
  CHECK(other_seed.code == 0);
  CHECK(read_text(one) != read_text(two));

  const Finished info = run_veer({"info", one});
  CHECK(info.code == 0);
  CHECK(has(info.out, "semantic_ids"));
  CHECK(has(info.out, "metrics.digit_0_entropy"));
}

TEST_CASE("a published file becomes ids, and both sides hear what is missing") {
  const SmallWorld world;
  const std::string file = world.folder / "a.sem_ids", output = world.folder / "ids.model.h5";
  write_text(file, published_for(world));
  const Finished text = run_veer(fit(world, output, {"--published", file}));
  CHECK(text.code == 0);
  CHECK(has(text.out, "79 of 80 items"));
  CHECK(has(text.out, "not in the file, so without an id: 1 ("));
  CHECK(has(text.out, "in the file but not in the data set: 1 (no such item)"));
  const Json report = Json::parse(run_veer(fit(world, output, {"--published", file, "--json"})).out);
  CHECK(report["report"]["without_id"] == Json::array({world.log.dataset.catalogue.ids[1]}));
  CHECK(report["report"]["not_in_data"] == Json::array({"no such item"}));
  const nn::SemanticIdModel model = nn::load_semantic_ids(output, world.log.dataset.fingerprint);
  CHECK(!model.codebooks);
  CHECK(!model.ids.has(1));
  const std::int32_t expected[] = {1 + 4, 257 + 2, 513 + 1};
  CHECK(model.ids.item(expected) == 42);
}

TEST_CASE("semantic ids that cannot be made are refused in words") {
  const SmallWorld world, other(2);
  const std::string output = world.folder / "ids.model.h5", file = world.folder / "a.sem_ids";
  const auto refused = [&](int code, const std::string& words, const std::vector<std::string>& more) {
    const Finished finished = run_veer(fit(world, output, more));
    CAPTURE(finished.err);
    CHECK(finished.code == code);
    CHECK(has(finished.err, words));
    CHECK(finished.out.empty());
    CHECK(!std::filesystem::exists(output));
  };
  write_text(file, published_for(world));
  refused(2, "neither --vectors nor --published", {});
  refused(2, "--vectors too", {"--vectors", world.users, "--published", file});
  refused(2, "--levels: found --published too", {"--published", file, "--levels", "2"});
  refused(2, "--balanced: found --published too", {"--published", file, "--balanced"});
  refused(2, "levels", {"--vectors", world.users, "--levels", "16"});
  refused(2, "codes", {"--vectors", world.users, "--codes", "0"});
  refused(2, "first digit", {"--vectors", world.users, "--codes", "4", "--first-digit", "4"});
  refused(2, "data set", {"--vectors", other.users});
  refused(3, "2 other items with the same codes",
          {"--vectors", world.users, "--codes", "3", "--levels", "1"});
  refused(3, "found code 8; expected codes below 8", {"--published", file, "--codes", "8"});
  refused(1, "No such file", {"--published", world.folder / "none.sem_ids"});
  write_text(file, "{\"1\": [1, 2,\n}");
  refused(3, "a.sem_ids: found parse error at line 2", {"--published", file});
  write_text(file, "{\"nobody\": [1, 2]}");
  refused(3, "a.sem_ids: none of the 1 items of the file", {"--published", file});
  // The ids are no user model, and a user model is no ids.
  write_text(file, published_for(world));
  CHECK(run_veer(fit(world, output, {"--published", file})).code == 0);
  const Finished as_users = run_veer({"evaluate", "--data", world.data, "--users", output, "--policy",
                                      "random", "-o", world.folder / "run"});
  CHECK(as_users.code == 2);
  CHECK(has(as_users.err, "a model of role 'item_ids'"));
  CHECK_THROWS_AS(nn::load_semantic_ids(world.users, ""), FormatError);
}
