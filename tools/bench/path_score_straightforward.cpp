#include "tools/bench/path_score_straightforward.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <torch/types.h>

#include <algorithm>
#include <chrono>

#include "env/nn/training/sequence_forward_net.h"
#include "tools/bench/workload.h"

namespace veer::bench {
namespace {

/// Path j of every user in [first, first + users): histories with the path behind them, [users, H + L].
torch::Tensor sequences(const PathQuery& query, std::int32_t first, std::int32_t users, std::int32_t each,
                        std::int32_t j) {
  const std::int64_t h = query.history.width(), l = query.items.width();
  torch::Tensor out = torch::empty({users, h + l}, torch::kInt64);
  auto* to = out.data_ptr<std::int64_t>();
  for (std::int32_t u = first; u < first + users; ++u) {
    to = std::ranges::copy(query.history.row(u), to).out;
    to = std::ranges::copy(query.items.row(u * each + j), to).out;
  }
  return out;
}

struct Store {
  PrefixScores& out;
  bool with_bounds;

  /// Rows of one batch: the prefixes of length k of paths first, first + step, ...
  void prefix(const torch::Tensor& logits, const torch::Tensor& target, std::int32_t first, std::int32_t step,
              std::int32_t k) const {
    const torch::Tensor p = torch::softmax(logits, 1);
    const torch::Tensor order = torch::argsort(p, 1, /*descending=*/true);
    const torch::Tensor position = order.eq(target).to(torch::kInt64).argmax(1).add_(1);
    const torch::Tensor interest = p.gather(1, target).squeeze(1).log();
    const auto rows = static_cast<std::int32_t>(logits.size(0));
    const auto width = static_cast<std::size_t>(out.length) + 1;
    const auto at = [&](std::int32_t i) {
      return static_cast<std::size_t>(first + i * step) * width + static_cast<std::size_t>(k);
    };
    for (std::int32_t i = 0; i < rows; ++i) {
      out.interest[at(i)] = interest.data_ptr<float>()[i];
      out.rank[at(i)] = position.data_ptr<std::int64_t>()[i];
    }
    if (!with_bounds) return;
    const torch::Tensor own = logits.gather(1, target);
    const torch::Tensor slack = 1e-5 * std::get<0>(logits.abs().max(1, /*keepdim=*/true));
    const torch::Tensor lowest = logits.gt(own + slack).sum(1).add_(1);
    const torch::Tensor highest = logits.gt(own - slack).sum(1).add_(1);
    for (std::int32_t i = 0; i < rows; ++i) {
      out.lowest_rank[at(i)] = lowest.data_ptr<std::int64_t>()[i];
      out.highest_rank[at(i)] = highest.data_ptr<std::int64_t>()[i];
    }
  }
};

using SetThreads = void (*)(int);

void set_threads(int threads) {
  at::set_num_threads(threads);
  for (const char* name : {"openblas_set_num_threads", "MKL_Set_Num_Threads"}) {
    if (auto set = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, name))) set(threads);
  }
}

}  // namespace

IntraOpThreads::IntraOpThreads(int threads) : before_(at::get_num_threads()) { set_threads(threads); }
IntraOpThreads::~IntraOpThreads() { set_threads(before_); }

PrefixScores score_straightforwardly(const nn::SequenceModel& model, const PathQuery& query,
                                     bool with_bounds) {
  const c10::InferenceMode guard;
  const nn::SequenceNet& net = model.net();
  const torch::Tensor table = net.at("item_embedding");
  const std::int32_t prompts = query.history.rows(), paths = query.items.rows();
  const std::int32_t each = paths / prompts, length = query.items.width();
  const std::int64_t history = query.history.width();
  PrefixScores out;
  out.length = length;
  const auto rows = static_cast<std::size_t>(paths) * static_cast<std::size_t>(length + 1);
  out.interest.resize(rows);
  out.rank.resize(rows);
  out.acceptance.resize(static_cast<std::size_t>(paths) * static_cast<std::size_t>(length));
  if (with_bounds) {
    out.lowest_rank.resize(rows);
    out.highest_rank.resize(rows);
  }
  const Store store{out, with_bounds};
  for (std::int32_t first = 0; first < prompts; first += straightforward_users) {
    const std::int32_t users = std::min(straightforward_users, prompts - first);
    torch::Tensor target = torch::empty({users, 1}, torch::kInt64);
    std::copy_n(query.target.begin() + first, users, target.data_ptr<std::int64_t>());
    torch::Tensor start, start_logits;
    for (std::int32_t j = 0; j < each; ++j) {
      const torch::Tensor items = sequences(query, first, users, each, j);
      for (std::int32_t k = 0; k <= length; ++k) {
        torch::Tensor readout;
        if (k == 0 && j > 0) {
          readout = start;
        } else {
          const torch::Tensor seen = items.slice(1, 0, history + k).contiguous();
          readout = nn::encode(net, seen).select(1, history + k - 1);
        }
        if (k == 0 && j == 0) {
          start = readout;
          store.prefix(readout.mm(table.t()), target, first * each, each, 0);
        }
        if (k > 0) store.prefix(readout.mm(table.t()), target, first * each + j, each, k);
        if (k == length) continue;
        const torch::Tensor shown = table.index_select(0, items.select(1, history + k).contiguous());
        const torch::Tensor yes = torch::sigmoid((readout * shown).sum(1));
        for (std::int32_t u = 0; u < users; ++u) {
          out.acceptance[static_cast<std::size_t>((first + u) * each + j) * static_cast<std::size_t>(length) +
                         static_cast<std::size_t>(k)] = yes.data_ptr<float>()[u];
        }
      }
    }
  }
  // The history's scores belong to every path of the user.
  const auto width = static_cast<std::size_t>(length) + 1;
  for (std::int32_t path = 0; path < paths; ++path) {
    const auto from = static_cast<std::size_t>(path / each * each) * width,
               to = static_cast<std::size_t>(path) * width;
    out.interest[to] = out.interest[from];
    out.rank[to] = out.rank[from];
    if (with_bounds) {
      out.lowest_rank[to] = out.lowest_rank[from];
      out.highest_rank[to] = out.highest_rank[from];
    }
  }
  return out;
}

double sgemm_gflops() {
  const c10::InferenceMode guard;
  constexpr std::int64_t n = 1024;
  const torch::Tensor a = torch::full({n, n}, 0.5F), b = torch::full({n, n}, 0.25F);
  torch::Tensor c = torch::empty({n, n});
  double best = 1e9;
  for (int i = 0; i < 8; ++i) {
    const auto start = std::chrono::steady_clock::now();
    at::mm_out(c, a, b);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return 2.0 * static_cast<double>(n * n * n) / best * 1e-9;
}

}  // namespace veer::bench
