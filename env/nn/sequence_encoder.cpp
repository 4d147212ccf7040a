#include "env/nn/sequence_encoder.h"

#include <torch/torch.h>

#include <algorithm>
#include <optional>

#include "env/nn/sequence_readers_net.h"

namespace veer::nn {
namespace {

// About as many items per pass as keep every intermediate of a 64-wide network in a core's second-level
// cache.
constexpr std::size_t pass_tokens = 1024;

/// A history or the newest part of one, and where its keys and read-out go.
struct Window {
  std::span<const ItemId> items;
  std::int32_t slot = 0;
  float* readout = nullptr;
};

std::span<const ItemId> newest(View<const ItemId> history, std::int32_t row, std::int32_t size,
                               std::int32_t most) {
  const auto all = history.row(row).first(static_cast<std::size_t>(size));
  return all.last(static_cast<std::size_t>(std::min(size, most)));
}

/// The items a path adds to its prompt's history.
std::vector<ItemId> accepted_items(const PathQuery& query, std::size_t path) {
  std::vector<ItemId> items;
  const auto row = static_cast<std::int32_t>(path);
  for (std::int32_t k = 0; k < query.length[path]; ++k) {
    if (query.accepted.empty() || (query.accepted(row, k) & feedback::accepted) != 0) {
      items.push_back(query.items(row, k));
    }
  }
  return items;
}

/// Sequences of items one behind the other.
struct Flat {
  std::vector<std::int32_t> items, offsets{0};

  void add(std::span<const ItemId> sequence) {
    items.insert(items.end(), sequence.begin(), sequence.end());
    offsets.push_back(static_cast<std::int32_t>(items.size()));
  }
  std::vector<std::int32_t> last() const {
    std::vector<std::int32_t> out;
    for (std::size_t i = 1; i < offsets.size(); ++i) out.push_back(offsets[i] - 1);
    return out;
  }
};

torch::Tensor on_host(const torch::Tensor& values) {
  return values.is_cpu() ? values : values.to(torch::kCPU);
}

}  // namespace

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

struct SequenceEncoder::Impl {
  SequenceConfig config;
  SequenceOps ops;
  std::optional<SasrecReader> sasrec;
  std::optional<GruReader> gru;

  /// Reads whole windows, leaving keys in `keys` and the last items' read-outs where the windows say.
  void read_windows(std::span<const Window> windows, KeyValues& keys) const {
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

  void write_rows(const torch::Tensor& rows, const std::vector<float*>& outs) const {
    const torch::Tensor host = on_host(rows);
    const float* from = host.data_ptr<float>();
    for (float* out : outs) {
      std::copy_n(from, config.hidden, out);
      from += config.hidden;
    }
  }

  /// The same for windows nobody will extend: slots are reused pass by pass.
  void read_windows_once(std::vector<Window>& windows) const {
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

  /// Runs each sequence of items from its row of `hidden` (host, f floats per row), leaves the state after
  /// its last item there and the read-out of that state in `readouts` (d floats per row).
  void move_states(std::span<const std::span<const ItemId>> sequences, std::vector<float>& hidden,
                   std::vector<float>& readouts) const {
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
        std::copy_n(after.data_ptr<float>() + i * f, f,
                    hidden.data() + static_cast<std::size_t>(moved[i]) * f);
      }
    }
    const torch::Tensor out =
        on_host(gru->readout(ops.upload(hidden.data(), rows, config.inner, config.inner, padded_rows(rows))));
    readouts.assign(out.data_ptr<float>(), out.data_ptr<float>() + sequences.size() * d);
  }

  /// Moves the states of rows[i] past items[i] and writes them and their read-outs to the state column.
  void move_rows(Rows rows, std::span<const std::span<const ItemId>> items, bool from_start,
                 View<float> state) const {
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

  void read_sasrec_paths(const PathQuery& query, std::span<const std::vector<ItemId>> paths,
                         PathReadouts& out) const;
  void read_gru_paths(const PathQuery& query, std::span<const std::vector<ItemId>> paths,
                      PathReadouts& out) const;
};

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

PathReadouts SequenceEncoder::read_paths(const PathQuery& query) const {
  const c10::InferenceMode guard;
  PathReadouts out;
  out.width = impl_->config.hidden;
  std::vector<std::vector<ItemId>> paths;
  auto rows = static_cast<std::int32_t>(query.history_size.size());
  for (std::size_t path = 0; path < query.prompt.size(); ++path) {
    out.first.push_back(rows);
    paths.push_back(accepted_items(query, path));
    rows += static_cast<std::int32_t>(paths.back().size());
  }
  out.values.resize(static_cast<std::size_t>(rows) * static_cast<std::size_t>(out.width));
  if (impl_->gru) {
    impl_->read_gru_paths(query, paths, out);
  } else {
    impl_->read_sasrec_paths(query, paths, out);
  }
  return out;
}

void SequenceEncoder::Impl::read_sasrec_paths(const PathQuery& query,
                                              std::span<const std::vector<ItemId>> paths,
                                              PathReadouts& out) const {
  const auto width = static_cast<std::size_t>(out.width);
  const auto row_at = [&](std::int32_t row) {
    return out.values.data() + static_cast<std::size_t>(row) * width;
  };
  const auto prompts = static_cast<std::int32_t>(query.history_size.size());
  constexpr std::int32_t group = 64;  // prompts whose keys are held at once
  const std::int32_t shared_positions = std::max(1, std::min(config.positions, query.history.width()));
  KeyValues shared = sasrec->make_keys(std::min(group, std::max(prompts, 1)), shared_positions);
  KeyValues own;
  std::vector<std::vector<ItemId>>
      slid_items;  // what stands in windows that no longer hold the whole sequence
  std::vector<Window> slid;
  std::size_t path = 0;
  for (std::int32_t first = 0; first < prompts; first += group) {
    const std::int32_t last = std::min(first + group, prompts);
    std::vector<Window> windows;
    for (std::int32_t p = first; p < last; ++p) {
      windows.push_back(
          {newest(query.history, p, query.history_size[static_cast<std::size_t>(p)], config.positions),
           p - first, row_at(p)});
    }
    read_windows(windows, shared);

    Tokens tokens;
    std::vector<float*> outs;
    std::int32_t slots = 0;
    const auto flush = [&] {
      if (tokens.size() > 0) {
        if (own.empty())
          own = sasrec->make_keys(static_cast<std::int64_t>(std::min(pass_tokens, paths.size())),
                                  std::max(1, query.items.width()));
        write_rows(sasrec->read(tokens, own, &shared), outs);
      }
      tokens = {};
      outs.clear();
      slots = 0;
    };
    for (; path < paths.size() && query.prompt[path] < last; ++path) {
      const std::span<const ItemId> before =
          windows[static_cast<std::size_t>(query.prompt[path] - first)].items;
      const auto known = static_cast<std::int32_t>(before.size());
      const bool cut = known < query.history_size[static_cast<std::size_t>(query.prompt[path])];
      if (tokens.size() > 0 && tokens.size() + paths[path].size() > pass_tokens) flush();
      for (std::size_t k = 0; k < paths[path].size(); ++k) {
        const auto index = static_cast<std::int32_t>(k);
        float* to = row_at(out.row(path, index + 1));
        if (cut || known + index >= config.positions) {
          std::vector<ItemId> items(before.begin(), before.end());
          items.insert(items.end(), paths[path].begin(), paths[path].begin() + index + 1);
          slid_items.push_back(std::move(items));
          slid.push_back({{}, 0, to});
          continue;
        }
        tokens.add(paths[path][k], known + index, slots, index);
        tokens.shared_slot.push_back(query.prompt[path] - first);
        tokens.shared_length.push_back(known);
        tokens.read.push_back(static_cast<std::int32_t>(tokens.size()) - 1);
        outs.push_back(to);
      }
      ++slots;
      if (slots == static_cast<std::int32_t>(pass_tokens)) flush();
    }
    flush();
  }
  for (std::size_t i = 0; i < slid.size(); ++i) {
    const std::span<const ItemId> all(slid_items[i]);
    slid[i].items = all.last(std::min(all.size(), static_cast<std::size_t>(config.positions)));
  }
  read_windows_once(slid);
}

void SequenceEncoder::Impl::read_gru_paths(const PathQuery& query, std::span<const std::vector<ItemId>> paths,
                                           PathReadouts& out) const {
  const auto f = static_cast<std::size_t>(config.inner), d = static_cast<std::size_t>(out.width);
  std::vector<std::span<const ItemId>> histories;
  for (std::size_t p = 0; p < query.history_size.size(); ++p) {
    histories.push_back(
        newest(query.history, static_cast<std::int32_t>(p), query.history_size[p], config.positions));
  }
  if (histories.empty()) return;
  std::vector<float> hidden(histories.size() * f, 0.0F), readouts;
  move_states(histories, hidden, readouts);
  std::ranges::copy(readouts, out.values.begin());

  const torch::Tensor states =
      ops.upload(hidden.data(), static_cast<std::int64_t>(histories.size()), config.inner, config.inner,
                 static_cast<std::int64_t>(histories.size()));
  Flat flat;
  std::vector<std::int32_t> prompts;
  float* to = out.values.data() + histories.size() * d;
  const auto flush = [&] {
    if (flat.items.empty()) return;
    const torch::Tensor after = gru->run(flat.items, flat.offsets, gather_rows(ops, states, prompts));
    const torch::Tensor host = on_host(gru->readout(after));
    to = std::copy_n(host.data_ptr<float>(), flat.items.size() * d, to);
    flat = {};
    prompts.clear();
  };
  for (std::size_t path = 0; path < paths.size(); ++path) {
    if (paths[path].empty()) continue;
    if (!flat.items.empty() && flat.items.size() + paths[path].size() > pass_tokens) flush();
    flat.add(paths[path]);
    prompts.push_back(query.prompt[path]);
  }
  flush();
}

}  // namespace veer::nn
