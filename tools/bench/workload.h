// What `veer bench` can measure: named workloads, each the engine against the straightforward way in the same
// run.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace veer::bench {

/// Items of MovieLens-1M: the catalogue of most workloads.
inline constexpr std::int32_t movielens_items = 3706;

/// People per batch of the straightforward way.
inline constexpr std::int32_t straightforward_users = 64;

struct BenchOptions {
  int repetitions =
      5;  ///< timed repetitions of each side, alternating, after one warm-up of each; medians are reported
  bool quick = false;  ///< smaller cases, for a look in seconds; ratios then mean less
  std::uint64_t seed = 1;
  int threads = 2;  ///< workers of the running arena, for the record
  std::int64_t cache_mb = 1024;
  std::string encoder = "gru";  ///< train-sequential: gru, caser, nextitnet or sasrec
};

struct BenchCase {
  std::string name;              ///< "64x16 paths"
  std::string unit;              ///< "paths/s"
  double engine = 0.0;           ///< median, in `unit`
  double straightforward = 0.0;  ///< median of the faster straightforward way; 0: none exists
  double ratio = 0.0;            ///< engine / straightforward; 0: none exists
  bool agrees = true;            ///< both sides computed the same results, as the workload defines it
  std::vector<std::pair<std::string, double>>
      figures;  ///< further numbers by name, with the unit in the name
  std::string note;
};

struct BenchReport {
  std::string workload;
  std::vector<BenchCase> cases;
  std::vector<std::string> notes;  ///< what a reader must know to read the figures
};

struct Workload {
  std::string name;
  std::string description;  ///< one sentence: what is done, against what
  std::function<BenchReport(const BenchOptions&)> run;
};

/// All workloads of this build, in the order in which `veer bench --list` prints them. Call inside the
/// runtime's arena.
std::vector<Workload> workloads();

/// Wall time of one call, begun after a pause in which the machine comes to rest.
double seconds_of(const std::function<void()>& work);
/// CPU time of all threads of this process so far, in seconds: what work costs on a machine that others use,
/// too.
double cpu_seconds();
double median(std::vector<double> values);  ///< REQUIRES: not empty

/// Median of alternating timings of two ways to do the same work: {seconds of a, seconds of b}. Each runs
/// once before.
std::pair<double, double> alternate(int repetitions, const std::function<void()>& a,
                                    const std::function<void()>& b);

}  // namespace veer::bench
