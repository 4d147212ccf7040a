// Acting that goes on while a learner updates: collections are made in order on a thread of their own, each
// with the policy that was given for it, and taken in order by the learner's thread.
//
// Thread-safety: one thread gives and takes. Determinism: which policy makes which collection is the caller's
// order alone, so the clock decides nothing.
#pragma once

#include <cstdint>
#include <memory>

#include "env/engine.h"

namespace veer {

class ActingAhead {
 public:
  /// The engine is this object's alone until finish() or its end. At most `ahead` collections of `steps`
  /// steps may have been given and not yet taken.
  ActingAhead(Engine& engine, std::int32_t steps, std::int32_t ahead);
  ~ActingAhead();  ///< leaves out what was given and not begun, and waits
  ActingAhead(const ActingAhead&) = delete;
  ActingAhead& operator=(const ActingAhead&) = delete;

  /// The next collection is to be made by this policy, in Mode::sample.
  void give(std::shared_ptr<const Policy> policy);
  /// Waits for the next collection; it stays as it is until the next call. Throws what acting threw.
  const Rollout& take();
  /// REQUIRES: everything given was taken. Seconds spent on acting.
  double finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veer
