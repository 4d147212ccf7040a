#include "tools/bench/sequential_straightforward.h"

#include <torch/optim/adam.h>

#include <algorithm>
#include <iterator>

#include "env/nn/state_encoders/state_encoder_net.h"

namespace veer::bench {
namespace {

/// The windows of all events, as a replay buffer in Python holds them.
struct Windows {
  torch::Tensor state, length, next_state, next_length, action, reward, done;

  explicit Windows(const Sessions& sessions) {
    const std::int64_t n = sessions.events();
    constexpr std::int64_t width = 10;
    for (torch::Tensor* each : {&state, &next_state}) *each = torch::zeros({n, width}, torch::kInt64);
    for (torch::Tensor* each : {&length, &next_length, &action}) *each = torch::ones({n}, torch::kInt64);
    for (torch::Tensor* each : {&reward, &done}) *each = torch::zeros({n}, torch::kFloat32);
    const auto fill = [](torch::Tensor& items, torch::Tensor& lengths, std::int64_t row,
                         std::span<const ItemId> history) {
      const std::size_t used = std::min<std::size_t>(history.size(), width);
      std::copy(history.end() - static_cast<std::ptrdiff_t>(used), history.end(),
                items.data_ptr<std::int64_t>() + row * width);
      lengths.data_ptr<std::int64_t>()[row] = std::max<std::int64_t>(1, static_cast<std::int64_t>(used));
    };
    for (std::int64_t e = 0; e < n; ++e) {
      const std::span<const ItemId> history = sessions.history(e);
      fill(state, length, e, history);
      fill(next_state, next_length, e, {history.data(), history.size() + 1});
      action.data_ptr<std::int64_t>()[e] = sessions.item(e) - 1;
      reward.data_ptr<float>()[e] = sessions.bought(e) ? 1.0F : 0.2F;
      done.data_ptr<float>()[e] = sessions.last_of_session(e) ? 1.0F : 0.0F;
    }
  }
};

/// The cell of the published code, one operation after the other.
torch::Tensor gru_state(const nn::NetworkParameters& p, const torch::Tensor& embedded,
                        const torch::Tensor& lengths) {
  const std::int64_t width = embedded.size(2);
  torch::Tensor h = torch::zeros({embedded.size(0), width});
  std::vector<torch::Tensor> states;
  for (std::int64_t t = 0; t < embedded.size(1); ++t) {
    const torch::Tensor x = embedded.select(1, t);
    const torch::Tensor gates =
        torch::sigmoid(torch::linear(torch::cat({x, h}, 1), p.at("gates.weight"), p.at("gates.bias")));
    const torch::Tensor reset = gates.slice(1, 0, width), update = gates.slice(1, width);
    const torch::Tensor candidate = torch::tanh(
        torch::linear(torch::cat({x, reset * h}, 1), p.at("candidate.weight"), p.at("candidate.bias")));
    h = update * h + (1 - update) * candidate;
    states.push_back(h);
  }
  const torch::Tensor last = (lengths - 1).view({-1, 1, 1}).expand({embedded.size(0), 1, width});
  return torch::stack(states, 1).gather(1, last).squeeze(1);
}

struct Plain {
  nn::NetworkParameters parameters{"cpu", {}};
  std::unique_ptr<torch::optim::Adam> adam;

  Plain(const NamedArrays& weights, double learning_rate) {
    std::vector<torch::Tensor> leaves;
    for (const auto& [name, array] : weights.all()) {
      const std::span<const float> values = weights.get<float>(name);
      torch::Tensor tensor = torch::from_blob(const_cast<float*>(values.data()), array.shape).clone();
      leaves.push_back(tensor.requires_grad_());
      parameters.parameters.emplace_back(name, leaves.back());
    }
    adam = std::make_unique<torch::optim::Adam>(leaves, torch::optim::AdamOptions(learning_rate));
  }

  torch::Tensor state(const nn::StateEncoderConfig& config, const torch::Tensor& items,
                      const torch::Tensor& lengths) const {
    const torch::Tensor embedded = torch::embedding(parameters.at("items.weight"), items);
    if (config.kind == nn::EncoderKind::gru) return gru_state(parameters, embedded, lengths);
    nn::DropoutMasks none(nullptr, parameters.device);
    return nn::encode(parameters, config, {embedded, lengths, items.ne(0).to(torch::kFloat32)}, none).state;
  }
  torch::Tensor scores(const std::string& head, const torch::Tensor& state) const {
    return torch::linear(state, parameters.at(head + ".weight"), parameters.at(head + ".bias"));
  }
};

torch::Tensor as_rows(const std::vector<std::int64_t>& events) {
  return torch::from_blob(const_cast<std::int64_t*>(events.data()),
                          {static_cast<std::int64_t>(events.size())}, torch::kInt64);
}

}  // namespace

struct StraightforwardLearner::Impl {
  LearnerShape shape;
  Windows windows;
  std::vector<Plain> networks;
};

StraightforwardLearner::StraightforwardLearner(const LearnerShape& shape, const SequentialLearner& from,
                                               const Sessions& sessions)
    : impl_(new Impl{shape, Windows(sessions), {}}) {
  for (std::size_t i = 0; i < (shape.objective == Objective::sqn ? 2U : 1U); ++i) {
    impl_->networks.emplace_back(from.weights(i), double{shape.learning_rate});
  }
}
StraightforwardLearner::~StraightforwardLearner() = default;

double StraightforwardLearner::step(const std::vector<std::int64_t>& events, std::uint32_t number) {
  const Impl& in = *impl_;
  const torch::Tensor rows = as_rows(events);
  const auto of = [&](const torch::Tensor& column) { return column.index_select(0, rows); };
  const std::size_t trained = in.shape.trained(number);
  const Plain& main = in.networks[trained];
  const torch::Tensor action = of(in.windows.action).view({-1, 1});
  torch::Tensor wanted;
  if (in.shape.objective == Objective::sqn) {
    const torch::NoGradGuard guard;
    const Plain& target = in.networks[1 - trained];
    const torch::Tensor next = of(in.windows.next_state), length = of(in.windows.next_length);
    const torch::Tensor best =
        main.scores("values", main.state(in.shape.encoder, next, length)).argmax(1, /*keepdim=*/true);
    const torch::Tensor value =
        target.scores("values", target.state(in.shape.encoder, next, length)).gather(1, best).squeeze(1);
    wanted = of(in.windows.reward) + in.shape.discount * (1 - of(in.windows.done)) * value;
  }
  const torch::Tensor state = main.state(in.shape.encoder, of(in.windows.state), of(in.windows.length));
  torch::Tensor loss = torch::nll_loss(torch::log_softmax(main.scores("head", state), 1), action.squeeze(1));
  if (wanted.defined()) {
    const torch::Tensor value = main.scores("values", state).gather(1, action).squeeze(1);
    loss = loss + 0.5 * (wanted - value).square().mean();
  }
  main.adam->zero_grad();
  loss.backward();
  main.adam->step();
  return loss.item<double>();
}

std::vector<std::int64_t> StraightforwardLearner::rank(const std::vector<std::int64_t>& events,
                                                       std::vector<RankBounds>* bounds) {
  const torch::NoGradGuard guard;
  const Impl& in = *impl_;
  std::vector<std::int64_t> out;
  for (std::size_t first = 0; first < events.size(); first += 256) {
    const std::vector<std::int64_t> part(
        events.begin() + static_cast<std::ptrdiff_t>(first),
        events.begin() + static_cast<std::ptrdiff_t>(std::min(first + 256, events.size())));
    const torch::Tensor rows = as_rows(part);
    const Plain& network = in.networks[0];
    const torch::Tensor scores =
        network.scores("head", network.state(in.shape.encoder, in.windows.state.index_select(0, rows),
                                             in.windows.length.index_select(0, rows)));
    const torch::Tensor action = in.windows.action.index_select(0, rows).view({-1, 1});
    const torch::Tensor order = torch::argsort(scores, 1, /*descending=*/true);
    const torch::Tensor place = order.eq(action).to(torch::kInt64).argmax(1).add_(1);
    std::copy_n(place.data_ptr<std::int64_t>(), place.numel(), std::back_inserter(out));
    if (bounds == nullptr) continue;
    const torch::Tensor own = scores.gather(1, action);
    const torch::Tensor slack = 1e-5 * std::get<0>(scores.abs().max(1, /*keepdim=*/true));
    const torch::Tensor lowest = scores.gt(own + slack).sum(1).add_(1);
    const torch::Tensor highest = scores.gt(own - slack).sum(1).add_(1);
    for (std::int64_t r = 0; r < rows.size(0); ++r) {
      bounds->push_back({lowest.data_ptr<std::int64_t>()[r], highest.data_ptr<std::int64_t>()[r]});
    }
  }
  return out;
}

double StraightforwardLearner::bytes_per_event() const noexcept {
  double bytes = 0.0;
  const Windows& w = impl_->windows;
  for (const torch::Tensor* column :
       {&w.state, &w.length, &w.next_state, &w.next_length, &w.action, &w.reward, &w.done}) {
    bytes += static_cast<double>(column->nbytes());
  }
  return bytes / static_cast<double>(w.action.numel());
}

}  // namespace veer::bench
