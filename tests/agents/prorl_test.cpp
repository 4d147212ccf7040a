#include "agents/prorl/prorl_training.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "agents/prorl/advantages.h"
#include "agents/prorl/policy_gradient_net.h"
#include "agents/prorl/reward_centring.h"
#include "env/error.h"
#include "env/random.h"
#include "env/runtime.h"
#include "simulators/sequence/sequence_user.h"
#include "tests/agents/small_path_model.h"
#include "tests/env/nn/small_models.h"
#include "tests/test.h"

namespace veer::prorl {
namespace {

/// Two prompts of three rollouts each, at most three items.
struct Group {
  std::vector<float> rewards{1, 2, 3, 4, 0, 0, 5, 6, 0, 7, 0, 0, -1, 0, 0, 2, 2, 2};
  std::vector<std::int32_t> length{3, 1, 2, 1, 1, 3};
  std::vector<std::uint8_t> ended{0, 1, 1, 0, 1, 0};
  PathRewards paths() const {
    PathRewards p;
    p.group = 3;
    p.width = 3;
    p.rewards = rewards;
    p.length = length;
    p.ended = ended;
    return p;
  }
};

TEST_CASE("advantages by position, worked out by hand") {
  const Group group;
  const Advantages found = estimate_advantages(group.paths(), Estimator::position);
  // Returns to go: 6 5 3; 4 0 (end); 11 6 0 (end). Means: 7 at 0; (5 + 0 + 6) / 3 at 1; (3 + 0) / 2 at 2.
  // Second prompt: 7; -1 0 (end); 6 4 2. Means: 4 at 0; (0 + 4) / 2 at 1; 2 alone at 2.
  const std::vector<double> wanted{-1, 5 - 11.0 / 3, 1.5,  0, -3, -11.0 / 3, 0, 0,
                                   4,  6 - 11.0 / 3, -1.5, 0, 3,  0,         0, 0,
                                   -5, -2,           0,    0, 2,  2,         0, 0};
  REQUIRE(found.values.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i)
    CHECK(double{found.values[i]} == doctest::Approx(wanted[i]));
  CHECK(found.alone == 1);
  for (std::size_t prompt = 0; prompt < 2; ++prompt) {  // per prompt and position they sum to 0
    for (std::size_t t = 0; t < 4; ++t) {
      double sum = 0.0;
      for (std::size_t m = 0; m < 3; ++m) sum += double{found.values[(prompt * 3 + m) * 4 + t]};
      CHECK(std::abs(sum) < 1e-6);
    }
  }
  const Advantages loo = estimate_advantages(group.paths(), Estimator::leave_one_out);
  CHECK(double{loo.values[0]} == doctest::Approx(6 - (4 + 11) / 2.0));
  CHECK(double{loo.values[1]} == doctest::Approx(5 - 6 / 2.0));
  CHECK(double{loo.values[22]} == 0.0);
  CHECK(loo.alone == 1);
  const Advantages to_go = estimate_advantages(group.paths(), Estimator::reward_to_go);
  CHECK(double{to_go.values[1]} == 5.0);
  CHECK(double{to_go.values[5]} == 0.0);  // the decision to stop
  const Advantages whole = estimate_advantages(group.paths(), Estimator::reinforce);
  CHECK(double{whole.values[5]} == 4.0);
  CHECK(double{whole.values[10]} == 11.0);
  const Advantages grpo = estimate_advantages(group.paths(), Estimator::group);
  for (const std::size_t i : {0, 1, 2}) CHECK(double{grpo.values[i]} == doctest::Approx(-1));
  CHECK(double{grpo.values[5]} == doctest::Approx(-3));
}

TEST_CASE("a constant reward has no advantage but through the length of paths") {
  Group group;
  for (std::size_t i = 0; i < group.rewards.size(); ++i) {
    group.rewards[i] = static_cast<std::int32_t>(i % 3) < group.length[i / 3] ? 2.0F : 0.0F;
  }
  const Advantages found = estimate_advantages(group.paths(), Estimator::position);
  CHECK(double{found.values[0]} == doctest::Approx(6 - (6 + 2 + 4) / 3.0));
  for (float& reward : group.rewards) reward = 0.0F;  // centred: nothing left
  for (const float value : estimate_advantages(group.paths(), Estimator::position).values)
    CHECK(value == 0.0F);
}

StepRewards steps_of(const std::vector<std::array<float, 3>>& raw, const std::vector<StepKind>& kind) {
  StepRewards steps;
  steps.width = static_cast<std::int32_t>(raw.size());
  steps.kind = kind;
  for (std::size_t m = 0; m < 3; ++m) {
    for (const auto& value : raw) steps.raw[m].push_back(value[m]);
  }
  return steps;
}

TEST_CASE("statistics merged batch by batch are those of all steps at once") {
  RewardCentring merged({}), whole({});
  std::vector<std::array<float, 3>> all;
  std::vector<StepKind> kinds;
  for (std::uint64_t batch = 0; batch < 7; ++batch) {
    std::vector<std::array<float, 3>> raw;
    std::vector<StepKind> kind;
    for (std::uint32_t i = 0; i < 5 + batch; ++i) {
      const StepKey key{2, batch, i};
      raw.push_back({100.0F + normal(key, Stream::generate, 0), 5.0F * normal(key, Stream::generate, 1),
                     uniform(key, Stream::generate, 9)});
      kind.push_back(i % 4 == 3 ? StepKind::duplicate : StepKind::real);  // duplicates are not learned from
    }
    merged.learn(steps_of(raw, kind));
    all.insert(all.end(), raw.begin(), raw.end());
    kinds.insert(kinds.end(), kind.begin(), kind.end());
  }
  whole.learn(steps_of(all, kinds));
  CHECK(merged.seen() == whole.seen());
  for (const Metric metric : {Metric::interest, Metric::rank, Metric::acceptance}) {
    double sum = 0.0, squares = 0.0, n = 0.0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (kinds[i] != StepKind::real) continue;
      sum += double{all[i][static_cast<std::size_t>(metric)]};
      ++n;
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (kinds[i] != StepKind::real) continue;
      squares += std::pow(double{all[i][static_cast<std::size_t>(metric)]} - sum / n, 2);
    }
    CHECK(merged.mean(metric) == doctest::Approx(sum / n).epsilon(1e-9));
    CHECK(merged.deviation(metric) == doctest::Approx(std::sqrt(squares / (n - 1))).epsilon(1e-9));
    CHECK(whole.mean(metric) == doctest::Approx(merged.mean(metric)).epsilon(1e-12));
  }
  NamedArrays state;
  merged.save(state);
  RewardCentring again({});
  again.restore(state);
  CHECK(again.mean(Metric::rank) == merged.mean(Metric::rank));
  CHECK(again.deviation(Metric::rank) == merged.deviation(Metric::rank));
}

TEST_CASE("fused rewards: centred, invalid and duplicate items, small deviations") {
  CentringOptions options;
  options.weights = {1.0, 2.0, 3.0};
  options.acceptance_share = 0.1;
  options.shift = 0.5;
  RewardCentring centring(options);
  const auto steps =
      steps_of({{1, 10, 0.5F}, {3, 30, 0.5F}, {9, 90, 0.9F}, {0, 0, 0}, {7, 7, 7}},
               {StepKind::real, StepKind::real, StepKind::duplicate, StepKind::invalid, StepKind::none});
  centring.learn(steps);
  const std::vector<float> fused = centring.fuse(steps);
  const double d1 = std::sqrt(2.0), d2 = std::sqrt(200.0), d3 = 0.1;  // the last: no smaller deviation
  CHECK(double{fused[0]} == doctest::Approx(0.5 - 1 / d1 - 2 * 10 / d2));
  CHECK(double{fused[1]} == doctest::Approx(0.5 + 1 / d1 + 2 * 10 / d2));
  CHECK(double{fused[2]} == doctest::Approx(0.5 + 7 / d1 + 2 * 70 / d2 + 3 * 0.1 * (0 - 0.5) / d3));
  CHECK(double{fused[3]} ==
        doctest::Approx(0.5 + (0 - 2) / d1 + 2 * (9 - 20) / d2 + 3 * 0.1 * (-1 - 0.5) / d3));
  CHECK(fused[4] == 0.0F);
  options.centre = false;
  RewardCentring plain(options);
  plain.learn(steps);
  CHECK(double{plain.fuse(steps)[0]} == doctest::Approx(0.5 + 1 / d1 + 2 * 10 / d2 + 3 * 0.1 * 0.5 / d3));
  options.weights = {0, 0, 0};
  CHECK_THROWS_WITH_AS(RewardCentring{options}, doctest::Contains("weights"), ConfigError);
}

/// A path model of few parameters over a catalogue of three items, and a user model of as many.
std::shared_ptr<const nn::SemanticIds> three_items() {
  return std::make_shared<const nn::SemanticIds>(nn::SemanticIdLayout{1, 3},
                                                 std::vector<std::int32_t>{0, 1, 2, 3});
}

PathModel three_item_model() {
  nn::Seq2SeqConfig sizes;
  sizes.width = 4;
  sizes.inner = 4;
  sizes.heads = 1;
  sizes.head_width = 4;
  sizes.encoder_layers = sizes.decoder_layers = 1;
  sizes.dropout = 0.0F;
  return initial_path_model(three_items(), sizes, 2, 11);
}

PathRules toy_rules() {
  PathRules rules;
  rules.most_items = 2;
  rules.allow_history = rules.allow_repeats = rules.allow_target = true;
  return rules;
}

/// All paths that the rules allow: (items, ended).
struct ToyPath {
  std::vector<std::int32_t> tokens;
  std::vector<ItemId> items;
  bool ended = false;
  double probability = 0.0;
};

/// The gradient of sum over tokens of credit * ln p, for a list of paths after one prompt.
std::vector<double> gradient_of(const PathModel& model, const std::vector<ToyPath>& paths,
                                const std::vector<std::vector<float>>& credit) {
  const PathGrammar grammar(model.ids, toy_rules());
  ForcedPaths rows(model.prompt_width());
  const std::vector<ItemId> history{1};
  rows.add_prompt(prompt_tokens(*model.ids, history, 3, 2));
  std::vector<float> flat;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    rows.add_path(paths[i].tokens, grammar.begin(history, 3), 1);
    flat.insert(flat.end(), credit[i].begin(), credit[i].end());
  }
  rows.close();
  nn::FlatParameters weights(nn::parameter_layout(model.network.config()), model.network.to_arrays());
  UpdateOptions options;
  options.divergence = Divergence::none;
  std::vector<double> out;
  weights.accumulate(1, [&](std::size_t, nn::FlatParameters::Gradient& gradient) {
    const nn::Seq2SeqNet net{weights.aliases(), model.network.config()};
    objective_gradient(net, nullptr, grammar, rows, flat, 1.0, options, gradient);
    for (const auto& [name, parameter] : net.parameters) {
      const torch::Tensor values = gradient.view(name).contiguous().view({-1});
      for (std::int64_t i = 0; i < values.numel(); ++i) out.push_back(-values[i].item<double>());
    }
    return 0.0;
  });
  return out;
}

std::vector<ToyPath> toy_paths(const PathModel& model) {
  const std::int32_t end = model.ids->layout().end();
  std::vector<ToyPath> out;
  for (std::int32_t a = 1; a <= 3; ++a) {
    out.push_back({{a, end}, {a}, true, 0.0});
    for (std::int32_t b = 1; b <= 3; ++b) out.push_back({{a, b}, {a, b}, false, 0.0});
  }
  torch::NoGradGuard guard;
  const PathGrammar grammar(model.ids, toy_rules());
  const std::vector<ItemId> history{1};
  ForcedPaths rows(model.prompt_width());
  rows.add_prompt(prompt_tokens(*model.ids, history, 3, 2));
  for (const ToyPath& path : out) rows.add_path(path.tokens, grammar.begin(history, 3), 1);
  rows.close();
  nn::DropoutMasks none(nullptr, model.network.device());
  std::vector<double> log_p(rows.labels.size());
  for (const TokenGroup& group : forced_log_probabilities(model.network.net(), grammar, rows, none)) {
    for (std::size_t i = 0; i < group.place.size(); ++i) {
      log_p[at(group.place[i])] = group.chosen[static_cast<std::int64_t>(i)].item<double>();
    }
  }
  for (std::size_t i = 0; i < out.size(); ++i) out[i].probability = std::exp(log_p[2 * i] + log_p[2 * i + 1]);
  return out;
}

/// Step rewards that depend on the item and on the one before.
float toy_reward(const ToyPath& path, std::size_t t) {
  const auto item = static_cast<float>(path.items[t]);
  return t == 0 ? item - 1.7F : 0.8F * item + 0.1F * static_cast<float>(path.items[0]) - 1.2F;
}

/// Mean over all groups of `group` rollouts, weighted by their probability, of an estimator's gradient; with
/// the mean square distance from it.
struct Expectation {
  std::vector<double> mean;
  double variance = 0.0;
};

Expectation expectation(const PathModel& model, const std::vector<ToyPath>& paths, Estimator estimator,
                        std::size_t group) {
  // The gradient is linear in the credits: gradients of single tokens once, then sums.
  std::vector<std::array<std::vector<double>, 2>> token(paths.size());
  for (std::size_t i = 0; i < paths.size(); ++i) {
    for (std::size_t t = 0; t < 2; ++t) {
      std::vector<float> credit{0, 0};
      credit[t] = 1.0F;
      token[i][t] = gradient_of(model, {paths[i]}, {credit});
    }
  }
  const std::size_t size = token[0][0].size();
  Expectation out{std::vector<double>(size, 0.0), 0.0};
  std::vector<double> squares(size, 0.0);
  std::size_t groups = 1;
  for (std::size_t m = 0; m < group; ++m) groups *= paths.size();
  for (std::size_t g = 0; g < groups; ++g) {
    std::vector<std::size_t> chosen;
    double probability = 1.0;
    for (std::size_t m = 0, rest = g; m < group; ++m, rest /= paths.size()) {
      chosen.push_back(rest % paths.size());
      probability *= paths[chosen.back()].probability;
    }
    std::vector<float> rewards;
    std::vector<std::int32_t> length;
    std::vector<std::uint8_t> ended;
    for (const std::size_t i : chosen) {
      for (std::size_t t = 0; t < 2; ++t) {
        rewards.push_back(t < paths[i].items.size() ? toy_reward(paths[i], t) : 0.0F);
      }
      length.push_back(static_cast<std::int32_t>(paths[i].items.size()));
      ended.push_back(paths[i].ended ? 1 : 0);
    }
    PathRewards given;
    given.group = static_cast<std::int32_t>(group);
    given.width = 2;
    given.rewards = rewards;
    given.length = length;
    given.ended = ended;
    // Some critic: whatever it expects of a state, the mean of the gradient does not change.
    std::vector<float> expected;
    for (const std::size_t i : chosen) {
      expected.insert(expected.end(), {0.7F, 0.4F * static_cast<float>(paths[i].items.front()), 0.0F});
    }
    given.expected = expected;
    const Advantages advantages = estimate_advantages(given, estimator);
    std::vector<double> sum(size, 0.0);
    for (std::size_t m = 0; m < group; ++m) {
      for (std::size_t t = 0; t < 2; ++t) {
        const double credit = double{advantages.values[m * 3 + t]} / static_cast<double>(group);
        for (std::size_t i = 0; i < size; ++i) sum[i] += credit * token[chosen[m]][t][i];
      }
    }
    for (std::size_t i = 0; i < size; ++i) {
      out.mean[i] += probability * sum[i];
      squares[i] += probability * sum[i] * sum[i];
    }
  }
  for (std::size_t i = 0; i < size; ++i) out.variance += squares[i] - out.mean[i] * out.mean[i];
  return out;
}

double distance(const std::vector<double>& a, const std::vector<double>& b, double factor = 1.0) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(a[i] - factor * b[i], 2);
  return std::sqrt(sum);
}

TEST_CASE("every estimator has the mean it should have, by enumeration of all groups") {
  const PathModel model = three_item_model();
  const std::vector<ToyPath> paths = toy_paths(model);
  double total = 0.0;
  for (const ToyPath& path : paths) total += path.probability;
  CHECK(total == doctest::Approx(1.0).epsilon(1e-5));
  // The target: the gradient of E[sum of rewards] = sum over paths of p * return * gradient of ln p.
  std::vector<double> target;
  for (const ToyPath& path : paths) {
    double reward = 0.0;
    for (std::size_t t = 0; t < path.items.size(); ++t) reward += double{toy_reward(path, t)};
    const auto both = gradient_of(model, {path}, {{1.0F, 1.0F}});
    target.resize(both.size(), 0.0);
    for (std::size_t i = 0; i < both.size(); ++i) target[i] += path.probability * reward * both[i];
  }
  double scale = 0.0;
  for (const double value : target) scale += value * value;
  scale = std::sqrt(scale);
  CHECK(scale > 0.05);
  for (const std::size_t group : {2, 3}) {
    CAPTURE(group);
    const auto reinforce = expectation(model, paths, Estimator::reinforce, group);
    const auto to_go = expectation(model, paths, Estimator::reward_to_go, group);
    const auto grpo = expectation(model, paths, Estimator::group, group);
    const auto position = expectation(model, paths, Estimator::position, group);
    const auto loo = expectation(model, paths, Estimator::leave_one_out, group);
    CHECK(distance(reinforce.mean, target) < 1e-4 * scale);
    CHECK(distance(to_go.mean, target) < 1e-4 * scale);
    const auto critic = expectation(model, paths, Estimator::critic, group);
    CHECK(distance(critic.mean, target) < 1e-4 * scale);
    CHECK(critic.variance != to_go.variance);
    // Subtracting a mean that the rollout is part of shrinks the gradient by (n - 1) / n.
    const double share = (static_cast<double>(group) - 1.0) / static_cast<double>(group);
    CHECK(distance(grpo.mean, target, share) < 1e-4 * scale);
    // Here every rollout makes a choice at both positions, so no baseline is missing.
    CHECK(distance(position.mean, target, share) < 1e-4 * scale);
    CHECK(distance(loo.mean, target) < 1e-4 * scale);
    CHECK(to_go.variance < reinforce.variance);
    MESSAGE("groups of ", group, ": variance of reinforce ", reinforce.variance, ", reward to go ",
            to_go.variance, ", group ", grpo.variance, ", position ", position.variance, ", leave one out ",
            loo.variance, ", some critic ", critic.variance);
  }
}

TEST_CASE("a critic learns what follows from a state, by the same bits for any number of threads") {
  // Returns 2 x0 - |x1|: neither linear nor the same for all.
  std::vector<float> states, returns;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const float x0 = normal({3, i, 0}, Stream::policy, 0), x1 = normal({3, i, 0}, Stream::policy, 1);
    states.insert(states.end(), {x0, x1});
    returns.push_back(2.0F * x0 - std::abs(x1));
  }
  const auto train = [&](int threads) {
    Runtime runtime({.threads = threads});
    Critic critic(2, {.hidden = 32, .learning_rate = 1e-2F});
    double first = 0.0, last = 0.0;
    runtime.run([&] {
      first = critic.learn(states, returns);
      for (int i = 0; i < 300; ++i) last = critic.learn(states, returns);
    });
    CHECK(first > 3.0);
    CHECK(last < 0.05);
    Critic again(2, {.hidden = 32});
    again.restore(critic.state());
    CHECK(again.values(states) == critic.values(states));
    CHECK(double{again.values(std::vector<float>{1.0F, -2.0F})[0]} == doctest::Approx(0.0).epsilon(0.3));
    return again.values(states);
  };
  CHECK(train(1) == train(3));
  CHECK_THROWS_WITH_AS(Critic(2, {.hidden = 0}), doctest::Contains("critic_hidden"), ConfigError);
  CHECK_THROWS_WITH_AS(Critic(2, {.learning_rate = 0.0F}), doctest::Contains("critic_rate"), ConfigError);
}

TEST_CASE("the full divergence is a gradient towards the start, the released one ignores it") {
  const PathModel model = three_item_model();
  PathModel other = initial_path_model(three_items(), model.network.config(), 2, 12);
  const std::vector<ToyPath> paths = toy_paths(model);
  const PathGrammar grammar(model.ids, toy_rules());
  const std::vector<ItemId> history{1};
  ForcedPaths rows(model.prompt_width());
  rows.add_prompt(prompt_tokens(*model.ids, history, 3, 2));
  std::vector<float> credit;
  for (const ToyPath& path : paths) {
    rows.add_path(path.tokens, grammar.begin(history, 3), 1);
    credit.insert(credit.end(), path.tokens.size(), 0.0F);
  }
  rows.close();
  const auto gradient = [&](Divergence divergence, const nn::Seq2SeqNet& reference) {
    nn::FlatParameters weights(nn::parameter_layout(model.network.config()), model.network.to_arrays());
    UpdateOptions options;
    options.divergence = divergence;
    options.divergence_weight = 0.5;
    ObjectiveSums sums;
    weights.accumulate(1, [&](std::size_t, nn::FlatParameters::Gradient& out) {
      const nn::Seq2SeqNet net{weights.aliases(), model.network.config()};
      sums = objective_gradient(net, &reference, grammar, rows, credit, 1.0, options, out);
      return 0.0;
    });
    return std::pair{weights.gradient_norm(), sums.divergence};
  };
  CHECK(gradient(Divergence::full, model.network.net()).first < 1e-5);
  CHECK(gradient(Divergence::full, model.network.net()).second == doctest::Approx(0.0).epsilon(1e-6));
  CHECK(gradient(Divergence::full, other.network.net()).first > 1e-2);
  CHECK(gradient(Divergence::full, other.network.net()).second > 1e-2);
  CHECK(gradient(Divergence::none, other.network.net()).first == 0.0);
  CHECK(gradient(Divergence::log_ratio, other.network.net()).first ==
        gradient(Divergence::log_ratio, model.network.net()).first);
  CHECK(gradient(Divergence::log_ratio, other.network.net()).first > 1e-2);
}

/// Six items, people who live by a small SASRec, prompts with every target.
struct SmallTown {
  std::unique_ptr<UserModel> users = make_sequence_user(nn::small_model("sasrec", 6));
  PathModel start = small_path_model();
  std::vector<std::vector<ItemId>> histories{{1, 2}, {6}, {3, 1, 6}, {5, 4}, {2, 3}, {4}};
  std::vector<ItemId> paths{2, 4};
  std::vector<PathExample> examples;
  std::vector<PathPrompt> prompts;

  SmallTown() {
    for (std::size_t i = 0; i < histories.size(); ++i) {
      examples.push_back({histories[i], paths, static_cast<ItemId>(1 + i)});
      prompts.push_back({histories[i], static_cast<ItemId>(1 + (i + 2) % 6), {4, i, 0}});
    }
  }
};

UpdateOptions small_update() {
  UpdateOptions options;
  options.rules.most_items = 3;
  options.rules.allow_history = true;
  options.rollouts.per_prompt = 8;
  options.centring_updates = 5;
  options.divergence_weight = 0.0;
  options.adam.learning_rate = 3e-3F;
  return options;
}

TEST_CASE("step rewards add up to what the whole path did, and gaps count for nothing") {
  const SmallTown town;
  std::int32_t invalid = 0, duplicates = 0;
  for (const bool constrained : {false, true}) {
    PathRules rules;
    rules.most_items = 4;
    rules.constrained = constrained;
    rules.allow_history = rules.allow_repeats = true;
    WrittenPaths paths = PathWriter(town.start, rules).write(town.prompts, {.per_prompt = 60});
    const StepRewards steps = measure_steps(*town.users, town.prompts, paths);
    for (std::int32_t r = 0; r < paths.rows(); ++r) {
      // Path by path, one item at a time: the history grows and is read anew.
      std::vector<ItemId> history(town.histories[at(r / 60)]);
      double interest = 0.0, rank = 0.0;
      std::set<ItemId> shown;
      const auto items = paths.items_of(r);
      for (std::int32_t k = 0; k < paths.length[at(r)]; ++k) {
        const std::size_t i = steps.place(r, k);
        interest += double{steps.raw[0][i]};
        rank += double{steps.raw[1][i]};
        if (items[at(k)] == no_item) {
          ++invalid;
          CHECK(steps.kind[i] == StepKind::invalid);
          CHECK(steps.raw[0][i] == 0.0F);
          continue;
        }
        const bool again = !shown.insert(items[at(k)]).second;
        duplicates += again ? 1 : 0;
        CHECK((steps.kind[i] == StepKind::duplicate) == again);
        CHECK(steps.raw[2][i] > 0.0F);
        history.push_back(items[at(k)]);
      }
      for (std::int32_t k = paths.length[at(r)]; k < 4; ++k)
        CHECK(steps.kind[steps.place(r, k)] == StepKind::none);
      const PathPrompt alone{history, town.prompts[at(r / 60)].target, {}};
      WrittenPaths nothing;
      nothing.most_items = 1;
      nothing.offsets = {0, 0};
      nothing.ended = {1};
      nothing.length = {0};
      nothing.items = {no_item};
      const StepRewards end = measure_steps(*town.users, {&alone, 1}, nothing);
      CHECK(double{end.start_interest[0]} - double{steps.start_interest[at(r / 60)]} ==
            doctest::Approx(interest).epsilon(1e-3));
      CHECK(static_cast<double>(steps.start_rank[at(r / 60)] - end.start_rank[0]) == rank);
    }
  }
  CHECK(invalid > 0);
  CHECK(duplicates > 0);
}

TEST_CASE("updates raise the reward, by the same bits for any number of threads, and go on after a restore") {
  const SmallTown town;
  const auto train = [&](int threads, int updates, const NamedArrays* state) {
    Runtime runtime({.threads = threads});
    ProRlUpdate learner(town.start, *town.users, small_update());
    if (state != nullptr) learner.restore(*state);
    std::vector<double> rewards;
    runtime.run([&] {
      for (int i = 0; i < updates; ++i) {
        std::vector<PathPrompt> prompts = town.prompts;
        for (PathPrompt& prompt : prompts) prompt.key.step = static_cast<std::uint32_t>(learner.updates());
        rewards.push_back(learner.update(prompts, 3e-3F).at("reward"));
      }
    });
    return std::pair{learner.state(), rewards};
  };
  const auto [one, rewards] = train(1, 60, nullptr);
  double first = 0.0, last = 0.0;
  for (std::size_t i = 0; i < 10; ++i) {
    first += rewards[5 + i] / 10;
    last += rewards[50 + i] / 10;
  }
  CHECK(last > first + 0.5);
  const auto same = [](const NamedArrays& a, const NamedArrays& b) {
    bool equal = a.all().size() == b.all().size();
    for (const auto& [name, array] : a.all()) equal = equal && array.bytes == b.at(name).bytes;
    return equal;
  };
  CHECK(same(one, train(3, 60, nullptr).first));
  const NamedArrays half = train(2, 25, nullptr).first;
  CHECK(same(one, train(2, 35, &half).first));
  CHECK_FALSE(same(one, half));
}

TEST_CASE("with a critic, it learns alone at first, then the policy does, and both go on after a restore") {
  const SmallTown town;
  UpdateOptions options = small_update();
  options.estimator = Estimator::critic;
  options.critic = {.hidden = 16, .learning_rate = 1e-2F, .warm_up = 10};
  options.adam.weight_decay = 0.0F;
  const auto run = [&](ProRlUpdate& learner, int updates) {
    std::vector<UpdateStats> out;
    for (int i = 0; i < updates; ++i) {
      std::vector<PathPrompt> prompts = town.prompts;
      for (PathPrompt& prompt : prompts) prompt.key.step = static_cast<std::uint32_t>(learner.updates());
      out.push_back(learner.update(prompts, 3e-3F));
    }
    return out;
  };
  ProRlUpdate learner(town.start, *town.users, options);
  const std::vector<UpdateStats> warm = run(learner, 10);
  const NamedArrays before = town.start.network.to_arrays(), after = learner.snapshot().network.to_arrays();
  for (const auto& [name, array] : before.all()) CHECK((array.bytes == after.at(name).bytes));
  const NamedArrays state = learner.state();
  const std::vector<UpdateStats> rest = run(learner, 60);
  CHECK(rest.back().at("critic_error") < 0.7 * warm.front().at("critic_error"));
  double first = 0.0, last = 0.0;
  for (std::size_t i = 0; i < 10; ++i) {
    first += warm[i].at("reward") / 10;
    last += rest[50 + i].at("reward") / 10;
  }
  CHECK(last > first + 0.5);
  ProRlUpdate resumed(town.start, *town.users, options);
  resumed.restore(state);
  CHECK(run(resumed, 60).back() == rest.back());
}

TEST_CASE(
    "training ends with the weights that were best on validation people, and goes on from a checkpoint") {
  const SmallTown town;
  const auto file = std::filesystem::temp_directory_path() / "veer-prorl-test.checkpoint";
  std::filesystem::remove(file);
  TrainingOptions options;
  options.update = small_update();
  options.updates = 20;
  options.prompts = 4;
  options.evaluate_every = 5;
  options.evaluation_prompts = 6;
  const TrainingResult straight = train_prorl(town.start, *town.users, town.examples, town.examples, options);
  CHECK(straight.updates.size() == 20);
  REQUIRE(straight.evaluations.size() == 5);
  CHECK(straight.evaluations.front().stats.at("gain") == 0.0);
  double best = 0.0;
  for (const Evaluation& e : straight.evaluations) {
    if (e.stats.at("gain") > best) best = e.stats.at("gain");
    // Worked out once more: weights of 1, distances in deviations of the start's paths.
    double gain = 0.0;
    for (const std::string name : {"interest", "rank", "acceptance"}) {
      const UpdateStats& start = straight.evaluations.front().stats;
      gain += (e.stats.at(name) - start.at(name)) / start.at(name + "_deviation");
    }
    CHECK(e.stats.at("gain") == doctest::Approx(gain));
    if (e.update == straight.kept_update) CHECK(e.stats.at("gain") >= best);
  }
  CHECK(best > 0.0);
  options.checkpoint = file;
  options.checkpoint_seconds = 1e-9;
  options.progress = [](const TrainingProgress& p) {
    if (p.update == 7) request_interrupt();
  };
  CHECK_THROWS_AS(train_prorl(town.start, *town.users, town.examples, town.examples, options), Interrupted);
  clear_interrupt();
  options.progress = nullptr;
  const TrainingResult resumed = train_prorl(town.start, *town.users, town.examples, town.examples, options);
  CHECK(resumed.kept_update == straight.kept_update);
  CHECK(resumed.updates.size() == 20);
  const NamedArrays a = straight.model.network.to_arrays(), b = resumed.model.network.to_arrays();
  for (const auto& [name, array] : a.all()) CHECK((array.bytes == b.at(name).bytes));
  // Whatever shapes the weights makes another training.
  const auto another = [&](const PathModel& start, std::span<const PathExample> validation,
                           const TrainingOptions& changed) {
    CHECK_THROWS_WITH_AS(train_prorl(start, *town.users, town.examples, validation, changed),
                         doctest::Contains("another training"), ConfigError);
  };
  TrainingOptions changed = options;
  changed.seed = 2;
  another(town.start, town.examples, changed);
  changed = options;
  changed.reward_model = "somebody else";
  another(town.start, town.examples, changed);
  changed = options;
  changed.update.divergence_weight = 1e-9;
  another(town.start, town.examples, changed);
  another(town.start, std::span(town.examples).first(3), options);
  another(small_path_model(4), town.examples, options);
  std::filesystem::remove(file);
}

TEST_CASE("options that make no training are refused by name") {
  const SmallTown town;
  const auto refused = [&](auto change, const char* word) {
    TrainingOptions options;
    options.update = small_update();
    change(options);
    CHECK_THROWS_WITH_AS(train_prorl(town.start, *town.users, town.examples, town.examples, options),
                         doctest::Contains(word), ConfigError);
  };
  refused([](TrainingOptions& o) { o.update.rewards.weights = {0, 0, 0}; }, "weights");
  refused([](TrainingOptions& o) { o.update.rules.most_items = 0; }, "most_items");
  refused([](TrainingOptions& o) { o.update.rollouts.per_prompt = 1; }, "rollouts");
  refused([](TrainingOptions& o) { o.update.discount = 1.5; }, "discount");
  refused([](TrainingOptions& o) { o.updates = 0; }, "updates");
  refused([](TrainingOptions& o) { o.update.adam.learning_rate = 0.0F; }, "learning_rate");
  const auto others = make_sequence_user(nn::small_model("sasrec", 7));
  TrainingOptions options;
  options.update = small_update();
  CHECK_THROWS_WITH_AS(train_prorl(town.start, *others, town.examples, town.examples, options),
                       doctest::Contains("7 items"), ConfigError);
  CHECK_THROWS_AS(train_prorl(town.start, *town.users, {}, town.examples, options), DataError);
}

}  // namespace
}  // namespace veer::prorl
