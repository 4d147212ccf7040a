// Memory that tasks need while they run: taken from a pool, put back afterwards, so that there are as many
// pieces as tasks ever ran at once. Thread-safe. What a piece holds must not decide results, as which task
// gets which is left to chance.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace veer {

template <class Scratch>
class ScratchPool {
 public:
  /// Returns work(scratch).
  template <class Work>
  auto with(const Work& work) {
    std::unique_ptr<Scratch> mine;
    {
      const std::scoped_lock hold(lock_);
      if (!idle_.empty()) {
        mine = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (!mine) mine = std::make_unique<Scratch>();
    auto result = work(*mine);
    const std::scoped_lock hold(lock_);
    idle_.push_back(std::move(mine));
    return result;
  }

 private:
  std::mutex lock_;
  std::vector<std::unique_ptr<Scratch>> idle_;
};

}  // namespace veer
