// Critics of the fused updates: targets, CQL's other actions, losses and their gradients.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "agents/fusion/learning/fused_parts_net.h"

namespace veer::fusion {

/// y = r + discount (1 - terminated) V(s') by the slow copies.
void FusedUpdates::Impl::aim(const Transitions& batch, const FusionDraws& draws, std::int32_t first,
                             std::int32_t count, FusedScratch& scratch) const {
  const float* next = states(batch.next_observed, first, count, scratch.next);
  if (o.kind == FusionKind::cql) {
    draw(Draw::next_action, next, first, count, draws, scratch);
  } else {
    best_guess(slow_actor, next, count, scratch);
    if (o.kind != FusionKind::ddpg) {
      scratch.drawn.resize(at(o.weights));
      for (std::int32_t r = 0; r < count; ++r) {
        draws.normals(Draw::next_action, first + r, scratch.drawn);
        float* action = scratch.actions.data() + r * o.weights;
        for (std::size_t k = 0; k < at(o.weights); ++k) {
          const float noise = std::clamp(scratch.drawn[k] * o.target_noise, -o.target_clip, o.target_clip);
          action[k] = std::clamp(action[k] + noise, -1.0F, 1.0F);
        }
      }
    }
  }
  const float* inputs = join_all(next, scratch.actions.data(), count, scratch.inputs);
  const std::span<const float> one = scratch.first.forward(slow_q1, inputs, count);
  scratch.aimed.assign(one.begin(), one.end());
  if (o.has_twin()) {
    const std::span<const float> two = scratch.first.forward(slow_q2, inputs, count);
    for (std::size_t r = 0; r < two.size(); ++r) scratch.aimed[r] = std::min(scratch.aimed[r], two[r]);
  }
  for (std::int32_t r = 0; r < count; ++r) {
    const float goes_on = is_terminated(batch.end[at(first + r)]) ? 0.0F : o.discount;
    scratch.aimed[at(r)] = batch.reward[at(first + r)] + goes_on * scratch.aimed[at(r)];
  }
}

/// CQL's other actions, behind the logged ones in scratch.inputs: per row `samples` uniform ones, the
/// policy's here and the policy's at the next state, all judged here; scratch.other has their log densities.
/// Returns the rows of all inputs.
std::int32_t FusedUpdates::Impl::propose(const FusionDraws& draws, std::int32_t first, std::int32_t count,
                                         FusedScratch& scratch) const {
  const std::size_t a = at(o.weights), samples = at(o.samples);
  const std::int32_t rows = count * (1 + 3 * o.samples);
  scratch.inputs.resize(at(rows) * at(input_width()));
  scratch.other.resize(at(count) * 3 * samples);
  scratch.drawn.resize(samples * a);
  scratch.actions.resize(a);
  float* to = scratch.inputs.data() + count * input_width();
  float* density = scratch.other.data();
  const auto uniform_density = static_cast<float>(-static_cast<double>(a) * std::numbers::ln2);
  // The policy's outputs here and there, copied as the pass is used again.
  std::vector<float>& outputs = scratch.outputs;
  outputs.clear();
  for (const std::vector<float>* from : {&scratch.states, &scratch.next}) {
    const std::span<const float> found = scratch.actor.forward(actor, from->data(), count);
    outputs.insert(outputs.end(), found.begin(), found.end());
  }
  for (std::int32_t r = 0; r < count; ++r) {
    const float* state = scratch.states.data() + r * o.features;
    draws.anywhere(Draw::proposal, first + r, scratch.drawn);
    for (std::size_t j = 0; j < samples; ++j) {
      to = join(state, scratch.drawn.data() + j * a, to);
      *density++ = uniform_density;
    }
    for (const bool next : {false, true}) {
      const float* out = outputs.data() + (at(r) + (next ? at(count) : 0)) * 2 * a;
      draws.normals(next ? Draw::next_latent : Draw::own_latent, first + r, scratch.drawn);
      scratch.kept.resize(2 * a);
      for (std::size_t k = 0; k < a; ++k) {
        scratch.kept[k] = kept_log_deviation(out[a + k]);
        scratch.kept[a + k] = std::exp(scratch.kept[k]);
      }
      for (std::size_t j = 0; j < samples; ++j) {
        double sum = 0.0;
        for (std::size_t k = 0; k < a; ++k) {
          const DrawnValue value =
              drawn_value(out[k], scratch.kept[k], scratch.kept[a + k], scratch.drawn[j * a + k]);
          scratch.actions[k] = value.action;
          sum += double{value.log_density};
        }
        to = join(state, scratch.actions.data(), to);
        *density++ = static_cast<float>(sum);
      }
    }
  }
  return rows;
}

UpdateStats FusedUpdates::Impl::critic_tile(const Transitions& batch, const FusionDraws& draws,
                                            std::int32_t first, std::int32_t count, bool add,
                                            std::span<float> gradient, FusedScratch& scratch) const {
  const bool conservative = o.kind == FusionKind::cql && o.conservatism > 0.0F;
  aim(batch, draws, first, count, scratch);
  const float* s = states(batch.observed, first, count, scratch.states);
  std::int32_t rows = count;
  if (conservative) rows = propose(draws, first, count, scratch);
  scratch.inputs.resize(at(rows) * at(input_width()));
  const float* taken = batch.action_reals.data() + at(first) * at(o.weights);
  float* to = scratch.inputs.data();
  for (std::int32_t r = 0; r < count; ++r) to = join(s + r * o.features, taken + r * o.weights, to);

  UpdateStats figures{{"critic_loss", 0.0}, {"q", 0.0}};
  if (conservative) figures["gap"] = 0.0;
  const float share = 1.0F / static_cast<float>(batch.count);
  const std::size_t others = 3 * at(o.samples);
  scratch.gradient.resize(at(rows));
  for (int twin = 0; twin < (o.has_twin() ? 2 : 1); ++twin) {
    const nn::PackedDense& net = twin == 0 ? q1 : q2;
    const std::span<const float> q = scratch.first.forward(net, scratch.inputs.data(), rows);
    double loss = 0.0, gap = 0.0;
    for (std::size_t r = 0; r < at(count); ++r) {
      const float error = q[r] - scratch.aimed[r];
      loss += double{error} * double{error};
      if (twin == 0) figures["q"] += double{q[r]};
      scratch.gradient[r] = 2.0F * error * share;
      if (!conservative) continue;
      // logsumexp of Q less log density, and its softmax as the gradient.
      const float* judged = q.data() + at(count) + r * others;
      const float* density = scratch.other.data() + r * others;
      float* pull = scratch.gradient.data() + at(count) + r * others;
      float largest = judged[0] - density[0];
      for (std::size_t j = 1; j < others; ++j) largest = std::max(largest, judged[j] - density[j]);
      float sum = 0.0F;
      for (std::size_t j = 0; j < others; ++j) {
        pull[j] = std::exp(judged[j] - density[j] - largest);
        sum += pull[j];
      }
      for (std::size_t j = 0; j < others; ++j) pull[j] *= o.conservatism * share / sum;
      scratch.gradient[r] -= o.conservatism * share;
      gap += double{largest} + std::log(double{sum}) - double{q[r]};
    }
    figures["critic_loss"] += loss + double{o.conservatism} * (conservative ? gap : 0.0);
    if (conservative) figures["gap"] += 0.5 * gap;
    scratch.first.backward(net, scratch.gradient.data(), gradient.data() + twin * net.parameters(), add,
                           nullptr);
  }
  return figures;
}

}  // namespace veer::fusion
