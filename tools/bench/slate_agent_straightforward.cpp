#include "tools/bench/slate_agent_straightforward.h"

#include <tbb/task_arena.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "agents/slate/networks/history_encoder_net.h"
#include "env/runtime.h"

namespace veer::bench {
namespace {

/// What is left of a whole batch when every worker has its part, at most so much that it stays in cache.
std::int64_t agent_rows(std::int64_t rows) {
  const auto workers = static_cast<std::int64_t>(tbb::this_task_arena::max_concurrency());
  return std::clamp<std::int64_t>((rows + workers - 1) / workers, 1, 64);
}

}  // namespace

StraightforwardAgent::StraightforwardAgent(const slate::HistoryEncoderConfig& config,
                                           const NamedArrays& actor, View<const float> vectors,
                                           std::int32_t slots)
    : config_(config),
      net_(nn::stored_parameters(slate::parameter_layout(config), actor, "cpu", "SASRec")),
      vectors_(vectors),
      slots_(slots) {}

torch::Tensor StraightforwardAgent::run_layer(const std::string& block, const torch::Tensor& x, bool last,
                                              nn::DropoutMasks& dropout) const {
  const std::int64_t n = x.size(0), t = x.size(1), d = config_.width, h = config_.heads;
  // Only the newest position of the last layer is used: the masks of the others are nobody's business.
  const auto drop = [&](const torch::Tensor& values, std::int64_t axis) {
    if (!last || dropout.off()) return dropout(values, config_.dropout);
    return torch::cat(
        {values.narrow(axis, 0, t - 1), dropout(values.narrow(axis, t - 1, 1), config_.dropout)}, axis);
  };
  const auto heads = [&](const char* name) {
    return slate::linear(net_, block + name, x).view({n, t, h, d / h}).transpose(1, 2);
  };
  const torch::Tensor later = torch::ones({t, t}, torch::kBool).triu(1);
  const torch::Tensor scores =
      (torch::matmul(heads("query"), heads("key").transpose(-1, -2)) / std::sqrt(double(d) / double(h)))
          .masked_fill(later, -INFINITY);
  const torch::Tensor context =
      torch::matmul(drop(torch::softmax(scores, -1), 2), heads("value")).transpose(1, 2).reshape({n, t, d});
  const torch::Tensor attended = slate::layer_norm(
      net_, block + "attention_norm", x + drop(slate::linear(net_, block + "output", context), 1));
  const torch::Tensor inner = drop(torch::relu(slate::linear(net_, block + "inner", attended)), 1);
  return slate::layer_norm(net_, block + "outer_norm",
                           attended + drop(slate::linear(net_, block + "outer", inner), 1));
}

torch::Tensor StraightforwardAgent::encode(const torch::Tensor& vectors, nn::DropoutMasks& dropout) const {
  torch::Tensor x = slate::linear(net_, "item_map", vectors) + net_.at("position_embedding");
  x = slate::layer_norm(net_, "input_norm", dropout(x, config_.dropout));
  for (std::int32_t i = 0; i < config_.layers; ++i) {
    x = run_layer("layers." + std::to_string(i) + ".", x, i + 1 == config_.layers, dropout);
  }
  return x.select(1, config_.positions - 1);
}

std::vector<ItemId> StraightforwardAgent::choose(std::span<const std::span<const ItemId>> histories,
                                                 std::span<const StepKey> keys,
                                                 std::vector<float>* scores) const {
  const auto rows = std::ssize(histories), most = agent_rows(rows);
  const std::int64_t t = config_.positions, width = vectors_.width(), items = vectors_.rows() - 1;
  std::vector<ItemId> slates(histories.size() * at(slots_));
  if (scores != nullptr) scores->resize(histories.size() * static_cast<std::size_t>(items));
  parallel_for((rows + most - 1) / most, [&](std::int64_t task) {
    const torch::InferenceMode inference;
    const std::int64_t first = task * most, count = std::min(most, rows - first);
    torch::Tensor read = torch::zeros({count, t, width});
    for (std::int64_t r = 0; r < count; ++r) {
      const auto history = histories[static_cast<std::size_t>(first + r)];
      const auto known = std::min<std::int64_t>(std::ssize(history), t);
      float* to = read.data_ptr<float>() + (r * t + t - known) * width;
      for (const ItemId item : history.last(static_cast<std::size_t>(known))) {
        to = std::copy_n(vectors_.row(item).data(), width, to);
      }
    }
    const std::string device = "cpu";
    nn::DropoutMasks dropout(
        keys.empty() ? keys : keys.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)),
        device);
    const torch::Tensor candidates = slate::map_items(net_, vectors_).narrow(0, 1, items);
    const torch::Tensor all = torch::matmul(encode(read, dropout), candidates.t());
    const torch::Tensor best = std::get<1>(all.topk(slots_)).contiguous();
    for (std::int64_t i = 0; i < count * slots_; ++i) {
      slates[static_cast<std::size_t>(first * slots_ + i)] =
          static_cast<ItemId>(best.data_ptr<std::int64_t>()[i]) + 1;
    }
    if (scores != nullptr) {
      std::copy_n(all.contiguous().data_ptr<float>(), count * items, scores->data() + first * items);
    }
  });
  return slates;
}

}  // namespace veer::bench
