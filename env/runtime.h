// Threads, allocator, denormals and signals of the process: constructed once, first thing in every main.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace veer {

struct RuntimeOptions {
  int threads = 0;  ///< workers; 0: one per core this process may use. More than cores is allowed (tests do).
  bool handle_signals = false;  ///< SIGINT and SIGTERM set interrupted() instead of ending the process
};

/// Owns the TBB arena and the process-wide settings: TBB may use `threads` workers, OpenBLAS one, malloc
/// keeps its pages, denormals are flushed on every worker. Programs that use LibTorch also call
/// nn::configure_libtorch(). Create one, keep it alive as long as anything of Veer runs.
class Runtime {
 public:
  explicit Runtime(const RuntimeOptions& options = {});
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  int threads() const noexcept;
  /// Runs `work` inside the arena: every Engine and score_paths_parallel call belongs in here; outside
  /// of it workers do not flush denormals, and results may differ in their last bits.
  void run(const std::function<void()>& work);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// True after SIGINT or SIGTERM was caught. Long loops look once per unit of work, commit, and throw
/// Interrupted.
bool interrupted() noexcept;
void request_interrupt() noexcept;
void clear_interrupt() noexcept;

/// Workers of the arena this is called in.
int arena_threads() noexcept;

/// Runs body(i) for i in 0..count-1 as independent tasks of the current arena.
void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body);

/// Work that goes on beside the caller's, on a thread of its own with an arena of as many workers as the
/// current one and the runtime's settings. TBB's bound on workers is shared by both arenas.
class Beside {
 public:
  explicit Beside(std::function<void()> work);
  ~Beside();  ///< waits; what the work threw is lost
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

  /// Waits, and throws what the work threw. Once.
  void join();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veer
