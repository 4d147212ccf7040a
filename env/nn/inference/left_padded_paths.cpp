#include "env/nn/inference/left_padded_paths.h"

#include <torch/types.h>

#include <algorithm>
#include <vector>

#include "env/nn/inference/sequence_encoder_net.h"
#include "env/nn/training/sequence_forward_net.h"

namespace veer::nn {
namespace {

/// Reads as many windows at once as keep the scores of all heads small.
constexpr std::size_t pass_windows = 64;

void read_pass(const SequenceNet& net, std::span<const Window> windows) {
  const std::int64_t positions = net.config.positions;
  const auto count = static_cast<std::int64_t>(windows.size());
  torch::Tensor items = torch::zeros({count, positions}, torch::dtype(torch::kInt64).device(torch::kCPU));
  torch::Tensor last = torch::empty({count}, torch::dtype(torch::kInt64).device(torch::kCPU));
  for (std::int64_t r = 0; r < count; ++r) {
    const std::span<const ItemId> window = windows[static_cast<std::size_t>(r)].items;
    std::copy(
        window.begin(), window.end(),
        items.data_ptr<std::int64_t>() + (r + 1) * positions - static_cast<std::ptrdiff_t>(window.size()));
    last.data_ptr<std::int64_t>()[r] = static_cast<std::int64_t>(window.size()) - 1;
  }
  const torch::Device device(net.device);
  const torch::Tensor read = encode(net, items.to(device));
  const torch::Tensor place = last.to(device).view({count, 1, 1}).expand({count, 1, read.size(2)});
  const torch::Tensor out = on_host(read.gather(1, place)).contiguous();
  for (std::int64_t r = 0; r < count; ++r) {
    std::copy_n(out.data_ptr<float>() + r * out.size(2), out.size(2),
                windows[static_cast<std::size_t>(r)].readout);
  }
}

}  // namespace

PathReadouts read_left_padded_paths(const SequenceModel& model, const PathQuery& query) {
  const SequenceConfig& config = model.config();
  const c10::InferenceMode guard;
  const std::size_t prompts = query.history_size.size();
  std::vector<std::vector<ItemId>> sequences;  // of every row of the result
  PathReadouts out;
  out.width = config.hidden;
  for (std::size_t p = 0; p < prompts; ++p) {
    const auto history = query.history.row(static_cast<std::int32_t>(p))
                             .first(static_cast<std::size_t>(query.history_size[p]));
    sequences.emplace_back(history.begin(), history.end());
  }
  for (std::size_t path = 0; path < query.prompt.size(); ++path) {
    out.first.push_back(static_cast<std::int32_t>(sequences.size()));
    std::vector<ItemId> sequence = sequences[static_cast<std::size_t>(query.prompt[path])];
    for (const ItemId item : accepted_items(query, path)) {
      sequence.push_back(item);
      sequences.push_back(sequence);
    }
  }
  out.values.assign(sequences.size() * static_cast<std::size_t>(out.width), 0.0F);
  std::vector<Window> windows;
  for (std::size_t row = 0; row < sequences.size(); ++row) {
    const std::span<const ItemId> all(sequences[row]);
    const auto most = static_cast<std::size_t>(config.positions);
    if (!all.empty()) {
      windows.push_back({all.last(std::min(all.size(), most)), 0,
                         out.values.data() + row * static_cast<std::size_t>(out.width)});
    }
    if (windows.size() == pass_windows || (row + 1 == sequences.size() && !windows.empty())) {
      read_pass(model.net(), windows);
      windows.clear();
    }
  }
  return out;
}

}  // namespace veer::nn
