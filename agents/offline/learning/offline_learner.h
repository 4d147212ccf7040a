// One update of an offline next-item agent: a batch of logged events, the losses of its kind, one step of
// Adam. Torch-free header.
//
// Not thread-safe: one thread calls, inside the arena whose workers shall help. Determinism: weights are a
// function of log, options and seed, for any number of threads. Batches are drawn without replacement within
// a batch and independently of each other, as the released code of SQN draws them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "agents/offline/agent_options.h"
#include "agents/offline/offline_model.h"
#include "agents/offline/session_log.h"
#include "env/learner.h"
#include "env/named_arrays.h"

namespace veer::offline {

class OfflineLearner {
 public:
  /// `log` must outlive the learner. `mean_returns` [prompt_steps]: what prompts and weights divide by;
  /// empty: the means of `log`. Throws ConfigError for options out of range, DataError for a log with fewer
  /// events than a batch.
  OfflineLearner(const SessionLog& log, const AgentOptions& options, std::uint64_t seed,
                 std::vector<float> mean_returns = {});
  ~OfflineLearner();

  /// "loss": mean over the batch of all that is minimised; "cross_entropy", and with action values "value"
  /// (the mean of q of the logged actions) and "value_error" (the mean of the squared errors' halves).
  UpdateStats update();
  std::int64_t updates() const noexcept;

  /// The first network, as it ranks; it is the one that the released code evaluates.
  OfflineModel snapshot() const;
  /// The other one of two that take turns: as good as the first, since a coin chooses who learns. Only where
  /// AgentOptions::has_twin().
  OfflineModel twin_snapshot() const;
  NamedArrays state() const;
  void restore(const NamedArrays& state);  ///< throws FormatError

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veer::offline
