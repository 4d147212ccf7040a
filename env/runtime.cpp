#include "env/runtime.h"

#include <dlfcn.h>
#include <malloc.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <tbb/task_scheduler_observer.h>

#include <atomic>
#include <csignal>
#include <exception>
#include <limits>
#include <thread>
#include <utility>

#if defined(__SANITIZE_THREAD__)
#include <mutex>
#include <vector>
#endif

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#ifdef __SANITIZE_ADDRESS__
// A worker that is still leaving an arena keeps TBB's record of its observer: 40 bytes of libtbb's, at exit
// only.
extern "C" const char* __lsan_default_suppressions();  // NOLINT: the sanitizer's name
extern "C" const char* __lsan_default_suppressions() { return "leak:tbb::detail::r1::observe\n"; }
#endif

namespace veer {
namespace {

// Read by signal handlers, hence a lock-free atomic at namespace scope: the one piece of mutable global
// state.
std::atomic<bool> interrupt_flag{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int) { interrupt_flag.store(true, std::memory_order_relaxed); }

/// Denormals slow matrix products by orders of magnitude once recurrent states decay towards zero.
void flush_denormals() noexcept {
#if defined(__SSE__)
  constexpr unsigned flush_to_zero = 0x8000U;
  constexpr unsigned denormals_are_zero = 0x0040U;
  _mm_setcsr(_mm_getcsr() | flush_to_zero | denormals_are_zero);
#endif
}

class FlushDenormals : public tbb::task_scheduler_observer {
 public:
  explicit FlushDenormals(tbb::task_arena& arena) : tbb::task_scheduler_observer(arena) { observe(true); }
  ~FlushDenormals() override { observe(false); }
  void on_scheduler_entry(bool) override { flush_denormals(); }
};

/// OpenBLAS keeps a thread pool of its own that LibTorch's settings never reach; inside TBB tasks it must
/// stay out of the way, and a split reduction would change bits. Looked up at run time because other BLAS
/// libraries lack it.
void hold_blas_to_one_thread() {
  using SetThreads = void (*)(int);
  for (const char* name : {"openblas_set_num_threads", "MKL_Set_Num_Threads"}) {
    if (auto set = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, name))) set(1);
  }
}

}  // namespace

struct Runtime::Impl {
  explicit Impl(int threads)
      : control(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads)),
        arena(threads),
        observer(arena) {}
  tbb::global_control control;
  tbb::task_arena arena;
  FlushDenormals observer;
};

Runtime::Runtime(const RuntimeOptions& options) {
#if defined(__GLIBC__)
  // A logits tile that is mapped and unmapped per operation spends more time in page faults than in
  // arithmetic.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
  hold_blas_to_one_thread();
  flush_denormals();
  const int cores = tbb::this_task_arena::max_concurrency();
  impl_ = std::make_unique<Impl>(options.threads > 0 ? options.threads : cores);
  if (options.handle_signals) {
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    action.sa_flags = static_cast<int>(SA_RESETHAND);  // a second Ctrl-C ends the process at once
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
  }
}

Runtime::~Runtime() = default;

int Runtime::threads() const noexcept { return impl_->arena.max_concurrency(); }

void Runtime::run(const std::function<void()>& work) { impl_->arena.execute(work); }

bool interrupted() noexcept { return interrupt_flag.load(std::memory_order_relaxed); }
void request_interrupt() noexcept { interrupt_flag.store(true, std::memory_order_relaxed); }
void clear_interrupt() noexcept { interrupt_flag.store(false, std::memory_order_relaxed); }

struct Beside::Impl {
  std::exception_ptr error;
  std::thread thread;  // last: it writes what stands above
};

Beside::Beside(std::function<void()> work) : impl_(std::make_unique<Impl>()) {
  impl_->thread = std::thread([own = impl_.get(), work = std::move(work), threads = arena_threads()] {
    flush_denormals();
    tbb::task_arena arena(threads);
    const FlushDenormals observer(arena);
    try {
      arena.execute(work);
    } catch (...) {
      own->error = std::current_exception();
    }
  });
}

Beside::~Beside() {
  if (impl_->thread.joinable()) impl_->thread.join();
}

void Beside::join() {
  impl_->thread.join();
  if (impl_->error) std::rethrow_exception(impl_->error);
}

int arena_threads() noexcept { return tbb::this_task_arena::max_concurrency(); }

#if defined(__SANITIZE_THREAD__)

// The distribution's libtbb is not instrumented, so the thread sanitizer cannot see what it synchronises and
// would report every task. Plain threads run the same bodies with the same freedom of order, and every report
// is real.
void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body) {
  std::atomic<std::int64_t> next{0};
  std::mutex mutex;
  std::exception_ptr first_error;
  const auto work = [&] {
    for (std::int64_t i = next++; i < count; i = next++) {
      try {
        body(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!first_error) first_error = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < 3; ++i) workers.emplace_back(work);
  }
  if (first_error) std::rethrow_exception(first_error);
}

#else

void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body) {
  tbb::parallel_for(
      tbb::blocked_range<std::int64_t>(0, count, 1),
      [&](const tbb::blocked_range<std::int64_t>& range) {
        for (std::int64_t i = range.begin(); i != range.end(); ++i) body(i);
      },
      tbb::simple_partitioner{});
}

#endif

}  // namespace veer
