#include "agents/slate/networks/history_reader_net.h"

#include <algorithm>
#include <vector>

#include "agents/slate/networks/history_encoder_net.h"
#include "env/dropout_mask.h"
#include "env/nn/dense/panels.h"
#include "env/nn/kernels/causal_attention.h"
#include "env/nn/kernels/sequence_kernels.h"

namespace veer::slate {
namespace {

/// About as many items per pass as keep every intermediate in a core's second-level cache.
constexpr std::int32_t reader_tokens = 200;

constexpr auto reader_epsilon = static_cast<float>(encoder_norm_epsilon);

nn::SequenceNet as_sasrec(const nn::NetworkParameters& parameters, const HistoryEncoderConfig& config,
                          View<const float> vectors) {
  nn::SequenceNet net;
  net.device = "cpu";
  net.config = nn::SequenceConfig{.kind = "sasrec",
                                  .items = vectors.rows() - 1,
                                  .hidden = config.width,
                                  .layers = config.layers,
                                  .heads = config.heads,
                                  .inner = config.inner,
                                  .positions = config.positions,
                                  .dropout = 0.0F,
                                  .attention_dropout = 0.0F};
  net.parameters.emplace_back("item_embedding", map_items(parameters, vectors));
  for (const auto& [name, value] : parameters.parameters) {
    if (name == "position_embedding" || name.starts_with("input_norm") || name.starts_with("layers.")) {
      net.parameters.emplace_back(name, value.detach().contiguous());
    }
  }
  return net;
}

/// x -> x W^T + b with W [outputs, inputs] packed.
struct PackedLinear {
  nn::Panels weight;
  std::vector<float> bias;

  PackedLinear(const nn::SequenceNet& net, std::initializer_list<std::string> names) {
    std::vector<float> joined;
    std::int64_t inputs = 0;
    for (const std::string& name : names) {
      const torch::Tensor w = net.at(name + ".weight"), b = net.at(name + ".bias");
      joined.insert(joined.end(), w.data_ptr<float>(), w.data_ptr<float>() + w.numel());
      bias.insert(bias.end(), b.data_ptr<float>(), b.data_ptr<float>() + b.numel());
      inputs = w.size(1);
    }
    weight.pack(joined.data(), 1, inputs, static_cast<std::int32_t>(inputs),
                static_cast<std::int32_t>(bias.size()));
  }
  void multiply(const std::vector<float>& x, std::int32_t rows, std::vector<float>& out,
                nn::ProductEnd end = {}, bool with_bias = true) const {
    const std::int32_t outputs = weight.columns();
    out.resize(at(rows) * at(outputs));
    if (with_bias) end.bias = bias.data();
    nn::multiply(x.data(), weight.rows(), 1, rows, weight, end, out.data(), outputs);
  }
};

struct PackedNorm {
  const float *gain, *offset;
  PackedNorm(const nn::SequenceNet& net, const std::string& name)
      : gain(net.at(name + ".weight").data_ptr<float>()), offset(net.at(name + ".bias").data_ptr<float>()) {}
};

struct PackedLayer {
  PackedLinear query, key_value, output, inner, outer;
  PackedNorm attention, feed_forward;
  PackedLayer(const nn::SequenceNet& net, const std::string& block)
      : query(net, {block + "query"}),
        key_value(net, {block + "key", block + "value"}),
        output(net, {block + "output"}),
        inner(net, {block + "inner"}),
        outer(net, {block + "outer"}),
        attention(net, block + "attention_norm"),
        feed_forward(net, block + "outer_norm") {}
};

/// The people of one pass, one behind the other, without padding between them.
struct Pass {
  std::span<const StepKey> keys;  ///< of these people; empty: no dropout
  std::int32_t count = 0, tokens = 0;
  std::vector<std::int32_t> item, position, begins;
  std::vector<float> x, newest, queries, keys_values, context, inner, product;
  std::vector<float> scratch, factors;
  std::uint32_t next_block = 0;

  std::int32_t length(std::int32_t r) const { return begins[at(r) + 1] - begins[at(r)]; }

  /// Dropout's factors of `places` rows of `width` values per person, of which those of the last places are
  /// kept: one per person (`only_newest`) or one per item that is read. Null without dropout.
  const float* draw(float rate, std::int32_t places, std::int32_t width, bool only_newest) {
    if (keys.empty() || rate == 0.0F) return nullptr;
    const std::int64_t all = std::int64_t{places} * width;
    factors.resize(at(count) * static_cast<std::size_t>(all));
    float* to = factors.data();
    for (std::int32_t r = 0; r < count; ++r) {
      fill_dropout_mask(keys[at(r)], next_block, rate, {to, static_cast<std::size_t>(all)});
      const std::int64_t own = std::int64_t{only_newest ? 1 : length(r)} * width;
      // The newest item has the last place; shorter histories use the last places only.
      if (own < all) std::copy(to + (all - own), to + all, to);
      to += own;
    }
    next_block += dropout_blocks(all);
    return factors.data();
  }
};

}  // namespace

struct HistoryReader::Impl {
  HistoryEncoderConfig config;
  nn::SequenceNet net;
  std::vector<PackedLayer> layers;
  PackedNorm input;

  Impl(const nn::NetworkParameters& parameters, const HistoryEncoderConfig& c, View<const float> vectors)
      : config(c), net(as_sasrec(parameters, c, vectors)), input(net, "input_norm") {
    for (std::int32_t i = 0; i < c.layers; ++i) {
      layers.emplace_back(net, "layers." + std::to_string(i) + ".");
    }
  }

  void gather(View<const ItemId> history, View<const std::int32_t> size, std::int32_t first,
              Pass& pass) const {
    pass.item.clear();
    pass.position.clear();
    pass.begins.assign(1, 0);
    for (std::int32_t row = first; row < first + pass.count; ++row) {
      const std::int32_t held = size(row), known = std::min(held, config.positions);
      const bool pads = config.padding == HistoryPadding::zeros;
      const std::int32_t length = pads ? config.positions : std::max(known, 1);
      for (std::int32_t back = length - 1; back >= 0; --back) {
        pass.item.push_back(back < known ? history(row, held - 1 - back) : no_item);
        pass.position.push_back(config.positions - 1 - back);
      }
      pass.begins.push_back(static_cast<std::int32_t>(pass.item.size()));
    }
    pass.tokens = pass.begins.back();
  }

  /// What the queries read of the keys; `last`: those of the newest items alone.
  void attend(Pass& pass, bool last) const {
    const std::int32_t d = config.width, places = last ? 1 : config.positions;
    const std::int64_t drawn = std::int64_t{config.heads} * places * config.positions;
    const bool drops = !pass.keys.empty() && config.dropout > 0.0F;
    pass.context.resize(at(last ? pass.count : pass.tokens) * at(d));
    for (std::int32_t r = 0; r < pass.count; ++r) {
      nn::AttentionShape shape;
      shape.length = pass.length(r);
      shape.first_query = last ? shape.length - 1 : 0;
      shape.heads = config.heads;
      shape.width = shape.query_stride = d;
      shape.key_stride = 2 * d;
      if (drops) {
        pass.factors.resize(static_cast<std::size_t>(drawn));
        fill_dropout_mask(pass.keys[at(r)], pass.next_block, config.dropout, pass.factors);
        keep_visible(shape, places, pass.factors);
      }
      const std::ptrdiff_t query = std::ptrdiff_t{last ? r : pass.begins[at(r)]} * d;
      const float* keys = pass.keys_values.data() + std::ptrdiff_t{pass.begins[at(r)]} * 2 * d;
      nn::read_causal(shape, pass.queries.data() + query, keys, keys + d, pass.scratch,
                      pass.context.data() + query, drops ? pass.factors.data() : nullptr);
    }
    if (drops) pass.next_block += dropout_blocks(drawn);
  }

  /// From [heads, places, positions] to the [heads, queries, length] of a shorter history, which has the last
  /// places.
  void keep_visible(const nn::AttentionShape& shape, std::int32_t places, std::vector<float>& factors) const {
    const std::int32_t t = config.positions;
    if (shape.length == t) return;
    float* to = factors.data();
    for (std::int32_t h = 0; h < config.heads; ++h) {
      for (std::int32_t q = places - shape.queries(); q < places; ++q) {
        const float* from = factors.data() + (std::ptrdiff_t{h} * places + q) * t + (t - shape.length);
        to = std::copy(from, from + shape.length, to);
      }
    }
  }

  void run_layer(Pass& pass, std::size_t i) const {
    const PackedLayer& layer = layers[i];
    const std::int32_t d = config.width;
    const bool last = i + 1 == layers.size();  // only what the newest items read is wanted
    layer.key_value.multiply(pass.x, pass.tokens, pass.keys_values);
    if (last) {
      pass.newest.resize(at(pass.count) * at(d));
      for (std::int32_t r = 0; r < pass.count; ++r) {
        std::copy_n(pass.x.data() + std::ptrdiff_t{pass.begins[at(r) + 1] - 1} * d, d,
                    pass.newest.data() + std::ptrdiff_t{r} * d);
      }
      pass.x.swap(pass.newest);
    }
    const std::int32_t rows = last ? pass.count : pass.tokens, places = last ? 1 : config.positions;
    layer.query.multiply(pass.x, rows, pass.queries);
    attend(pass, last);
    layer.output.multiply(pass.context, rows, pass.product, {}, false);
    nn::add_and_normalise(pass.product.data(), layer.output.bias.data(), rows, d, layer.attention.gain,
                          layer.attention.offset, reader_epsilon, pass.x.data(),
                          pass.draw(config.dropout, places, d, last));
    layer.inner.multiply(pass.x, rows, pass.inner,
                         {.relu = true, .factors = pass.draw(config.dropout, places, config.inner, last)});
    layer.outer.multiply(pass.inner, rows, pass.product, {}, false);
    nn::add_and_normalise(pass.product.data(), layer.outer.bias.data(), rows, d, layer.feed_forward.gain,
                          layer.feed_forward.offset, reader_epsilon, pass.x.data(),
                          pass.draw(config.dropout, places, d, last));
  }
};

HistoryReader::HistoryReader(const nn::NetworkParameters& parameters, const HistoryEncoderConfig& config,
                             View<const float> vectors)
    : impl_(std::make_unique<const Impl>(parameters, config, vectors)) {}
HistoryReader::~HistoryReader() = default;
HistoryReader::HistoryReader(HistoryReader&&) noexcept = default;

const nn::SequenceNet& HistoryReader::net() const noexcept { return impl_->net; }

void HistoryReader::read(View<const ItemId> history, View<const std::int32_t> size,
                         std::span<const StepKey> keys, float* out) const {
  const HistoryEncoderConfig& config = impl_->config;
  const std::int32_t d = config.width, most = std::max(1, reader_tokens / config.positions);
  const float* items = net().at("item_embedding").data_ptr<float>();
  const float* positions = net().at("position_embedding").data_ptr<float>();
  Pass pass;
  for (std::int32_t first = 0; first < history.rows(); first += most) {
    pass.count = std::min(most, history.rows() - first);
    if (!keys.empty()) pass.keys = keys.subspan(at(first), at(pass.count));
    pass.next_block = 0;
    impl_->gather(history, size, first, pass);
    pass.x.resize(at(pass.tokens) * at(d));
    nn::embed_rows(items, positions, pass.item.data(), pass.position.data(), pass.tokens, d,
                   impl_->input.gain, impl_->input.offset, reader_epsilon, pass.x.data(),
                   pass.draw(config.dropout, config.positions, d, false));
    for (std::size_t i = 0; i < impl_->layers.size(); ++i) impl_->run_layer(pass, i);
    std::copy_n(pass.x.data(), std::ptrdiff_t{pass.count} * d, out + std::ptrdiff_t{first} * d);
  }
}

}  // namespace veer::slate
