// Logs of decisions in continuous actions (x.log.h5): what was seen, what was done, how likely that was, what
// came of it. Format: TRANSITION_FORMAT.md. Thread-safety: free functions and value types.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "env/learner.h"

namespace veer {

inline constexpr int transition_format = 1;

/// What a log says about itself.
struct TransitionManifest {
  std::string scenario;  ///< "fusion-v1"
  std::string world;     ///< its rules, lines of TOML
  std::string regime;    ///< how it was made: "random", "expert", "final-buffer", ...
  std::string policy;    ///< who acted
  bool grows = false;    ///< made while its learner learned: learn from its first part first ("concurrent")
  bool has_densities = false;   ///< log_prob is the log density of the action; else it was not drawn
  double largest_reward = 0.0;  ///< that a step can have
  std::int32_t horizon = 0;     ///< steps of an episode, at most
  std::string fingerprint;      ///< of the world's data
  std::uint64_t seed = 0;
  friend bool operator==(const TransitionManifest&, const TransitionManifest&) = default;
};

/// Columns of `transitions` in the order of time: episode, step, user, observed, next_observed, action_reals,
/// log_prob, reward, end. Others are empty.
struct TransitionLog {
  TransitionManifest manifest;
  Transitions transitions;
};

/// A log as a source of transitions: all of it, or its first part.
class LoggedTransitions final : public TransitionSource {
 public:
  /// `log` must outlive it.
  explicit LoggedTransitions(const Transitions& log) : log_(log), size_(log.count) {}
  std::int64_t size() const noexcept override { return size_; }
  void gather(std::span<const std::int64_t> indices, Transitions& out) const override;
  /// From now on only the first `count` transitions are there. REQUIRES: 1 <= count <= those of the log.
  void see_first(std::int64_t count) noexcept { size_ = count; }

 private:
  const Transitions& log_;
  std::int64_t size_;
};

/// Throws DataError naming the row (from 0), what was found and what is expected: an empty log, values that
/// are not finite, actions outside -1..1, episodes whose steps do not follow one another, that do not end, or
/// go on after their end. Returns the rows of every episode, in the order of their steps.
std::vector<std::vector<std::int32_t>> episodes_of(const TransitionLog& log, const std::string& name);

/// The sum of discounted rewards of each episode, whole or as far as it was logged.
std::vector<double> discounted_returns(const TransitionLog& log,
                                       std::span<const std::vector<std::int32_t>> episodes, double discount);

/// Marks the last logged step of every episode that did not end as truncated: people would have gone on.
void close_episodes(Transitions& transitions);

/// Checked as episodes_of() does before it is written. Throws DataError, IoError.
void write_transitions(const std::filesystem::path& path, const TransitionLog& log);
/// Throws IoError; FormatError, VerificationError and DataError with the file's name.
TransitionLog read_transitions(const std::filesystem::path& path);
TransitionLog parse_transitions(std::span<const std::byte> bytes, const std::string& name);
std::vector<std::byte> transition_bytes(const TransitionLog& log);

}  // namespace veer
