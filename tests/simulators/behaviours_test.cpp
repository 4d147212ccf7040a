#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "env/error.h"
#include "simulators/behaviours/behaviour_fidelity.h"
#include "simulators/behaviours/behaviour_user.h"
#include "simulators/behaviours/synthetic_behaviours.h"
#include "simulators/response/response_fidelity.h"
#include "tests/conformance/conformance.h"
#include "tests/simulators/plain_behaviours.h"
#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

constexpr std::int32_t few_items = 30;

BehaviourSizes small_sizes() {
  return {.profile_blocks = {3, 2},
          .feature_blocks = {4, 1},
          .items = few_items,
          .people = 6,
          .behaviours = {Behaviour::click, Behaviour::like, Behaviour::dislike},
          .history = 11,
          .latent = 5,
          .encoding = 32,
          .layers = 2,
          .heads = 2,
          .inner = 16,
          .hidden = 32};
}

/// A model whose every weight matters.
BehaviourModel small_model(const BehaviourSizes& sizes) {
  ItemFeatures features{5, std::vector<float>(at(few_items + 1) * 5, 0.0F)};
  fill_normal({3, 3, 3}, Stream::generate, std::span(features.values).subspan(5));
  BehaviourModel model = initial_behaviour_model(sizes, std::move(features), 5);
  std::vector<float> noise(model.weights.size());
  fill_normal({9, 9, 9}, Stream::generate, noise);
  for (std::size_t i = 0; i < noise.size(); ++i) model.weights[i] = 1.5F * model.weights[i] + 0.2F * noise[i];
  for (std::size_t b = 0; b < model.offsets.size(); ++b)
    model.offsets[b] = 0.3F - 0.5F * static_cast<float>(b);
  return model;
}

SlatePeople ten_people() {
  SlatePeople people;
  people.profile_width = 5;
  people.profiles.resize(50);
  fill_normal({4, 4, 4}, Stream::generate, people.profiles);
  people.offsets.assign(11, 0);
  return people;
}

struct Lived {
  std::vector<ItemId> items;
  std::vector<std::uint8_t> done;
};
Lived lived(std::int32_t length) {
  Lived out;
  for (std::int32_t t = 0; t < length; ++t) {
    out.items.push_back(1 + (t * 7) % few_items);
    out.done.push_back(
        static_cast<std::uint8_t>(bit_of(Behaviour::click) | (t % 3 == 0 ? 8 : 0) | (t % 4 == 1 ? 128 : 0)));
  }
  return out;
}

struct OneSlate {
  OneSlate(const UserModel& users, const SlatePeople& people, const SlateStart& start,
           std::span<const ItemId> items)
      : batch({.rows = 32,
               .shard_rows = 32,
               .history_capacity = 16,
               .slots = static_cast<std::int32_t>(items.size()),
               .user_state = users.spec().state_width},
              17),
        shard(batch.shard(0)),
        workspace(users.make_workspace({.rows = 32, .slots = shard.items.width()})) {
    const std::span<const ItemId> history = people.history(start, 16);
    shard.user(0) = start.user;
    shard.episode(0) = 12;
    shard.step(0) = 3;
    shard.history_size(0) = static_cast<std::int32_t>(history.size());
    std::ranges::copy(history, shard.history.row(0).begin());
    std::ranges::copy(items, shard.items.row(0).begin());
    users.begin(rows, shard, *workspace);
    users.choose(rows, shard, *workspace);
  }
  std::vector<std::int32_t> rows{0};
  Batch batch;
  Shard shard;
  std::unique_ptr<Workspace> workspace;
};

}  // namespace

TEST_CASE("the model of KuaiSim's MovieLens-1M environment has 228,224 values beside the ids") {
  // Genres of an item; age and gender of a person; clicks, likes and stars.
  const BehaviourSizes sizes{.profile_blocks = {7, 2},
                             .feature_blocks = {18},
                             .items = 3706,
                             .people = 6041,
                             .behaviours = {Behaviour::click, Behaviour::like, Behaviour::complete}};
  CHECK(dense_behaviour_parameters(sizes) == 228'224);
  CHECK(behaviour_parameters(sizes) == 228'224 + 32 * (3707 + 6041));
  // Seven behaviours: four more inputs of one map, four more queries of 64 with 128 inputs and an offset.
  BehaviourSizes seven = sizes;
  seven.behaviours = BehaviourSizes{}.behaviours;
  CHECK(dense_behaviour_parameters(seven) == 228'224 + 4 * 64 + 4 * 64 * 129);
}

TEST_CASE("tables and kernels say what the definition says") {
  const SlatePeople people = ten_people();
  std::vector<ItemId> items(few_items);
  for (ItemId i = 1; i <= few_items; ++i) items[at(i - 1)] = i;
  std::vector<BehaviourSizes> variants(5, small_sizes());
  variants[1].layers = 1;
  variants[2].layers = 3;
  variants[2].heads = 4;
  variants[3].queries = 3;
  variants[4].history = 37;
  variants[4].people = 0;
  variants[4].item_ids = false;
  for (std::size_t v = 0; v < variants.size(); ++v) {
    const BehaviourModel model = small_model(variants[v]);
    const BehaviourScorer scorer(model);
    const std::size_t count = model.sizes.behaviours.size();
    for (const std::int32_t length : {0, 1, 7, 11, 23}) {
      CAPTURE(v);
      CAPTURE(length);
      const Lived life = lived(length);
      for (const UserId user : {2, 8}) {
        std::vector<float> found(items.size() * count);
        scorer.scores(user, people.profile(user), life.items, life.done, items, found);
        const auto expected = plain::Behaviours(model).scores(user, people.profile(user), life.items,
                                                              life.done, items, plain::Masks(nullptr, 0.0F));
        for (std::size_t i = 0; i < found.size(); ++i) {
          CHECK(double{found[i]} == Approx(expected[i / count][i % count]).epsilon(2e-4).scale(1.0));
        }
      }
    }
  }
}

TEST_CASE("dropout drops what training drops, with the masks of the step") {
  for (const std::int32_t layers : {1, 2, 3}) {
    BehaviourSizes sizes = small_sizes();
    sizes.layers = layers;
    const auto model = std::make_shared<const BehaviourModel>(small_model(sizes));
    auto people = std::make_shared<SlatePeople>(ten_people());
    const Lived life = lived(9);
    people->liked = life.items;
    people->done = life.done;
    people->offsets = {0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9};
    const std::vector<ItemId> slate{4, 9, 17, 2};
    const auto users = make_behaviour_user(model, people, {.dropout = 0.3F});
    const OneSlate shown(*users, *people, {1, 9}, slate);
    const StepKey key = shown.shard.key(0);
    const auto expected = plain::Behaviours(*model).scores(1, people->profile(1), life.items, life.done,
                                                           slate, plain::Masks(&key, 0.3F));
    const auto without = plain::Behaviours(*model).scores(1, people->profile(1), life.items, life.done, slate,
                                                          plain::Masks(nullptr, 0.0F));
    double moved = 0.0;
    for (std::size_t k = 0; k < slate.size(); ++k) {
      CAPTURE(layers);
      CAPTURE(k);
      const double p = 1.0 / (1.0 + std::exp(-expected[k][0]));
      CHECK(double{shown.shard.probability(0, static_cast<std::int32_t>(k))} == Approx(p).epsilon(2e-4));
      moved = std::max(moved, std::abs(expected[k][0] - without[k][0]));
    }
    CHECK(moved > 0.05);
  }
}

TEST_CASE("what is clicked joins the history with all that was done with it") {
  const auto model = std::make_shared<const BehaviourModel>(small_model(small_sizes()));
  auto people = std::make_shared<SlatePeople>(ten_people());
  const Lived life = lived(6);
  people->liked = life.items;
  people->done = life.done;
  people->offsets = {0, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6};
  const auto users = make_behaviour_user(model, people);
  const std::vector<ItemId> slate{4, 9, 17, 2};
  OneSlate shown(*users, *people, {0, 6}, slate);
  // Decided from outside: slot 1 clicked and disliked, slot 2 liked without a click, slot 3 clicked.
  const std::vector<std::uint8_t> answers{0, 129, 8, 1};
  std::ranges::copy(answers, shown.shard.feedback.row(0).begin());
  append_history(shown.shard, 0, 9);
  append_history(shown.shard, 0, 2);
  users->advance(shown.rows, shown.shard, *shown.workspace);
  Lived after = life;
  after.items.insert(after.items.end(), {9, 2});
  after.done.insert(after.done.end(), {129, 1});
  users->choose(shown.rows, shown.shard, *shown.workspace);
  const auto expected = plain::Behaviours(*model).scores(0, people->profile(0), after.items, after.done,
                                                         slate, plain::Masks(nullptr, 0.0F));
  after.done.back() = 9;
  const auto other = plain::Behaviours(*model).scores(0, people->profile(0), after.items, after.done, slate,
                                                      plain::Masks(nullptr, 0.0F));
  for (std::int32_t k = 0; k < 4; ++k) {
    const double p = 1.0 / (1.0 + std::exp(-expected[at(k)][0]));
    CHECK(double{shown.shard.probability(0, k)} == Approx(p).epsilon(2e-4));
    CHECK(std::abs(expected[at(k)][0] - other[at(k)][0]) > 1e-4);
  }
}

TEST_CASE("alike items take from each other, and 64 times less in the published code") {
  BehaviourModel made = small_model(small_sizes());
  // Every item without features of its own but for three that are equal.
  for (float& value : made.part("item_ids")) value = 0.0F;
  for (const ItemId twin : {2, 3}) {
    std::ranges::copy(made.features.of(1), made.features.values.begin() + twin * 5);
  }
  const auto model = std::make_shared<const BehaviourModel>(made);
  const auto people = std::make_shared<const SlatePeople>(ten_people());
  const auto probability = [&](const BehaviourOptions& options, std::span<const ItemId> slate) {
    const auto users = make_behaviour_user(model, people, options);
    const OneSlate shown(*users, *people, {0, 0}, slate);
    return double{shown.shard.probability(0, 0)};
  };
  const std::vector<ItemId> twins{1, 2, 3};
  const double alone = probability({}, twins);
  CHECK(alone > 0.25);
  CHECK(alone - probability({.correlation = 0.2F}, twins) == Approx(0.2).epsilon(1e-3));
  CHECK(alone - probability({.correlation = 0.2F, .published_correlation = true}, twins) ==
        Approx(0.2 / 32.0).epsilon(1e-2));
  // By hand for a mixed slate: the mean cosine with all items of it, itself included.
  const std::vector<ItemId> mixed{1, 8, 12};
  const plain::Behaviours definition(*model);
  const auto cosine = [&](ItemId a, ItemId b) {
    const auto x = definition.encode_item(a), y = definition.encode_item(b);
    double xy = 0.0, xx = 0.0, yy = 0.0;
    for (std::size_t d = 0; d < x.size(); ++d) {
      xy += x[d] * y[d];
      xx += x[d] * x[d];
      yy += y[d] * y[d];
    }
    return xy / std::sqrt(xx * yy);
  };
  const double mean = (1.0 + cosine(1, 8) + cosine(1, 12)) / 3.0;
  CHECK(mean < 0.95);
  CHECK(probability({}, mixed) - probability({.correlation = 0.1F}, mixed) ==
        Approx(0.1 * mean).epsilon(1e-3));
}

TEST_CASE("links and position bias hold for every behaviour") {
  const auto model = std::make_shared<const BehaviourModel>(small_model(small_sizes()));
  const auto people = std::make_shared<const SlatePeople>(ten_people());
  const std::vector<ItemId> slate{3, 8, 21};
  const auto expected =
      plain::Behaviours(*model).scores(2, people->profile(2), {}, {}, slate, plain::Masks(nullptr, 0.0F));
  const auto sigmoid = [](double x) { return 1.0 / (1.0 + std::exp(-x)); };
  const auto doubled =
      make_behaviour_user(model, people, {.link = ResponseLink::doubled, .examination = 1.0F});
  const OneSlate shown(*doubled, *people, {2, 0}, slate);
  for (std::int32_t k = 0; k < 3; ++k) {
    CHECK(double{shown.shard.probability(0, k)} ==
          Approx(sigmoid(sigmoid(expected[at(k)][0])) / (k + 1.0)).epsilon(2e-4));
  }
  // How often each behaviour occurs over many steps is its probability.
  const auto soft = make_behaviour_user(model, people);
  OneSlate many(*soft, *people, {2, 0}, slate);
  std::vector<double> happened(3, 0.0);
  constexpr std::uint32_t draws = 4000;
  for (std::uint32_t step = 0; step < draws; ++step) {
    many.shard.step(0) = step;
    soft->choose(many.rows, many.shard, *many.workspace);
    for (std::size_t b = 0; b < 3; ++b) {
      happened[b] += did(many.shard.feedback(0, 1), model->sizes.behaviours[b]) ? 1.0 / draws : 0.0;
    }
  }
  for (std::size_t b = 0; b < 3; ++b) {
    const double p = sigmoid(expected[1][b]);
    CHECK(std::abs(happened[b] - p) < 4.0 * std::sqrt(p * (1.0 - p) / draws));
  }
}

TEST_CASE("people of several behaviours conform, with and without dropout") {
  const auto model = std::make_shared<const BehaviourModel>(small_model(small_sizes()));
  const auto people = std::make_shared<const SlatePeople>(ten_people());
  conformance::check_user_model(*make_behaviour_user(model, people), {.tolerance = 1e-5});
  conformance::check_user_model(*make_behaviour_user(model, people, {.correlation = 0.1F}),
                                {.tolerance = 1e-5});
  conformance::check_user_model(*make_behaviour_user(model, people, {.dropout = 0.1F}),
                                {.tolerance = 1e-5, .deterministic_state = false});
}

TEST_CASE("models of behaviours are stored whole, and damage is found") {
  BehaviourModel model = small_model(small_sizes());
  model.odds = {0.5F, 0.25F, 0.01F};
  model.doubled = true;
  const ModelFile file = behaviour_model_file(model, {});
  CHECK(file.manifest.kind == "behaviours");
  CHECK(file.manifest.parameters == static_cast<std::int64_t>(model.weights.size()));
  const BehaviourModel again = behaviour_model_from(file);
  CHECK(again.sizes == model.sizes);
  CHECK(again.weights == model.weights);
  CHECK(again.offsets == model.offsets);
  CHECK(again.odds == model.odds);
  CHECK(again.doubled);
  ModelFile other = file;
  other.manifest.kind = "response";
  CHECK_THROWS_AS(behaviour_model_from(other), FormatError);
  other = file;
  other.manifest.hyper_parameters["behaviours"] = "click,nod,dislike";
  CHECK_THROWS_AS(behaviour_model_from(other), FormatError);
  other = file;
  other.manifest.hyper_parameters["heads"] = "3";
  CHECK_THROWS_AS(behaviour_model_from(other), FormatError);
  other = file;
  std::vector<float> offsets = model.offsets;
  offsets[1] += 0.5F;
  other.parameters.set<float>("offsets", offsets, {3});
  CHECK_THROWS_AS(behaviour_model_from(other), VerificationError);
}

TEST_CASE("sizes out of range are refused by name") {
  const auto refused = [](auto change) {
    BehaviourSizes sizes = small_sizes();
    change(sizes);
    CHECK_THROWS_AS(check_behaviour_sizes(sizes), ConfigError);
  };
  check_behaviour_sizes(small_sizes());
  refused([](BehaviourSizes& s) { s.profile_blocks.clear(); });
  refused([](BehaviourSizes& s) { s.encoding = 24; });
  refused([](BehaviourSizes& s) { s.heads = 1; });
  refused([](BehaviourSizes& s) { s.behaviours = {Behaviour::like}; });
  refused([](BehaviourSizes& s) { s.behaviours = {Behaviour::click, Behaviour::click}; });
  refused([](BehaviourSizes& s) { s.history = 0; });
  const auto model = std::make_shared<const BehaviourModel>(small_model(small_sizes()));
  auto people = std::make_shared<SlatePeople>(ten_people());
  people->profile_width = 4;
  CHECK_THROWS_AS(make_behaviour_user(model, people), ConfigError);
}

TEST_CASE("made-up people do things as often as asked for, and their truth foretells it") {
  BehaviourSizes sizes;
  sizes.behaviours = {Behaviour::click, Behaviour::complete, Behaviour::like, Behaviour::dislike};
  sizes.history = 12;
  sizes.latent = 8;
  sizes.encoding = 16;
  sizes.heads = 2;
  sizes.inner = 16;
  sizes.hidden = 32;
  const SyntheticBehaviours made = make_synthetic_behaviours({.people = 600,
                                                              .items = 80,
                                                              .sizes = sizes,
                                                              .slots = 5,
                                                              .slates_before = 3,
                                                              .slates = 8,
                                                              .rates = {0.4, 0.3, 0.1, 0.05},
                                                              .seed = 3});
  CHECK(made.data.log.size() == 600 * 8);
  CHECK(made.data.people.done.size() == made.data.people.liked.size());
  for (const std::uint8_t answer : made.data.people.done) REQUIRE(did(answer, Behaviour::click));
  const auto fidelity = measure_behaviour_fidelity(made.truth, ResponseLink::soft, made.data,
                                                   slates_of(made.data, Part::train_plan));
  REQUIRE(fidelity.size() == 4);
  const std::vector<double> rates{0.4, 0.3, 0.1, 0.05};
  for (std::size_t b = 0; b < 4; ++b) {
    CAPTURE(b);
    const BehaviourFidelity& f = fidelity[b];
    CHECK(f.rate() == Approx(rates[b]).epsilon(0.25));
    CHECK(f.predicted_rate == Approx(f.rate()).epsilon(0.1));
    CHECK(f.calibration.auc > 0.65);
    CHECK(f.calibration.expected_error < 0.02);
    CHECK(double{made.truth.odds[b]} == Approx(f.rate() / (1.0 - f.rate())).epsilon(0.15));
  }
  // Whoever begins at a start has the history that the log's slate was shown after.
  const SlateStart start = made.data.people.starts[11];
  std::vector<std::uint8_t> done(at(start.liked));
  made.data.people.done_with(start.user, made.data.people.history(start, 1000), done);
  const std::int64_t first = made.data.people.offsets[at(start.user)];
  for (std::int32_t i = 0; i < start.liked; ++i) CHECK(done[at(i)] == made.data.people.done[at(first + i)]);
}

}  // namespace veer
