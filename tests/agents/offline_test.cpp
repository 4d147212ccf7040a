#include <algorithm>
#include <cmath>
#include <filesystem>

#include "agents/offline/learning/offline_training.h"
#include "agents/offline/learning/td_losses.h"
#include "agents/offline/offline_judgement.h"
#include "agents/offline/offline_model_file.h"
#include "agents/offline/offline_policy.h"
#include "agents/offline/returns.h"
#include "env/engine.h"
#include "env/error.h"
#include "env/random.h"
#include "env/runtime.h"
#include "tests/conformance/conformance.h"
#include "tests/test.h"
#include "tests/toys/line_world.h"

namespace veer::offline {
namespace {

using doctest::Approx;

/// Sessions written out: items and their behaviours (0 click, 1 purchase, 2 miss).
struct Shop {
  Dataset data;

  explicit Shop(std::int32_t items) {
    data.name = "shop";
    data.catalogue.ids.resize(at(items) + 1);
    data.catalogue.popularity.resize(at(items) + 1);
    data.interactions.offsets = {0};
    data.interactions.behaviour_names = {"click", "purchase", "miss"};
  }
  Shop& session(const std::vector<ItemId>& items, const std::vector<std::uint8_t>& behaviours,
                Part part = Part::train_plan) {
    Interactions& log = data.interactions;
    log.items.insert(log.items.end(), items.begin(), items.end());
    log.behaviours.insert(log.behaviours.end(), behaviours.begin(), behaviours.end());
    log.offsets.push_back(static_cast<std::int64_t>(log.items.size()));
    log.user_ids.push_back(std::to_string(log.user_ids.size()));
    data.parts.push_back(part);
    return *this;
  }
  SessionLog log(SessionOptions options = {}, Part part = Part::train_plan) const {
    return SessionLog(data, std::vector<Part>{part}, options);
  }
};

AgentOptions small_agent(AgentKind kind, nn::EncoderKind encoder = nn::EncoderKind::gru) {
  AgentOptions options;
  options.kind = kind;
  options.encoder.kind = encoder;
  options.encoder.width = 8;
  options.encoder.state_length = 4;
  options.batch = 32;
  options.learning_rate = 0.01F;
  options.switch_at = 100;
  options.second_rate = 0.01F;
  options.negatives = 2;
  options.prompt.dropout = 0.0F;
  options.encoder.dropout = 0.0F;
  return options;
}

/// Scores of all items in a state; `ratio` for agents with a prompt.
std::vector<float> scores_in(const OfflineModel& model, const std::vector<ItemId>& history,
                             float ratio = 1.0F, std::int32_t step = 0) {
  nn::StateBatch states(model.options().encoder.state_length);
  states.resize(1);
  states.set(0, history);
  std::vector<float> read(at(model.width())), out(at(model.items()));
  model.read(states, std::vector<float>{ratio}, std::vector<std::int32_t>{step},
             View<float>(read.data(), 1, model.width()));
  model.scores(read, out);
  return out;
}

TEST_CASE("targets and weights of action values are the golden ones") {
  // n = 3, gamma = .5, r = 1, a = 1, q_main(s) = (.1, .2, .3), q_target(s') of the best by q_main(s') = 1.
  const float target = td_target(1.0F, 0.5F, false, 1.0F);
  CHECK(target == Approx(1.5));
  CHECK(half_squared(target, 0.2F).loss == Approx(0.845));
  CHECK(half_squared(target, 0.2F).slope == Approx(-1.3));
  CHECK(td_target(1.0F, 0.5F, true, 1.0F) == 1.0F);
  CHECK(half_squared(1.0F, 0.2F).loss == Approx(0.32));
  const float ignored = td_target(0.0F, 0.5F, false, 0.6F);
  CHECK(half_squared(ignored, 0.1F).loss + half_squared(ignored, 0.3F).loss == Approx(0.02));
  CHECK(advantage_of(0.9F, std::vector<float>{0.1F, 0.3F}) == Approx(0.4666666667));
  CHECK(advantage_of(2.0F, std::vector<float>(10, 0.5F)) == Approx(1.3636363636));
  CHECK(propensity_weight(0.6652409558F, 0.001F, 1.0F) == 10.0F);
  CHECK(propensity_weight(0.6652409558F, 0.001F, 0.5F) == Approx(3.1622776602));
  CHECK(propensity_weight(0.6652409558F, 0.001F, 0.0F) == 1.0F);
  CHECK(smooth_l1(1.5F, 0.2F).loss == Approx(0.8));
  CHECK(smooth_l1(1.5F, 0.2F).slope == -1.0F);
  CHECK(smooth_l1(0.2F, 0.7F).loss == Approx(0.125));
  CHECK(smooth_l1(0.2F, 0.7F).slope == Approx(0.5));
}

TEST_CASE("sessions, rewards, returns and their means, by hand") {
  Shop shop(5);
  shop.session({1, 2, 3}, {0, 0, 1}).session({4}, {0}, Part::test).session({5, 5, 2, 1, 3}, {0, 2, 1, 0, 0});
  SessionOptions cut;
  cut.longest = 2;
  cut.rewards.named["miss"] = 0.0F;
  const SessionLog log = shop.log(cut);
  // 1 2 | 3 and 5 5 | 2 1 | 3.
  REQUIRE(log.sessions() == 5);
  CHECK(log.events() == 8);
  CHECK(log.purchases() == 2);
  CHECK(log.person(1) == 0);
  CHECK(log.person(2) == 2);
  CHECK(log.length(1) == 1);
  CHECK(log.reward(2) == 1.0F);
  CHECK(log.reward(4) == 0.0F);
  CHECK(log.step(6) == 1);
  CHECK(log.last(7));
  CHECK_FALSE(log.last(6));  // cut there, the sequence goes on
  CHECK(log.whole_length(3) == 5);
  SessionOptions drop = cut;
  drop.longest = 3;
  drop.drop_longer = true;
  CHECK(shop.log(drop).sessions() == 1);
  CHECK(log.before(2).empty());
  CHECK(std::vector<ItemId>(log.through(6).begin(), log.through(6).end()) == std::vector<ItemId>{2, 1});
  // The golden session: click, click, purchase.
  Shop golden(3);
  golden.session({1, 2, 3}, {0, 0, 1});
  const std::vector<float> whole = returns_to_go(golden.log(), 1.0F),
                           half = returns_to_go(golden.log(), 0.5F);
  for (std::size_t t = 0; t < 3; ++t) {
    CHECK(whole[t] == Approx(std::array{1.4, 1.2, 1.0}[t]));
    CHECK(half[t] == Approx(std::array{0.55, 0.35, 0.25}[t]));
  }
  golden.session({1}, {0});
  const std::vector<float> means = mean_returns(golden.log(), returns_to_go(golden.log(), 1.0F));
  CHECK(means[0] == Approx(0.8));
  CHECK(means[1] == Approx(1.2));
  CHECK(means[49] == Approx(1.0));  // nobody came so far
  CHECK_THROWS_WITH_AS(golden.log({.longest = 0, .purchase = "buy", .rewards = {}}),
                       doctest::Contains("one of click"), ConfigError);
  SessionOptions cart;
  cart.rewards.named["cart"] = 1.0F;
  CHECK_THROWS_WITH_AS(golden.log(cart), doctest::Contains("'cart'"), ConfigError);
}

TEST_CASE("ranks that need no learning, and what follows from ranks, by hand") {
  Shop shop(5);
  shop.session({3, 3, 3, 1, 1, 2}, {0, 0, 0, 0, 0, 0}).session({2, 4, 2, 3, 5}, {0, 1, 0, 0, 1}, Part::test);
  const SessionLog training = shop.log(), test = shop.log({}, Part::test);
  // Popularity: 3, 1, 2, then 4 and 5 which nobody took.
  CHECK(rank_by_popularity(training, test) == std::vector<std::int32_t>{3, 4, 3, 1, 5});
  // The same without what the session held: 2 is not before 4; 2 and 4 are not before 3, nor they and 3
  // before 5.
  CHECK(rank_by_popularity(training, test, Masked::session) == std::vector<std::int32_t>{3, 3, 3, 1, 2});
  // 2: nothing recent. 4: behind 2, then 3 and 1. 2: the last but one. 3: behind 2 and 4. 5: the last of all.
  CHECK(rank_by_recency(training, test) == std::vector<std::int32_t>{3, 4, 2, 3, 5});
  CHECK(discounted_gain(1, 5) == 1.0F);
  CHECK(discounted_gain(2, 5) == Approx(0.6309297536));
  CHECK(discounted_gain(5, 5) == Approx(0.3868528072));
  CHECK(discounted_gain(20, 20) == Approx(0.2276702487));
  CHECK(discounted_gain(6, 5) == 0.0F);
  const std::vector<std::int32_t> ranks{1, 7, 2, 30, 1};
  const RankFigures clicks = figures_of(test, ranks, {.kind = Judged::clicks});
  CHECK(clicks.cases == 3);
  CHECK(clicks.hits[0] == Approx(2.0 / 3));
  CHECK(clicks.gains[0] == Approx((1 + 0.6309297536) / 3));
  CHECK(clicks.reward_at_1 == Approx(0.2));
  const RankFigures bought = figures_of(test, ranks, {.kind = Judged::purchases});
  CHECK(bought.hits[0] == Approx(0.5));
  CHECK(bought.hits[1] == Approx(1.0));
  CHECK(bought.reward_at_1 == Approx(1.0));
  CHECK(figures_of(test, ranks, {.kind = Judged::purchases, .longest = 4}).cases == 0);
}

/// After item 1 people click item 2 `common` times as often as they buy item 3.
Shop choice_world(int common) {
  Shop shop(4);
  for (int i = 0; i < 240; ++i) {
    const bool rare = i % (common + 1) == 0;
    shop.session({1, rare ? 3 : 2}, {0, static_cast<std::uint8_t>(rare ? 1 : 0)});
  }
  return shop;
}

/// How much more the agent thinks of item 3 than of item 2 after item 1.
float preference(const SessionLog& log, const AgentOptions& options, float ratio = 1.0F, int updates = 600) {
  OfflineLearner learner(log, options, 3);
  for (int i = 0; i < updates; ++i) learner.update();
  const std::vector<float> found = scores_in(learner.snapshot(), {1}, ratio, 1);
  return found[2] - found[1];
}

TEST_CASE("where one action is common and another is rewarded, agents part as they should") {
  for (const int common : {3, 20}) {
    CAPTURE(common);
    const Shop shop = choice_world(common);
    const SessionLog log = shop.log();
    const bool close = common == 3;  // 3 x 0.2 is less than 1; 20 x 0.2 is more
    CHECK(preference(log, small_agent(AgentKind::supervised)) < 0.0F);
    CHECK(preference(log, small_agent(AgentKind::sqn)) < 0.0F);
    CHECK(preference(log, small_agent(AgentKind::auxiliary)) < 0.0F);
    CHECK((preference(log, small_agent(AgentKind::weighted)) > 0.0F) == close);
    CHECK((preference(log, small_agent(AgentKind::sac)) > 0.0F) == close);
    AgentOptions values = small_agent(AgentKind::cql);
    values.conservatism = 0.0F;  // Q-learning alone: its values prefer what is rewarded however rare it is
    CHECK(preference(log, values) > 0.0F);
    // The same among what the log might hold: one time in three passes a threshold of 0.2, one in twenty does
    // not.
    AgentOptions barred = small_agent(AgentKind::bcq);
    barred.imitation_threshold = 0.2F;
    barred.imitation_penalty = 0.0F;
    CHECK((preference(log, barred) > 0.0F) == close);
    AgentOptions prompted = small_agent(AgentKind::prl);
    prompted.prompt.weighting = PromptWeighting::none;
    OfflineLearner learner(log, prompted, 3);
    for (int i = 0; i < 600; ++i) learner.update();
    const OfflineModel model = learner.snapshot();
    // The ratios that training saw at the second step: 0.2 and 1 over their mean.
    const float mean = model.mean_returns()[1];
    std::vector<float> found;
    for (int k = 0; k <= 4; ++k) {
      const float ratio = (0.2F + 0.2F * static_cast<float>(k)) / mean;
      const std::vector<float> scores = scores_in(model, {1}, ratio, 1);
      found.push_back(scores[2] - scores[1]);
    }
    CHECK(found.front() < 0.0F);
    CHECK(found.back() > 0.0F);
    CHECK(std::is_sorted(found.begin(), found.end()));
  }
}

TEST_CASE("a high return that is luck: a prompt chases it, action values do not") {
  // After item 1: item 2 is safe and worth 0.3; item 3 is worth 1 one time in ten, else nothing.
  Shop shop(4);
  for (int i = 0; i < 400; ++i) {
    const bool risky = i % 2 == 0, lucky = i % 20 == 0;
    shop.session({1, risky ? 3 : 2}, {2, static_cast<std::uint8_t>(lucky ? 1 : risky ? 2 : 0)});
  }
  SessionOptions worth;
  worth.rewards = {.click = 0.3F, .purchase = 1.0F, .named = {{"miss", 0.0F}}};
  const SessionLog log = shop.log(worth);
  AgentOptions values = small_agent(AgentKind::cql);
  values.conservatism = 0.0F;
  CHECK(preference(log, values) < -0.05F);
  CHECK(preference(log, small_agent(AgentKind::bcq)) < -0.05F);
  AgentOptions prompted = small_agent(AgentKind::prl);
  prompted.prompt.weighting = PromptWeighting::none;
  const float mean = (0.1F + 0.3F) / 2;
  prompted.encoder.width = 16;
  CHECK(preference(log, prompted, 1.0F / mean, 2000) > 0.5F);
  CHECK(preference(log, prompted, 0.3F / mean, 2000) < -0.5F);  // asked for what the safe one brings
}

TEST_CASE("ranks without what the session held are those of a sort that skips it") {
  Shop shop(40);
  for (int i = 0; i < 60; ++i) {
    std::vector<ItemId> items;
    std::vector<std::uint8_t> kinds;
    for (int t = 0; t < 7; ++t) {
      items.push_back(1 + (i * 7 + t * t * 3) % 40);
      kinds.push_back(static_cast<std::uint8_t>(t % 3 == 0 ? 1 : 0));
    }
    shop.session(items, kinds);
  }
  const SessionLog log = shop.log();
  for (const AgentKind kind : {AgentKind::supervised, AgentKind::bcq}) {
    OfflineLearner learner(log, small_agent(kind), 3);
    for (int i = 0; i < 30; ++i) learner.update();
    const OfflineModel model = learner.snapshot();
    const std::vector<std::int32_t> plain = rank_events(model, log, 1),
                                    masked = rank_events(model, log, 1, 0, Masked::session);
    std::int64_t better = 0;
    for (std::int64_t e = 0; e < log.events(); ++e) {
      const std::span<const ItemId> before = log.before(e);
      const std::vector<float> scores = scores_in(model, {before.begin(), before.end()}, 1.0F, 1);
      const ItemId target = log.item(e);
      std::int32_t rank = 1;
      for (ItemId item = 1; item <= 40; ++item) {
        if (item == target || std::find(before.begin(), before.end(), item) != before.end()) continue;
        rank += scores[at(item) - 1] > scores[at(target) - 1] ||
                        (scores[at(item) - 1] == scores[at(target) - 1] && item < target)
                    ? 1
                    : 0;
      }
      CHECK(std::abs(masked[at(e)] - rank) <= 1);  // two ways of adding up
      CHECK(masked[at(e)] <= plain[at(e)]);
      better += masked[at(e)] < plain[at(e)] ? 1 : 0;
    }
    CHECK(better > 0);
  }
}

TEST_CASE("cross-entropy comes down to what the log's choices leave open") {
  const Shop shop = choice_world(3);
  const SessionLog log = shop.log();
  OfflineLearner learner(log, small_agent(AgentKind::supervised), 3);
  double late = 0.0;
  for (int i = 0; i < 800; ++i) {
    const double loss = learner.update().at("cross_entropy");
    if (i >= 600) late += loss / 200;
  }
  const double second = -(0.75 * std::log(0.75) + 0.25 * std::log(0.25));
  CHECK(late == Approx(second / 2).epsilon(0.08));  // the first event of each session is certain
}

std::vector<std::byte> bytes_of(const NamedArrays& arrays) {
  std::vector<std::byte> out;
  for (const auto& [name, array] : arrays.all())
    out.insert(out.end(), array.bytes.begin(), array.bytes.end());
  return out;
}

TEST_CASE("every agent on every encoder: the same bytes for any number of threads, and after a restore") {
  Shop shop(9);
  for (std::uint64_t s = 0; s < 60; ++s) {
    std::vector<ItemId> items;
    std::vector<std::uint8_t> kinds;
    for (std::uint32_t t = 0; t < 2 + s % 7; ++t) {
      items.push_back(1 + static_cast<ItemId>(uniform_below(9, {1, s, t}, Stream::generate, 0)));
      kinds.push_back(static_cast<std::uint8_t>(uniform_below(3, {1, s, t}, Stream::generate, 1)));
    }
    shop.session(items, kinds);
  }
  const SessionLog log = shop.log();
  for (std::size_t kind = 0; kind < agent_names.size(); ++kind) {
    for (const auto encoder : {nn::EncoderKind::gru, nn::EncoderKind::caser, nn::EncoderKind::nextitnet,
                               nn::EncoderKind::sasrec}) {
      CAPTURE(agent_names[kind]);
      CAPTURE(nn::word_of(encoder));
      AgentOptions options = small_agent(static_cast<AgentKind>(kind), encoder);
      options.encoder.dropout = options.prompt.dropout = 0.2F;
      options.target_dropout = kind % 2 == 1;
      options.batch = 80;  // more than one shard of the encoder
      options.switch_at = 3;
      options.smoothing = 0.5F;
      const auto train = [&](int threads, int updates, const NamedArrays* state) {
        Runtime runtime({.threads = threads});
        OfflineLearner learner(log, options, 5);
        if (state != nullptr) learner.restore(*state);
        runtime.run([&] {
          for (int i = 0; i < updates; ++i) learner.update();
        });
        CHECK(learner.updates() == (state == nullptr ? updates : 6));
        return learner.state();
      };
      const NamedArrays straight = train(1, 6, nullptr), half = train(3, 2, nullptr);
      CHECK((bytes_of(straight) == bytes_of(train(3, 6, nullptr))));
      CHECK((bytes_of(straight) == bytes_of(train(2, 4, &half))));
      // A model file says the same, and ranks as counting scores does.
      OfflineLearner learner(log, options, 5);
      learner.restore(straight);
      const OfflineModel model = learner.snapshot();
      const OfflineModel read = offline_model_from(offline_model_file(model, {}));
      CHECK(read.parameters() == parameter_count(options, 9));
      CHECK(scores_in(read, {3, 1}) == scores_in(model, {3, 1}));
      const std::vector<std::int32_t> ranks = rank_events(read, log, 1);
      for (std::int64_t e = 0; e < 30; ++e) {
        const auto before = log.before(e);
        const std::vector<float> scores =
            scores_in(read, {before.begin(), before.end()}, options.prompt.wanted, log.step(e));
        const float own = scores[at(log.item(e)) - 1];
        const auto better =
            std::count_if(scores.begin(), scores.end(), [&](float s) { return s > own + 1e-5F; });
        const auto no_worse =
            std::count_if(scores.begin(), scores.end(), [&](float s) { return s >= own - 1e-5F; });
        CHECK(ranks[at(e)] >= better + 1);
        CHECK(ranks[at(e)] <= no_worse);
      }
    }
  }
}

TEST_CASE("forms of the prompt: each learns, and the mean return is asked for by default") {
  const Shop shop = choice_world(3);
  const SessionLog log = shop.log();
  for (const auto encoder : {nn::EncoderKind::gru, nn::EncoderKind::sasrec}) {
    for (std::size_t form = 0; form < prompt_names.size(); ++form) {
      CAPTURE(prompt_names[form]);
      AgentOptions options = small_agent(AgentKind::prl, encoder);
      options.prompt.form = static_cast<PromptForm>(form);
      options.prompt.weighting = form % 2 == 0 ? PromptWeighting::cumulative : PromptWeighting::reward;
      OfflineLearner learner(log, options, 3);
      const double first = learner.update().at("loss");
      double last = 0.0;
      for (int i = 0; i < 300; ++i) last = learner.update().at("loss");
      CHECK(last < 0.7 * first);
      const OfflineModel model = learner.snapshot();
      const bool listens = scores_in(model, {1}, 0.1F, 1) != scores_in(model, {1}, 3.0F, 1);
      CHECK(listens == (options.prompt.form != PromptForm::none));
    }
  }
  // Means from elsewhere are what is divided by: by means of 1 a return weighs what it is.
  AgentOptions cumulative = small_agent(AgentKind::prl), normalised = cumulative;
  cumulative.prompt.weighting = PromptWeighting::cumulative;
  normalised.prompt.weighting = PromptWeighting::normalised;
  const std::vector<float> ones(at(prompt_steps), 1.0F);
  OfflineLearner left(log, cumulative, 3, ones), right(log, normalised, 3, ones), own(log, normalised, 3);
  for (int i = 0; i < 20; ++i) {
    left.update();
    right.update();
    own.update();
  }
  CHECK(bytes_of(left.state()) == bytes_of(right.state()));
  CHECK(bytes_of(own.state()) != bytes_of(right.state()));
  CHECK(left.snapshot().mean_returns()[1] == 1.0F);
  // The released SASRec reads the state's row of an attention to items: no prompt can reach it.
  AgentOptions released = small_agent(AgentKind::prl, nn::EncoderKind::sasrec);
  released.prompt.released_sasrec = true;
  OfflineLearner learner(log, released, 3);
  for (int i = 0; i < 50; ++i) learner.update();
  CHECK(scores_in(learner.snapshot(), {1}, 0.1F, 1) == scores_in(learner.snapshot(), {1}, 3.0F, 1));
}

TEST_CASE("training keeps the best weights, goes on from a checkpoint, and refuses another's") {
  Shop shop = choice_world(3);
  for (int i = 0; i < 40; ++i) {
    shop.session({1, i % 4 == 0 ? 3 : 2}, {0, static_cast<std::uint8_t>(i % 4 == 0 ? 1 : 0)},
                 Part::validation);
  }
  const SessionLog training = shop.log(), validation = shop.log({}, Part::validation);
  const auto file = std::filesystem::temp_directory_path() / "veer-offline-test.checkpoint";
  std::filesystem::remove(file);
  OfflineTrainingOptions options;
  options.agent = small_agent(AgentKind::sqn);
  options.updates = 60;
  options.evaluate_every = 10;
  const OfflineTrainingResult straight = train_offline(training, validation, options);
  REQUIRE(straight.evaluations.size() == 6);
  double best = -1.0;
  for (const OfflineEvaluation& e : straight.evaluations) best = std::max(best, e.score());
  for (const OfflineEvaluation& e : straight.evaluations) {
    if (e.update == straight.best_update) CHECK(e.score() == best);
  }
  CHECK(straight.evaluations.front().purchases.cases == 10);
  options.checkpoint = file;
  options.checkpoint_seconds = 1e-9;
  options.progress = [](const OfflineProgress& p) {
    if (p.update == 17) request_interrupt();
  };
  CHECK_THROWS_AS(train_offline(training, validation, options), Interrupted);
  clear_interrupt();
  options.progress = nullptr;
  const OfflineTrainingResult resumed = train_offline(training, validation, options);
  CHECK_FALSE(resumed.twin);
  CHECK(resumed.best_update == straight.best_update);
  CHECK((bytes_of(resumed.model.to_arrays()) == bytes_of(straight.model.to_arrays())));
  OfflineTrainingOptions changed = options;
  changed.agent.discount = 0.4F;
  CHECK_THROWS_WITH_AS(train_offline(training, validation, changed), doctest::Contains("another training"),
                       ConfigError);
  std::filesystem::remove(file);
  // The twin is the other network after the same update, interrupted or not.
  OfflineTrainingOptions with_twin = options;
  with_twin.keep_twin = true;
  with_twin.progress = [](const OfflineProgress& p) {
    if (p.update == 43) request_interrupt();
  };
  CHECK_THROWS_AS(train_offline(training, validation, with_twin), Interrupted);
  clear_interrupt();
  const OfflineTrainingResult both = train_offline(training, validation, with_twin);
  REQUIRE(both.twin);
  CHECK((bytes_of(both.model.to_arrays()) == bytes_of(straight.model.to_arrays())));
  OfflineLearner steps(training, options.agent, options.seed);
  for (std::int64_t update = 0; update < both.best_update; ++update) steps.update();
  CHECK((bytes_of(both.twin->to_arrays()) == bytes_of(steps.twin_snapshot().to_arrays())));
  CHECK((bytes_of(both.twin->to_arrays()) != bytes_of(both.model.to_arrays())));
  with_twin.agent = small_agent(AgentKind::prl);
  CHECK_THROWS_AS(train_offline(training, validation, with_twin), ConfigError);
  std::filesystem::remove(file);
  options.checkpoint.clear();
  options.updates = 1000;
  options.patience = 2;
  const OfflineTrainingResult patient = train_offline(training, validation, options);
  CHECK(patient.end == OfflineEnd::patience);
  CHECK(patient.evaluations.back().update - patient.best_update == 20);
}

TEST_CASE("options that make no agent are refused by name") {
  const Shop shop = choice_world(3);
  const SessionLog log = shop.log();
  const auto refused = [&](auto change, const char* word) {
    AgentOptions options = small_agent(AgentKind::sa2c);
    change(options);
    CHECK_THROWS_WITH_AS(OfflineLearner(log, options, 1), doctest::Contains(word), Error);
  };
  refused([](AgentOptions& o) { o.discount = 1.0F; }, "discount");
  refused([](AgentOptions& o) { o.learning_rate = 0.0F; }, "learning_rate");
  refused([](AgentOptions& o) { o.negatives = 0; }, "negatives");
  refused([](AgentOptions& o) { o.smoothing = 2.0F; }, "smoothing");
  refused([](AgentOptions& o) { o.least_advantage = 11.0F; }, "least_advantage");
  refused([](AgentOptions& o) { o.encoder.width = 0; }, "width");
  refused([](AgentOptions& o) { o.rewards.click = -1.0F; }, "click_reward");
  refused([](AgentOptions& o) { o.batch = 1000; }, "480 events");
  refused([](AgentOptions& o) { o.prompt.decay = 0.0F; }, "decay");
}

TEST_CASE("agents are policies") {
  Shop shop(20);
  for (int i = 0; i < 60; ++i) shop.session({1 + i % 20, 1 + (i + 1) % 20, 1 + (i + 3) % 20}, {0, 1, 0});
  const SessionLog log = shop.log();
  for (const AgentKind kind : {AgentKind::supervised, AgentKind::bcq, AgentKind::prl}) {
    AgentOptions options = small_agent(kind);
    options.prompt.deviation = 0.1F;
    OfflineLearner learner(log, options, 2);
    for (int i = 0; i < 30; ++i) learner.update();
    for (const Acceptance acceptance : {Acceptance::always, Acceptance::sampled}) {
      const toys::LineWorld world({.items = 20, .horizon = 6, .acceptance = acceptance});
      for (const bool repeats : {false, true}) {
        const auto policy = make_offline_policy(learner.snapshot(), {.repeats = repeats});
        conformance::check_policy(*policy, world);
        Engine engine(world, policy->spec(), {.rows = 64, .shard_rows = 32, .seed = 2});
        std::vector<EpisodeId> ids(64);
        for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i;
        const Trajectories paths = engine.evaluate(*policy, Mode::sample, ids);
        bool repeated = false;
        for (std::int64_t e = 0; e < paths.episodes(); ++e) {
          std::vector<ItemId> known(
              paths.history.begin() + e * paths.history_width,
              paths.history.begin() + e * paths.history_width + paths.history_size[at(e)]);
          for (std::int32_t k = 0; k < paths.length[at(e)]; ++k) {
            const std::size_t step = at(paths.first_step[at(e)] + k);
            repeated = repeated || std::find(known.begin(), known.end(), paths.items[step]) != known.end();
            if ((paths.feedback[step] & feedback::accepted) != 0) known.push_back(paths.items[step]);
            // What slid out of the column that policies see may come again.
            if (known.size() > at(world.spec().history_capacity)) known.erase(known.begin());
          }
        }
        CHECK(repeated == repeats);
      }
    }
  }
}

}  // namespace
}  // namespace veer::offline
