#include "agents/replay/acting_ahead.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "env/runtime.h"

namespace veer {

struct ActingAhead::Impl {
  Impl(Engine& e, std::int32_t steps, std::int32_t ahead) : engine(e) {
    // One more than may wait: the one that the learner reads.
    for (std::int32_t i = 0; i <= ahead; ++i) {
      rollouts.emplace_back(engine.shape(), steps);
      free.push_back(i);
    }
    thread = std::make_unique<Beside>([this] { act(); });
  }

  void act() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [this] { return closed || !given.empty(); });
      if (given.empty()) return;
      const std::shared_ptr<const Policy> policy = std::move(given.front());
      given.pop_front();
      const std::int32_t rollout = free.front();
      free.pop_front();
      lock.unlock();
      const auto from = std::chrono::steady_clock::now();
      try {
        engine.collect(policy, Mode::sample, rollouts[at(rollout)]);
      } catch (...) {
        lock.lock();
        failed = true;
        changed.notify_all();
        throw;
      }
      lock.lock();
      seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
      made.push_back(rollout);
      changed.notify_all();
    }
  }

  void close() {
    const std::lock_guard lock(mutex);
    closed = true;
    changed.notify_all();
  }

  Engine& engine;
  std::vector<Rollout> rollouts;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::shared_ptr<const Policy>> given;
  std::deque<std::int32_t> free, made;
  std::int32_t read = -1;  ///< what the learner reads
  bool closed = false, failed = false;
  double seconds = 0.0;
  std::unique_ptr<Beside> thread;  ///< last: it uses what stands above
};

ActingAhead::ActingAhead(Engine& engine, std::int32_t steps, std::int32_t ahead)
    : impl_(std::make_unique<Impl>(engine, steps, ahead)) {}

ActingAhead::~ActingAhead() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->given.clear();
  }
  impl_->close();
}

void ActingAhead::give(std::shared_ptr<const Policy> policy) {
  const std::lock_guard lock(impl_->mutex);
  impl_->given.push_back(std::move(policy));
  impl_->changed.notify_all();
}

const Rollout& ActingAhead::take() {
  std::unique_lock lock(impl_->mutex);
  if (impl_->read >= 0) impl_->free.push_back(impl_->read);
  impl_->changed.wait(lock, [this] { return impl_->failed || !impl_->made.empty(); });
  if (impl_->made.empty()) {
    lock.unlock();
    impl_->thread->join();  // throws
  }
  impl_->read = impl_->made.front();
  impl_->made.pop_front();
  return impl_->rollouts[at(impl_->read)];
}

double ActingAhead::finish() {
  impl_->close();
  impl_->thread->join();
  return impl_->seconds;
}

}  // namespace veer
