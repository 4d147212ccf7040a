// Objects lent to one worker after another, made when none is free. Thread-safe.
#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace veer {

template <class T>
class LendingPool {
 public:
  explicit LendingPool(std::function<T()> make) : make_(std::move(make)) {}

  T take() {
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        T object = std::move(free_.back());
        free_.pop_back();
        return object;
      }
    }
    return make_();
  }
  void put_back(T object) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(object));
  }

 private:
  std::function<T()> make_;
  std::mutex mutex_;
  std::vector<T> free_;
};

}  // namespace veer
