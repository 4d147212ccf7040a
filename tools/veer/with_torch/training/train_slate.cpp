#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <ostream>
#include <set>
#include <utility>

#include "agents/baselines/slates.h"
#include "agents/replay/online_training.h"
#include "agents/slate/hsrl/hsrl_learner.h"
#include "agents/slate/hsrl/hsrl_policy.h"
#include "agents/slate/latent/latent_learner.h"
#include "agents/slate/slate_agent_file.h"
#include "env/engine.h"
#include "env/error.h"
#include "env/nn/semantic_ids/item_changes.h"
#include "env/nn/semantic_ids/semantic_id_codebooks.h"
#include "rewards/slate.h"
#include "scenarios/slate/slate.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/describe.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"
#include "tools/veer/training/train_agents.h"
#include "tools/veer/training/training_curves.h"
#include "tools/veer/worlds/slate_material.h"

namespace veer::tools {
namespace {

constexpr EpisodeId first_test_episode = EpisodeId{1} << 40;

/// What a policy did to the test people.
struct SlateFigures {
  double reward = 0.0, depth = 0.0, clicks = 0.0, worst_fifth = 0.0;
  std::int64_t shown_items = 0;
};

SlateFigures play_slates(const Scenario& world, const Policy& policy, Mode mode, std::uint64_t seed,
                         std::int32_t episodes) {
  Engine engine(world, policy.spec(), {.rows = 256, .shard_rows = 128, .seed = seed});
  std::vector<EpisodeId> ids(at(episodes));
  std::iota(ids.begin(), ids.end(), first_test_episode);
  const Trajectories t = engine.evaluate(policy, mode, ids);
  SlateFigures out;
  std::vector<float> returns = t.episode_return;
  std::sort(returns.begin(), returns.end());
  const std::size_t fifth = std::max<std::size_t>(1, returns.size() / 5);
  for (std::size_t e = 0; e < returns.size(); ++e) {
    out.reward += double{returns[e]};
    if (e < fifth) out.worst_fifth += double{returns[e]} / static_cast<double>(fifth);
  }
  out.reward /= static_cast<double>(episodes);
  out.depth = static_cast<double>(t.steps()) / static_cast<double>(episodes);
  for (const std::uint8_t answer : t.feedback) out.clicks += (answer & feedback::accepted) != 0 ? 1.0 : 0.0;
  out.clicks /= static_cast<double>(t.feedback.size());
  out.shown_items = std::ssize(std::set<ItemId>(t.items.begin(), t.items.end()));
  return out;
}

/// Codes per level: on few items as many codes as a quarter of them, or hardly two items would share one.
std::int32_t codes_of(const SlateTask& task, std::int32_t items) {
  if (task.codes) return *task.codes;
  return task.profile == "recommended" ? std::min(64, std::max(2, items / 4)) : 16;
}

std::shared_ptr<const slate::SemanticCatalogue> catalogue_of(const SlateTask& task, std::int32_t codes,
                                                             View<const float> vectors, std::uint64_t seed) {
  nn::CodebookOptions options;
  options.levels = task.levels;
  options.k_means.clusters = codes;
  options.k_means.seed = seed;
  nn::CodebookFit fit = nn::fit_codebooks(vectors, options);
  nn::SemanticIds ids =
      nn::assign_ids(View<const std::int32_t>(fit.codes.data(), vectors.rows(), task.levels), codes);
  return std::make_shared<const slate::SemanticCatalogue>(
      nn::SemanticIdModel{std::move(ids), std::move(fit.codebooks)}, vectors);
}

void override_rate(float& rate, const std::optional<float>& given) {
  if (given) rate = *given;
}

/// An agent in training, and what of it goes into files.
struct SlateTrainee {
  std::unique_ptr<Learner> learner;
  std::shared_ptr<const Policy> warm_up;
  std::string identity;
  std::function<ModelFile(ModelManifest)> file;
};

SlateTrainee make_hsrl(const SlateTask& task, View<const float> vectors, std::int32_t slots,
                       std::uint64_t seed) {
  const std::int32_t codes = codes_of(task, vectors.rows() - 1);
  const auto catalogue = catalogue_of(task, codes, vectors, seed);
  slate::HsrlOptions options = slate::hsrl_profile(task.profile, task.levels, codes, vectors.width());
  if (!task.residual.empty()) {
    options.residual =
        static_cast<slate::Residual>(index_of_word("--residual", task.residual, slate::residual_names));
  }
  if (!task.critic.empty()) {
    options.critic =
        static_cast<slate::CriticForm>(index_of_word("--critic", task.critic, slate::critic_names));
  }
  if (!task.credit.empty()) {
    options.credit = static_cast<slate::Credit>(index_of_word("--credit", task.credit, slate::credit_names));
  }
  override_rate(options.actor_rate, task.actor_rate);
  override_rate(options.critic_rate, task.critic_rate);
  override_rate(options.cloning_rate, task.cloning_rate);
  override_rate(options.entropy, task.entropy);
  options.batch = task.batch;
  options.discount = task.discount;
  auto learner = std::make_unique<slate::HsrlLearner>(options, catalogue, slots, seed);
  SlateTrainee out;
  if (task.profile != "recommended") {  // the released warm-up
    slate::HsrlOptions even = options;
    even.explore = 1.0F;
    out.warm_up = slate::make_hsrl_policy(slate::HsrlModel(even, catalogue, seed), slots, "even");
  }
  for (const auto& [name, value] : options.to_hyper_parameters()) out.identity += name + " " + value + "\n";
  out.file = [raw = learner.get(), slots](ModelManifest manifest) {
    return slate::hsrl_file(raw->model(), slots, std::move(manifest));
  };
  out.learner = std::move(learner);
  return out;
}

SlateTrainee make_latent(const SlateTask& task, View<const float> vectors, std::int32_t slots,
                         std::uint64_t seed) {
  slate::LatentOptions options = slate::latent_defaults(task.kind, vectors.width());
  override_rate(options.actor_rate, task.actor_rate);
  override_rate(options.critic_rate, task.critic_rate);
  override_rate(options.clicks, task.cloning_rate);
  override_rate(options.entropy, task.entropy);
  options.batch = task.batch;
  options.discount = task.discount;
  auto learner = std::make_unique<slate::LatentLearner>(
      options, std::make_shared<slate::ItemVectors>(vectors), slots, seed);
  SlateTrainee out;
  for (const auto& [name, value] : options.to_hyper_parameters()) out.identity += name + " " + value + "\n";
  out.file = [raw = learner.get(), slots](ModelManifest manifest) {
    return slate::latent_file(raw->model(), slots, std::move(manifest));
  };
  out.learner = std::move(learner);
  return out;
}

}  // namespace

void add_slate_options(CLI::App& app, SlateTask& task) {
  add_training_output(app, task.files);
  add_budget(app, task.files);
  const std::string world = "World", training = "Training";
  app.add_option("--world", task.world.world,
                 "world of slates: ml1m-session, rl4rs-session, kuaisim-session, ...")
      ->capture_default_str()
      ->group(world);
  app.add_option("--link", task.world.link,
                 "from score to click: soft, saturated or doubled; default: the world's own")
      ->group(world);
  app.add_option("--made-up-people", task.world.made_up_people, "without --data: how many there are")
      ->check(at_most(1'000'000, "a million people are many"))
      ->capture_default_str()
      ->group(world);
  app.add_option("--answers", task.world.answers,
                 "kuaisim worlds: what earns and pleases: clicks, or behaviours, all that people do")
      ->capture_default_str()
      ->group(world);
  app.add_option("--correlation", task.world.correlation,
                 "kuaisim-session: what alike items lose: cosine, or published, which is next to nothing")
      ->capture_default_str()
      ->group(world);
  const auto file = [&](const char* name, std::string& value, const char* what) {
    app.add_option(name, value, what)->type_name("FILE")->group(world);
  };
  file("--data", task.world.data, "dataset file: its people instead of made-up ones");
  file("--users", task.world.users, "model of response or of behaviours of these people");
  file("--profiles", task.world.profiles, "who people are, as veer fit had it");
  file("--items", task.world.items, "item_info.csv of RL4RS, instead of made-up items");
  app.add_option("--steps", task.steps, "slates shown in training")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--rows", task.rows, "people at a time")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--batch", task.batch, "transitions per update")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--replay", task.replay, "transitions remembered")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--evaluate-every", task.evaluate_every, "slates between evaluations on validation people")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--episodes", task.episodes, "of an evaluation, and on test people at the end")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--discount", task.discount, "of later rewards")->capture_default_str()->group(training);
  app.add_option("--actor-rate", task.actor_rate, "learning rate of the policy; default: the agent's")
      ->group(training);
  app.add_option("--critic-rate", task.critic_rate, "learning rate of the critic; default: the agent's")
      ->group(training);
  app.add_option("--entropy", task.entropy, "weight of entropy; default: the agent's")->group(training);
  app.add_option("--cloning", task.cloning_rate,
                 "hsrl: learning rate of behaviour cloning; others: weight of the clicks' loss")
      ->group(training);
  if (!task.hsrl) return;
  const std::string hsrl = "HSRL";
  app.add_option("--profile", task.profile, listed(slate::hsrl_profiles))->capture_default_str()->group(hsrl);
  app.add_option("--levels", task.levels, "tokens of an item")
      ->check(positive())
      ->capture_default_str()
      ->group(hsrl);
  app.add_option(
         "--codes", task.codes,
         "codes per level; default: 64 (a quarter of the items where they are fewer than 256), of the "
         "released profiles 16")
      ->check(positive())
      ->group(hsrl);
  app.add_option("--residual", task.residual, listed(slate::residual_names) + "; default: the profile's")
      ->group(hsrl);
  app.add_option("--critic", task.critic, listed(slate::critic_names) + "; default: the profile's")
      ->group(hsrl);
  app.add_option("--credit", task.credit, listed(slate::credit_names) + "; default: the profile's")
      ->group(hsrl);
}

void run_slate(SlateTask& task, const Session& session) {
  const std::uint64_t seed = session.common.seed;
  task.world.scenario = "slate-v1";
  task.world.part = "all";
  const SlateWorld slates = open_slates(task.world);
  const auto world_of = [&](Part part) {
    SlateParameters parameters = slates.parameters;
    parameters.part = part;
    return SlateScenario(std::move(parameters));
  };
  const SlateScenario training = world_of(Part::train_plan), validation = world_of(Part::validation),
                      test = world_of(Part::test);
  const std::int32_t slots = slates.parameters.slots;
  const View<const float> vectors(slates.users.item_table.data(), test.spec().items + 1,
                                  slates.users.table_width);
  SlateTrainee trainee =
      task.hsrl ? make_hsrl(task, vectors, slots, seed) : make_latent(task, vectors, slots, seed);

  OnlineOptions options;
  options.engine = {.rows = task.rows, .shard_rows = 32, .seed = seed};
  options.steps = task.steps;
  options.replay = task.replay;
  options.learning_starts = std::min<std::int64_t>(2000, task.replay);
  options.warm_up = trainee.warm_up;
  options.report_every = task.evaluate_every;
  options.evaluation = &validation;
  options.evaluation_episodes = task.episodes;
  options.identity = fmt::format("world {} {} {} {}\n{}", task.world.world, task.world.link,
                                 slates.data->fingerprint, slates.users.checksum, trainee.identity);
  const WorldOptions plain;
  if (task.world.answers != plain.answers) options.identity += "\nanswers " + task.world.answers;
  if (task.world.correlation != plain.correlation)
    options.identity += "\ncorrelation " + task.world.correlation;
  options.budget_seconds = budget_seconds(task.files);
  options.checkpoint = prepare_training(task.files, session);
  options.checkpoint_seconds = checkpoint_seconds(task.files);
  session.console.note(fmt::format("{}: {} slates to people of {}, {} items", task.name, grouped(task.steps),
                                   task.world.world, grouped(vectors.rows() - 1)));
  OnlineResult result;
  {
    StatusLine status(session.console);
    TrainingCurves curves(task.name, task.files.tensorboard);
    options.progress = [&](const OnlineProgress& p) {
      for (const auto& [figure, value] : p.stats) curves.add(p.step, figure, value);
      curves.add(p.step, "validation reward", p.mean_return);
      curves.add(p.step, "validation slates", p.mean_length);
      status.show(fmt::format("{}: {} of {} slates, validation reward {:.3f} over {:.2f} slates, {} left",
                              task.name, grouped(p.step), grouped(p.steps), p.mean_return, p.mean_length,
                              duration_text(p.seconds_left)));
    };
    result = train_online(training, *trainee.learner, options);
  }
  const auto play = [&](const Policy& policy, Mode mode) {
    return play_slates(test, policy, mode, seed, task.episodes);
  };
  const std::vector<float> worth = slate_worth(slates.parameters.reward, slots);
  const SlateFigures random = play(RandomSlates("random", test.spec().items, slots), Mode::sample);
  const SlateFigures oracle = play(GreedySlates(test.users(), test.spec(), {.worth = worth}), Mode::greedy);
  const SlateFigures agent = play(*trainee.learner->snapshot(), Mode::greedy);
  const double score = (agent.reward - random.reward) / (oracle.reward - random.reward);

  ModelManifest manifest;
  manifest.fitted_on = "train_plan";
  manifest.dataset_fingerprint = slates.data->fingerprint;
  manifest.dataset_name = task.world.world;
  manifest.seed = seed;
  manifest.metrics = {{"test_reward", agent.reward},
                      {"test_depth", agent.depth},
                      {"test_click_rate", agent.clicks},
                      {"score", score},
                      {"best_step", static_cast<double>(result.best_step)}};
  const ModelFile file = trainee.file(std::move(manifest));
  write_model(task.files.output, file);
  std::filesystem::remove(options.checkpoint);
  if (session.console.json()) {
    nlohmann::ordered_json out = describe_model(file.manifest);
    for (const auto& [name, f] : {std::pair<std::string, const SlateFigures*>{"random", &random},
                                  {"agent", &agent},
                                  {"oracle", &oracle}}) {
      out["test_people"][name] = {{"reward", f->reward},
                                  {"slates", f->depth},
                                  {"click_rate", f->clicks},
                                  {"items_shown", f->shown_items},
                                  {"worst_fifth", f->worst_fifth}};
    }
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  Table table({"on test people", "reward", "slates", "reward per slate", "click rate", "items shown",
               "worst fifth", "score"});
  const auto row = [&](const std::string& name, const SlateFigures& f) {
    table.add({name, fmt::format("{:.3f}", f.reward), fmt::format("{:.2f}", f.depth),
               fmt::format("{:.3f}", f.reward / f.depth), fmt::format("{:.3f}", f.clicks),
               grouped(f.shown_items), fmt::format("{:.3f}", f.worst_fifth),
               fmt::format("{:.3f}", (f.reward - random.reward) / (oracle.reward - random.reward))});
  };
  row("random", random);
  row(task.name, agent);
  row("oracle of one step", oracle);
  session.console.out() << table.text();
  session.console.note(fmt::format("kept: the weights after {} slates; acting {}, updating {}, judging {}",
                                   grouped(result.best_step), duration_text(result.acting_seconds),
                                   duration_text(result.updating_seconds),
                                   duration_text(result.judging_seconds)));
}

}  // namespace veer::tools
