// UWAC's parts against values computed by hand and golden values, and the agent on a log whose best action is
// known.
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "agents/fusion/learning/fusion_learner.h"
#include "agents/fusion/learning/uncertainty_net.h"
#include "env/random.h"
#include "env/store/transition_file.h"
#include "tests/test.h"

namespace veer::fusion {
namespace {

using doctest::Approx;

double value(const torch::Tensor& scalar) { return scalar.item<double>(); }

}  // namespace

TEST_CASE("certainty: golden values of both forms, and of the loss it weighs") {
  const torch::Tensor u = torch::tensor({0.0, 0.5, 2.0}, torch::kDouble);
  const torch::Tensor w = certainty(u, 0.5, false);
  CHECK(value(w[0]) == Approx(1.0));
  CHECK(value(w[1]) == Approx(0.7788007831));
  CHECK(value(w[2]) == Approx(0.3678794412));
  const torch::Tensor inverse = certainty(u, 0.5, true);
  CHECK(value(inverse[0]) == 1.0);  // sure beyond doubt
  CHECK(value(inverse[1]) == 1.0);
  CHECK(value(inverse[2]) == Approx(0.25));
  const double weight = value(certainty(torch::tensor({0.8}, torch::kDouble), 0.5, false)[0]);
  CHECK(std::pow(weight * (2.0 - 1.4), 2.0) == Approx(0.1617584271));
}

TEST_CASE("the spectral norm is the largest singular value, and its slope is that of the singular vectors") {
  torch::Tensor matrix = torch::tensor({{3.0, 0.0, 0.0}, {4.0, 5.0, 0.0}}, torch::kDouble);
  // Singular values of [[3, 0], [4, 5]] are sqrt(45) and sqrt(5).
  CHECK(value(spectral_norm(matrix)) == Approx(std::sqrt(45.0)).epsilon(1e-4));
  matrix.requires_grad_(true);
  spectral_norm(matrix).backward();
  // u v^T with u = (1, 3) / sqrt 10, v = (1, 1, 0) / sqrt 2.
  CHECK(value(matrix.grad()[0][0]) == Approx(1.0 / std::sqrt(20.0)).epsilon(1e-2));
  CHECK(value(matrix.grad()[1][1]) == Approx(3.0 / std::sqrt(20.0)).epsilon(1e-2));
  CHECK(value(matrix.grad()[1][2]) == Approx(0.0));
}

TEST_CASE("discrepancy: none between equal samples, by hand between two pairs of points") {
  const torch::Tensor x = torch::tensor({0.0, 2.0}, torch::kDouble).view({1, 2, 1});
  const torch::Tensor y = torch::tensor({1.0, 1.0}, torch::kDouble).view({1, 2, 1});
  CHECK(value(discrepancy(x, x, 2.0)[0]) == Approx(1e-3));  // the root of what keeps it away from 0
  // k = exp(-d^2 / 4): mean k(x, x) = (1 + e^-1) / 2, k(y, y) = 1, k(x, y) = e^-1/4.
  const double expected = std::sqrt((1.0 + std::exp(-1.0)) / 2.0 + 1.0 - 2.0 * std::exp(-0.25) + 1e-6);
  CHECK(value(discrepancy(x, y, 2.0)[0]) == Approx(expected));
}

TEST_CASE("a critic's belief: mean and unbiased variance over passes, one mask for neighbouring rows") {
  nn::NetworkParameters net;
  const torch::Tensor eye = torch::eye(2), none = torch::zeros({2});
  net.parameters = {{"q1.0.weight", eye},
                    {"q1.0.bias", none},
                    {"q1.1.weight", eye},
                    {"q1.1.bias", none},
                    {"q1.2.weight", torch::tensor({{1.0F, 0.0F}})},
                    {"q1.2.bias", torch::zeros({1})}};
  const torch::Tensor states = torch::tensor({{1.0F}, {2.0F}}), actions = torch::tensor({{0.5F}, {0.5F}});
  const torch::Tensor keep = torch::tensor({{2.0F, 2.0F}}), lose = torch::tensor({{0.0F, 2.0F}});
  // Spectral norms of these weights are 1: q is the state, doubled twice, or nothing.
  const Belief belief =
      believed_q(normed_critic(net, "q1"), states, actions, {{keep, keep}, {lose, keep}, {keep, lose}});
  CHECK(value(belief.mean[0]) == Approx(4.0 / 3.0));
  CHECK(value(belief.mean[1]) == Approx(8.0 / 3.0));
  CHECK(value(belief.variance[0]) == Approx(16.0 / 3.0));  // of 4, 0, 0
  CHECK(value(normed_q(normed_critic(net, "q1"), states, actions)[1]) == Approx(2.0));
}

TEST_CASE("UWAC stays near the log, and without its constraint climbs the critic") {
  // One step each; the log acts near 0.5, and an action is worth as much as it is large.
  Transitions log;
  BatchShape shape;
  shape.slots = 0;
  shape.features = 1;
  shape.reals = 1;
  log.resize(500, shape);
  for (std::size_t i = 0; i < 500; ++i) {
    const float u = uniform({3, i, 0}, Stream::generate);
    log.observed[i] = uniform({4, i, 0}, Stream::generate);
    log.action_reals[i] = 0.4F + 0.2F * u;
    log.reward[i] = log.action_reals[i];
    log.end[i] = EndReason::user_left;
  }
  const LoggedTransitions source(log);
  FusionOptions o = fusion_defaults(FusionKind::uwac, 1, 1);
  o.hidden = o.vae_hidden = 16;
  o.batch = 64;
  o.passes = 4;
  o.samples = 2;
  o.actor_rate = o.critic_rate = o.vae_rate = 3e-3F;
  const auto act = [&](bool constrained) {
    o.constrained = constrained;
    FusionLearner learner(o, scale_of_states(source), 1);
    UpdateStats last;
    for (int u = 0; u < 400; ++u) last = learner.update(source);
    CHECK(last.at("certainty") > 0.0);
    CHECK(last.at("certainty") <= 1.0);
    std::vector<float> state{0.5F}, action(1), density(1);
    const StepKey key{1, 1, 0};
    learner.model().act({state.data(), 1, 1}, {&key, 1}, Mode::greedy, {action.data(), 1, 1}, density);
    return action[0];
  };
  const float near = act(true), free = act(false);
  MESSAGE("constrained ", near, ", free ", free);
  CHECK(near > 0.2F);
  CHECK(near < 0.8F);
  CHECK(free > near);
}

}  // namespace veer::fusion
