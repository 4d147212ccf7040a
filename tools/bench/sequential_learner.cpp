#include "tools/bench/sequential_learner.h"

#include <chrono>
#include <numeric>

#include "env/nn/catalogue_training/catalogue_head.h"
#include "env/nn/catalogue_training/encoder_step_net.h"
#include "env/random.h"

namespace veer::bench {
namespace {

class Stopwatch {
 public:
  explicit Stopwatch(double& total) : total_(total), begin_(std::chrono::steady_clock::now()) {}
  ~Stopwatch() { total_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& total_;
  std::chrono::steady_clock::time_point begin_;
};

struct Network {
  nn::CatalogueTable items;
  nn::FlatParameters parameters;
  nn::CatalogueTable head;
  nn::CatalogueTable values;
  nn::CatalogueCrossEntropy cross_entropy;
  nn::EncoderNet net;

  Network(const LearnerShape& shape, std::uint64_t seed)
      : items(nn::item_vectors(shape.items, shape.encoder.width), seed, 0),
        parameters(nn::parameter_layout(shape.encoder),
                   nn::initial_parameters(nn::parameter_layout(shape.encoder), seed, "cpu").to_arrays()),
        head(nn::catalogue_head("head", shape.items, shape.encoder.output_width()), seed, 100),
        values(nn::catalogue_head("values", shape.objective == Objective::sqn ? shape.items : 1,
                                  shape.encoder.output_width()),
               seed, 200),
        cross_entropy(head),
        net{shape.encoder, &parameters, &items, nullptr, 0} {}
  Network(const Network&) = delete;  // net and cross_entropy point into it
  Network& operator=(const Network&) = delete;
};

}  // namespace

std::size_t LearnerShape::trained(std::uint32_t step) const noexcept {
  return objective == Objective::sqn && uniform({seed, 1, step}, Stream::shuffle) < 0.5F ? 1 : 0;
}

struct SequentialLearner::Impl {
  LearnerShape shape;
  std::vector<std::unique_ptr<Network>> networks;
  PhaseTimes times;

  std::int32_t width() const { return shape.encoder.output_width(); }

  /// r + discount (1 - done) q_target(s')_a*, a* = argmax q_main(s').
  std::vector<float> returns(const EventBatch& batch, const Network& main, const Network& target) {
    const std::size_t size = at(batch.rows()) * at(width());
    std::vector<float> by_main(size), by_target(size), value(batch.action.size());
    std::vector<ItemId> best(batch.action.size());
    const View<float> main_states(by_main.data(), batch.rows(), width());
    const View<float> target_states(by_target.data(), batch.rows(), width());
    {
      const Stopwatch watch(times.encode);
      nn::encode_states(main.net, batch.next_state, nullptr, main_states);
      nn::encode_states(target.net, batch.next_state, nullptr, target_states);
    }
    const Stopwatch watch(times.heads);
    nn::best_items(main.values.weights(), main_states, best);
    nn::scores_of(target.values.weights(), target_states, {best.data(), batch.rows(), 1},
                  {value.data(), batch.rows(), 1});
    for (std::size_t r = 0; r < value.size(); ++r) {
      value[r] = batch.reward[r] + shape.discount * (1.0F - batch.done[r]) * value[r];
    }
    return value;
  }

  /// Losses of the rows become those of the objective; the gradient of their mean is written.
  void losses(const EventBatch& batch, Network& main, std::span<const float> wanted, View<const float> states,
              View<float> gradient, std::vector<float>& out) {
    const float share = 1.0F / static_cast<float>(batch.rows());
    const std::vector<float> weights(batch.action.size(), share);
    main.cross_entropy.forward(states, batch.action, out);
    main.cross_entropy.backward(weights, gradient);
    if (wanted.empty()) return;
    std::vector<float> value(out.size());
    const View<const ItemId> actions(batch.action.data(), batch.rows(), 1);
    nn::scores_of(main.values.weights(), states, actions, {value.data(), batch.rows(), 1});
    for (std::size_t r = 0; r < value.size(); ++r) {
      const float error = value[r] - wanted[r];
      out[r] += 0.5F * error * error;
      value[r] = share * error;
    }
    nn::scores_backward(main.values, states, actions, {value.data(), batch.rows(), 1}, gradient);
  }
};

SequentialLearner::SequentialLearner(const LearnerShape& shape) : impl_(new Impl{shape, {}, {}}) {
  impl_->networks.push_back(std::make_unique<Network>(shape, shape.seed));
  if (shape.objective == Objective::sqn) {
    impl_->networks.push_back(std::make_unique<Network>(shape, shape.seed + 1));
  }
}
SequentialLearner::~SequentialLearner() = default;

double SequentialLearner::step(const EventBatch& batch, std::uint32_t number) {
  Impl& in = *impl_;
  const std::size_t trained = in.shape.trained(number);
  Network& main = *in.networks[trained];
  std::vector<float> wanted;
  if (in.shape.objective == Objective::sqn) wanted = in.returns(batch, main, *in.networks[1 - trained]);
  std::vector<float> losses(batch.action.size());
  double in_heads = 0.0, in_all = 0.0;
  {
    const Stopwatch all(in_all);
    nn::encoder_step(main.net, batch.state, nullptr, [&](View<const float> states, View<float> gradient) {
      const Stopwatch watch(in_heads);
      in.losses(batch, main, wanted, states, gradient, losses);
    });
  }
  in.times.heads += in_heads;
  in.times.encode += in_all - in_heads;
  const Stopwatch watch(in.times.updates);
  const nn::AdamOptions adam{.learning_rate = in.shape.learning_rate};
  main.parameters.update(adam);
  main.items.update(adam);
  main.head.update(adam);
  if (!wanted.empty()) main.values.update(adam);
  return std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size());
}

std::vector<float> SequentialLearner::states(const EventBatch& batch) {
  std::vector<float> out(at(batch.rows()) * at(impl_->width()));
  nn::encode_states(impl_->networks[0]->net, batch.state, nullptr,
                    {out.data(), batch.rows(), impl_->width()});
  return out;
}

void SequentialLearner::rank(const EventBatch& batch, std::vector<std::int32_t>& ranks) {
  ranks.resize(batch.action.size());
  const std::vector<float> read = states(batch);
  nn::target_ranks(impl_->networks[0]->head.weights(), {read.data(), batch.rows(), impl_->width()},
                   batch.action, ranks);
}

NamedArrays SequentialLearner::weights(std::size_t network) const {
  const Network& own = *impl_->networks[network];
  NamedArrays out = own.parameters.values();
  for (const nn::CatalogueTable* table : {&own.items, &own.head, &own.values}) {
    const NamedArrays values = table->values();
    for (const auto& [name, array] : values.all()) out.put(name, array);
  }
  return out;
}

PhaseTimes SequentialLearner::times() const noexcept { return impl_->times; }
void SequentialLearner::forget_times() noexcept { impl_->times = {}; }

}  // namespace veer::bench
