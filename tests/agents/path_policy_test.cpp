#include "agents/generative/path_policy.h"

#include <torch/torch.h>

#include <filesystem>
#include <set>

#include "agents/generative/path_model_file.h"
#include "agents/generative/step_rewards.h"
#include "env/engine.h"
#include "env/error.h"
#include "env/loop/trajectories.h"
#include "simulators/sequence/sequence_user.h"
#include "tests/agents/small_path_model.h"
#include "tests/conformance/conformance.h"
#include "tests/env/nn/small_models.h"
#include "tests/simulators/sequence_world.h"
#include "tests/test.h"

namespace veer {
namespace {

std::unique_ptr<UserModel> people() { return make_sequence_user(nn::small_model("sasrec", 30)); }

PathPolicyOptions options_for(PathSearch search, bool closed_loop = false) {
  PathPolicyOptions options;
  options.rules.most_items = 6;
  options.search = search;
  options.width = 3;
  options.closed_loop = closed_loop;
  return options;
}

Trajectories played(const Policy& policy, Acceptance acceptance, Mode mode = Mode::sample) {
  const testing::SequenceWorld world(people(), acceptance);
  Engine engine(world, policy.spec(), {.rows = 64, .shard_rows = 32, .seed = 3});
  std::vector<EpisodeId> episodes(64);
  for (std::size_t i = 0; i < episodes.size(); ++i) episodes[i] = i;
  return engine.evaluate(policy, mode, episodes);
}

TEST_CASE("every way to choose a path conforms") {
  const PathModel model = small_path_model(3, thirty_items());
  const auto planner = people();
  const testing::SequenceWorld always(people(), Acceptance::always), sampled(people(), Acceptance::sampled);
  for (const PathSearch search : {PathSearch::as_played, PathSearch::greedy, PathSearch::sample,
                                  PathSearch::beam, PathSearch::best_of}) {
    for (const bool closed : {false, true}) {
      CAPTURE(path_search_names[static_cast<std::size_t>(search)]);
      CAPTURE(closed);
      const auto policy = make_path_policy(model, options_for(search, closed), planner.get());
      conformance::check_policy(*policy, always);
      conformance::check_policy(*policy, sampled);
    }
  }
  PathPolicyOptions free = options_for(PathSearch::as_played);
  free.rules.constrained = false;
  conformance::check_policy(*make_path_policy(model, free), always);
}

TEST_CASE("an open-loop plan is carried out whole, a closed loop plans anew after a refusal") {
  const PathModel model = small_path_model(3, thirty_items());
  const Trajectories open =
      played(*make_path_policy(model, options_for(PathSearch::greedy)), Acceptance::sampled);
  const Trajectories closed =
      played(*make_path_policy(model, options_for(PathSearch::greedy, true)), Acceptance::sampled);
  const Trajectories plans =
      played(*make_path_policy(model, options_for(PathSearch::greedy)), Acceptance::always);
  std::int32_t refusals = 0, changed = 0;
  for (std::int64_t e = 0; e < open.episodes(); ++e) {
    const auto row = [&](const Trajectories& t) {
      return std::vector<ItemId>(t.items.begin() + t.first_step[at(e)],
                                 t.items.begin() + t.first_step[at(e)] + t.length[at(e)]);
    };
    const std::vector<ItemId> plan = row(plans), answered = row(open), replanned = row(closed);
    CHECK(plan == answered);  // whatever people answer
    CHECK(plan.size() <= 6);
    CHECK((plan.size() == 6 ? plans.end[at(e)] == EndReason::horizon
                            : plans.end[at(e)] == EndReason::policy_stopped));
    std::set<ItemId> shown;
    for (const ItemId item : replanned) CHECK(shown.insert(item).second);
    CHECK_FALSE(shown.contains(closed.episode_target[at(e)]));
    // Up to the first refusal both are the same; from there the closed loop may go elsewhere.
    std::size_t first = 0;
    while (first < replanned.size() &&
           (closed.feedback[at(closed.first_step[at(e)]) + first] & feedback::accepted) != 0) {
      ++first;
    }
    refusals += first < replanned.size() ? 1 : 0;
    for (std::size_t t = 0; t <= std::min(first, plan.size() - 1); ++t) CHECK(replanned[t] == plan[t]);
    changed += plan == replanned ? 0 : 1;
  }
  CHECK(refusals > 10);
  CHECK(changed > 5);
}

TEST_CASE("best of n is the sampled path that the planner values most") {
  const PathModel model = small_path_model(3, thirty_items());
  const auto planner = people();
  PathPolicyOptions options = options_for(PathSearch::best_of);
  options.width = 8;
  options.acceptance_weight = 2.0;
  const Trajectories best = played(*make_path_policy(model, options, planner.get()), Acceptance::always);
  const PathWriter writer(model, options.rules);
  for (std::int64_t e = 0; e < best.episodes(); ++e) {
    const auto history =
        std::span(best.history).subspan(at(e) * at(best.history_width), at(best.history_size[at(e)]));
    const PathPrompt prompt{history, best.episode_target[at(e)], {3, static_cast<EpisodeId>(e), 0}};
    const WrittenPaths paths = writer.write({&prompt, 1}, {.per_prompt = 8});
    const StepRewards steps = measure_steps(*planner, {&prompt, 1}, paths);
    double highest = -1e9;
    std::int32_t chosen = 0;
    for (std::int32_t r = 0; r < 8; ++r) {
      double score = 0.0;
      for (std::int32_t k = 0; k < paths.length[at(r)]; ++k) {
        score += double{steps.raw[0][steps.place(r, k)]} +
                 2.0 * double{steps.raw[2][steps.place(r, k)]} / paths.length[at(r)];
      }
      if (score > highest + 1e-5) {
        highest = score;
        chosen = r;
      }
    }
    const auto wanted = paths.items_of(chosen);
    const auto first = best.items.begin() + best.first_step[at(e)];
    CHECK(std::vector<ItemId>(first, first + best.length[at(e)]) ==
          std::vector<ItemId>(wanted.begin(), wanted.end()));
  }
  CHECK_THROWS_WITH_AS(make_path_policy(model, options), doctest::Contains("--planner"), ConfigError);
}

TEST_CASE("a model file brings back the same paths, and says what is wrong with another") {
  const PathModel model = small_path_model(3, thirty_items());
  ModelManifest manifest;
  manifest.dataset_fingerprint = std::string(64, 'a');
  const ModelFile file = path_model_file(model, manifest);
  CHECK(file.manifest.role == "agent");
  CHECK(file.manifest.parameters == nn::parameter_count(model.network.config()));
  const PathModel again = path_model_from(parse_model(model_bytes(file), "x"), "cpu");
  CHECK(again.most_history == model.most_history);
  CHECK(*again.ids == *model.ids);
  const std::vector<ItemId> history{1, 2, 3};
  const PathPrompt prompt{history, 9, {1, 2, 3}};
  PathRules rules;
  CHECK(PathWriter(again, rules).write({&prompt, 1}, {.per_prompt = 4}).tokens ==
        PathWriter(model, rules).write({&prompt, 1}, {.per_prompt = 4}).tokens);

  ModelFile altered = file;
  auto values = altered.parameters.get<float>("network/embedding");
  std::vector<float> other(values.begin(), values.end());
  for (float& value : other) value += 0.1F;
  altered.parameters.set<float>("network/embedding", other, file.parameters.at("network/embedding").shape);
  CHECK_THROWS_WITH_AS(path_model_from(altered, "cpu"), doctest::Contains("altered"), VerificationError);
  ModelFile foreign = file;
  foreign.manifest.kind = "sasrec";
  CHECK_THROWS_WITH_AS(path_model_from(foreign, "cpu"), doctest::Contains("path_model"), FormatError);
  ModelFile smaller = file;
  smaller.parameters.put_group("ids", six_items()->to_arrays());
  CHECK_THROWS_AS(path_model_from(smaller, "cpu"), FormatError);
  ModelFile probe = file;
  probe.probe.set<std::int32_t>("input/target", std::vector<std::int32_t>{1, 2, 3, 31});
  CHECK_THROWS_WITH_AS(path_model_from(probe, "cpu"), doctest::Contains("probe/input/target"), FormatError);

  ModelFile endless = file;
  endless.manifest.hyper_parameters["most_history"] =
      "4096";  // attention over such a prompt would take gigabytes
  CHECK_THROWS_WITH_AS(path_model_from(endless, "cpu"), doctest::Contains("most_history"), FormatError);

  const auto path = std::filesystem::temp_directory_path() / "veer-path-model-test.model.h5";
  write_model(path, file);
  CHECK_THROWS_WITH_AS(load_path_model(path, "cpu", std::string(64, 'b')),
                       doctest::Contains("veer-path-model-test"), ConfigError);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace veer
