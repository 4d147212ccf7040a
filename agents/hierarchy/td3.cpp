#include "agents/hierarchy/td3.h"

#include <algorithm>
#include <cmath>

#include "env/error.h"

namespace veer::hierarchy {
namespace {

std::span<const float> row_of(const std::vector<float>& values, std::int32_t row, std::int32_t width) {
  return std::span(values).subspan(at(std::int64_t{row} * width), at(width));
}

void squash(std::span<const float> raw, std::span<float> action) noexcept {
  for (std::size_t d = 0; d < action.size(); ++d) action[d] = std::tanh(raw[d]);
}

}  // namespace

void Actor::act(std::span<const float> state, std::span<float> action, DenseNetwork::Pass& pass) const {
  squash(network_.forward(weights_, state, pass), action);
}

Td3::Td3(const Td3Options& options, std::uint64_t seed, std::uint32_t lane)
    : options_(options),
      seed_(seed),
      lane_(lane),
      actor_network_({options.state, options.hidden, options.hidden, options.action}),
      critic_network_({options.state + options.action, options.hidden, options.hidden, 1}),
      actor_(actor_network_.parameters()),
      critics_(2 * critic_network_.parameters()) {
  actor_network_.initialise(seed, 4 * lane, actor_.values);
  const std::size_t half = critic_network_.parameters();
  for (std::uint32_t c = 0; c < 2; ++c) {
    critic_network_.initialise(seed, 4 * lane + 1 + c, std::span(critics_.values).subspan(c * half, half));
  }
  slow_actor_ = actor_.values;
  slow_critics_ = critics_.values;
}

float Td3::critic(std::span<const float> weights, int which, std::span<const float> state,
                  std::span<const float> action, DenseNetwork::Pass& pass) const {
  std::vector<float> input(state.begin(), state.end());
  input.insert(input.end(), action.begin(), action.end());
  const std::size_t half = critic_network_.parameters();
  return critic_network_.forward(weights.subspan(at(which) * half, half), input, pass)[0];
}

double Td3::update(const Td3Batch& batch) {
  ++updates_;
  const StepKey key{seed_, lane_, static_cast<std::uint32_t>(updates_)};
  std::vector<float> noise(at(std::int64_t{batch.count} * options_.action));
  fill_normal(key, Stream::explore, noise);
  const std::size_t half = critic_network_.parameters();
  std::vector<float> gradient(critics_.values.size(), 0.0F), action(at(options_.action));
  DenseNetwork::Pass pass;
  double loss = 0.0;
  const float share = 1.0F / static_cast<float>(batch.count);
  for (std::int32_t i = 0; i < batch.count; ++i) {
    float target = batch.gain[at(i)];
    if (batch.discount[at(i)] > 0.0F) {
      const std::span<const float> next = row_of(batch.next_state, i, options_.state);
      squash(actor_network_.forward(slow_actor_, next, pass), action);
      for (std::size_t d = 0; d < action.size(); ++d) {
        const float moved = std::clamp(options_.target_noise * noise[at(i) * action.size() + d],
                                       -options_.target_clip, options_.target_clip);
        action[d] = std::clamp(action[d] + moved, -1.0F, 1.0F);
      }
      const float one = critic(slow_critics_, 0, next, action, pass);
      target += batch.discount[at(i)] * std::min(one, critic(slow_critics_, 1, next, action, pass));
    }
    for (int c = 0; c < 2; ++c) {
      const float error = critic(critics_.values, c, row_of(batch.state, i, options_.state),
                                 row_of(batch.action, i, options_.action), pass) -
                          target;
      loss += 0.5 * double{error} * double{error};
      const float slope = 2.0F * share * error;
      critic_network_.backward(std::span(critics_.values).subspan(at(c) * half, half), pass,
                               std::span(&slope, 1), std::span(gradient).subspan(at(c) * half, half));
    }
  }
  critics_.step(gradient, options_.rate);
  if (updates_ % options_.actor_every == 0) {
    std::vector<float> climb(actor_.values.size(), 0.0F), unused(half, 0.0F);
    std::vector<float> by_input(at(options_.state + options_.action)), by_raw(action.size());
    DenseNetwork::Pass acting;
    for (std::int32_t i = 0; i < batch.count; ++i) {
      const std::span<const float> state = row_of(batch.state, i, options_.state);
      squash(actor_network_.forward(actor_.values, state, acting), action);
      critic(critics_.values, 0, state, action, pass);
      const float slope = -share;  // upwards
      critic_network_.backward(std::span(critics_.values).first(half), pass, std::span(&slope, 1), unused,
                               by_input);
      for (std::size_t d = 0; d < action.size(); ++d) {
        by_raw[d] = by_input[at(options_.state) + d] * (1.0F - action[d] * action[d]);
      }
      actor_network_.backward(actor_.values, acting, by_raw, climb);
    }
    actor_.step(climb, options_.rate);
    follow(slow_actor_, actor_.values, options_.target_rate);
    follow(slow_critics_, critics_.values, options_.target_rate);
  }
  return loss / batch.count;
}

void Td3::save(NamedArrays& out, const std::string& name) const {
  actor_.save(out, name + "/actor");
  critics_.save(out, name + "/critics");
  out.set<float>(name + "/slow_actor", slow_actor_);
  out.set<float>(name + "/slow_critics", slow_critics_);
  out.set_scalar<std::int64_t>(name + "/updates", updates_);
}

void Td3::load(const NamedArrays& from, const std::string& name) {
  actor_.load(from, name + "/actor");
  critics_.load(from, name + "/critics");
  // As long as the trained ones, or load() above had thrown, unless the file is damaged.
  for (auto& [part, kept] : {std::pair<const char*, std::vector<float>*>{"/slow_actor", &slow_actor_},
                             {"/slow_critics", &slow_critics_}}) {
    const std::span<const float> stored = from.get<float>(name + part);
    if (stored.size() != kept->size()) {
      throw FormatError({{}, 0, name + part},
                        {std::to_string(stored.size()) + " values", std::to_string(kept->size()), ""});
    }
    std::copy(stored.begin(), stored.end(), kept->begin());
  }
  updates_ = from.scalar<std::int64_t>(name + "/updates");
}

}  // namespace veer::hierarchy
