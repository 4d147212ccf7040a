// What this machine can do at best: plain matrix products on all workers.
#pragma once

namespace veer::bench {

/// Floating-point operations per second of products of 768 by 768 floats on `threads` workers, median.
double sgemm_rate(int threads, int repetitions);

/// The same per second of CPU time: what one core reaches, however busy the machine is.
double sgemm_rate_of_cpu(int threads, int repetitions);

}  // namespace veer::bench
