// Inverse RL: gradients against differences, a known reward recovered, what a file keeps.
#include "rewards/fitted/inverse_rl.h"

#include <cmath>
#include <map>
#include <memory>
#include <vector>

#include "env/batch.h"
#include "env/error.h"
#include "env/runtime.h"
#include "rewards/fitted/reward_fidelity.h"
#include "rewards/fitted/reward_model_file.h"
#include "tests/rewards/fitted/expert_world.h"
#include "tests/simulators/small_log.h"
#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

InverseRlOptions options_of(const test::ExpertWorld& world) {
  InverseRlOptions out;
  out.discount = static_cast<float>(world.discount);
  out.temperature = static_cast<float>(world.temperature);
  out.decay = test::ExpertWorld::decay;
  out.window = test::ExpertWorld::window;
  out.training.epochs = 20;
  return out;
}

/// Mean reward of every item over the states in which a history of one item leaves people.
std::vector<double> mean_rewards(const RewardModel& model, const test::ExpertWorld& world) {
  std::map<std::int32_t, ItemId> one_of;
  for (ItemId a = 1; a <= model.items(); ++a) one_of.emplace(world.topic(a), a);
  std::vector<double> out(at(model.items()), 0.0);
  for (const auto& [topic, item] : one_of) {
    for (ItemId a = 1; a <= model.items(); ++a) {
      out[at(a) - 1] += double{model.reward(a, std::vector<ItemId>{item})};
    }
  }
  return out;
}

}  // namespace

TEST_CASE("inverse RL recovers a known reward that log frequency hides") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const test::ExpertWorld world(seed);
    const Dataset data = world.logs(2000, 20);
    const std::vector<UserId> people = data.users_of(Part::train_plan);
    std::vector<double> frequency(at(test::ExpertWorld::items), 0.0);
    for (const UserId user : people) {
      for (const ItemId item : data.interactions.of(user)) frequency[at(item) - 1] += 1.0;
    }
    for (std::size_t a = 0; a < frequency.size(); ++a) frequency[a] += 1e-6 * static_cast<double>(a);
    const RewardModel model =
        fit_inverse_rl(data, people, attribute_vectors(data.catalogue), options_of(world));
    InverseRlOptions myopic = options_of(world);
    myopic.discount = 0.0F;
    const RewardModel choice = fit_inverse_rl(data, people, attribute_vectors(data.catalogue), myopic);
    const double found = test::spearman(mean_rewards(model, world), world.worth());
    const double plain = test::spearman(frequency, world.worth());
    CAPTURE(seed);
    CHECK(found >= 0.8);
    CHECK(found >= plain + 0.2);
    // What people choose is not what it is worth to them: they also choose where it leads.
    CHECK(found >= test::spearman(mean_rewards(choice, world), world.worth()) + 0.1);
  }
}

TEST_CASE("the loss of IQ-Learn by hand, and its gradient against differences") {
  // One item vector of width 1, two items, one event from an empty history: Q(empty) = (b1, b2), and after
  // item 1, with f = (1, 0): Q = (b1 + w, b2).
  const ItemFeatures vectors{1, {0.0F, 1.0F, 0.0F}};
  const Interactions log = test::log_of({{1}});
  InverseRlOptions options;
  options.discount = 0.5F;
  options.temperature = 2.0F;
  options.alpha = 4.0F;  // temperature / (4 alpha) = 1/8
  const std::vector<double> p{0.3, -0.2, 0.7};
  std::vector<double> gradient(3, 0.0);
  const double loss = iq_learn_gradient(log, {0, 0, 1}, vectors, options, p, gradient);
  const double before = std::log(std::exp(0.3) + std::exp(-0.2));
  const double after = std::log(std::exp(0.3 + 0.7) + std::exp(-0.2));
  const double reward = 0.3 - 0.5 * after;
  CHECK(loss == Approx(before - 0.3 + reward * reward / 8.0));

  const test::ExpertWorld world(9);
  const Dataset data = world.logs(2, 12);
  const ItemFeatures topics = attribute_vectors(data.catalogue);
  const std::size_t count = at(test::ExpertWorld::items + topics.width * topics.width);
  std::vector<double> at_point(count), slope(count, 0.0);
  for (std::size_t i = 0; i < count; ++i) at_point[i] = 0.3 * std::sin(static_cast<double>(3 * i + 1));
  const LogPiece piece{1, 2, 9};
  const InverseRlOptions plain = options_of(world);
  iq_learn_gradient(data.interactions, piece, topics, plain, at_point, slope);
  for (std::size_t i = 0; i < count; i += 7) {
    constexpr double h = 1e-6;
    std::vector<double> unused(count, 0.0), moved = at_point;
    moved[i] += h;
    const double up = iq_learn_gradient(data.interactions, piece, topics, plain, moved, unused);
    moved[i] -= 2 * h;
    const double down = iq_learn_gradient(data.interactions, piece, topics, plain, moved, unused);
    CHECK(slope[i] == Approx((up - down) / (2 * h)).epsilon(1e-5));
  }
}

TEST_CASE("a fitted reward is the same for any number of threads, and centred on what people took") {
  const test::ExpertWorld world(2);
  const Dataset data = world.logs(60, 20);
  const std::vector<UserId> people = data.users_of(Part::train_plan);
  InverseRlOptions options = options_of(world);
  options.training.epochs = 2;
  std::vector<float> worth[2];
  double sum = 0.0, squares = 0.0;
  for (const int threads : {1, 3}) {
    Runtime runtime({.threads = threads});
    runtime.run([&] {
      const RewardModel model = fit_inverse_rl(data, people, attribute_vectors(data.catalogue), options);
      worth[threads / 2] = model.members()[0].item_worth;
      sum = squares = 0.0;
      for (const UserId user : people) {
        const std::span<const ItemId> log = data.interactions.of(user);
        for (std::size_t k = 0; k < log.size(); ++k) {
          const double value = double{model.value(log[k], log.first(k))};
          sum += value;
          squares += value * value;
        }
      }
    });
  }
  CHECK(worth[0] == worth[1]);
  CHECK(std::abs(sum / 600.0) < 1e-4);
  CHECK(squares / 600.0 == Approx(1.0).epsilon(1e-3));
}

TEST_CASE("what an item is worth, by hand: members, what lies ahead, pessimism, scale") {
  // Two items with vectors 1 and 2; decay 0.5 over two items: after (1, 2) phi = (2 + 0.5 * 1) / 1.5.
  const ItemFeatures vectors{1, {0.0F, 1.0F, 2.0F}};
  const RewardForm form{.discount = 0.5F, .temperature = 2.0F, .decay = 0.5F, .window = 2, .pessimism = 1.0F};
  RewardModel model(form, vectors, {{{0.0F, 0.25F, -1.0F}, {0.5F}}, {{0.0F, 1.25F, 0.0F}, {0.0F}}});
  const std::vector<ItemId> history{2, 1, 2};  // the oldest is outside the window
  const double phi = 2.5 / 1.5, next = (1.0 + 0.5 * 2.0) / 1.5;
  const double one = 0.25 + 0.5 * phi * 1.0;
  const double ahead = 2.0 * std::log(std::exp((0.25 + 0.5 * next) / 2.0) + std::exp((-1.0 + next) / 2.0));
  const double other = 2.0 * std::log(std::exp(1.25 / 2.0) + 1.0);
  const double first = one - 0.5 * ahead, second = 1.25 - 0.5 * other;
  const double mean = (first + second) / 2.0, deviation = std::abs(first - second) / 2.0;
  CHECK(model.reward(1, history) == Approx(mean - deviation));
  CHECK(model.deviation(1, history) == Approx(deviation));
  model.set_scale(0.5F, 2.0F);
  CHECK(model.value(1, history) == Approx((mean - deviation - 0.5) / 2.0));
}

TEST_CASE("a step earns what was taken, with the history before the step") {
  const ItemFeatures vectors{1, {0.0F, 1.0F, 2.0F}};
  const auto model =
      std::make_shared<const RewardModel>(RewardForm{.decay = 1.0F, .window = 5}, vectors,
                                          std::vector<RewardMember>{{{0.0F, 0.25F, -1.0F}, {0.5F}}});
  Batch batch({.rows = 3, .shard_rows = 3, .history_capacity = 4, .slots = 2}, 1);
  Shard shard = batch.shard(0);
  const auto set = [&](std::int32_t row, std::vector<ItemId> history, std::vector<ItemId> items,
                       std::vector<std::uint8_t> answers) {
    std::copy(history.begin(), history.end(), shard.history.row(row).begin());
    shard.history_size(row) = static_cast<std::int32_t>(history.size());
    std::copy(items.begin(), items.end(), shard.items.row(row).begin());
    std::copy(answers.begin(), answers.end(), shard.feedback.row(row).begin());
  };
  constexpr std::uint8_t yes = feedback::accepted, no = feedback::refused;
  set(0, {2, 1}, {1, 2}, {yes, no});      // before: (2), phi = 2: Q(1) = 0.25 + 0.5 * 2 * 1
  set(1, {1, 2, 1}, {2, 1}, {yes, yes});  // before: (1), phi = 1: (-1 + 1) + (0.25 + 0.5)
  set(2, {1}, {2, no_item}, {no, no});    // nothing taken
  std::vector<float> out(3);
  inferred_satisfaction(model).evaluate(reward_inputs(shard), out);
  CHECK(out[0] == Approx(1.25));
  CHECK(out[1] == Approx(0.75));
  CHECK(out[2] == 0.0F);
}

TEST_CASE("a fitted reward survives its file, and damage is noticed") {
  const ItemFeatures vectors{1, {0.0F, 1.0F, 2.0F, -1.0F}};
  RewardModel model({.discount = 0.5F, .decay = 0.5F, .window = 2, .pessimism = 1.0F}, vectors,
                    {{{0.0F, 0.25F, -1.0F, 0.5F}, {0.5F}}, {{0.0F, 1.25F, 0.0F, 0.1F}, {-0.25F}}});
  model.set_scale(0.25F, 2.0F);
  ModelFile file = reward_model_file(model, {});
  const RewardModel read = reward_model_from(parse_model(model_bytes(file), "m"));
  CHECK(read.value(3, std::vector<ItemId>{1, 2}) == model.value(3, std::vector<ItemId>{1, 2}));
  CHECK(read.form().window == 2);
  file.parameters.set<float>("item_worth/1", std::vector<float>{0.0F, 1.5F, 0.0F, 0.1F});
  CHECK_THROWS_AS(reward_model_from(file), VerificationError);
  file.parameters.set<float>("item_worth/1", std::vector<float>{0.0F, 1.5F});
  CHECK_THROWS_WITH_AS(reward_model_from(file), doctest::Contains("item_worth"), FormatError);
  file.manifest.kind = "purchases";
  CHECK_THROWS_WITH_AS(reward_model_from(file), doctest::Contains("veer fit reward"), FormatError);
}

TEST_CASE("how well a reward holds on others, by hand") {
  Dataset data;
  data.catalogue.ids = {"", "a", "b"};
  data.interactions = test::log_of({{1, 1, 2}, {2, 1}});
  data.interactions.behaviour_names = {"click", "purchase"};
  data.interactions.behaviours = {0, 0, 0, 1, 0};
  const std::vector<UserId> fitted{0}, others{1};
  const RewardModel model({.temperature = 2.0F}, {}, {{{0.0F, 0.5F, -1.0F}, {}}});
  const ChoiceFidelity found = choice_fidelity(model, data, fitted, others);
  const double share = 1.0 / (1.0 + std::exp(-1.5 / 2.0));  // of item 1 under the model
  CHECK(found.events == 2);
  CHECK(found.log_loss == Approx(-(std::log(1.0 - share) + std::log(share)) / 2.0));
  CHECK(found.log_loss_frequency == Approx(-(std::log(2.0 / 5.0) + std::log(3.0 / 5.0)) / 2.0));
  const PurchaseAgreement bought = purchase_agreement(model, data, others, "purchase");
  CHECK(bought.purchases == 1);
  CHECK(bought.auc == 0.0);  // the purchase was of the item that is worth less
  CHECK(purchase_agreement(model, data, others, "order").auc == 0.5);
  data.interactions.behaviours = {0, 0, 1, 1, 0};
  const std::vector<UserId> all{0, 1};
  CHECK(purchase_agreement(model, data, all, "purchase").auc == 0.0);
  data.interactions.behaviours = {1, 0, 0, 1, 0};  // purchases 1 and 2; clicks 1, 2 and 1
  CHECK(purchase_agreement(model, data, all, "purchase").auc == Approx((0.5 + 1.0 + 0.5 + 0.5) / 6.0));
}

TEST_CASE("options and logs that cannot be fitted are explained") {
  const test::ExpertWorld world(1);
  const Dataset data = world.logs(4, 5);
  const std::vector<UserId> nobody;
  CHECK_THROWS_AS(fit_inverse_rl(data, nobody, {}, {}), DataError);
  const std::vector<UserId> people{0};
  CHECK_THROWS_WITH_AS(fit_inverse_rl(data, people, {}, {.discount = 1.0F}), doctest::Contains("discount"),
                       ConfigError);
  InverseRlOptions options;
  options.training.epochs = 0;
  CHECK_THROWS_WITH_AS(fit_inverse_rl(data, people, {}, options), doctest::Contains("epochs"), ConfigError);
  options.training.epochs = 1;
  CHECK(fit_inverse_rl(data, people, {}, options).vectors().width == 0);  // without vectors: items alone
}

}  // namespace veer
