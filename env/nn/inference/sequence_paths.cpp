#include "env/nn/inference/sequence_encoder_net.h"

namespace veer::nn {

std::vector<ItemId> accepted_items(const PathQuery& query, std::size_t path) {
  std::vector<ItemId> items;
  const auto row = static_cast<std::int32_t>(path);
  for (std::int32_t k = 0; k < query.length[path]; ++k) {
    const ItemId item = query.items(row, k);
    const bool yes = query.accepted.empty() || (query.accepted(row, k) & feedback::accepted) != 0;
    if (yes && item != no_item) items.push_back(item);
  }
  return items;
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
