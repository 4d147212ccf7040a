#include <algorithm>

#include "env/nn/inference/sequence_ops_net.h"
#include "env/nn/kernels/sequence_kernels.h"

namespace veer::nn {
namespace {

torch::Tensor zero_tail(torch::Tensor rows, std::int64_t from) {
  if (from < rows.size(0)) rows.narrow(0, from, rows.size(0) - from).zero_();
  return rows;
}

std::int64_t count_of(const std::vector<std::int32_t>& values) {
  return static_cast<std::int64_t>(values.size());
}

/// Scores of queries [n, heads, 1, head] against the keys their rows reach, minus infinity past each row's
/// length.
struct Looked {
  torch::Tensor scores, values;
};
Looked look(const SequenceOps& ops, const torch::Tensor& queries, const torch::Tensor& keys,
            const torch::Tensor& values, const Reach& reach, std::int64_t heads, const ScoreForm& form,
            bool biased) {
  const std::int64_t n = queries.size(0), positions = keys.size(1), head = keys.size(2) / heads;
  const torch::Tensor slot = ops.indices(reach.slot);
  const auto split = [&](const torch::Tensor& rows) {
    return rows.index_select(0, slot).view({n, positions, heads, head}).transpose(1, 2);
  };
  const torch::Tensor past = torch::arange(positions, torch::dtype(torch::kInt64).device(ops.device))
                                 .view({1, positions})
                                 .ge(ops.indices(reach.length).view({n, 1}))
                                 .view({n, 1, 1, positions});
  torch::Tensor scores = torch::matmul(queries, split(keys).transpose(-1, -2)).mul(form.scale);
  if (biased && form.bias.defined()) {
    const torch::Tensor back =
        ops.indices(reach.length).view({n, 1}) - 1 -
        torch::arange(positions, torch::dtype(torch::kInt64).device(ops.device)).view({1, positions});
    const torch::Tensor bias = form.bias.index_select(1, back.clamp_min(0).view({-1}));
    scores = scores + bias.view({heads, n, 1, positions}).transpose(0, 1);
  }
  // Memory past a row's length may never have been written: weight 0 times not-a-number would spread.
  const torch::Tensor clean = split(values).masked_fill(past.transpose(-1, -2), 0.0);
  return {scores.masked_fill(past, -3.4e38), clean};
}

}  // namespace

torch::Tensor SequenceOps::indices(const std::vector<std::int32_t>& values) const {
  return torch::from_blob(const_cast<std::int32_t*>(values.data()), {count_of(values)},
                          torch::dtype(torch::kInt32).device(torch::kCPU))
      .to(device, torch::kInt64);
}

torch::Tensor SequenceOps::upload(const float* from, std::int64_t rows, std::int64_t width,
                                  std::int64_t stride, std::int64_t total) const {
  torch::Tensor host = torch::empty({total, width}, torch::dtype(torch::kFloat32).device(torch::kCPU));
  float* to = host.data_ptr<float>();
  for (std::int64_t r = 0; r < rows; ++r) std::copy_n(from + r * stride, width, to + r * width);
  std::fill(to + rows * width, to + total * width, 0.0F);
  return device.is_cpu() ? host : host.to(device);
}

torch::Tensor gather_rows(const SequenceOps& ops, const torch::Tensor& from,
                          const std::vector<std::int32_t>& rows) {
  const std::int64_t n = count_of(rows), width = from.size(1);
  torch::Tensor out = torch::empty({padded_rows(n), width}, ops.floats());
  if (ops.portable) {
    out.narrow(0, 0, n).copy_(from.index_select(0, ops.indices(rows)));
  } else {
    const float* source = from.data_ptr<float>();
    float* to = out.data_ptr<float>();
    for (const std::int32_t row : rows) to = std::copy_n(source + std::ptrdiff_t{row} * width, width, to);
  }
  return zero_tail(out, n);
}

torch::Tensor embed(const SequenceOps& ops, const torch::Tensor& items, const torch::Tensor& positions,
                    const Norm& norm, const std::vector<std::int32_t>& item,
                    const std::vector<std::int32_t>& position) {
  const std::int64_t n = count_of(item), width = items.size(1);
  torch::Tensor out = torch::empty({padded_rows(n), width}, ops.floats());
  if (ops.portable) {
    const torch::Tensor sum =
        items.index_select(0, ops.indices(item)) + positions.index_select(0, ops.indices(position));
    out.narrow(0, 0, n).copy_(torch::layer_norm(sum, {width}, norm.gain, norm.offset, norm_epsilon));
  } else {
    embed_rows(items.data_ptr<float>(), positions.data_ptr<float>(), item.data(), position.data(),
               static_cast<std::int32_t>(n), static_cast<std::int32_t>(width), norm.gain.data_ptr<float>(),
               norm.offset.data_ptr<float>(), static_cast<float>(norm_epsilon), out.data_ptr<float>());
  }
  return zero_tail(out, n);
}

void add_and_normalise(const SequenceOps& ops, const torch::Tensor& y, const torch::Tensor& bias,
                       const Norm& norm, std::int64_t n, torch::Tensor& x) {
  if (ops.portable) {
    const torch::Tensor sum = y.narrow(0, 0, n) + bias + x.narrow(0, 0, n);
    x.narrow(0, 0, n).copy_(torch::layer_norm(sum, {x.size(1)}, norm.gain, norm.offset, norm_epsilon));
    return;
  }
  add_and_normalise(y.data_ptr<float>(), bias.data_ptr<float>(), static_cast<std::int32_t>(n),
                    static_cast<std::int32_t>(x.size(1)), norm.gain.data_ptr<float>(),
                    norm.offset.data_ptr<float>(), static_cast<float>(norm_epsilon), x.data_ptr<float>());
}

void add_gelu(const SequenceOps& ops, const torch::Tensor& bias, std::int64_t n, torch::Tensor& x) {
  if (ops.portable) {
    x.narrow(0, 0, n).copy_(torch::gelu(x.narrow(0, 0, n) + bias));
    return;
  }
  add_gelu(x.data_ptr<float>(), bias.data_ptr<float>(), static_cast<std::int32_t>(n),
           static_cast<std::int32_t>(x.size(1)));
}

void store_keys(const SequenceOps& ops, const torch::Tensor& products, const torch::Tensor& bias,
                const std::vector<std::int32_t>& slot, const std::vector<std::int32_t>& at,
                torch::Tensor& keys, torch::Tensor& values) {
  const std::int64_t n = count_of(slot), width = keys.size(2), positions = keys.size(1);
  if (ops.portable) {
    const torch::Tensor both = products.narrow(0, 0, n) + bias;
    const torch::Tensor where = ops.indices(slot) * positions + ops.indices(at);
    keys.view({-1, width}).index_copy_(0, where, both.narrow(1, 0, width));
    values.view({-1, width}).index_copy_(0, where, both.narrow(1, width, width));
    return;
  }
  const float* from = products.data_ptr<float>();
  const float* add = bias.data_ptr<float>();
  for (std::int64_t r = 0; r < n; ++r, from += 2 * width) {
    const auto i = static_cast<std::size_t>(r);
    const std::int64_t where = (std::int64_t{slot[i]} * positions + at[i]) * width;
    float* key = keys.data_ptr<float>() + where;
    float* value = values.data_ptr<float>() + where;
    for (std::int64_t c = 0; c < width; ++c) key[c] = from[c] + add[c];
    for (std::int64_t c = 0; c < width; ++c) value[c] = from[width + c] + add[width + c];
  }
}

torch::Tensor rms_normalise(const SequenceOps& ops, const torch::Tensor& x, const torch::Tensor& gain,
                            double epsilon, std::int64_t n) {
  torch::Tensor out = torch::empty(x.sizes(), ops.floats());
  if (ops.portable) {
    const torch::Tensor rows = x.narrow(0, 0, n);
    out.narrow(0, 0, n).copy_(rows * torch::rsqrt(rows.square().mean(-1, true) + epsilon) * gain);
  } else {
    rms_normalise(x.data_ptr<float>(), static_cast<std::int32_t>(n), static_cast<std::int32_t>(x.size(1)),
                  gain.data_ptr<float>(), static_cast<float>(epsilon), out.data_ptr<float>());
  }
  return zero_tail(out, n);
}

torch::Tensor attend(const SequenceOps& ops, const torch::Tensor& queries, std::int32_t heads,
                     const ScoreForm& form, std::size_t layer, const KeyValues* shared,
                     const Reach& shared_reach, const KeyValues& own, const Reach& reach) {
  const std::int64_t n = count_of(reach.slot), width = queries.size(1);
  torch::Tensor out = torch::empty(queries.sizes(), ops.floats());
  if (ops.portable) {
    const torch::Tensor rows = queries.narrow(0, 0, n).view({n, heads, 1, width / heads});
    Looked seen = look(ops, rows, own.keys[layer], own.values[layer], reach, heads, form, true);
    if (shared != nullptr) {
      const Looked before =
          look(ops, rows, shared->keys[layer], shared->values[layer], shared_reach, heads, form, false);
      seen = {torch::cat({before.scores, seen.scores}, 3), torch::cat({before.values, seen.values}, 2)};
    }
    out.narrow(0, 0, n).copy_(torch::matmul(torch::softmax(seen.scores, -1), seen.values).view({n, width}));
    return zero_tail(out, n);
  }
  const auto rows_of = [&](const KeyValues& all, const Reach& which) {
    return KeyValueRows{all.keys[layer].data_ptr<float>(), all.values[layer].data_ptr<float>(), all.positions,
                        which.slot.data(), which.length.data()};
  };
  const KeyValueRows before = shared == nullptr ? KeyValueRows{} : rows_of(*shared, shared_reach);
  std::vector<float> scratch(static_cast<std::size_t>(before.positions + own.positions + 32));
  const AttentionForm scores{form.scale, form.bias.defined() ? form.bias.data_ptr<float>() : nullptr,
                             form.bias.defined() ? static_cast<std::int32_t>(form.bias.size(1)) : 0};
  attend(queries.data_ptr<float>(), static_cast<std::int32_t>(n), static_cast<std::int32_t>(width), heads,
         scores, before, rows_of(own, reach), scratch.data(), out.data_ptr<float>());
  return zero_tail(out, n);
}

void gru_update(const SequenceOps& ops, const torch::Tensor& input, const torch::Tensor& hidden,
                std::int64_t n, torch::Tensor& state) {
  const std::int64_t width = state.size(1);
  if (ops.portable) {
    const auto gate = [&](const torch::Tensor& from, std::int64_t index) {
      return from.narrow(0, 0, n).narrow(1, index * width, width);
    };
    const torch::Tensor reset = torch::sigmoid(gate(input, 0) + gate(hidden, 0));
    const torch::Tensor update = torch::sigmoid(gate(input, 1) + gate(hidden, 1));
    const torch::Tensor candidate = torch::tanh(gate(input, 2) + reset * gate(hidden, 2));
    const torch::Tensor old = state.narrow(0, 0, n);
    old.copy_(candidate + update * (old - candidate));
    return;
  }
  gru_update(input.data_ptr<float>(), hidden.data_ptr<float>(), static_cast<std::int32_t>(n),
             static_cast<std::int32_t>(width), state.data_ptr<float>());
}

}  // namespace veer::nn
