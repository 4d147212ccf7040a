#include "env/nn/training/sequence_trainer.h"

#include <torch/autograd.h>

#include <algorithm>
#include <vector>

#include "env/nn/sequence_layout.h"
#include "env/nn/training/flat_parameters_net.h"
#include "env/nn/training/sequence_forward_net.h"
#include "env/nn/training/training_net.h"

namespace veer::nn {
namespace {

struct Range {
  std::size_t first = 0;
  std::size_t last = 0;
};

std::int64_t targets_in(TrainingWindow window) { return static_cast<std::int64_t>(window.size()) - 1; }

/// A function of the windows alone: the cut must not depend on threads.
std::vector<Range> cut_into_shards(std::span<const TrainingWindow> windows, std::int64_t shard_targets) {
  std::vector<Range> shards;
  std::size_t first = 0;
  std::int64_t targets = 0;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    targets += targets_in(windows[i]);
    if (targets >= shard_targets || i + 1 == windows.size()) {
      shards.push_back({first, i + 1});
      first = i + 1;
      targets = 0;
    }
  }
  return shards;
}

/// A shard's windows as tensors: ids, targets, and which positions of the padded rectangle have a target.
struct ShardBatch {
  torch::Tensor items;                ///< int64 [n, T], right-padded
  torch::Tensor places;               ///< int64 [m] into the flattened [n * T]
  std::vector<std::int64_t> targets;  ///< [m]
};

ShardBatch gather(std::span<const TrainingWindow> windows) {
  std::int64_t width = 0;
  std::int64_t total = 0;
  for (const TrainingWindow window : windows) {
    width = std::max(width, targets_in(window));
    total += targets_in(window);
  }
  ShardBatch batch;
  batch.items = torch::zeros({static_cast<std::int64_t>(windows.size()), width}, torch::kInt64);
  batch.places = torch::empty({total}, torch::kInt64);
  batch.targets.reserve(static_cast<std::size_t>(total));
  std::int64_t* item = batch.items.data_ptr<std::int64_t>();
  std::int64_t* place = batch.places.data_ptr<std::int64_t>();
  for (std::size_t row = 0; row < windows.size(); ++row) {
    const std::int64_t start = static_cast<std::int64_t>(row) * width;
    for (std::int64_t t = 0; t < targets_in(windows[row]); ++t) {
      item[start + t] = windows[row][static_cast<std::size_t>(t)];
      *place++ = start + t;
      batch.targets.push_back(windows[row][static_cast<std::size_t>(t) + 1]);
    }
  }
  return batch;
}

double shard_gradient(const SequenceNet& net, std::span<const TrainingWindow> windows, const DropoutKey& key,
                      float weight, FlatParameters::Gradient& gradient) {
  const ShardBatch batch = gather(windows);
  // The item table is read by position: its gradient is put together by hand.
  const torch::Tensor table = net.at("item_embedding").detach();
  std::vector<torch::Tensor> inputs;
  std::vector<std::string> names;
  for (const auto& [name, parameter] : net.parameters) {
    if (name == "item_embedding") continue;
    inputs.push_back(parameter);
    names.push_back(name);
  }
  torch::Tensor embedded = table.index_select(0, batch.items.view({-1}))
                               .view({batch.items.size(0), batch.items.size(1), table.size(1)})
                               .requires_grad_();
  inputs.push_back(embedded);

  const torch::Tensor hidden = encode_embedded(net, batch.items, embedded, &key);
  const std::int64_t width = hidden.size(2);
  torch::Tensor table_gradient = gradient.view("item_embedding").zero_();
  torch::Tensor read = hidden.detach().view({-1, width}).index_select(0, batch.places);
  const double loss = cross_entropy_in_place(read, table, batch.targets, weight, table_gradient);
  const torch::Tensor hidden_gradient = torch::zeros({hidden.size(0) * hidden.size(1), width})
                                            .index_copy_(0, batch.places, read)
                                            .view(hidden.sizes());
  const std::vector<torch::Tensor> found = torch::autograd::grad({hidden}, inputs, {hidden_gradient});

  for (std::size_t i = 0; i < names.size(); ++i) gradient.view(names[i]).copy_(found[i]);
  // Item vectors were read by position: their gradients go home one after the other, in order.
  const torch::Tensor item_gradient = found.back().contiguous();
  const float* from = item_gradient.data_ptr<float>();
  const std::int64_t* item = batch.items.data_ptr<std::int64_t>();
  float* to = table_gradient.data_ptr<float>();
  for (std::int64_t i = 0; i < batch.items.numel(); ++i) {
    for (std::int64_t j = 0; j < width; ++j) to[item[i] * width + j] += from[i * width + j];
  }
  std::fill_n(to, width, 0.0F);  // padding stays the zero vector
  return loss;
}

}  // namespace

struct SequenceTrainer::Impl {
  SequenceConfig config;
  std::uint64_t seed = 0;
  TrainerOptions options;
  FlatParameters parameters;
};

SequenceTrainer::SequenceTrainer(const SequenceConfig& config, std::uint64_t seed,
                                 const TrainerOptions& options)
    : impl_(new Impl{config, seed, options,
                     FlatParameters(parameter_layout(config),
                                    SequenceModel::initialise(config, seed, "cpu").to_arrays())}) {}

SequenceTrainer::~SequenceTrainer() = default;
SequenceTrainer::SequenceTrainer(SequenceTrainer&&) noexcept = default;

double SequenceTrainer::step(std::span<const TrainingWindow> windows, std::uint64_t first_example,
                             std::uint32_t epoch) {
  const std::vector<Range> shards = cut_into_shards(windows, impl_->options.shard_targets);
  std::int64_t targets = 0;
  for (const TrainingWindow window : windows) targets += targets_in(window);
  const float weight = 1.0F / static_cast<float>(targets);
  const double loss =
      impl_->parameters.accumulate(shards.size(), [&](std::size_t s, FlatParameters::Gradient& gradient) {
        const SequenceNet net{impl_->parameters.aliases(), impl_->config};
        const DropoutKey key{impl_->seed, first_example + shards[s].first, epoch};
        return shard_gradient(net, windows.subspan(shards[s].first, shards[s].last - shards[s].first), key,
                              weight, gradient);
      });
  impl_->parameters.update(impl_->options.adam);
  return loss / static_cast<double>(targets);
}

SequenceModel SequenceTrainer::snapshot() const {
  return SequenceModel::from_arrays(impl_->config, impl_->parameters.values(), "cpu");
}

NamedArrays SequenceTrainer::state() const { return impl_->parameters.state(); }
void SequenceTrainer::restore(const NamedArrays& state) { impl_->parameters.restore(state); }
std::int64_t SequenceTrainer::steps() const noexcept { return impl_->parameters.steps(); }

}  // namespace veer::nn
