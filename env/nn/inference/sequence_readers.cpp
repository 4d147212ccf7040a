#include "env/nn/inference/sequence_readers_net.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "env/types.h"

namespace veer::nn {
namespace {

/// [out, in] to [in, out]: row-major products run fastest on weights in this order.
torch::Tensor transposed(const SequenceNet& net, const std::string& name) {
  return net.at(name).detach().t().contiguous();
}

torch::Tensor plain(const SequenceNet& net, const std::string& name) {
  return net.at(name).detach().contiguous();
}

std::vector<std::int32_t> selected(const std::vector<std::int32_t>& from,
                                   const std::vector<std::int32_t>& which) {
  std::vector<std::int32_t> out;
  if (from.empty()) return out;
  for (const std::int32_t i : which) out.push_back(from[static_cast<std::size_t>(i)]);
  return out;
}

}  // namespace

void Tokens::add(std::int32_t item_id, std::int32_t position_index, std::int32_t slot_index,
                 std::int32_t index) {
  item.push_back(item_id);
  position.push_back(position_index);
  slot.push_back(slot_index);
  at.push_back(index);
}

SasrecReader::SasrecReader(const SequenceNet& net, const SequenceOps& ops)
    : ops_(ops),
      heads_(net.config.heads),
      items_(plain(net, "item_embedding")),
      positions_(plain(net, "position_embedding")) {
  const auto norm = [&](const std::string& name) {
    return Norm{plain(net, name + ".weight"), plain(net, name + ".bias")};
  };
  input_norm_ = norm("input_norm");
  for (std::int32_t i = 0; i < net.config.layers; ++i) {
    const std::string block = "layers." + std::to_string(i) + ".";
    Layer layer;
    layer.query = transposed(net, block + "query.weight");
    layer.query_bias = plain(net, block + "query.bias");
    layer.key_value =
        torch::cat({transposed(net, block + "key.weight"), transposed(net, block + "value.weight")}, 1)
            .contiguous();
    layer.key_value_bias = torch::cat({plain(net, block + "key.bias"), plain(net, block + "value.bias")}, 0);
    layer.output = transposed(net, block + "output.weight");
    layer.output_bias = plain(net, block + "output.bias");
    layer.inner = transposed(net, block + "inner.weight");
    layer.inner_bias = plain(net, block + "inner.bias");
    layer.outer = transposed(net, block + "outer.weight");
    layer.outer_bias = plain(net, block + "outer.bias");
    layer.attention_norm = norm(block + "attention_norm");
    layer.outer_norm = norm(block + "outer_norm");
    layers_.push_back(std::move(layer));
  }
}

KeyValues SasrecReader::make_keys(std::int64_t slots, std::int32_t positions) const {
  KeyValues made;
  made.positions = positions;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    made.keys.push_back(torch::empty({slots, positions, items_.size(1)}, ops_.floats()));
    made.values.push_back(torch::empty({slots, positions, items_.size(1)}, ops_.floats()));
  }
  return made;
}

torch::Tensor SasrecReader::read(const Tokens& tokens, KeyValues& own, const KeyValues* shared) const {
  torch::Tensor x = embed(ops_, items_, positions_, input_norm_, tokens.item, tokens.position);
  Reach reach{tokens.slot, tokens.at};
  for (std::int32_t& length : reach.length) ++length;
  Reach shared_reach{tokens.shared_slot, tokens.shared_length};
  const ScoreForm form{1.0F / std::sqrt(static_cast<float>(items_.size(1) / heads_))};
  auto n = static_cast<std::int64_t>(tokens.size());
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    store_keys(ops_, x.mm(layer.key_value), layer.key_value_bias, tokens.slot, tokens.at, own.keys[i],
               own.values[i]);
    if (i + 1 == layers_.size() && tokens.read.size() < tokens.size()) {
      // Of the last block only the read-outs are wanted; the other items have left their keys and values.
      x = gather_rows(ops_, x, tokens.read);
      n = static_cast<std::int64_t>(tokens.read.size());
      reach = {selected(reach.slot, tokens.read), selected(reach.length, tokens.read)};
      shared_reach = {selected(shared_reach.slot, tokens.read), selected(shared_reach.length, tokens.read)};
    }
    torch::Tensor queries = x.mm(layer.query);
    queries.add_(layer.query_bias);
    const torch::Tensor context = attend(ops_, queries, heads_, form, i, shared, shared_reach, own, reach);
    add_and_normalise(ops_, context.mm(layer.output), layer.output_bias, layer.attention_norm, n, x);
    torch::Tensor inner = x.mm(layer.inner);
    add_gelu(ops_, layer.inner_bias, n, inner);
    add_and_normalise(ops_, inner.mm(layer.outer), layer.outer_bias, layer.outer_norm, n, x);
  }
  return x;
}

GruReader::GruReader(const SequenceNet& net, const SequenceOps& ops)
    : ops_(ops),
      items_(plain(net, "item_embedding")),
      input_(transposed(net, "gru.weight_input")),
      hidden_(transposed(net, "gru.weight_hidden")),
      readout_(transposed(net, "readout.weight")),
      readout_bias_(plain(net, "readout.bias")) {}

torch::Tensor GruReader::run(const std::vector<std::int32_t>& items, const std::vector<std::int32_t>& offsets,
                             const torch::Tensor& initial) const {
  const std::size_t sequences = offsets.size() - 1;
  const auto length = [&](std::int32_t s) {
    return offsets[static_cast<std::size_t>(s) + 1] - offsets[static_cast<std::size_t>(s)];
  };
  // Longest first: the sequences still running at any step are then the first rows of the state.
  std::vector<std::int32_t> order(sequences);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int32_t a, std::int32_t b) { return length(a) > length(b); });

  // Item t of the sequence in row r goes to row start[t] + r of the inputs, starts on multiples of 32.
  const std::int32_t steps = length(order.front());
  std::vector<std::int32_t> start{0}, running, step_items;
  std::vector<std::int32_t> row_of(items.size());
  for (std::int32_t t = 0; t < steps; ++t) {
    std::int32_t count = 0;
    for (const std::int32_t s : order) {
      if (length(s) <= t) break;
      const auto flat = static_cast<std::size_t>(offsets[static_cast<std::size_t>(s)] + t);
      row_of[flat] = start.back() + count++;
      step_items.push_back(items[flat]);
    }
    running.push_back(count);
    start.push_back(start.back() + static_cast<std::int32_t>(padded_rows(count)));
    step_items.resize(static_cast<std::size_t>(start.back()), no_item);
  }
  const torch::Tensor input = gather_rows(ops_, items_, step_items).mm(input_);
  torch::Tensor state = gather_rows(ops_, initial, order);
  torch::Tensor after = torch::empty({start.back(), state.size(1)}, ops_.floats());
  for (std::size_t t = 0; t < running.size(); ++t) {
    const std::int64_t rows = start[t + 1] - start[t];
    const torch::Tensor hidden = state.narrow(0, 0, rows).mm(hidden_);
    gru_update(ops_, input.narrow(0, start[t], rows), hidden, running[t], state);
    after.narrow(0, start[t], rows).copy_(state.narrow(0, 0, rows));
  }
  return gather_rows(ops_, after, row_of);
}

torch::Tensor GruReader::readout(const torch::Tensor& hidden) const {
  return hidden.mm(readout_).add_(readout_bias_);
}

}  // namespace veer::nn
