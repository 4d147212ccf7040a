#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <set>

#include "agents/replay/replay_buffer.h"
#include "agents/slate/hsrl/hsrl_learner.h"
#include "agents/slate/hsrl/hsrl_policy.h"
#include "agents/slate/hsrl/slate_likelihood.h"
#include "agents/slate/latent/latent_learner.h"
#include "agents/slate/slate_agent_file.h"
#include "env/error.h"
#include "tests/agents/slate/cluster_scores.h"
#include "tests/agents/slate/clustered_items.h"
#include "tests/agents/slate/plain_hsrl.h"
#include "tests/conformance/conformance.h"
#include "tests/test.h"

namespace veer::slate {
namespace {

HsrlOptions small_agent(std::string_view profile, std::int32_t levels = 2, std::int32_t codes = 16) {
  HsrlOptions o = hsrl_profile(profile, levels, codes, toys::item_width);
  o.encoder.positions = 6;
  o.encoder.width = 12;
  o.encoder.heads = 3;
  o.encoder.inner = 20;
  return o;
}

std::int64_t size_of(const std::vector<nn::ParameterLayout>& layouts, std::string_view prefix = "") {
  std::int64_t sum = 0;
  for (const nn::ParameterLayout& each : layouts) sum += each.name.starts_with(prefix) ? each.size() : 0;
  return sum;
}

/// One transition, `count` times: the same history before and after.
Transitions repeated(std::int32_t count, float reward, EndReason end) {
  Transitions t;
  t.resize(count, BatchShape{.rows = count, .history_capacity = 6, .slots = 4});
  for (std::size_t i = 0; i < at(count); ++i) {
    for (std::size_t h = 0; h < 3; ++h)
      t.history[6 * i + h] = t.next_history[6 * i + h] = static_cast<ItemId>(h) + 1;
    t.history_size[i] = t.next_history_size[i] = 3;
    for (std::size_t k = 0; k < 4; ++k) t.items[4 * i + k] = static_cast<ItemId>(k) + 5;
    t.reward[i] = reward;
    t.end[i] = end;
  }
  return t;
}

double learned_value(HsrlOptions options, EndReason end) {
  options.actor_rate = options.cloning_rate = 0.0F;
  options.critic_rate = 0.02F;
  options.critic_dropout = options.encoder.dropout = 0.0F;
  options.discount = 0.5F;
  options.target_rate = 0.2F;
  options.batch = 4;
  HsrlLearner learner(options, toys::clustered_catalogue(40, 4, 2, 16), 4, 3);
  ReplayBuffer source(8);
  source.add(repeated(8, 1.0F, end));
  UpdateStats stats;
  for (int i = 0; i < 120; ++i) stats = learner.update(source);
  return stats.at("value");
}

}  // namespace

TEST_CASE("networks have the published sizes") {
  HsrlOptions o = hsrl_profile("reference", 3, 16, 40);
  CHECK(o.vocabulary == 256);
  CHECK(size_of(actor_layout(o)) == 78'496);
  CHECK(size_of(critic_layout(o), "value") == 25'601);
  CHECK(size_of(critic_layout(o), "level_weights") == 4);
  o = hsrl_profile("recommended", 3, 16, 40);
  CHECK(size_of(actor_layout(o)) == 31'696);
  o.critic = CriticForm::per_level;
  CHECK(size_of(critic_layout(o), "value") == 4 * 25'601);
  CHECK_THROWS_AS(hsrl_profile("published", 3, 16, 40), ConfigError);
  CHECK(HsrlOptions::from_hyper_parameters(o.to_hyper_parameters()).to_hyper_parameters() ==
        o.to_hyper_parameters());
}

TEST_CASE("profiles keep and mend what the released code does") {
  const HsrlOptions reference = hsrl_profile("reference", 3, 16, 40),
                    fixed = hsrl_profile("fixed", 3, 16, 40);
  CHECK(reference.bootstrap == Bootstrap::only_at_ends);
  CHECK(reference.last_item_pads);
  CHECK(fixed.bootstrap == Bootstrap::unless_terminated);
  CHECK_FALSE(fixed.last_item_pads);
  for (const HsrlOptions& o : {reference, fixed}) {
    CHECK(o.encoder.padding == HistoryPadding::zeros);
    CHECK(o.residual == Residual::soft);
    CHECK(o.acting_dropout);
    CHECK(o.target_dropout);
    CHECK(o.best_rate == 1.0F);
    CHECK_FALSE(o.learned_level_weights);
    CHECK_FALSE(o.exact_likelihood);
    CHECK(o.weight_decay == 1e-5F);
    CHECK(o.entropy == 0.1F);
  }
  const HsrlOptions recommended = hsrl_profile("recommended", 3, 16, 40);
  CHECK(recommended.vocabulary == 16);
  CHECK_FALSE(recommended.acting_dropout);
  CHECK(recommended.learned_level_weights);
}

TEST_CASE("all Transformer layers start as copies of the first") {
  const HsrlOptions o = hsrl_profile("recommended", 3, 16, 40);
  const NamedArrays fresh = fresh_parameters(o.encoder, actor_layout(o), 4);
  for (const auto& [name, array] : fresh.all()) {
    if (name.starts_with("layers.1.")) CHECK(array.bytes == fresh.at("layers.0." + name.substr(9)).bytes);
  }
  const auto query = fresh.get<float>("layers.0.query.weight");
  CHECK(std::abs(*std::max_element(query.begin(), query.end()) - std::sqrt(6.0F / 128.0F)) < 5e-3F);
  CHECK(fresh.get<float>("layers.0.query.weight")[5] != fresh.get<float>("layers.0.key.weight")[5]);
}

TEST_CASE("the network computes what plain loops compute") {
  const auto catalogue = toys::clustered_catalogue(60, 6, 2, 16);
  for (const char* profile : {"reference", "recommended"}) {
    for (const Residual residual : {Residual::soft, Residual::sampled}) {
      HsrlOptions o = small_agent(profile);
      o.residual = residual;
      const HsrlModel model(o, catalogue, 9);
      const PlainHsrl plain{o, model.weights()};
      std::vector<ItemId> history(5 * 10, no_item);
      std::vector<std::int32_t> size{0, 1, 4, 6, 10};
      for (std::size_t r = 0; r < 5; ++r) {
        for (std::int32_t t = 0; t < size[r]; ++t)
          history[r * 10 + at(t)] = 1 + static_cast<ItemId>(r * 7 + at(t) * 11) % 60;
      }
      HsrlModel::Reading reading;
      model.read(View<const ItemId>(history.data(), 5, 10), View<const std::int32_t>(size.data(), 5, 1), {},
                 reading);
      for (std::int32_t r = 0; r < 5; ++r) {
        const Vector state =
            plain.state(catalogue->vectors(), std::span(history).subspan(at(r) * 10, at(size[at(r)])));
        for (std::size_t i = 0; i < state.size(); ++i) {
          CHECK(double{reading.states[at(r) * 12 + i]} == doctest::Approx(state[i]).epsilon(1e-4));
        }
        const std::vector<std::int32_t> chosen{3, 5};
        const auto levels =
            plain.levels(state, residual == Residual::soft ? std::span<const std::int32_t>{} : chosen);
        const NextToken next = model.next_token(std::span(reading.states).subspan(at(r) * 12, 12));
        for (std::int32_t l = 0; l < 2; ++l) {
          std::vector<float> found(at(catalogue->codes()));
          if (residual == Residual::sampled) next(std::span(chosen).first(at(l)), found);
          for (std::int32_t v = 0; v < catalogue->codes(); ++v) {
            const float own = residual == Residual::soft ? reading.row(r)(l, v) : found[at(v)];
            CHECK(double{own} == doctest::Approx(levels[at(l)][at(v)]).epsilon(1e-4));
          }
        }
      }
    }
  }
}

TEST_CASE("the slope of a slate's log-probability is its derivative") {
  const auto c = toys::clustered_catalogue(30, 4, 2, 8);
  const std::vector<ItemId> items{4, 17, 9};
  std::vector<float> log_p(16);
  fill_normal({3, 1, 4}, Stream::generate, log_p);
  const auto value = [&](const std::vector<float>& levels, bool exact) {
    double total = 0.0, left = 1.0, sum = 0.0;
    const auto weight = [&](ItemId i) {
      return std::exp(double{levels[at(c->codes_of(i)[0])]} + double{levels[8 + at(c->codes_of(i)[1])]});
    };
    for (ItemId i = 1; i <= 30; ++i) total += weight(i);
    for (const ItemId i : items) {
      sum += exact ? std::log(weight(i) / total / left) : std::log(weight(i));
      left -= weight(i) / total;
    }
    return sum;
  };
  SlateSearch search(*c);
  for (const bool exact : {false, true}) {
    std::vector<float> slope(16, 0.0F), ignored(16);
    const View<const float> levels(log_p.data(), 2, 8);
    const SlateLikelihood found = add_slope(search, *c, levels, items, std::vector<float>{1.0F, 1.0F}, exact,
                                            View<float>(slope.data(), 2, 8));
    CHECK(found.log_prob == doctest::Approx(value(log_p, true)).epsilon(1e-6));
    CHECK(found.shown == 3);
    for (std::size_t v = 0; v < 16; ++v) {
      std::vector<float> up = log_p, down = log_p;
      up[v] += 1e-2F;
      down[v] -= 1e-2F;
      const double expected = (value(up, exact) - value(down, exact)) / 2e-2 / 3.0;
      CHECK(double{slope[v]} == doctest::Approx(expected).epsilon(1e-3));
    }
    // Advantages weigh each level by itself.
    std::vector<float> second(16, 0.0F);
    add_slope(search, *c, levels, items, std::vector<float>{0.0F, -2.0F}, exact,
              View<float>(second.data(), 2, 8));
    for (std::size_t v = 0; v < 16; ++v) CHECK(second[v] == doctest::Approx(v < 8 ? 0.0F : -2.0F * slope[v]));
  }
}

TEST_CASE(
    "terminated episodes have no next value, truncated ones have; the released mask is the other way round") {
  const HsrlOptions o = small_agent("recommended");
  CHECK(learned_value(o, EndReason::user_left) == doctest::Approx(1.0).epsilon(0.02));
  CHECK(learned_value(o, EndReason::horizon) == doctest::Approx(2.0).epsilon(0.02));
  CHECK(learned_value(o, EndReason::running) == doctest::Approx(2.0).epsilon(0.02));
  HsrlOptions reference = small_agent("reference");
  CHECK(learned_value(reference, EndReason::running) == doctest::Approx(1.0).epsilon(0.05));
  CHECK(learned_value(reference, EndReason::user_left) == doctest::Approx(2.0).epsilon(0.05));
  for (const CriticForm form : {CriticForm::per_level, CriticForm::state}) {
    HsrlOptions other = o;
    other.critic = form;
    other.credit = Credit::level;
    CHECK(learned_value(other, EndReason::horizon) == doctest::Approx(2.0).epsilon(0.02));
  }
}

TEST_CASE("level weights stay even in the released code, and learn otherwise") {
  for (const char* profile : {"reference", "recommended"}) {
    HsrlLearner learner(small_agent(profile, 3), toys::clustered_catalogue(40, 4, 3, 16), 4, 3);
    ReplayBuffer source(64);
    source.add(repeated(64, 0.5F, EndReason::running));
    CHECK(learner.level_weights() == std::vector<float>(4, 0.25F));
    for (int i = 0; i < 20; ++i) learner.update(source);
    const std::vector<float> found = learner.level_weights();
    CHECK(std::accumulate(found.begin(), found.end(), 0.0F) == doctest::Approx(1.0F));
    CHECK((found == std::vector<float>(4, 0.25F)) == (std::string_view(profile) == "reference"));
  }
}

TEST_CASE("exploring alone shows everybody the same slate, as the released warm-up does") {
  const toys::ClusterWorldOptions options;
  HsrlOptions o = small_agent("reference");
  o.explore = 1.0F;
  const HsrlModel model(o, toys::clustered_catalogue(options.items, options.clusters, 2, 16), 1);
  const toys::ClusterWorld world(options);
  Engine engine(world, make_hsrl_policy(model, 4, "hsrl")->spec(), {.rows = 64, .shard_rows = 32, .seed = 1});
  engine.step(make_hsrl_policy(model, 4, "hsrl"), Mode::sample);
  for (std::int32_t s = 0; s < 2; ++s) {
    const Shard shard = engine.batch().shard(s);
    for (std::int32_t r = 0; r < 32; ++r) {
      if (shard.step(r) != 1) continue;  // began anew
      for (std::int32_t k = 0; k < 4; ++k) CHECK(shard.items(r, k) == k + 1);
      CHECK(double{shard.log_prob(r)} == doctest::Approx(-std::log(96.0 * 95.0 * 94.0 * 93.0)).epsilon(1e-5));
    }
  }
}

TEST_CASE("slate policies conform") {
  const toys::ClusterWorldOptions options;
  const toys::ClusterWorld world(options);
  const auto catalogue = toys::clustered_catalogue(options.items, options.clusters, 2, 16);
  HsrlOptions sampled = small_agent("recommended"), dropping = small_agent("fixed");
  sampled.residual = Residual::sampled;
  sampled.explore = 0.2F;
  dropping.best_rate = 0.5F;
  for (const HsrlOptions& o : {small_agent("recommended"), sampled, dropping}) {
    conformance::check_policy(*make_hsrl_policy(HsrlModel(o, catalogue, 2), options.slots, "hsrl"), world);
  }
  const auto vectors = std::make_shared<ItemVectors>(catalogue->vectors());
  for (std::size_t kind = 0; kind < latent_names.size(); ++kind) {
    LatentOptions o = latent_defaults(static_cast<LatentKind>(kind), toys::item_width);
    o.encoder = small_agent("recommended").encoder;
    o.candidates = 30;
    const LatentLearner learner(o, vectors, options.slots, 6);
    conformance::check_policy(*learner.snapshot(), world);
    CHECK(LatentOptions::from_hyper_parameters(o.to_hyper_parameters()).to_hyper_parameters() ==
          o.to_hyper_parameters());
  }
  conformance::check_scenario(world,
                              make_hsrl_policy(HsrlModel(sampled, catalogue, 2), options.slots, "hsrl"));
}

TEST_CASE("an agent refuses what does not fit it") {
  const auto catalogue = toys::clustered_catalogue(40, 4, 2, 16);
  CHECK_THROWS_AS(HsrlModel(small_agent("recommended", 3), catalogue, 1), ConfigError);     // levels
  CHECK_THROWS_AS(HsrlModel(small_agent("recommended", 2, 8), catalogue, 1), ConfigError);  // codes
  HsrlOptions wide = small_agent("recommended");
  wide.encoder.features = 7;
  CHECK_THROWS_AS(HsrlModel(wide, catalogue, 1), ConfigError);
  CHECK_THROWS_AS(make_hsrl_policy(HsrlModel(small_agent("recommended"), catalogue, 1), 41, "x"),
                  ConfigError);
  HsrlLearner learner(small_agent("recommended"), catalogue, 5, 1);
  ReplayBuffer source(8);
  source.add(repeated(8, 1.0F, EndReason::running));
  CHECK_THROWS_AS(learner.update(source), ConfigError);  // slates of 4
}

TEST_CASE("items join and leave while a policy runs, and are shown at the next step") {
  const toys::ClusterWorldOptions options;
  const toys::ClusterWorld world(options);
  const auto whole = toys::clustered_catalogue(options.items, options.clusters, 2, 16);
  // A policy that knows nothing of the last twelve items.
  std::vector<ItemId> late(12);
  std::iota(late.begin(), late.end(), options.items - 11);
  std::vector<float> vectors;
  for (const ItemId item : late)
    vectors.insert(vectors.end(), whole->vectors().row(item).begin(), whole->vectors().row(item).end());
  const auto before = whole->without_items(late);
  const HsrlModel model(small_agent("recommended"), before, 8);
  const auto show = [&](const HsrlModel& shown, Engine& engine) {
    engine.step(make_hsrl_policy(shown, options.slots, "hsrl"), Mode::sample);
    std::set<ItemId> found;
    for (std::int32_t s = 0; s < engine.batch().shards(); ++s) {
      const Shard shard = engine.batch().shard(s);
      for (std::int32_t r = 0; r < shard.rows(); ++r) {
        if (shard.step(r) > 0) found.insert(shard.items.row(r).begin(), shard.items.row(r).end());
      }
    }
    return found;
  };
  const auto any_late = [&](const std::set<ItemId>& found) {
    return std::ranges::any_of(late, [&](ItemId item) { return found.contains(item); });
  };
  Engine engine(world, make_hsrl_policy(model, options.slots, "hsrl")->spec(),
                {.rows = 256, .shard_rows = 64, .seed = 3});
  CHECK_FALSE(any_late(show(model, engine)));
  const HsrlModel grown = model.on(before->with_items(late, toys::rows_of(vectors)));
  const std::set<ItemId> after = show(grown, engine);
  for (const ItemId item : late) CHECK(after.contains(item));
  const HsrlModel shrunk = grown.on(grown.catalogue().without_items(std::vector<ItemId>{1, 2, 3}));
  const std::set<ItemId> left = show(shrunk, engine);
  for (const ItemId item : {1, 2, 3}) CHECK_FALSE(left.contains(item));
  CHECK(any_late(left));
  // Not a weight moved, and the others' tokens are theirs.
  const NamedArrays weights = model.weights();
  for (const auto& [name, array] : weights.all()) CHECK(array.bytes == shrunk.weights().at(name).bytes);
  for (ItemId i = 4; i <= 84; ++i)
    CHECK(std::ranges::equal(shrunk.catalogue().codes_of(i), whole->codes_of(i)));
  // A learner goes on over the change, with slates in memory that hold items gone since.
  HsrlLearner learner(small_agent("recommended"), whole, 4, 3);
  ReplayBuffer source(8);
  source.add(repeated(8, 1.0F, EndReason::running));
  learner.change_catalogue(whole->without_items(std::vector<ItemId>{5, 6}));
  CHECK(std::isfinite(learner.update(source).at("critic_loss")));
}

TEST_CASE("model files hold an agent and the catalogue it can enlarge") {
  const auto folder = std::filesystem::temp_directory_path() / "veer_slate_agent_file_test";
  std::filesystem::create_directories(folder);
  const toys::ClusterWorldOptions options;
  const toys::ClusterWorld world(options);
  const auto catalogue = toys::clustered_catalogue(options.items, options.clusters, 2, 16);
  const HsrlModel model(small_agent("recommended"), catalogue, 8);
  write_model(folder / "hsrl.h5", hsrl_file(model, options.slots, {}));
  const double expected =
      toys::mean_return(world, *make_hsrl_policy(model, options.slots, "a"), Mode::sample);
  CHECK(toys::mean_return(world, *load_slate_agent(folder / "hsrl.h5", "b"), Mode::sample) == expected);
  const HsrlModel again = hsrl_from(read_model(folder / "hsrl.h5"));
  const std::vector<ItemId> removed{5};
  CHECK(again.on(again.catalogue().without_items(removed)).catalogue().shown() == options.items - 1);
  const std::vector<float> vector(toys::item_width, 0.5F);
  CHECK(
      again.catalogue().with_items(std::vector<ItemId>{options.items + 1}, toys::rows_of(vector))->items() ==
      options.items + 1);
  for (std::size_t kind = 0; kind < latent_names.size(); ++kind) {
    LatentOptions o = latent_defaults(static_cast<LatentKind>(kind), toys::item_width);
    o.encoder = small_agent("recommended").encoder;
    const LatentLearner learner(o, std::make_shared<ItemVectors>(catalogue->vectors()), options.slots, 6);
    write_model(folder / "latent.h5", latent_file(learner.model(), options.slots, {}));
    CHECK(toys::mean_return(world, *load_slate_agent(folder / "latent.h5", "b"), Mode::sample) ==
          toys::mean_return(world, *learner.snapshot(), Mode::sample));
  }
  ModelFile damaged = hsrl_file(model, options.slots, {});
  const auto states = damaged.probe.get<float>("output/states");
  std::vector<float> other(states.begin(), states.end());
  other.front() += 0.1F;
  damaged.probe.set<float>("output/states", other);
  CHECK_THROWS_AS(hsrl_from(damaged), VerificationError);
  damaged.manifest.kind = "sasrec";
  CHECK_THROWS_AS(hsrl_from(damaged), FormatError);
  damaged = hsrl_file(model, options.slots, {});
  damaged.manifest.hyper_parameters["levels"] = "3";
  CHECK_THROWS_AS(hsrl_from(damaged), FormatError);
  std::filesystem::remove_all(folder);
}

}  // namespace veer::slate
