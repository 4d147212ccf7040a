#include "env/nn/training/sequence_trainer.h"

#include <torch/autograd.h>

#include <algorithm>
#include <vector>

#include "env/error.h"
#include "env/nn/sequence_layout.h"
#include "env/nn/training/sequence_forward_net.h"
#include "env/nn/training/training_net.h"
#include "env/runtime.h"

namespace veer::nn {
namespace {

/// Where one parameter lies in the flat arrays.
struct Slot {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t first = 0;
  std::int64_t size = 0;
};

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

}  // namespace

struct SequenceTrainer::Impl {
  SequenceConfig config;
  std::uint64_t seed = 0;
  TrainerOptions options;
  std::vector<Slot> slots;
  torch::Tensor values;              ///< [P] all parameters, one behind the other
  std::vector<float> first_moment;   ///< [P]
  std::vector<float> second_moment;  ///< [P]
  std::int64_t steps = 0;
  /// [P] each, kept from step to step: the sum so far, then those of the shards in work.
  std::vector<std::vector<float>> gradients;

  Slot& slot(const std::string& name) {
    return *std::find_if(slots.begin(), slots.end(), [&](const Slot& s) { return s.name == name; });
  }
  std::size_t size() const { return static_cast<std::size_t>(values.numel()); }
  std::span<float> flat() { return {values.data_ptr<float>(), size()}; }

  torch::Tensor view(const Slot& s) const { return values.narrow(0, s.first, s.size).view(s.shape); }
  torch::Tensor view(const Slot& s, std::vector<float>& flat_values) const {
    return torch::from_blob(flat_values.data() + s.first, s.shape, torch::kFloat32);
  }

  double shard_gradient(std::span<const TrainingWindow> windows, const DropoutKey& key, float weight,
                        std::vector<float>& gradient);
  template <class Work>
  void for_each_block(const Work& work) const;
  void add_up(std::size_t count);
  void update();
  void load(const NamedArrays& arrays, std::span<float> out) const;
  NamedArrays save(std::span<const float> flat_values) const;
};

double SequenceTrainer::Impl::shard_gradient(std::span<const TrainingWindow> windows, const DropoutKey& key,
                                             float weight, std::vector<float>& gradient) {
  const ShardBatch batch = gather(windows);
  // Aliases of the shared weights with an autograd identity of their own, so that shards never meet in a
  // graph.
  SequenceNet net{config, "cpu", {}};
  std::vector<torch::Tensor> inputs;
  for (const Slot& s : slots) {
    torch::Tensor alias = view(s).detach();
    if (s.name != "item_embedding") {
      alias.requires_grad_();
      inputs.push_back(alias);
    }
    net.parameters.emplace_back(s.name, std::move(alias));
  }
  const torch::Tensor& table = net.at("item_embedding");
  torch::Tensor embedded = table.index_select(0, batch.items.view({-1}))
                               .view({batch.items.size(0), batch.items.size(1), table.size(1)})
                               .requires_grad_();
  inputs.push_back(embedded);

  const torch::Tensor hidden = encode_embedded(net, batch.items, embedded, &key);
  const std::int64_t width = hidden.size(2);
  torch::Tensor table_gradient = view(slot("item_embedding"), gradient).zero_();
  torch::Tensor read = hidden.detach().view({-1, width}).index_select(0, batch.places);
  const double loss = cross_entropy_in_place(read, table, batch.targets, weight, table_gradient);
  const torch::Tensor hidden_gradient = torch::zeros({hidden.size(0) * hidden.size(1), width})
                                            .index_copy_(0, batch.places, read)
                                            .view(hidden.sizes());
  const std::vector<torch::Tensor> found = torch::autograd::grad({hidden}, inputs, {hidden_gradient});

  std::size_t next = 0;
  for (const Slot& s : slots) {
    if (s.name != "item_embedding") view(s, gradient).copy_(found[next++]);
  }
  // Item vectors were read by position: their gradients go home one after the other, in order.
  const torch::Tensor item_gradient = found[next].contiguous();
  const float* from = item_gradient.data_ptr<float>();
  const std::int64_t* item = batch.items.data_ptr<std::int64_t>();
  float* to = table_gradient.data_ptr<float>();
  for (std::int64_t i = 0; i < batch.items.numel(); ++i) {
    for (std::int64_t j = 0; j < width; ++j) to[item[i] * width + j] += from[i * width + j];
  }
  std::fill_n(to, width, 0.0F);  // padding stays the zero vector
  return loss;
}

/// Runs work(first, count) on blocks of parameters, in parallel.
template <class Work>
void SequenceTrainer::Impl::for_each_block(const Work& work) const {
  constexpr std::size_t block = 1 << 14;
  parallel_for(static_cast<std::int64_t>((size() + block - 1) / block), [&](std::int64_t b) {
    const std::size_t first = static_cast<std::size_t>(b) * block;
    work(first, std::min(block, size() - first));
  });
}

/// Adds gradients 1..count to gradient 0, in this order.
void SequenceTrainer::Impl::add_up(std::size_t count) {
  for_each_block([&](std::size_t first, std::size_t size) {
    float* sum = gradients[0].data() + first;
    for (std::size_t s = 1; s <= count; ++s) {
      const float* other = gradients[s].data() + first;
      for (std::size_t i = 0; i < size; ++i) sum[i] += other[i];
    }
  });
}

void SequenceTrainer::Impl::update() {
  for_each_block([&](std::size_t first, std::size_t size) {
    adam_update(options.adam, steps, std::span(gradients[0]).subspan(first, size),
                std::span(first_moment).subspan(first, size), std::span(second_moment).subspan(first, size),
                flat().subspan(first, size));
  });
}

void SequenceTrainer::Impl::load(const NamedArrays& arrays, std::span<float> out) const {
  for (const Slot& s : slots) {
    const std::span<const float> from = arrays.get<float>(s.name);
    if (arrays.at(s.name).shape != s.shape) {
      throw FormatError(
          Where{{}, 0, s.name},
          Problem{std::to_string(from.size()) + " values in another shape", std::to_string(s.size),
                  "the training state belongs to a model of other sizes"});
    }
    std::copy(from.begin(), from.end(), out.begin() + s.first);
  }
}

NamedArrays SequenceTrainer::Impl::save(std::span<const float> flat_values) const {
  NamedArrays arrays;
  for (const Slot& s : slots) {
    arrays.set<float>(
        s.name, flat_values.subspan(static_cast<std::size_t>(s.first), static_cast<std::size_t>(s.size)),
        s.shape);
  }
  return arrays;
}

SequenceTrainer::SequenceTrainer(const SequenceConfig& config, std::uint64_t seed,
                                 const TrainerOptions& options)
    : impl_(std::make_unique<Impl>()) {
  const SequenceModel fresh = SequenceModel::initialise(config, seed, "cpu");
  impl_->config = config;
  impl_->seed = seed;
  impl_->options = options;
  std::int64_t first = 0;
  for (const ParameterLayout& layout : parameter_layout(config)) {
    impl_->slots.push_back({layout.name, layout.shape, first, layout.size()});
    first += layout.size();
  }
  impl_->values = torch::zeros({first}, torch::kFloat32);
  impl_->first_moment.assign(static_cast<std::size_t>(first), 0.0F);
  impl_->second_moment.assign(static_cast<std::size_t>(first), 0.0F);
  impl_->load(fresh.to_arrays(), impl_->flat());
}

SequenceTrainer::~SequenceTrainer() = default;
SequenceTrainer::SequenceTrainer(SequenceTrainer&&) noexcept = default;

double SequenceTrainer::step(std::span<const TrainingWindow> windows, std::uint64_t first_example,
                             std::uint32_t epoch) {
  const std::vector<Range> shards = cut_into_shards(windows, impl_->options.shard_targets);
  // So many shards at a time as keep the workers busy: a gradient is as large as the model. Gradients are
  // added in the order of the shards, so the size of a wave changes no bit.
  const std::size_t wave = std::min(shards.size(), 4 * static_cast<std::size_t>(arena_threads()));
  while (impl_->gradients.size() < wave + 1) impl_->gradients.emplace_back(impl_->size());
  std::ranges::fill(impl_->gradients[0], 0.0F);
  std::int64_t targets = 0;
  for (const TrainingWindow window : windows) targets += targets_in(window);
  const float weight = 1.0F / static_cast<float>(targets);
  std::vector<double> losses(shards.size());
  for (std::size_t begin = 0; begin < shards.size(); begin += wave) {
    const std::size_t count = std::min(wave, shards.size() - begin);
    parallel_for(static_cast<std::int64_t>(count), [&](std::int64_t i) {
      const std::size_t s = begin + static_cast<std::size_t>(i);
      const DropoutKey key{impl_->seed, first_example + shards[s].first, epoch};
      losses[s] = impl_->shard_gradient(windows.subspan(shards[s].first, shards[s].last - shards[s].first),
                                        key, weight, impl_->gradients[static_cast<std::size_t>(i) + 1]);
    });
    impl_->add_up(count);
  }
  ++impl_->steps;
  impl_->update();
  double loss = 0.0;
  for (const double part : losses) loss += part;
  return loss / static_cast<double>(targets);
}

SequenceModel SequenceTrainer::snapshot() const {
  return SequenceModel::from_arrays(impl_->config, impl_->save(impl_->flat()), "cpu");
}

NamedArrays SequenceTrainer::state() const {
  NamedArrays arrays;
  arrays.put_group("parameters", impl_->save(impl_->flat()));
  arrays.put_group("first_moment", impl_->save(impl_->first_moment));
  arrays.put_group("second_moment", impl_->save(impl_->second_moment));
  arrays.set_scalar<std::int64_t>("adam_steps", impl_->steps);
  return arrays;
}

void SequenceTrainer::restore(const NamedArrays& state) {
  impl_->load(state.group("parameters"), impl_->flat());
  impl_->load(state.group("first_moment"), impl_->first_moment);
  impl_->load(state.group("second_moment"), impl_->second_moment);
  impl_->steps = state.scalar<std::int64_t>("adam_steps");
}

std::int64_t SequenceTrainer::steps() const noexcept { return impl_->steps; }

}  // namespace veer::nn
