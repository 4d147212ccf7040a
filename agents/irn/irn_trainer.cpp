#include "agents/irn/irn_trainer.h"

#include <torch/autograd.h>

#include <algorithm>
#include <vector>

#include "agents/irn/irn_net.h"
#include "env/nn/training/flat_parameters_net.h"
#include "env/nn/training/training_net.h"
#include "env/runtime.h"

namespace veer::irn {
namespace {

/// A shard is what one worker computes; its size must not depend on their number.
constexpr std::size_t shard_examples = 16;

std::size_t shards_of(std::span<const IrnExample> examples) {
  return (examples.size() + shard_examples - 1) / shard_examples;
}

std::span<const IrnExample> shard_of(std::span<const IrnExample> examples, std::size_t shard) {
  return examples.subspan(shard * shard_examples,
                          std::min(shard_examples, examples.size() - shard * shard_examples));
}

struct IrnBatch {
  IrnRows rows;
  torch::Tensor places;               ///< int64 [m] into the flattened [n * W]: columns that predict
  std::vector<std::int64_t> targets;  ///< [m]
};

/// Examples as rows that end together: the target in the last column, at the last slot.
IrnBatch gather(std::span<const IrnExample> examples, std::int32_t positions, bool known) {
  std::size_t width = 0;
  for (const IrnExample& example : examples) width = std::max(width, example.items.size());
  const auto n = static_cast<std::int64_t>(examples.size()), w = static_cast<std::int64_t>(width);
  IrnBatch batch{{torch::zeros({n, w}, torch::kInt64), {}, torch::full({n}, -1, torch::kInt64)}, {}, {}};
  batch.rows.slots =
      (torch::arange(w, torch::TensorOptions().dtype(torch::kInt64).device(torch::kCPU)) + (positions - w))
          .expand({n, w});
  std::int64_t* item = batch.rows.items.data_ptr<std::int64_t>();
  std::int64_t* person = batch.rows.people.data_ptr<std::int64_t>();
  std::vector<std::int64_t> places;
  for (std::size_t r = 0; r < examples.size(); ++r) {
    const auto items = examples[r].items;
    const std::size_t first = (r + 1) * width - items.size();
    if (known) person[r] = examples[r].user;
    for (std::size_t k = 0; k < items.size(); ++k) {
      item[first + k] = items[k];
      if (k == 0) continue;
      places.push_back(static_cast<std::int64_t>(first + k) - 1);
      batch.targets.push_back(items[k]);
    }
  }
  batch.places = torch::tensor(places, torch::kInt64);
  return batch;
}

/// What the loss does with the hidden states at the places that predict.
struct ReadLoss {
  double sum = 0.0;
  torch::Tensor gradient;  ///< [m, d + 1]
};

ReadLoss read_loss(const torch::Tensor& hidden, const torch::Tensor& table, const IrnBatch& batch,
                   float weight, torch::Tensor& table_gradient) {
  ReadLoss out;
  out.gradient = hidden.detach().reshape({-1, hidden.size(2)}).index_select(0, batch.places);
  out.sum = nn::cross_entropy_in_place(out.gradient, table, batch.targets, weight, table_gradient);
  return out;
}

double shard_gradient(const IrnNet& net, std::span<const IrnExample> examples, const nn::DropoutKey& key,
                      float weight, nn::FlatParameters::Gradient& gradient) {
  const IrnBatch batch = gather(examples, net.config.positions, true);
  std::vector<torch::Tensor> inputs;
  std::vector<std::string> names;
  for (const auto& [name, parameter] : net.parameters) {
    if (name == "output") continue;
    inputs.push_back(parameter);
    names.push_back(name);
  }
  const torch::Tensor hidden = hidden_states(net, batch.rows, &key);
  torch::Tensor table_gradient = gradient.view("output").zero_();
  const ReadLoss read = read_loss(hidden, net.at("output").detach(), batch, weight, table_gradient);
  const torch::Tensor hidden_gradient = torch::zeros({hidden.size(0) * hidden.size(1), hidden.size(2)})
                                            .index_copy_(0, batch.places, read.gradient)
                                            .view(hidden.sizes());
  const std::vector<torch::Tensor> found =
      torch::autograd::grad({hidden}, inputs, {hidden_gradient}, /*retain_graph=*/false,
                            /*create_graph=*/false, /*allow_unused=*/true);
  for (std::size_t i = 0; i < names.size(); ++i) {
    torch::Tensor own = gradient.view(names[i]);
    if (found[i].defined()) {
      own.copy_(found[i]);
    } else {
      own.zero_();
    }
  }
  return read.sum;
}

}  // namespace

std::int64_t predicted_items(std::span<const IrnExample> examples) noexcept {
  std::int64_t count = 0;
  for (const IrnExample& example : examples) count += static_cast<std::int64_t>(example.items.size()) - 1;
  return count;
}

struct IrnTrainer::Impl {
  IrnConfig config;
  std::uint64_t seed = 0;
  nn::FlatParameters parameters;
};

IrnTrainer::IrnTrainer(const IrnConfig& config, std::uint64_t seed)
    : impl_(new Impl{config, seed,
                     nn::FlatParameters(parameter_layout(config),
                                        IrnModel::initialise(config, seed, "cpu").to_arrays())}) {}
IrnTrainer::~IrnTrainer() = default;

double IrnTrainer::step(std::span<const IrnExample> examples, float learning_rate,
                        std::uint64_t first_example, std::uint32_t epoch) {
  const auto predicted = static_cast<double>(predicted_items(examples));
  const double sum = impl_->parameters.accumulate(
      shards_of(examples), [&](std::size_t s, nn::FlatParameters::Gradient& gradient) {
        const IrnNet net{impl_->parameters.aliases(), impl_->config};
        const nn::DropoutKey key{impl_->seed, first_example + s * shard_examples, epoch};
        return shard_gradient(net, shard_of(examples, s), key, static_cast<float>(1.0 / predicted), gradient);
      });
  impl_->parameters.update({.learning_rate = learning_rate, .beta1 = 0.9F, .beta2 = 0.98F, .epsilon = 1e-9F});
  return sum / predicted;
}

double IrnTrainer::loss(std::span<const IrnExample> examples) const {
  const IrnModel model = IrnModel::from_arrays(impl_->config, weights(), "cpu");
  std::vector<double> sums(shards_of(examples));
  parallel_for(static_cast<std::int64_t>(sums.size()), [&](std::int64_t s) {
    const torch::InferenceMode guard;
    const IrnBatch batch = gather(shard_of(examples, at(s)), impl_->config.positions, false);
    const torch::Tensor hidden = hidden_states(model.net(), batch.rows, nullptr);
    const torch::Tensor& table = model.net().at("output");
    torch::Tensor unused = torch::zeros_like(table);
    sums[at(s)] = read_loss(hidden, table, batch, 0.0F, unused).sum;
  });
  double sum = 0.0;
  for (const double part : sums) sum += part;
  return sum / static_cast<double>(predicted_items(examples));
}

NamedArrays IrnTrainer::weights() const { return impl_->parameters.values(); }
NamedArrays IrnTrainer::state() const { return impl_->parameters.state(); }
void IrnTrainer::restore(const NamedArrays& state) { impl_->parameters.restore(state); }

}  // namespace veer::irn
