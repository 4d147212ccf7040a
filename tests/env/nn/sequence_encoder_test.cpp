#include <torch/cuda.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "env/nn/inference/sequence_encoder.h"
#include "env/nn/training/sequence_forward_net.h"
#include "tests/env/nn/small_models.h"
#include "tests/test.h"

namespace veer::nn {
namespace {

constexpr std::int32_t catalogue = 90;

/// The read-out of one history by the plain forward pass at its true length.
std::vector<float> plain_readout(const SequenceModel& model, std::span<const ItemId> history) {
  const c10::InferenceMode guard;
  const auto most = static_cast<std::size_t>(model.config().positions);
  const auto window = history.last(std::min(history.size(), most));
  const std::vector<std::int64_t> ids(window.begin(), window.end());
  const torch::Tensor items =
      torch::tensor(ids, torch::dtype(torch::kInt64)).view({1, -1}).to(torch::Device(model.device()));
  const torch::Tensor out =
      encode(model.net(), items).select(1, items.size(1) - 1).to(torch::kCPU).contiguous();
  return {out.data_ptr<float>(), out.data_ptr<float>() + out.numel()};
}

/// Histories, states and a cache of one shard.
struct Rows32 {
  Rows32(const SequenceEncoder& encoder, std::int32_t count, std::int32_t history_capacity)
      : rows(count),
        capacity(history_capacity),
        width(encoder.state_width()),
        history(static_cast<std::size_t>(count * history_capacity)),
        size(static_cast<std::size_t>(count)),
        state(static_cast<std::size_t>(count * encoder.state_width())),
        all(static_cast<std::size_t>(count)),
        cache(encoder.make_cache(count, history_capacity)) {
    std::iota(all.begin(), all.end(), 0);
  }
  View<ItemId> histories() { return {history.data(), rows, capacity}; }
  View<const std::int32_t> sizes() { return {size.data(), rows, 1}; }
  View<float> states() { return {state.data(), rows, width}; }
  std::span<const ItemId> of(std::int32_t row) {
    return histories().row(row).first(static_cast<std::size_t>(size[static_cast<std::size_t>(row)]));
  }
  void append(std::int32_t row, ItemId item) {
    const auto line = histories().row(row);
    std::int32_t& n = size[static_cast<std::size_t>(row)];
    if (n == capacity) {
      std::shift_left(line.begin(), line.end(), 1);
      --n;
    }
    line[static_cast<std::size_t>(n++)] = item;
  }

  std::int32_t rows, capacity, width;
  std::vector<ItemId> history;
  std::vector<std::int32_t> size;
  std::vector<float> state;
  std::vector<std::int32_t> all;
  std::unique_ptr<SequenceCache> cache;
};

float gap(std::span<const float> a, std::span<const float> b) {
  float worst = 0.0F;
  for (std::size_t i = 0; i < b.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

TEST_SUITE("sequence encoder") {
  TEST_CASE("one item at a time equals the plain forward pass, with refusals, slates and a sliding window") {
    for (const char* kind : {"sasrec", "gru4rec"}) {
      for (const Kernels kernels : {Kernels::automatic, Kernels::portable}) {
        CAPTURE(kind);
        const SequenceModel model = small_model(kind, catalogue);
        const SequenceEncoder encoder(model, kernels);
        const bool slides =
            std::string(kind) == "sasrec";  // the GRU's state remembers more than its positions
        Rows32 shard(encoder, 37, slides ? 20 : 40);
        std::vector<std::vector<ItemId>> ever(37);
        for (std::int32_t row = 0; row < 37; ++row) {
          for (std::int32_t t = 0; t < row % 11; ++t) {
            shard.append(
                row, random_item(catalogue, static_cast<std::uint64_t>(row), static_cast<std::uint32_t>(t)));
          }
        }
        encoder.begin(shard.all, shard.histories(), shard.sizes(), shard.states(), *shard.cache);
        for (std::uint32_t step = 0; step < 9; ++step) {
          std::vector<std::int32_t> added;
          for (std::int32_t row = 0; row < 37; ++row) {
            const auto count = static_cast<std::int32_t>((static_cast<std::uint32_t>(row) + step) % 3);
            for (std::int32_t k = 0; k < count; ++k) {
              shard.append(row, random_item(catalogue, static_cast<std::uint64_t>(row),
                                            100 + 3 * step + static_cast<std::uint32_t>(k)));
            }
            added.push_back(count);
          }
          encoder.advance(shard.all, shard.histories(), shard.sizes(), added, shard.states(), *shard.cache);
          for (std::int32_t row = 0; row < 37; ++row) {
            if (shard.of(row).empty()) continue;
            if (!slides && shard.of(row).size() > 12) continue;
            CHECK(gap(shard.states().row(row), plain_readout(model, shard.of(row))) < 1e-5F);
          }
        }
      }
    }
  }

  TEST_CASE("a rebuilt state equals the carried one, bit for bit") {
    for (const char* kind : {"sasrec", "gru4rec"}) {
      CAPTURE(kind);
      const SequenceModel model = small_model(kind, catalogue);
      const SequenceEncoder encoder(model);
      for (const std::int32_t rows : {32, 64, 128}) {
        Rows32 kept(encoder, rows, 12), rebuilt(encoder, rows, 12);
        for (std::int32_t row = 0; row < rows; ++row) {
          for (std::uint32_t t = 0; t < 4; ++t)
            kept.append(row, random_item(catalogue, static_cast<std::uint64_t>(row), t));
        }
        encoder.begin(kept.all, kept.histories(), kept.sizes(), kept.states(), *kept.cache);
        for (std::uint32_t step = 0; step < 8; ++step) {
          std::vector<std::int32_t> added;
          for (std::int32_t row = 0; row < rows; ++row) {
            added.push_back(static_cast<std::int32_t>((static_cast<std::uint32_t>(row) + step) % 2));
            if (added.back() == 1)
              kept.append(row, random_item(catalogue, static_cast<std::uint64_t>(row), 50 + step));
          }
          if (step == 5) {  // another shard borrowed the workspace in between
            kept.cache->forget();
          }
          encoder.advance(kept.all, kept.histories(), kept.sizes(), added, kept.states(), *kept.cache);
        }
        rebuilt.history = kept.history;
        rebuilt.size = kept.size;
        encoder.begin(rebuilt.all, rebuilt.histories(), rebuilt.sizes(), rebuilt.states(), *rebuilt.cache);
        if (tests::places_alike) CHECK(kept.state == rebuilt.state);
      }
    }
  }

  TEST_CASE("a row depends neither on its place nor on its neighbours nor on padding") {
    for (const char* kind : {"sasrec", "gru4rec"}) {
      CAPTURE(kind);
      const SequenceModel model = small_model(kind, catalogue);
      const SequenceEncoder encoder(model);
      std::vector<float> first;
      for (const std::int32_t rows : {32, 64, 128, 3}) {
        for (const std::int32_t capacity : {9, 30}) {  // wider columns only add padding
          for (const std::int32_t place : {0, rows / 2, rows - 1}) {
            Rows32 shard(encoder, rows, capacity);
            for (std::int32_t row = 0; row < rows; ++row) {
              const std::int32_t length = row == place ? 6 : (row * 7 + place) % 9;
              const auto who = static_cast<std::uint64_t>(row == place ? 999 : row + rows);
              for (std::int32_t t = 0; t < length; ++t) {
                shard.append(row, random_item(catalogue, who, static_cast<std::uint32_t>(t)));
              }
            }
            encoder.begin(shard.all, shard.histories(), shard.sizes(), shard.states(), *shard.cache);
            const auto mine = shard.states().row(place);
            if (first.empty()) first.assign(mine.begin(), mine.end());
            if (tests::places_alike) CHECK(std::ranges::equal(mine, first));
          }
        }
      }
    }
  }

  TEST_CASE("copied rows go on as if they were the original") {
    const SequenceModel model = small_model("sasrec", catalogue);
    const SequenceEncoder encoder(model);
    Rows32 shard(encoder, 8, 12);
    for (const std::int32_t row : {0, 1}) {
      for (std::uint32_t t = 0; t < 5; ++t)
        shard.append(row, random_item(catalogue, static_cast<std::uint64_t>(row), t));
    }
    encoder.begin(std::vector<std::int32_t>{0, 1}, shard.histories(), shard.sizes(), shard.states(),
                  *shard.cache);
    const std::vector<std::int32_t> from{1, 1}, to{4, 6};
    for (const std::int32_t row : to) {
      std::ranges::copy(shard.histories().row(1), shard.histories().row(row).begin());
      std::ranges::copy(shard.states().row(1), shard.states().row(row).begin());
      shard.size[static_cast<std::size_t>(row)] = shard.size[1];
    }
    encoder.copy(from, to, *shard.cache);
    const std::vector<std::int32_t> moved{1, 4, 6}, added{1, 1, 1};
    for (const std::int32_t row : moved) shard.append(row, 17);
    encoder.advance(moved, shard.histories(), shard.sizes(), added, shard.states(), *shard.cache);
    CHECK(std::ranges::equal(shard.states().row(1), shard.states().row(4)));
    CHECK(std::ranges::equal(shard.states().row(1), shard.states().row(6)));
    CHECK(gap(shard.states().row(4), plain_readout(model, shard.of(4))) < 1e-5F);
  }

  TEST_CASE("all prefixes of all paths equal one forward pass each, refused items skipped") {
    for (const char* kind : {"sasrec", "gru4rec"}) {
      for (const Kernels kernels : {Kernels::automatic, Kernels::portable}) {
        CAPTURE(kind);
        const SequenceModel model = small_model(kind, catalogue);
        const SequenceEncoder encoder(model, kernels);
        const bool slides = std::string(kind) == "sasrec";
        // 70 prompts cross the group of 64; some histories exceed the 12 positions, some are empty, paths run
        // past them.
        const std::int32_t prompts = 70, width = slides ? 15 : 6, longest = slides ? 10 : 6, each = 3;
        std::vector<ItemId> history(static_cast<std::size_t>(prompts * width)), target(70, 3);
        std::vector<std::int32_t> size, prompt, length;
        std::vector<UserId> user(70, 0);
        for (std::int32_t p = 0; p < prompts; ++p) {
          size.push_back(p % (width + 1));
          for (std::int32_t t = 0; t < size.back(); ++t) {
            history[static_cast<std::size_t>(p * width + t)] =
                random_item(catalogue, static_cast<std::uint64_t>(p), static_cast<std::uint32_t>(t));
          }
        }
        std::vector<ItemId> items;
        std::vector<std::uint8_t> accepted;
        for (std::int32_t path = 0; path < prompts * each; ++path) {
          prompt.push_back(path / each);
          length.push_back(path % (longest + 1));
          for (std::int32_t k = 0; k < longest; ++k) {
            items.push_back(random_item(catalogue, static_cast<std::uint64_t>(path),
                                        200 + static_cast<std::uint32_t>(k)));
            accepted.push_back((path + k) % 4 == 0 ? feedback::refused : feedback::accepted);
          }
        }
        PathQuery query;
        query.history = {history.data(), prompts, width};
        query.history_size = size;
        query.user = user;
        query.target = target;
        query.prompt = prompt;
        query.items = {items.data(), prompts * each, longest};
        query.accepted = {accepted.data(), prompts * each, longest};
        query.length = length;
        const PathReadouts out = encoder.read_paths(query);
        for (std::int32_t path = 0; path < prompts * each; ++path) {
          const auto i = static_cast<std::size_t>(path);
          const std::int32_t p = prompt[i];
          const auto start =
              query.history.row(p).first(static_cast<std::size_t>(size[static_cast<std::size_t>(p)]));
          std::vector<ItemId> all(start.begin(), start.end());
          if (!all.empty() && path % each == 0)
            CHECK(gap(out.view().row(p), plain_readout(model, all)) < 1e-5F);
          std::int32_t count = 0;
          for (std::int32_t k = 0; k < length[i]; ++k) {
            if (query.accepted(path, k) == 0) continue;
            all.push_back(query.items(path, k));
            CHECK(gap(out.view().row(out.row(i, ++count)), plain_readout(model, all)) < 1e-5F);
          }
        }
      }
    }
  }

  TEST_CASE("an empty history: nothing known for SASRec, the initial state for GRU4Rec") {
    const SequenceModel sasrec = small_model("sasrec", catalogue);
    const SequenceEncoder encoder(sasrec);
    Rows32 shard(encoder, 2, 5);
    std::fill(shard.state.begin(), shard.state.end(), 7.0F);
    encoder.begin(shard.all, shard.histories(), shard.sizes(), shard.states(), *shard.cache);
    CHECK(std::ranges::all_of(shard.state, [](float x) { return x == 0.0F; }));
    const SequenceModel gru = small_model("gru4rec", catalogue);
    const SequenceEncoder other(gru);
    Rows32 rows(other, 2, 5);
    std::fill(rows.state.begin(), rows.state.end(), 7.0F);
    other.begin(rows.all, rows.histories(), rows.sizes(), rows.states(), *rows.cache);
    const NamedArrays arrays = gru.to_arrays();
    const auto bias = arrays.get<float>("readout.bias");
    CHECK(gap(rows.states().row(1), bias) < 1e-6F);
    CHECK(std::ranges::all_of(rows.states().row(1).subspan(32), [](float x) { return x == 0.0F; }));
  }

  TEST_CASE("on every device there is, read-outs agree with the CPU's") {
    const SequenceModel here = small_model("sasrec", catalogue);
    std::vector<std::string> devices{"cpu"};
    if (torch::cuda::is_available()) devices.emplace_back("cuda:0");
    for (const std::string& device : devices) {
      const SequenceModel model = small_model("sasrec", catalogue, 7, 12, device);
      const SequenceEncoder encoder(model);
      Rows32 shard(encoder, 32, 12);
      for (std::int32_t row = 0; row < 32; ++row) shard.append(row, row + 1);
      encoder.begin(shard.all, shard.histories(), shard.sizes(), shard.states(), *shard.cache);
      for (std::int32_t row = 0; row < 32; ++row) {
        CHECK(gap(shard.states().row(row), plain_readout(here, shard.of(row))) < 1e-4F);
      }
    }
  }
}

}  // namespace
}  // namespace veer::nn
