#include <algorithm>
#include <cmath>
#include <limits>

#include "env/behaviours.h"
#include "simulators/fitting/behaviour_fit_net.h"

namespace veer {

using torch::Tensor;

BehaviourBatch gather_behaviours(const SlateData& data, const BehaviourSizes& sizes,
                                 std::span<const std::int64_t> slates) {
  const auto n = static_cast<std::int64_t>(slates.size());
  const std::int64_t slots = data.log.slots, f = sizes.count(), h = sizes.history;
  BehaviourBatch batch{torch::empty({n}, torch::kInt64),        torch::empty({n, sizes.profile()}),
                       torch::zeros({n, h}, torch::kInt64),     torch::zeros({n, h, f}),
                       torch::empty({n, slots}, torch::kInt64), torch::zeros({n, slots, f})};
  const auto flags = [&](std::uint8_t answer, float* out) {
    for (std::int64_t b = 0; b < f; ++b) out[b] = did(answer, sizes.behaviours[at(b)]) ? 1.0F : 0.0F;
  };
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t s = slates[at(i)];
    const SlateStart& start = data.people.starts[at(s)];
    batch.user.data_ptr<std::int64_t>()[i] = start.user;
    std::ranges::copy(data.people.profile(start.user), batch.profile.data_ptr<float>() + i * sizes.profile());
    const std::span<const ItemId> history = data.people.history(start, sizes.history);
    const std::int64_t first = h - std::ssize(history);
    std::ranges::copy(history, batch.history.data_ptr<std::int64_t>() + i * h + first);
    const std::int64_t end = data.people.offsets[at(start.user)] + start.liked;
    for (std::int64_t t = 0; t < std::ssize(history); ++t) {
      const std::size_t entry = at(end - std::ssize(history) + t);
      flags(data.people.done.empty() ? feedback::accepted : data.people.done[entry],
            batch.done.data_ptr<float>() + (i * h + first + t) * f);
    }
    for (std::int64_t k = 0; k < slots; ++k) {
      const std::size_t cell = at(s * slots + k);
      batch.items.data_ptr<std::int64_t>()[i * slots + k] = data.log.items[cell];
      flags(data.log.answers.empty() ? data.log.clicks[cell] : data.log.answers[cell],
            batch.answers.data_ptr<float>() + (i * slots + k) * f);
    }
  }
  return batch;
}

BehaviourNet::BehaviourNet(BehaviourModel& model)
    : sizes_(model.sizes),
      features_(torch::from_blob(model.features.values.data(),
                                 {model.features.items() + 1, model.features.width})) {
  for (const BehaviourPart& part : behaviour_parts(sizes_)) {
    std::vector<std::int64_t> shape{part.rows};
    const bool matrix = part.kind == BehaviourPartKind::weight || part.kind == BehaviourPartKind::table;
    if (matrix) shape.push_back(part.columns);
    number_[part.name] = parts_.size();
    parts_.push_back(torch::from_blob(model.weights.data() + part.offset, shape).requires_grad_());
  }
}

Tensor BehaviourNet::linear(const Tensor& x, const std::string& name) const {
  return torch::matmul(x, part(name + "/weight").t()) + part(name + "/offset");
}

Tensor BehaviourNet::norm(const Tensor& x, const std::string& name) const {
  return torch::layer_norm(x, {x.size(-1)}, part(name + "/gain"), part(name + "/offset"), 1e-5);
}

Tensor BehaviourNet::encode(const Tensor& values, const Tensor& ids, const std::vector<std::int32_t>& blocks,
                            const char* block, const char* who) const {
  const std::string name = who;
  Tensor sum;
  const auto add = [&](const Tensor& latent) {
    const Tensor mapped = linear(norm(latent, name + "_norm"), name + "_map");
    sum = sum.defined() ? sum + mapped : mapped;
  };
  if (ids.defined()) add(ids);
  std::int64_t first = 0;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    add(linear(values.narrow(1, first, blocks[b]), block + std::to_string(b)));
    first += blocks[b];
  }
  return sum;
}

Tensor BehaviourNet::layer(const Tensor& x, const std::string& name, float dropout,
                           nn::DropoutMasks& masks) const {
  const std::int64_t n = x.size(0), h = x.size(1), d = x.size(2), heads = sizes_.heads;
  const Tensor qkv = linear(x, name + "in");
  const auto head = [&](std::int64_t first) {
    return qkv.narrow(2, first, d).view({n, h, heads, d / heads}).transpose(1, 2);
  };
  const Tensor unseen = torch::full({h, h}, -std::numeric_limits<float>::infinity()).triu(1);
  const double scale = 1.0 / std::sqrt(static_cast<double>(d / heads));
  Tensor weights = torch::softmax(torch::matmul(head(0), head(d).transpose(2, 3)) * scale + unseen, 3);
  weights = masks(weights, dropout);
  const Tensor joined = torch::matmul(weights, head(2 * d)).transpose(1, 2).reshape({n, h, d});
  const Tensor middle = norm(x + masks(linear(joined, name + "out"), dropout), name + "norm1");
  const Tensor inner = masks(torch::relu(linear(middle, name + "inner1")), dropout);
  return norm(middle + masks(linear(inner, name + "inner2"), dropout), name + "norm2");
}

Tensor BehaviourNet::encode_items() const {
  const Tensor ids = sizes_.item_ids ? part("item_ids") : Tensor{};
  return norm(encode(features_, ids, sizes_.feature_blocks, "feature", "item"), "encoding_norm");
}

Tensor BehaviourNet::scores(const BehaviourBatch& batch, const Tensor& items, float dropout,
                            nn::DropoutMasks& masks) const {
  const std::int64_t n = batch.items.size(0), h = sizes_.history, e = sizes_.encoding;
  const auto look_up = [&](const Tensor& ids) {
    return items.index_select(0, ids.reshape({-1})).view({n, ids.size(1), e});
  };
  const Tensor places =
      norm(masks(look_up(batch.history) + part("positions").unsqueeze(0), dropout), "encoding_norm");
  Tensor x = torch::cat({places, linear(batch.done, "behaviour_map")}, 2);
  for (std::int32_t l = 0; l < sizes_.layers; ++l) {
    x = layer(x, "layer" + std::to_string(l) + "/", dropout, masks);
  }
  const Tensor user_ids = sizes_.people > 0 ? part("user_ids").index_select(0, batch.user) : Tensor{};
  const Tensor person = encode(batch.profile, user_ids, sizes_.profile_blocks, "profile", "user");
  const Tensor state = torch::cat({x.select(1, h - 1), norm(masks(person, dropout), "encoding_norm")}, 1);
  const Tensor hidden = norm(masks(torch::relu(linear(state, "state1")), dropout), "state_norm");
  const Tensor queries = norm(linear(hidden, "state2").view({n, -1, e}), "query_norm");
  const Tensor scores = torch::matmul(look_up(batch.items), queries.transpose(1, 2)) / static_cast<double>(e);
  if (sizes_.queries == 1) return scores;
  return std::get<0>(scores.view({n, -1, sizes_.count(), sizes_.queries}).max(3));
}

}  // namespace veer
