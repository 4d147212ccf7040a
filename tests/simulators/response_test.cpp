#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <numeric>
#include <vector>

#include "env/dropout_mask.h"
#include "env/error.h"
#include "simulators/response/response_user.h"
#include "simulators/response/synthetic_response.h"
#include "tests/conformance/conformance.h"
#include "tests/simulators/plain_response.h"
#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

constexpr std::int32_t small_items = 40;

/// A model whose every weight matters: initial weights, made larger, with offsets.
ResponseModel small_model(bool merges, std::int32_t history = 12, float gain = 2.0F) {
  const ResponseSizes sizes{
      .profile = 7, .features = 5, .history = history, .hidden = 32, .merges_profile = merges};
  ResponseModel model = initial_response_model(sizes, synthetic_item_features(small_items, 5, 3), 5);
  std::vector<float> noise(model.weights.size());
  fill_normal({9, 9, 9}, Stream::generate, noise);
  for (std::size_t i = 0; i < noise.size(); ++i) model.weights[i] = gain * model.weights[i] + 0.2F * noise[i];
  return model;
}

SlatePeople small_people(std::int32_t count = 20) {
  SlatePeople people;
  people.profile_width = 7;
  people.profiles.resize(at(count) * 7);
  fill_normal({4, 4, 4}, Stream::generate, people.profiles);
  people.offsets.assign(at(count) + 1, 0);
  return people;
}

std::vector<ItemId> some_history(std::int32_t length) {
  std::vector<ItemId> history(at(length));
  for (std::int32_t t = 0; t < length; ++t) history[at(t)] = 1 + (t * 7) % small_items;
  return history;
}

std::vector<ItemId> all_items() {
  std::vector<ItemId> items(small_items);
  std::iota(items.begin(), items.end(), 1);
  return items;
}

struct OneRow {
  OneRow(const UserModel& users, UserId user, std::span<const ItemId> history, std::span<const ItemId> items)
      : batch({.rows = 32,
               .shard_rows = 32,
               .history_capacity = static_cast<std::int32_t>(std::max<std::size_t>(history.size(), 1)),
               .slots = static_cast<std::int32_t>(items.size()),
               .user_state = users.spec().state_width},
              17),
        shard(batch.shard(0)),
        workspace(users.make_workspace({.rows = 32, .slots = shard.items.width()})) {
    shard.user(0) = user;
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

TEST_CASE("the response model of RL4RS has 17,952 parameters") {
  CHECK(response_parameters({.profile = 42, .features = 40}) == 17952);
  CHECK(response_parameters({.profile = 42, .features = 40, .merges_profile = true}) == 17952 + 32 * 16 + 16);
}

TEST_CASE("tables and kernels say what the definition says, for histories of every length") {
  const std::vector<ItemId> items = all_items();
  const SlatePeople people = small_people();
  for (const bool merges : {false, true}) {
    for (const std::int32_t places : {1, 12, 16, 33}) {
      const ResponseModel model = small_model(merges, places);
      const ResponseScorer scorer(std::make_shared<const ResponseModel>(model));
      for (const std::int32_t length : {0, 1, 5, 11, 12, 16, 40}) {
        CAPTURE(merges);
        CAPTURE(places);
        CAPTURE(length);
        const std::vector<ItemId> history = some_history(length);
        std::vector<float> found(items.size()), all(small_items + 1);
        scorer.scores(people.profile(3), history, items, found);
        scorer.all_scores(people.profile(3), history, all);
        const plain::Vector expected = plain::scores(model, people.profile(3), history, items);
        for (std::size_t i = 0; i < items.size(); ++i) {
          CHECK(double{found[i]} == Approx(expected[i]).epsilon(2e-4).scale(1.0));
          CHECK(double{all[i + 1]} == Approx(expected[i]).epsilon(2e-4).scale(1.0));
        }
      }
    }
  }
}

TEST_CASE("products too large for e^x are shifted first") {
  const ResponseModel model = small_model(true, 12, 40.0F);
  const ResponseScorer scorer(std::make_shared<const ResponseModel>(model));
  const SlatePeople people = small_people();
  const std::vector<ItemId> items = all_items(), history = some_history(9);
  std::vector<float> found(items.size());
  scorer.scores(people.profile(1), history, items, found);
  const plain::Vector expected = plain::scores(model, people.profile(1), history, items);
  double largest = 0.0;
  for (const double x : expected) largest = std::max(largest, std::abs(x));
  for (std::size_t i = 0; i < items.size(); ++i) {
    REQUIRE(std::isfinite(found[i]));
    CHECK(std::abs(double{found[i]} - expected[i]) <= 1e-3 * largest);
  }
}

TEST_CASE("order does not matter to a history") {
  const ResponseScorer scorer(std::make_shared<const ResponseModel>(small_model(false)));
  const SlatePeople people = small_people();
  std::vector<ItemId> history = some_history(8);
  const std::vector<ItemId> items = all_items();
  std::vector<float> forwards(items.size()), backwards(items.size());
  scorer.scores(people.profile(0), history, items, forwards);
  std::ranges::reverse(history);
  scorer.scores(people.profile(0), history, items, backwards);
  for (std::size_t i = 0; i < items.size(); ++i) CHECK(forwards[i] == Approx(backwards[i]).epsilon(1e-4));
}

TEST_CASE("response people conform, with and without dropout") {
  const auto model = std::make_shared<const ResponseModel>(small_model(true));
  const auto people = std::make_shared<const SlatePeople>(small_people());
  conformance::check_user_model(*make_response_user(model, people), {.tolerance = 1e-5});
  conformance::check_user_model(*make_response_user(model, people, {.link = ResponseLink::saturated}));
  conformance::check_user_model(*make_response_user(model, people, {.dropout = 0.2F}),
                                {.deterministic_state = false});
}

TEST_CASE("links: saturated answers are what fitting with a doubled sigmoid converges to") {
  // A true rate p is fitted by sigmoid(score) = clip(ln(p / (1 - p)), 0, 1).
  const std::vector<std::pair<double, double>> published = {{0.50, 0.00}, {0.55, 0.20}, {0.60, 0.41},
                                                            {0.65, 0.62}, {0.70, 0.85}, {0.74, 1.00}};
  for (const auto& [rate, expected] : published) {
    const auto score = static_cast<float>(std::log(rate / (1.0 - rate)));
    CHECK(double{click_probability(ResponseLink::soft, score)} == Approx(rate));
    CHECK(double{click_probability(ResponseLink::saturated, score)} ==
          Approx(expected).epsilon(0.01).scale(1.0));
  }
  CHECK(click_probability(ResponseLink::doubled, -40.0F) == Approx(0.5));
  CHECK(click_probability(ResponseLink::doubled, 40.0F) == Approx(0.7310586));

  const auto model = std::make_shared<const ResponseModel>(small_model(false));
  const auto people = std::make_shared<const SlatePeople>(small_people());
  const std::vector<ItemId> history = some_history(6), slate{3, 1, 4, 15, 9, 26, 5, 35, 8};
  const plain::Vector scores = plain::scores(*model, people->profile(2), history, slate);
  for (const ResponseLink link : {ResponseLink::soft, ResponseLink::saturated, ResponseLink::doubled}) {
    const auto users = make_response_user(model, people, {.link = link});
    const OneRow row(*users, 2, history, slate);
    for (std::size_t k = 0; k < slate.size(); ++k) {
      CHECK(row.shard.probability(0, static_cast<std::int32_t>(k)) ==
            Approx(click_probability(link, static_cast<float>(scores[k]))).epsilon(1e-4).scale(1.0));
    }
  }
}

TEST_CASE("clicks come at the rate of their probability") {
  const auto model = std::make_shared<const ResponseModel>(small_model(false));
  const auto people = std::make_shared<const SlatePeople>(small_people());
  const auto users = make_response_user(model, people);
  const std::vector<ItemId> slate{3, 1, 4, 15, 9};
  OneRow row(*users, 2, some_history(6), slate);
  constexpr int draws = 20000;
  std::vector<int> clicks(slate.size());
  for (int e = 0; e < draws; ++e) {
    row.shard.episode(0) = static_cast<EpisodeId>(e);
    users->choose(row.rows, row.shard, *row.workspace);
    for (std::size_t k = 0; k < slate.size(); ++k) {
      clicks[k] += row.shard.feedback(0, static_cast<std::int32_t>(k)) == feedback::accepted ? 1 : 0;
    }
  }
  for (std::size_t k = 0; k < slate.size(); ++k) {
    const double p = double{row.shard.probability(0, static_cast<std::int32_t>(k))};
    // Five standard deviations.
    CHECK(std::abs(clicks[k] / double{draws} - p) <= 5.0 * std::sqrt(p * (1.0 - p) / draws) + 1e-9);
  }
}

TEST_CASE("alike items of a slate are clicked less, by a cosine between -1 and 1") {
  const auto model = std::make_shared<const ResponseModel>(small_model(false));
  const auto people = std::make_shared<const SlatePeople>(small_people());
  const std::vector<ItemId> slate{3, 1, 4, 15}, history = some_history(6);
  const auto plain_users = make_response_user(model, people);
  const auto users = make_response_user(model, people, {.correlation = 0.2F});
  const OneRow without(*plain_users, 2, history, slate), with(*users, 2, history, slate);
  for (std::size_t k = 0; k < slate.size(); ++k) {
    double mean = 0.0;
    for (const ItemId other : slate) {
      const plain::Vector a = plain::embedding(*model, slate[k]), b = plain::embedding(*model, other);
      double ab = 0.0, aa = 0.0, bb = 0.0;
      for (std::size_t d = 0; d < 16; ++d) {
        ab += a[d] * b[d];
        aa += a[d] * a[d];
        bb += b[d] * b[d];
      }
      mean += ab / std::sqrt(aa * bb) / 4.0;
    }
    const auto slot = static_cast<std::int32_t>(k);
    const double expected = std::clamp(double{without.shard.probability(0, slot)} - 0.2 * mean, 0.0, 1.0);
    CHECK(double{with.shard.probability(0, slot)} == Approx(expected).epsilon(1e-4).scale(1.0));
  }
}

TEST_CASE("position bias: a slot is looked at the less the lower it stands") {
  const auto model = std::make_shared<const ResponseModel>(small_model(false));
  const auto people = std::make_shared<const SlatePeople>(small_people());
  const std::vector<ItemId> slate{3, 1, 4, 15}, history = some_history(6);
  const auto plain_users = make_response_user(model, people);
  const auto users = make_response_user(model, people, {.examination = 0.5F});
  const OneRow without(*plain_users, 2, history, slate), with(*users, 2, history, slate);
  for (std::int32_t k = 0; k < 4; ++k) {
    CHECK(double{with.shard.probability(0, k)} ==
          Approx(double{without.shard.probability(0, k)} / std::sqrt(k + 1.0)).epsilon(1e-5));
  }
}

TEST_CASE("dropout hides hidden units by Philox, anew for each step") {
  const auto model = std::make_shared<const ResponseModel>(small_model(true));
  const auto people = std::make_shared<const SlatePeople>(small_people());
  const std::vector<ItemId> slate{3, 1, 4, 15}, history = some_history(6);
  const auto users = make_response_user(model, people, {.dropout = 0.3F});
  OneRow row(*users, 2, history, slate);
  for (const std::uint32_t step : {0U, 1U, 7U}) {
    row.shard.step(0) = step;
    users->choose(row.rows, row.shard, *row.workspace);
    std::vector<float> mask(at(model->sizes.hidden));
    fill_dropout_mask(row.shard.key(0), 0, 0.3F, mask);
    const plain::Vector scores = plain::scores(*model, people->profile(2), history, slate, mask);
    for (std::size_t k = 0; k < slate.size(); ++k) {
      CHECK(row.shard.probability(0, static_cast<std::int32_t>(k)) ==
            Approx(click_probability(ResponseLink::soft, static_cast<float>(scores[k])))
                .epsilon(1e-4)
                .scale(1.0));
    }
  }
}

TEST_CASE("a response model comes back from its file, and a file with other weights is refused") {
  const std::filesystem::path path = std::filesystem::temp_directory_path() / "veer_response_test.model.h5";
  const ResponseModel model = small_model(true);
  ModelManifest manifest;
  manifest.dataset_fingerprint = "f";
  save_response_model(path, model, manifest);
  const ResponseModel back = load_response_model(path);
  CHECK(back.sizes == model.sizes);
  CHECK(back.weights == model.weights);
  CHECK(back.features.values == model.features.values);
  std::filesystem::remove(path);

  ModelFile file = response_model_file(model, {});
  file.parameters.set<float>("merge/offset", std::vector<float>(16, 1.0F), {16, 1});
  CHECK_THROWS_AS(response_model_from(file), VerificationError);
  file.parameters.set<float>("merge/offset", std::vector<float>(15, 1.0F), {15, 1});
  CHECK_THROWS_AS(response_model_from(file), FormatError);
  file = response_model_file(model, {});
  file.manifest.kind = "sasrec";
  CHECK_THROWS_AS(response_model_from(file), FormatError);
}

TEST_CASE("what does not fit together is refused") {
  const auto model = std::make_shared<const ResponseModel>(small_model(true));
  auto wide = small_people();
  wide.profile_width = 8;
  CHECK_THROWS_AS(make_response_user(model, std::make_shared<const SlatePeople>(wide)), ConfigError);
  const auto people = std::make_shared<const SlatePeople>(small_people());
  CHECK_THROWS_AS(make_response_user(model, people, {.dropout = 1.0F}), ConfigError);
  CHECK_THROWS_AS(make_response_user(model, people, {.correlation = -0.1F}), ConfigError);
  CHECK_THROWS_AS(initial_response_model({.profile = 3, .features = 5, .hidden = 20},
                                         synthetic_item_features(4, 5, 1), 1),
                  ConfigError);
  CHECK_THROWS_AS(initial_response_model({.profile = 3, .features = 6}, synthetic_item_features(4, 5, 1), 1),
                  ConfigError);
}

TEST_CASE("made-up people answer with the mean and spread asked for, alike for every number of threads") {
  const SyntheticResponseParameters parameters{.people = 600,
                                               .slates_before = 6,
                                               .slates = 4,
                                               .mean_score = -0.5F,
                                               .popularity = 0.6F,
                                               .personality = 1.1F};
  const SyntheticResponse made = make_synthetic_response(synthetic_item_features(283, 40, 2), parameters);
  const ResponseScorer scorer(std::make_shared<const ResponseModel>(made.truth));
  const SlatePeople& people = made.data.people;
  REQUIRE(people.size() == 600);
  REQUIRE(people.starts.size() == 2400);
  REQUIRE(made.data.log.size() == 2400);
  std::vector<float> scores(284);
  double sum = 0.0, squares = 0.0;
  std::vector<double> of_item(284);
  for (UserId user = 0; user < 600; ++user) {
    scorer.all_scores(people.profile(user), people.history(people.starts[at(4 * user + 3)], 50), scores);
    for (std::size_t i = 1; i < 284; ++i) {
      sum += double{scores[i]};
      squares += double{scores[i]} * double{scores[i]};
      of_item[i] += double{scores[i]} / 600.0;
    }
  }
  const double pairs = 600.0 * 283.0, mean = sum / pairs;
  double popularity = 0.0;
  for (std::size_t i = 1; i < 284; ++i) popularity += (of_item[i] - mean) * (of_item[i] - mean) / 283.0;
  // Real histories are not the random ones that the scales were taken from.
  CHECK(mean == Approx(-0.5).epsilon(0.25));
  CHECK(std::sqrt(popularity) == Approx(0.6).epsilon(0.25));
  CHECK(std::sqrt(squares / pairs - mean * mean) == Approx(std::hypot(0.6, 1.1)).epsilon(0.2));
  // The log holds what the truth says: clicks come at the mean probability of what was shown.
  double expected = 0.0, clicked = 0.0;
  for (std::size_t s = 0; s < people.starts.size(); ++s) {
    const SlateStart& start = people.starts[s];
    std::vector<float> shown(9);
    const std::span<const ItemId> items = std::span(made.data.log.items).subspan(9 * s, 9);
    scorer.scores(people.profile(start.user), people.history(start, 50), items, shown);
    for (std::size_t k = 0; k < 9; ++k) {
      expected += double{click_probability(ResponseLink::soft, shown[k])};
      clicked += made.data.log.clicks[9 * s + k];
      for (std::size_t j = 0; j < k; ++j) REQUIRE(items[j] != items[k]);
    }
  }
  CHECK(clicked / 21600.0 == Approx(expected / 21600.0).epsilon(0.03));
  const SyntheticResponse again = make_synthetic_response(synthetic_item_features(283, 40, 2), parameters);
  CHECK(again.data.people.liked == people.liked);
  CHECK(again.data.log.items == made.data.log.items);
}

TEST_CASE("a million people with profiles and histories of fifty take less than a gigabyte") {
  SlatePeople people;
  people.profile_width = 42;
  constexpr std::int32_t count = 1'000'000;
  people.profiles.resize(at(count) * 42);
  people.liked.resize(at(count) * 50, 1);
  people.offsets.resize(count + 1);
  people.starts.resize(count);
  people.parts.resize(count);
  for (std::int32_t u = 0; u <= count; ++u) people.offsets[at(u)] = 50 * std::int64_t{u};
  for (std::int32_t u = 0; u < count; ++u) people.starts[at(u)] = {u, 50};
  CHECK(people.bytes() < 500'000'000);
  CHECK(people.history(people.starts.back(), 50).size() == 50);
}

}  // namespace veer
