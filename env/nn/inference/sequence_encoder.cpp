#include "env/nn/inference/sequence_encoder_net.h"

namespace veer::nn {

struct SequenceCache::Impl {
  std::int32_t rows = 0;
  std::int32_t positions = 0;
  KeyValues keys;                    ///< made on first use
  std::vector<std::int32_t> length;  ///< items whose keys stand in a row's slot; -1: unknown
};

SequenceCache::SequenceCache(std::int32_t rows, std::int32_t positions) : impl_(std::make_unique<Impl>()) {
  impl_->rows = rows;
  impl_->positions = positions;
  impl_->length.assign(static_cast<std::size_t>(rows), -1);
}
SequenceCache::~SequenceCache() = default;
void SequenceCache::forget() noexcept { std::fill(impl_->length.begin(), impl_->length.end(), -1); }

void SequenceEncoder::Impl::read_windows(std::span<const Window> windows, KeyValues& keys) const {
  Tokens tokens;
  std::vector<float*> outs;
  const auto flush = [&] {
    if (tokens.size() > 0) write_rows(sasrec->read(tokens, keys, nullptr), outs);
    tokens = {};
    outs.clear();
  };
  for (const Window& window : windows) {
    if (window.items.empty()) {
      std::fill_n(window.readout, config.hidden, 0.0F);
      continue;
    }
    if (tokens.size() > 0 && tokens.size() + window.items.size() > pass_tokens) flush();
    for (std::size_t t = 0; t < window.items.size(); ++t) {
      const auto index = static_cast<std::int32_t>(t);
      tokens.add(window.items[t], index, window.slot, index);
    }
    tokens.read.push_back(static_cast<std::int32_t>(tokens.size()) - 1);
    outs.push_back(window.readout);
  }
  flush();
}

void SequenceEncoder::Impl::write_rows(const torch::Tensor& rows, const std::vector<float*>& outs) const {
  const torch::Tensor host = on_host(rows);
  const float* from = host.data_ptr<float>();
  for (float* out : outs) {
    std::copy_n(from, config.hidden, out);
    from += config.hidden;
  }
}

void SequenceEncoder::Impl::read_windows_once(std::vector<Window>& windows) const {
  if (windows.empty()) return;
  std::size_t longest = 1;
  for (const Window& window : windows) longest = std::max(longest, window.items.size());
  const std::size_t group = std::max<std::size_t>(1, pass_tokens / longest);
  KeyValues keys = sasrec->make_keys(static_cast<std::int64_t>(group), static_cast<std::int32_t>(longest));
  for (std::size_t first = 0; first < windows.size(); first += group) {
    const std::size_t count = std::min(group, windows.size() - first);
    for (std::size_t i = 0; i < count; ++i) windows[first + i].slot = static_cast<std::int32_t>(i);
    read_windows(std::span(windows).subspan(first, count), keys);
  }
}

void SequenceEncoder::Impl::move_states(std::span<const std::span<const ItemId>> sequences,
                                        std::vector<float>& hidden, std::vector<float>& readouts) const {
  const auto f = static_cast<std::size_t>(config.inner), d = static_cast<std::size_t>(config.hidden);
  const auto rows = static_cast<std::int64_t>(sequences.size());
  Flat flat;
  std::vector<std::int32_t> moved;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    if (sequences[i].empty()) continue;
    flat.add(sequences[i]);
    moved.push_back(static_cast<std::int32_t>(i));
  }
  if (!moved.empty()) {
    const torch::Tensor initial =
        gather_rows(ops, ops.upload(hidden.data(), rows, config.inner, config.inner, rows), moved);
    const torch::Tensor after =
        on_host(gather_rows(ops, gru->run(flat.items, flat.offsets, initial), flat.last()));
    for (std::size_t i = 0; i < moved.size(); ++i) {
      std::copy_n(after.data_ptr<float>() + i * f, f, hidden.data() + static_cast<std::size_t>(moved[i]) * f);
    }
  }
  const torch::Tensor out =
      on_host(gru->readout(ops.upload(hidden.data(), rows, config.inner, config.inner, padded_rows(rows))));
  readouts.assign(out.data_ptr<float>(), out.data_ptr<float>() + sequences.size() * d);
}

void SequenceEncoder::Impl::move_rows(Rows rows, std::span<const std::span<const ItemId>> items,
                                      bool from_start, View<float> state) const {
  const auto f = static_cast<std::size_t>(config.inner), d = static_cast<std::size_t>(config.hidden);
  std::vector<float> hidden(rows.size() * f, 0.0F), readouts;
  for (std::size_t i = 0; i < rows.size() && !from_start; ++i) {
    std::ranges::copy(state.row(rows[i]).subspan(d, f), hidden.data() + i * f);
  }
  move_states(items, hidden, readouts);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(readouts.data() + i * d, d, state.row(rows[i]).data());
    std::copy_n(hidden.data() + i * f, f, state.row(rows[i]).data() + d);
  }
}

SequenceEncoder::SequenceEncoder(const SequenceModel& model, Kernels kernels) {
  const c10::InferenceMode guard;
  auto impl = std::make_unique<Impl>();
  impl->config = model.config();
  impl->ops.device = torch::Device(model.device());
  impl->ops.portable = kernels == Kernels::portable || !impl->ops.device.is_cpu();
  if (model.config().kind == "gru4rec") {
    impl->gru.emplace(model.net(), impl->ops);
  } else {
    impl->sasrec.emplace(model.net(), impl->ops);
  }
  impl_ = std::move(impl);
}
SequenceEncoder::~SequenceEncoder() = default;

const SequenceConfig& SequenceEncoder::config() const noexcept { return impl_->config; }

std::int32_t SequenceEncoder::state_width() const noexcept {
  return impl_->config.hidden + (impl_->gru ? impl_->config.inner : 0);
}

std::unique_ptr<SequenceCache> SequenceEncoder::make_cache(std::int32_t rows,
                                                           std::int32_t history_capacity) const {
  return std::make_unique<SequenceCache>(rows, std::min(impl_->config.positions, history_capacity));
}

std::size_t SequenceEncoder::cache_bytes(std::int32_t rows, std::int32_t history_capacity) const noexcept {
  if (impl_->gru) return 0;
  const auto positions = static_cast<std::size_t>(std::min(impl_->config.positions, history_capacity));
  return sizeof(float) * 2 * static_cast<std::size_t>(rows) * positions *
         static_cast<std::size_t>(impl_->config.layers) * static_cast<std::size_t>(impl_->config.hidden);
}

std::size_t SequenceEncoder::path_bytes(std::int32_t paths, std::int32_t history,
                                        std::int32_t path_length) const noexcept {
  if (impl_->gru) return 0;
  const auto positions = static_cast<std::size_t>(std::min(impl_->config.positions, history)) +
                         static_cast<std::size_t>(path_length);
  // Windows that slid are read again, a pass at a time.
  return cache_bytes(1, 1) * (static_cast<std::size_t>(paths) * positions + pass_tokens);
}

void SequenceEncoder::begin(Rows rows, View<const ItemId> history, View<const std::int32_t> size,
                            View<float> state, SequenceCache& cache) const {
  const c10::InferenceMode guard;
  if (rows.empty()) return;
  if (impl_->gru) {
    std::vector<std::span<const ItemId>> items;
    for (const std::int32_t row : rows)
      items.push_back(newest(history, row, size(row), impl_->config.positions));
    return impl_->move_rows(rows, items, /*from_start=*/true, state);
  }
  SequenceCache::Impl& kept = *cache.impl_;
  if (kept.keys.empty()) kept.keys = impl_->sasrec->make_keys(kept.rows, kept.positions);
  std::vector<Window> windows;
  for (const std::int32_t row : rows) {
    windows.push_back({newest(history, row, size(row), kept.positions), row, state.row(row).data()});
    kept.length[static_cast<std::size_t>(row)] = static_cast<std::int32_t>(windows.back().items.size());
  }
  impl_->read_windows(windows, kept.keys);
}

void SequenceEncoder::advance(Rows rows, View<const ItemId> history, View<const std::int32_t> size,
                              std::span<const std::int32_t> added, View<float> state,
                              SequenceCache& cache) const {
  const c10::InferenceMode guard;
  if (impl_->gru) {
    std::vector<std::int32_t> moved;
    std::vector<std::span<const ItemId>> items;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (added[i] == 0) continue;
      moved.push_back(rows[i]);
      items.push_back(newest(history, rows[i], size(rows[i]), added[i]));
    }
    if (!moved.empty()) impl_->move_rows(moved, items, /*from_start=*/false, state);
    return;
  }
  SequenceCache::Impl& kept = *cache.impl_;
  Tokens tokens;
  std::vector<float*> outs;
  std::vector<std::int32_t> again;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::int32_t row = rows[i], now = size(row), before = now - added[i];
    if (added[i] == 0) continue;
    std::int32_t& length = kept.length[static_cast<std::size_t>(row)];
    if (kept.keys.empty() || length != before || now > kept.positions) {
      again.push_back(row);
      continue;
    }
    for (std::int32_t t = before; t < now; ++t) tokens.add(history(row, t), t, row, t);
    tokens.read.push_back(static_cast<std::int32_t>(tokens.size()) - 1);
    outs.push_back(state.row(row).data());
    length = now;
  }
  if (tokens.size() > 0) impl_->write_rows(impl_->sasrec->read(tokens, kept.keys, nullptr), outs);
  begin(again, history, size, state, cache);
}

void SequenceEncoder::copy(Rows from, Rows to, SequenceCache& cache) const {
  const c10::InferenceMode guard;
  if (impl_->gru) return;
  SequenceCache::Impl& kept = *cache.impl_;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto source = static_cast<std::size_t>(from[i]), target = static_cast<std::size_t>(to[i]);
    kept.length[target] = kept.length[source];
    if (kept.keys.empty() || kept.length[source] <= 0) continue;
    for (auto* all : {&kept.keys.keys, &kept.keys.values}) {
      for (torch::Tensor& layer : *all) {
        layer.select(0, to[i])
            .narrow(0, 0, kept.length[source])
            .copy_(layer.select(0, from[i]).narrow(0, 0, kept.length[source]));
      }
    }
  }
}

}  // namespace veer::nn
