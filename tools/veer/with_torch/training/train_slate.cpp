#include <fmt/format.h>

#include <tbb/task_arena.h>
#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
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
#include "env/runtime.h"
#include "rewards/slate.h"
#include "scenarios/slate/slate.h"
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

/// Where more items are alike than a last digit tells apart (films that hardly anybody rated have their
/// genres and nothing else), codes are shared out evenly instead.
std::shared_ptr<const slate::SemanticCatalogue> catalogue_of(const SlateTask& task, std::int32_t codes,
                                                             View<const float> vectors, std::uint64_t seed,
                                                             bool balanced = false) {
  nn::CodebookOptions options;
  options.levels = task.levels;
  options.k_means.clusters = codes;
  options.k_means.seed = seed;
  options.k_means.balanced = balanced;
  nn::CodebookFit fit = nn::fit_codebooks(vectors, options);
  try {
    nn::SemanticIds ids =
        nn::assign_ids(View<const std::int32_t>(fit.codes.data(), vectors.rows(), task.levels), codes);
    return std::make_shared<const slate::SemanticCatalogue>(
        nn::SemanticIdModel{std::move(ids), std::move(fit.codebooks)}, vectors);
  } catch (const DataError&) {
    if (balanced) throw;
  }
  return catalogue_of(task, codes, vectors, seed, true);
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
  override_rate(options.sharpness, task.sharpness);
  override_rate(options.best_rate, task.best_rate);
  override_rate(options.most_importance, task.importance);
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

/// "12,800 slates in 9 s, 1,422 a second with their updates: acting 31 %, updating 66 %, judging 3 % of the
/// time". Side by side the shares exceed the whole.
std::string phases_text(const OnlineResult& r) {
  const double whole = std::max(r.seconds, 1e-9);
  const auto share = [&](double seconds) { return fmt::format("{:.0f} %", 100.0 * seconds / whole); };
  return fmt::format(
      "{} slates in {}, {} a second with their updates: acting {}, updating {}, judging {} of the time",
      grouped(r.steps_here), duration_text(r.seconds),
      grouped(static_cast<std::int64_t>(static_cast<double>(r.steps_here) / whole)), share(r.acting_seconds),
      share(r.updating_seconds), share(r.judging_seconds));
}

/// What every seed of a call trains in: read once, shared.
struct SlateArena {
  SlateWorld slates;
  SlateScenario training, validation, test;

  explicit SlateArena(SlateWorld opened)
      : slates(std::move(opened)),
        training(part_of(slates, Part::train_plan)),
        validation(part_of(slates, Part::validation)),
        test(part_of(slates, Part::test)) {}
  View<const float> vectors() const {
    return {slates.users.item_table.data(), test.spec().items + 1, slates.users.table_width};
  }

 private:
  static SlateScenario part_of(const SlateWorld& world, Part part) {
    SlateParameters parameters = world.parameters;
    parameters.part = part;
    return SlateScenario(std::move(parameters));
  }
};

/// One seed's agent, once its file is written.
struct TrainedSlates {
  ModelManifest manifest;
  SlateFigures random, agent, oracle;
  OnlineResult training;
};

OnlineOptions online_options(const SlateTask& task, const TrainingFiles& files, const SlateArena& arena,
                             const SlateTrainee& trainee, std::uint64_t seed) {
  OnlineOptions options;
  options.engine = {.rows = task.rows, .shard_rows = 32, .seed = seed};
  options.steps = task.steps;
  options.replay = task.replay;
  options.staleness = task.staleness;
  options.learning_starts = std::min<std::int64_t>(2000, task.replay);
  options.warm_up = trainee.warm_up;
  options.report_every = task.evaluate_every;
  options.evaluation = &arena.validation;
  options.evaluation_episodes = task.episodes;
  options.identity =
      fmt::format("world {} {} {} {}\n{}", task.world.world, task.world.link, arena.slates.data->fingerprint,
                  arena.slates.users.checksum, trainee.identity);
  const WorldOptions plain;
  if (task.world.answers != plain.answers) options.identity += "\nanswers " + task.world.answers;
  if (task.world.correlation != plain.correlation)
    options.identity += "\ncorrelation " + task.world.correlation;
  options.budget_seconds = budget_seconds(task.files);
  options.checkpoint_seconds = checkpoint_seconds(task.files);
  options.checkpoint = files.checkpoint;
  return options;
}

/// Trains, plays on test people, writes the model. `show` is told how far it is, from this thread.
TrainedSlates train_seed(const SlateTask& task, const TrainingFiles& files, const SlateArena& arena,
                         std::uint64_t seed, const std::function<void(const std::string&)>& show) {
  const std::int32_t slots = arena.slates.parameters.slots;
  SlateTrainee trainee = task.hsrl ? make_hsrl(task, arena.vectors(), slots, seed)
                                   : make_latent(task, arena.vectors(), slots, seed);
  OnlineOptions options = online_options(task, files, arena, trainee, seed);
  const std::string name = task.seeds.empty() ? task.name : fmt::format("{}-{}", task.name, seed);
  TrainedSlates out;
  {
    TrainingCurves curves(name, files.tensorboard);
    options.progress = [&](const OnlineProgress& p) {
      for (const auto& [figure, value] : p.stats) curves.add(p.step, figure, value);
      curves.add(p.step, "validation reward", p.mean_return);
      curves.add(p.step, "validation slates", p.mean_length);
      show(fmt::format("{}: {} of {} slates, validation reward {:.3f} over {:.2f} slates, {} left", name,
                       grouped(p.step), grouped(p.steps), p.mean_return, p.mean_length,
                       duration_text(p.seconds_left)));
    };
    out.training = train_online(arena.training, *trainee.learner, options);
  }
  const auto play = [&](const Policy& policy, Mode mode) {
    return play_slates(arena.test, policy, mode, seed, task.episodes);
  };
  const std::vector<float> worth = slate_worth(arena.slates.parameters.reward, slots);
  out.random = play(RandomSlates("random", arena.test.spec().items, slots), Mode::sample);
  out.oracle = play(GreedySlates(arena.test.users(), arena.test.spec(), {.worth = worth}), Mode::greedy);
  out.agent = play(*trainee.learner->snapshot(), Mode::greedy);
  const double score = (out.agent.reward - out.random.reward) / (out.oracle.reward - out.random.reward);

  ModelManifest manifest;
  manifest.fitted_on = "train_plan";
  manifest.dataset_fingerprint = arena.slates.data->fingerprint;
  manifest.dataset_name = task.world.world;
  manifest.seed = seed;
  manifest.metrics = {{"test_reward", out.agent.reward},
                      {"test_depth", out.agent.depth},
                      {"test_click_rate", out.agent.clicks},
                      {"score", score},
                      {"best_step", static_cast<double>(out.training.best_step)}};
  const ModelFile file = trainee.file(std::move(manifest));
  write_model(files.output, file);
  std::filesystem::remove(files.checkpoint);
  out.manifest = file.manifest;
  return out;
}

nlohmann::ordered_json slates_json(const TrainedSlates& trained) {
  nlohmann::ordered_json out = describe_model(trained.manifest);
  for (const auto& [name, f] : {std::pair<std::string, const SlateFigures*>{"random", &trained.random},
                                {"agent", &trained.agent},
                                {"oracle", &trained.oracle}}) {
    out["test_people"][name] = {{"reward", f->reward},
                                {"slates", f->depth},
                                {"click_rate", f->clicks},
                                {"items_shown", f->shown_items},
                                {"worst_fifth", f->worst_fifth}};
  }
  return out;
}

void print_slates(const std::string& name, const TrainedSlates& t, const Console& console) {
  Table table({"on test people", "reward", "slates", "reward per slate", "click rate", "items shown",
               "worst fifth", "score"});
  const auto row = [&](const std::string& who, const SlateFigures& f) {
    table.add({who, fmt::format("{:.3f}", f.reward), fmt::format("{:.2f}", f.depth),
               fmt::format("{:.3f}", f.reward / f.depth), fmt::format("{:.3f}", f.clicks),
               grouped(f.shown_items), fmt::format("{:.3f}", f.worst_fifth),
               fmt::format("{:.3f}", (f.reward - t.random.reward) / (t.oracle.reward - t.random.reward))});
  };
  row("random", t.random);
  row(name, t.agent);
  row("oracle of one step", t.oracle);
  console.out() << table.text();
  console.note(fmt::format("kept: the weights after {} slates", grouped(t.training.best_step)));
  console.note(phases_text(t.training));
}

/// The files of one seed: {seed} replaced in every name. Throws ConfigError where several seeds would share
/// one.
TrainingFiles files_of(const SlateTask& task, std::uint64_t seed) {
  TrainingFiles out = task.files;
  const auto put = [&](const char* option, std::string& name) {
    const std::size_t place = name.find("{seed}");
    if (place == std::string::npos) {
      if (task.seeds.empty()) return;
      throw ConfigError({{}, 0, option},
                        {"'" + name + "'", "a name that holds {seed}, such as agent-{seed}.model.h5",
                         "every seed of --seeds has its own file"});
    }
    name.replace(place, 6, std::to_string(seed));
  };
  put("--output", out.output);
  if (!out.checkpoint.empty()) put("--checkpoint", out.checkpoint);
  return out;
}

}  // namespace

void run_slate(SlateTask& task, const Session& session) {
  const std::vector<std::uint64_t> seeds =
      task.seeds.empty() ? std::vector<std::uint64_t>{session.common.seed} : task.seeds;
  if (std::set<std::uint64_t>(seeds.begin(), seeds.end()).size() != seeds.size()) {
    throw ConfigError({{}, 0, "--seeds"}, {"a seed twice", "different seeds, such as 1,2,3", ""});
  }
  std::vector<TrainingFiles> files;
  for (const std::uint64_t seed : seeds) {
    files.push_back(files_of(task, seed));
    files.back().checkpoint = prepare_training(files.back(), session).string();
  }
  task.world.scenario = "slate-v1";
  task.world.part = "all";
  const SlateArena arena(open_slates(task.world));
  session.console.note(fmt::format("{}: {} slates to people of {}, {} items{}", task.name,
                                   grouped(task.steps), task.world.world, grouped(arena.test.spec().items),
                                   seeds.size() > 1 ? fmt::format(", {} seeds", seeds.size()) : ""));
  std::vector<TrainedSlates> trained(seeds.size());
  {
    StatusLine status(session.console);
    std::mutex mutex;
    const auto show = [&](const std::string& line) {
      const std::lock_guard lock(mutex);
      status.show(line);
    };
    // Isolated: a seed that waits for its own shards must not take up another seed meanwhile.
    parallel_for(std::ssize(seeds), [&](std::int64_t i) {
      tbb::this_task_arena::isolate(
          [&] { trained[at(i)] = train_seed(task, files[at(i)], arena, seeds[at(i)], show); });
    });
  }
  if (session.console.json()) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const TrainedSlates& each : trained) out.push_back(slates_json(each));
    session.console.out() << (task.seeds.empty() ? out[0] : out).dump(2) << '\n';
    return;
  }
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    print_slates(task.seeds.empty() ? task.name : fmt::format("{}, seed {}", task.name, seeds[i]), trained[i],
                 session.console);
  }
}

}  // namespace veer::tools
