// Ensembles in model files: what stands once, and what is refused.
#include "simulators/ensemble/ensemble_file.h"

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "env/error.h"
#include "simulators/synthetic/synthetic_user.h"
#include "tests/test.h"

namespace veer {
namespace {

ModelFile file_of(std::uint64_t seed) {
  SyntheticParameters p;
  p.items = 40;
  p.topics = 5;
  p.seed = seed;
  p.rates.drift = 0.0F;
  return synthetic_model_file(SyntheticUser(std::make_shared<const SyntheticWorld>(p)), std::string(64, 'a'),
                              "small");
}

TEST_CASE("an ensemble file holds whole members, and what they share once") {
  ModelFile first = file_of(1), second = file_of(2);
  // Something both have.
  const std::vector<float> common{1, 2, 3};
  first.parameters.set<float>("common", common);
  second.parameters.set<float>("common", common);
  ModelManifest manifest;
  manifest.seed = 9;
  const ModelFile made = ensemble_model_file({first, second}, manifest);
  CHECK(made.manifest.kind == "ensemble");
  CHECK(made.manifest.hyper_parameters.at("members") == "2");
  CHECK(made.manifest.hyper_parameters.at("kinds") == "synthetic");
  CHECK(made.manifest.parameters == first.manifest.parameters + second.manifest.parameters);
  CHECK(made.manifest.fitted_on == "nobody (known truth)");
  CHECK(made.parameters.all().size() == 1);
  CHECK(!made.members[0].parameters.contains("common"));

  const ModelFile read = parse_model(model_bytes(made), "test");
  CHECK((model_bytes(read) == model_bytes(made)));
  const std::vector<ModelFile> members = members_of(read);
  REQUIRE(members.size() == 2);
  CHECK((model_bytes(members[0]) == model_bytes(first)));
  CHECK((model_bytes(members[1]) == model_bytes(second)));
}

TEST_CASE("damaged and foreign ensemble files are refused in words") {
  const ModelFile made = ensemble_model_file({file_of(1), file_of(2)}, {});
  const auto refusal = [](const ModelFile& file) -> std::string {
    try {
      members_of(file);
    } catch (const FormatError& error) {
      return error.what();
    }
    return "";
  };
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(refusal(made).empty());
  ModelFile other = made;
  other.manifest.kind = "sasrec";
  CHECK(has(refusal(other), "'ensemble'"));
  other = made;
  other.members.pop_back();
  CHECK(has(refusal(other), "1, the members in the file"));
  other = made;
  other.members.clear();
  CHECK(has(refusal(other), "none"));
  other = made;
  other.members[1].manifest.dataset_fingerprint = std::string(64, 'b');
  CHECK(has(refusal(other), "member 2"));
  other = made;
  const std::vector<float> twice{1};
  other.parameters.set<float>("item_quality", twice);
  CHECK(has(refusal(other), "item_quality"));
  other = made;
  other.members[0].members.push_back(file_of(3));
  CHECK_THROWS_AS(model_bytes(other), DataError);
  other = made;
  std::vector<float> broken(40, 0.0F);
  broken[3] = NAN;
  other.members[1].parameters.set<float>("item_quality", broken);
  CHECK_THROWS_WITH_AS(parse_model(model_bytes(other), "x"), doctest::Contains("members/001/parameters"),
                       DataError);

  CHECK_THROWS_AS(ensemble_model_file({}, {}), ConfigError);
  CHECK_THROWS_WITH_AS(ensemble_model_file({made, file_of(1)}, {}), doctest::Contains("an ensemble"),
                       ConfigError);
  ModelFile foreign = file_of(3);
  foreign.manifest.dataset_fingerprint = std::string(64, 'b');
  CHECK_THROWS_WITH_AS(ensemble_model_file({file_of(1), foreign}, {}), doctest::Contains("member 2"),
                       ConfigError);
  foreign = file_of(3);
  foreign.manifest.role = "agent";
  CHECK_THROWS_WITH_AS(ensemble_model_file({file_of(1), foreign}, {}), doctest::Contains("agent"),
                       ConfigError);
}

}  // namespace
}  // namespace veer
