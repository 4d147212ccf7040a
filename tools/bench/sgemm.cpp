#include "tools/bench/sgemm.h"

#include <torch/types.h>

#include <functional>
#include <vector>

#include "env/runtime.h"
#include "tools/bench/workload.h"

namespace veer::bench {

namespace {

/// Seconds of every repetition, by `clock`.
template <class Clock>
double sgemm_by(int threads, int repetitions, const Clock& clock) {
  constexpr std::int64_t n = 768;
  std::vector<double> seconds;
  const torch::Tensor a = torch::rand({n, n}), b = torch::rand({n, n});
  std::vector<torch::Tensor> out(static_cast<std::size_t>(threads));
  for (torch::Tensor& t : out) t = torch::empty({n, n});
  for (int i = 0; i <= repetitions; ++i) {
    const double s = clock([&] {
      parallel_for(threads, [&](std::int64_t t) {
        const c10::InferenceMode guard;
        for (int k = 0; k < 4; ++k) at::mm_out(out[static_cast<std::size_t>(t)], a, b);
      });
    });
    if (i > 0) seconds.push_back(s);
  }
  return 4.0 * threads * 2.0 * n * n * n / median(seconds);
}

}  // namespace

double sgemm_rate(int threads, int repetitions) {
  return sgemm_by(threads, repetitions, [](const std::function<void()>& work) { return seconds_of(work); });
}

double sgemm_rate_of_cpu(int threads, int repetitions) {
  return sgemm_by(threads, repetitions, [](const std::function<void()>& work) {
    const double before = cpu_seconds();
    work();
    return cpu_seconds() - before;
  });
}

}  // namespace veer::bench
