#include <time.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "env/error.h"
#include "env/runtime.h"
#include "tools/bench/workload.h"

namespace veer::bench {
double seconds_of(const std::function<void()>& work) {
  // OpenMP's workers spin for milliseconds after their last task and would take a core from what comes next.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  if (interrupted()) throw Interrupted("interrupted between two timings; nothing was kept");
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

std::pair<double, double> alternate(int repetitions, const std::function<void()>& a,
                                    const std::function<void()>& b) {
  a();
  b();
  std::vector<double> first, second;
  for (int i = 0; i < repetitions; ++i) {
    first.push_back(seconds_of(a));
    second.push_back(seconds_of(b));
  }
  return {median(first), median(second)};
}

}  // namespace veer::bench
