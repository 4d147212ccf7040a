#include <torch/autograd.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "env/nn/catalogue_training/encoder_step_net.h"
#include "env/runtime.h"

namespace veer::nn {
namespace {

std::int64_t shards_of(const StateBatch& batch) {
  return (batch.rows() + encoder_shard_rows - 1) / encoder_shard_rows;
}

ShardRows rows_of(const StateBatch& batch, std::int64_t shard) {
  const auto first = static_cast<std::int32_t>(shard) * encoder_shard_rows;
  return {first, std::min(encoder_shard_rows, batch.rows() - first)};
}

/// The shard's rows of the batch with their items' vectors; what fills the shard up reads the padding row.
EncoderInputs look_up(const CatalogueWeights& items, const StateBatch& batch, const ShardRows& rows) {
  const std::int64_t length = batch.state_length();
  const std::int64_t width = items.width();
  EncoderInputs in{torch::empty({encoder_shard_rows, length, width}, torch::kFloat32),
                   torch::ones({encoder_shard_rows}, torch::kInt64),
                   torch::zeros({encoder_shard_rows, length}, torch::kFloat32)};
  float* vector = in.embedded.data_ptr<float>();
  float* mask = in.mask.data_ptr<float>();
  for (std::int32_t r = 0; r < encoder_shard_rows; ++r) {
    if (r < rows.used) in.lengths.data_ptr<std::int64_t>()[r] = batch.lengths()[at(rows.first + r)];
    for (std::int32_t t = 0; t < batch.state_length(); ++t, vector += width, ++mask) {
      const ItemId item = r < rows.used ? batch.items()(rows.first + r, t) : no_item;
      std::copy_n(&items.weight(items.row_of(item)), width, vector);
      *mask = item == no_item ? 0.0F : 1.0F;
    }
  }
  return in;
}

struct ShardGraph {
  NetworkParameters parameters;
  torch::Tensor embedded;
  torch::Tensor output;
};

torch::Tensor forward_shard(const StateEncoderConfig& config, const NetworkParameters& parameters,
                            const ReadOut& read_out, const EncoderInputs& inputs, const ShardRows& rows,
                            const DropoutKey* dropout) {
  std::optional<DropoutKey> key;
  if (dropout != nullptr) {
    key = *dropout;
    key->first_example += static_cast<std::uint64_t>(rows.first);
  }
  DropoutMasks masks(key ? &*key : nullptr, parameters.device);
  const EncoderOutput encoded = encode(parameters, config, inputs, masks);
  return (read_out ? read_out(parameters, encoded, rows, masks) : encoded.state).contiguous();
}

void copy_rows(const torch::Tensor& from, const ShardRows& rows, View<float> to) {
  const float* row = from.data_ptr<float>();
  for (std::int32_t r = 0; r < rows.used; ++r, row += to.width()) {
    std::copy_n(row, to.width(), to.row(rows.first + r).data());
  }
}

void encode_all(const StateEncoderConfig& config, const NetworkParameters& parameters,
                const CatalogueWeights& items, const ReadOut& read_out, const StateBatch& batch,
                const DropoutKey* dropout, View<float> out) {
  parallel_for(shards_of(batch), [&](std::int64_t shard) {
    const c10::InferenceMode guard;
    const ShardRows rows = rows_of(batch, shard);
    copy_rows(forward_shard(config, parameters, read_out, look_up(items, batch, rows), rows, dropout), rows,
              out);
  });
}

/// The gradients of the item vectors that were read, in the order of the batch.
struct ItemGradients {
  std::vector<std::size_t> begins;  ///< [B] where a row's begin
  std::vector<ItemId> items;
  std::vector<float> values;

  ItemGradients(const StateBatch& batch, std::int32_t width) {
    for (std::int32_t r = 0; r < batch.rows(); ++r) {
      begins.push_back(items.size());
      const auto row = batch.items().row(r).first(at(batch.lengths()[at(r)]));
      items.insert(items.end(), row.begin(), row.end());
    }
    values.resize(items.size() * at(width));
  }
};

}  // namespace

void encoder_step(const EncoderNet& net, const StateBatch& batch, const DropoutKey* dropout,
                  const OutputLoss& loss) {
  const std::int32_t width = net.width();
  const CatalogueWeights items = net.items->weights();
  std::vector<float> outputs(at(batch.rows()) * at(width)), gradients(outputs.size());
  const View<float> output(outputs.data(), batch.rows(), width);
  std::vector<ShardGraph> graphs(at(shards_of(batch)));
  parallel_for(shards_of(batch), [&](std::int64_t shard) {
    const torch::AutoGradMode gradients_on(true);
    const ShardRows rows = rows_of(batch, shard);
    ShardGraph& graph = graphs[at(shard)];
    EncoderInputs inputs = look_up(items, batch, rows);
    graph.parameters = net.parameters->aliases();
    graph.embedded = inputs.embedded.requires_grad_();
    graph.output = forward_shard(net.config, graph.parameters, net.read_out, inputs, rows, dropout);
    copy_rows(graph.output, rows, output);
  });
  loss(output, {gradients.data(), batch.rows(), width});

  ItemGradients item_gradients(batch, items.width());
  net.parameters->accumulate(graphs.size(), [&](std::size_t shard, FlatParameters::Gradient& out) {
    ShardGraph graph = std::move(graphs[shard]);
    const ShardRows rows = rows_of(batch, static_cast<std::int64_t>(shard));
    torch::Tensor gradient = torch::zeros(graph.output.sizes(), torch::kFloat32);
    std::copy_n(gradients.data() + std::ptrdiff_t{rows.first} * width, std::ptrdiff_t{rows.used} * width,
                gradient.data_ptr<float>());
    std::vector<torch::Tensor> inputs;
    for (const auto& [name, parameter] : graph.parameters.parameters) inputs.push_back(parameter);
    inputs.push_back(graph.embedded);
    const std::vector<torch::Tensor> found =
        torch::autograd::grad({graph.output}, inputs, {gradient}, /*retain_graph=*/false,
                              /*create_graph=*/false, /*allow_unused=*/true);
    out.set(std::span(found).first(found.size() - 1));
    const torch::Tensor embedded = found.back().contiguous();
    const std::int64_t row_values = std::int64_t{batch.state_length()} * items.width();
    for (std::int32_t r = 0; r < rows.used; ++r) {
      std::copy_n(
          embedded.data_ptr<float>() + r * row_values,
          at(batch.lengths()[at(rows.first + r)]) * at(items.width()),
          item_gradients.values.data() + item_gradients.begins[at(rows.first + r)] * at(items.width()));
    }
    return 0.0;
  });
  net.items->add_gradient(
      item_gradients.items,
      {item_gradients.values.data(), static_cast<std::int32_t>(item_gradients.items.size()), items.width()});
}

void encode_states(const EncoderNet& net, const StateBatch& batch, const DropoutKey* dropout,
                   View<float> out) {
  encode_all(net.config, net.parameters->aliases(), net.items->weights(), net.read_out, batch, dropout, out);
}

void encode_states(const StateEncoderConfig& config, const NetworkParameters& parameters,
                   const CatalogueWeights& items, const ReadOut& read_out, const StateBatch& batch,
                   View<float> out) {
  encode_all(config, parameters, items, read_out, batch, nullptr, out);
}

}  // namespace veer::nn
