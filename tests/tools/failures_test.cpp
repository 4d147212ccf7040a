// What goes wrong, through the built program: exit codes, and messages that name the file, the parameter, the
// epoch; and nothing half-written left behind.
#include <cmath>
#include <filesystem>
#include <limits>

#include "env/store/model_file.h"
#include "tests/test.h"
#include "tests/tools/run_program.h"
#include "tests/tools/small_world.h"
#include "tools/veer/worlds/policy_names.h"

using namespace veer;
using namespace veer::tests;

namespace {

std::vector<std::string> small_fit(const SmallWorld& world, const std::string& output) {
  return {
      "fit",     "sasrec",   "--data", world.data,        "-o", output,     "--hidden", "8",        "--inner",
      "8",       "--layers", "1",      "--heads",         "1",  "--epochs", "2",        "--people", "all",
      "--quiet", "--seed",   "1",      "--batch-targets", "400"};
}

/// The model file again, with one value of one parameter replaced.
std::string spoil(const std::string& path, const std::string& copy, float value) {
  ModelFile model = read_model(path);
  for (const auto& [name, array] : model.parameters.all()) {
    if (array.type != ArrayType::f32) continue;
    const auto values = model.parameters.get<float>(name);
    std::vector<float> changed(values.begin(), values.end());
    changed.back() = value;
    const std::string spoilt = name;
    model.parameters.set<float>(spoilt, changed, std::vector<std::int64_t>(array.shape));
    write_model(copy, model);
    return spoilt;
  }
  throw std::runtime_error("no f32 parameter in " + path);
}

}  // namespace

TEST_CASE("an empty file is a format error, a missing one is not") {
  ScratchFolder folder;
  write_text(folder / "empty.h5", "");
  const Finished empty = run_veer({"info", folder / "empty.h5"});
  CHECK(empty.code == 3);
  CHECK(has(
      empty.err,
      "empty.h5: found an empty file; expected a dataset, a model, a log of decisions or a run directory"));
  const Finished absent = run_veer({"info", folder / "absent.h5"});
  CHECK(absent.code == 1);
  CHECK(has(absent.err, "found no such file"));
}

TEST_CASE("a model with a value that is no number is refused with 3, naming file and parameter") {
  const SmallWorld world;
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const std::string spoilt = world.folder / "spoilt.model.h5";
    const std::string parameter = spoil(world.users, spoilt, value);
    const std::vector<std::vector<std::string>> commands{
        {"info", spoilt},
        {"evaluate", "--data", world.data, "--users", spoilt, "--policy", "random", "--episodes", "2", "-o",
         world.folder / "run"},
        world.evaluate({"--judge", "bad=" + spoilt, "--policy", "random", "--episodes", "2"}),
        {"guide", "--data", world.data, "--users", spoilt, "--policy", "random"}};
    for (const auto& command : commands) {
      const Finished result = run_veer(command);
      CAPTURE(command.front());
      CAPTURE(result.err);
      CHECK(result.code == 3);
      CHECK(result.out.empty());
      CHECK(has(result.err, spoilt));
      CHECK(has(result.err, "parameters/" + parameter + "["));
      CHECK(has(result.err, "expected a finite number"));
    }
    CHECK_FALSE(std::filesystem::exists(world.folder / "run"));
  }
}

TEST_CASE("a fit that diverges ends with 1, naming epoch, parameter and what to do") {
  if (!can_fit()) {
    MESSAGE("skipped: a build without LibTorch fits nothing");
    return;
  }
  const SmallWorld world;
  const std::string output = world.folder / "diverged.model.h5";
  std::vector<std::string> command = small_fit(world, output);
  command.insert(command.end(), {"--learning-rate", "1e30"});
  const Finished result = run_veer(command);
  CAPTURE(result.err);
  CHECK(result.code == 1);
  CHECK(result.out.empty());
  CHECK(has(result.err, "epoch 1: found "));
  CHECK(has(result.err, "not finite in parameter "));
  CHECK(has(result.err, "fit with a smaller --learning-rate (it was 1e+30)"));
  CHECK_FALSE(std::filesystem::exists(output));

  // The same with a rate that works, which must not stumble over what the first one left.
  const Finished again = run_veer(small_fit(world, output));
  CHECK_MESSAGE(again.code == 0, again.err);
  CHECK(std::filesystem::exists(output));
}

TEST_CASE("output that cannot be written: import, fit and evaluate say so before any work, with 1") {
  const SmallWorld world;
  write_text(world.folder / "log.csv", "user,item\n1,2\n1,3\n2,2\n");
  write_text(world.folder / "file", "text");
  // A folder that is not there, a file in the place of a folder, and a folder in the place of a file.
  std::filesystem::create_directory(world.folder / "folder");
  for (const std::string place : {"absent/x.h5", "file/x.h5", "folder"}) {
    const std::string output = world.folder / place;
    CAPTURE(place);
    const Finished import = run_veer({"import", "csv", world.folder / "log.csv", "-o", output});
    CHECK(import.code == 1);
    CHECK(has(import.err, output));
    if (!can_fit()) continue;
    const Finished fit = run_veer(small_fit(world, output));
    CHECK(fit.code == 1);
    CHECK(has(fit.err, output));
    CHECK(fit.out.empty());
  }
  for (const std::string place : {"file", "file/run", "/proc/no-such-place/run"}) {
    const std::string output = place.starts_with("/") ? place : world.folder / place;
    const Finished evaluate =
        run_veer(world.evaluate({"--policy", "random", "--episodes", "2", "-o", output}));
    CAPTURE(place);
    CAPTURE(evaluate.err);
    CHECK(evaluate.code == 1);
    CHECK(has(evaluate.err, output));
    CHECK(evaluate.out.empty());
  }
  CHECK(read_text(world.folder / "file") == "text");
  CHECK(std::filesystem::is_empty(world.folder / "folder"));
}

TEST_CASE("policies are named without the places of their files") {
  using Names = std::vector<std::string>;
  ScratchFolder folder;
  const std::string plan = folder / "plan.model.h5", script = folder / "mine.pt";
  write_text(plan, "x");
  write_text(script, "x");
  std::filesystem::create_directory(folder / "other");
  const std::string twin = folder / "other/plan.model.h5";
  write_text(twin, "y");
  CHECK(tools::policy_names(Names{"random", "beam:width=4,m=all", script, "next_item:model=" + plan}) ==
        Names{"random", "beam:width=4,m=all", "mine.pt", "next_item:model=plan"});
  CHECK(tools::policy_names(Names{"next_item:model=" + plan, "next_item:model=" + twin}) ==
        Names{"next_item:model=" + plan, "next_item:model=" + twin});
  CHECK(tools::policy_names(Names{"next_item:model=" + (folder / "absent.model.h5"), "odd:", "odd:x,,y="}) ==
        Names{"next_item:model=" + (folder / "absent.model.h5"), "odd:", "odd:x,,y="});
}
