// Rewards from preferences: a known reward recovered from noisy labels, and which stretches logs call better.
#include "rewards/fitted/preferences.h"

#include <cmath>
#include <map>
#include <vector>

#include "env/error.h"
#include "tests/rewards/fitted/expert_world.h"
#include "tests/simulators/small_log.h"
#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

/// Pairs of stretches of five or, `mixed`, three to seven events, labelled by lot with the probability that
/// the world's reward gives; and what the probability was.
struct LabelledPairs {
  std::vector<PreferencePair> pairs;
  std::vector<double> probability;
};
LabelledPairs labelled(const test::ExpertWorld& world, const Dataset& data, std::span<const UserId> people,
                       std::int32_t count, bool mixed) {
  const auto total = [&](const LogPiece& piece) {
    double sum = 0.0;
    for (std::int32_t k = 0; k < piece.length; ++k) {
      const ItemId item = data.interactions.of(piece.user)[at(piece.first + k)];
      sum += world.reward(world.state(history_at(data.interactions, piece, k)), item);
    }
    return mixed ? 5.0 * sum / piece.length : sum;
  };
  LabelledPairs out;
  for (std::int32_t i = 0; i < count; ++i) {
    const StepKey key{world.seed + 100, static_cast<EpisodeId>(i), 0};
    const auto draw = [&](std::uint32_t lane) {
      const UserId user =
          people[uniform_below(static_cast<std::uint32_t>(people.size()), key, Stream::generate, lane)];
      const auto length =
          mixed ? 3 + static_cast<std::int32_t>(uniform_below(5, key, Stream::generate, lane + 1)) : 5;
      const auto first = static_cast<std::int32_t>(uniform_below(13, key, Stream::generate, lane + 2));
      return LogPiece{user, first, length};
    };
    const LogPiece first = draw(0), second = draw(4);
    const double p = 1.0 / (1.0 + std::exp(total(second) - total(first)));
    const bool label = double{uniform(key, Stream::choice)} < p;
    out.pairs.push_back({first, second, label ? 1.0F : 0.0F});
    out.probability.push_back(p);
  }
  return out;
}

PreferenceOptions quick_options() {
  PreferenceOptions out;
  out.decay = test::ExpertWorld::decay;
  out.window = test::ExpertWorld::window;
  return out;
}

}  // namespace

TEST_CASE("preferences recover a known reward as far as its noise allows") {
  for (const bool mixed : {false, true}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      CAPTURE(mixed);
      CAPTURE(seed);
      const test::ExpertWorld world(seed);
      const Dataset data = world.logs(400, 20, true);
      const std::vector<UserId> people = data.users_of(Part::train_plan);
      const LabelledPairs lessons = labelled(world, data, people, 6000, mixed);
      const RewardModel model =
          fit_preferences(data, lessons.pairs, attribute_vectors(data.catalogue), quick_options());
      CHECK(model.members().size() == 3);
      CHECK(model.members()[0].item_worth != model.members()[1].item_worth);

      const LabelledPairs exam = labelled(world, data, data.users_of(Part::validation), 4000, mixed);
      double best = 0.0;  // of somebody who knows the reward
      for (std::size_t i = 0; i < exam.pairs.size(); ++i) {
        const bool first = exam.pairs[i].preference > 0.5F;
        best += (exam.probability[i] > 0.5) == first ? 1.0 / 4000.0 : 0.0;
      }
      const double reached = preference_accuracy(model, data.interactions, exam.pairs);
      CHECK(best > 0.75);
      CHECK(reached > best - 0.03);
      CHECK(reached < best + 0.01);

      std::vector<double> found(at(test::ExpertWorld::items));
      for (ItemId a = 1; a <= test::ExpertWorld::items; ++a) found[at(a) - 1] = double{model.reward(a, {})};
      CHECK(test::spearman(found, world.worth()) > 0.8);
    }
  }
}

TEST_CASE("log odds of a preference by hand: sums of equal stretches, means of others") {
  const Interactions log = test::log_of({{1, 2}, {2, 2, 1}});
  const RewardModel model({}, {}, {{{0.0F, 0.5F, -1.0F}, {}}});
  const PreferencePair equal{{0, 0, 2}, {1, 0, 2}}, other{{0, 0, 2}, {1, 0, 3}};
  CHECK(equally_long(std::vector{equal}));
  CHECK_FALSE(equally_long(std::vector{equal, other}));
  CHECK(preference_log_odds(model, log, equal, true) == Approx(-0.5 + 2.0));
  CHECK(preference_log_odds(model, log, other, false) == Approx(-0.25 + 0.5));
  CHECK(preference_accuracy(model, log, std::vector{equal, PreferencePair{{1, 0, 2}, {0, 0, 2}}}) == 0.5);
}

TEST_CASE("logs tell which stretches went better") {
  Dataset data;
  data.catalogue.ids = {"", "a", "b"};
  // Person 0 comes back three times within ten seconds of the first two events, person 1 once.
  data.interactions = test::log_of({{1, 1, 2, 2, 2}, {2, 1, 2}});
  data.interactions.times = {0, 1, 5, 10, 11, 0, 1, 11};
  const std::vector<UserId> people{0, 1};
  OutcomeOptions options{.length = 2, .within = 10, .pairs = 6};
  const std::vector<PreferencePair> pairs = pairs_by_outcome(data, people, options);
  CHECK(pairs.size() == 6);
  for (const PreferencePair& pair : pairs) {
    // Of the other stretches too little is known of what followed.
    CHECK(pair.first.first == 0);
    CHECK(pair.second.first == 0);
    CHECK(pair.preference == (pair.first.user == 0 ? 1.0F : 0.0F));
  }
  options.outcome = Outcome::purchases;
  CHECK_THROWS_WITH_AS(pairs_by_outcome(data, people, options), doctest::Contains("one kind"), DataError);
  data.interactions.behaviour_names = {"click", "purchase"};
  data.interactions.behaviours = {0, 0, 1, 0, 0, 0, 0, 0};
  for (const PreferencePair& pair : pairs_by_outcome(data, people, options)) {
    const LogPiece& better = pair.preference > 0.5F ? pair.first : pair.second;
    CHECK(better.user == 0);
    CHECK(better.first == 2);
  }
  data.interactions.behaviours.assign(8, 0);
  CHECK_THROWS_WITH_AS(pairs_by_outcome(data, people, options), doctest::Contains("went better"), DataError);
  data.interactions.times.clear();
  CHECK_THROWS_WITH_AS(pairs_by_outcome(data, people, {}), doctest::Contains("times"), DataError);
}

TEST_CASE("pairs that cannot be learned from are explained") {
  const test::ExpertWorld world(1);
  const Dataset data = world.logs(2, 6);
  CHECK_THROWS_AS(fit_preferences(data, {}, {}, {}), DataError);
  const std::vector<PreferencePair> empty{{{0, 0, 0}, {1, 0, 2}}};
  CHECK_THROWS_WITH_AS(fit_preferences(data, empty, {}, {}), doctest::Contains("without events"), DataError);
  const std::vector<PreferencePair> pairs{{{0, 0, 2}, {1, 0, 2}, 1.5F}};
  CHECK_THROWS_WITH_AS(fit_preferences(data, pairs, {}, {}), doctest::Contains("preference"), ConfigError);
}

}  // namespace veer
