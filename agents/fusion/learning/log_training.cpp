#include "agents/fusion/learning/log_training.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "env/engine.h"
#include "env/error.h"
#include "env/runtime.h"
#include "env/store/checkpoint.h"

namespace veer::fusion {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t least_seen = 1000;   ///< of a log that grows
constexpr std::int64_t most_starts = 1000;  ///< at which the critic is asked

double seconds_from(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

/// Features at the beginning of the log's first episodes, one after the other.
std::vector<float> starts_of(const Transitions& log) {
  std::vector<float> out;
  std::int64_t found = 0;
  for (std::int32_t row = 0; row < log.count && found < most_starts; ++row) {
    if (log.step[at(row)] != 0) continue;
    const auto first = log.observed.begin() + std::ptrdiff_t{row} * log.features;
    out.insert(out.end(), first, first + log.features);
    ++found;
  }
  return out;
}

class LogTraining {
 public:
  LogTraining(FusionLearner& learner, const TransitionLog& log, const LogTrainingOptions& options)
      : learner_(learner),
        log_(log),
        options_(options),
        source_(log.transitions),
        starts_(starts_of(log.transitions)),
        identity_("training on a log\n" + options.identity + "\nupdates " + std::to_string(options.updates) +
                  "\nreport_every " + std::to_string(options.report_every) + "\nepisodes " +
                  std::to_string(options.world == nullptr ? 0 : options.episodes) + "\nseed " +
                  std::to_string(options.seed) + "\n") {}

  std::vector<LogTrainingRecord> run() {
    if (!options_.checkpoint.empty() && std::filesystem::exists(options_.checkpoint)) restore();
    const std::int64_t resumed = learner_.updates();
    while (learner_.updates() < options_.updates) {
      if (interrupted()) {
        save();
        throw_training_interrupted(options_.checkpoint);
      }
      if (options_.checkpoint_seconds > 0.0 && seconds_from(saved_) >= options_.checkpoint_seconds) save();
      if (log_.manifest.grows) source_.see_first(seen_at(learner_.updates()));
      UpdateStats stats = learner_.update(source_);
      const std::int64_t done = learner_.updates();
      if (done % options_.report_every != 0 && done != options_.updates) continue;
      records_.push_back(look(std::move(stats)));
      if (!options_.progress) continue;
      const double per_update = seconds_from(begun_) / static_cast<double>(done - resumed);
      options_.progress(records_.back(), per_update * static_cast<double>(options_.updates - done));
    }
    return std::move(records_);
  }

 private:
  std::int64_t seen_at(std::int64_t update) const {
    const std::int64_t all = log_.transitions.count;
    const double share = static_cast<double>(update + 1) / static_cast<double>(options_.updates);
    return std::min(
        all, std::max(least_seen, static_cast<std::int64_t>(std::ceil(share * static_cast<double>(all)))));
  }

  LogTrainingRecord look(UpdateStats stats) const {
    LogTrainingRecord out;
    out.update = learner_.updates();
    out.stats = std::move(stats);
    const std::int32_t width = log_.transitions.features;
    std::vector<float> starts = starts_;
    const std::vector<float> values =
        learner_.policy_values({starts.data(), static_cast<std::int32_t>(starts.size()) / width, width});
    const double sum = std::accumulate(values.begin(), values.end(), 0.0);
    out.believed = values.empty() ? 0.0 : sum / static_cast<double>(values.size());
    if (options_.world != nullptr) watch(out);
    return out;
  }

  /// One episode of each of so many people, all of them to their end.
  void watch(LogTrainingRecord& out) const {
    const std::shared_ptr<const Policy> policy = learner_.snapshot();
    Engine engine(*options_.world, policy->spec(), {.rows = options_.episodes, .seed = options_.seed});
    Rollout played(engine.shape(), options_.world->spec().horizon);
    engine.collect(policy, Mode::greedy, played);
    const Transitions& t = played.all();
    for (std::size_t row = 0; row < at(options_.episodes); ++row) {
      double weight = 1.0;
      for (std::size_t i = row; i < at(t.count); i += at(options_.episodes)) {
        out.mean_return += double{t.reward[i]};
        out.realised += weight * double{t.reward[i]};
        out.mean_length += 1.0;
        weight *= options_.discount;
        if (has_ended(t.end[i])) break;
      }
    }
    const auto count = static_cast<double>(options_.episodes);
    out.mean_return /= count;
    out.mean_length /= count;
    out.realised /= count;
  }

  void save() {
    saved_ = Clock::now();
    if (options_.checkpoint.empty()) return;
    NamedArrays state, learner;
    learner_.save(learner);
    state.set_text("identity", identity_);
    state.put_group("learner", learner);
    std::vector<double> rows;
    for (const LogTrainingRecord& r : records_) {
      rows.insert(rows.end(),
                  {static_cast<double>(r.update), r.believed, r.realised, r.mean_return, r.mean_length});
      // A figure that an agent does not have stays away: names and values stand side by side.
      NamedArrays stats;
      for (const auto& [name, value] : r.stats) stats.set_scalar<double>(name, value);
      state.put_group("stats/" + std::to_string(r.update), stats);
    }
    state.set<double>("records", rows);
    write_checkpoint(options_.checkpoint, state);
  }

  void restore() {
    const NamedArrays state = read_checkpoint(options_.checkpoint, identity_);
    learner_.load(state.group("learner"));
    const auto rows = state.get<double>("records");
    for (std::size_t i = 0; i + 5 <= rows.size(); i += 5) {
      LogTrainingRecord r;
      r.update = static_cast<std::int64_t>(rows[i]);
      r.believed = rows[i + 1];
      r.realised = rows[i + 2];
      r.mean_return = rows[i + 3];
      r.mean_length = rows[i + 4];
      const NamedArrays stats = state.group("stats/" + std::to_string(r.update));
      for (const auto& entry : stats.all()) r.stats[entry.first] = stats.scalar<double>(entry.first);
      records_.push_back(std::move(r));
    }
  }

  FusionLearner& learner_;
  const TransitionLog& log_;
  const LogTrainingOptions& options_;
  LoggedTransitions source_;
  const std::vector<float> starts_;
  const std::string identity_;
  std::vector<LogTrainingRecord> records_;
  const Clock::time_point begun_ = Clock::now();
  Clock::time_point saved_ = begun_;
};

}  // namespace

std::vector<LogTrainingRecord> train_on_log(FusionLearner& learner, const TransitionLog& log,
                                            const LogTrainingOptions& options) {
  const auto require = [](const char* field, std::int64_t value) {
    if (value >= 1) return;
    throw ConfigError(Where{{}, 0, field}, Problem{std::to_string(value), "1 or more", ""});
  };
  require("updates", options.updates);
  require("report_every", options.report_every);
  if (options.world != nullptr) require("episodes", options.episodes);
  return LogTraining(learner, log, options).run();
}

double largest_return(const TransitionManifest& manifest, double discount) {
  double sum = 0.0, weight = 1.0;
  for (std::int32_t step = 0; step < manifest.horizon; ++step, weight *= discount) sum += weight;
  return manifest.largest_reward * sum;
}

bool has_diverged(double mean_value, const TransitionManifest& manifest, double discount) {
  return !std::isfinite(mean_value) || mean_value > 2.0 * largest_return(manifest, discount);
}

}  // namespace veer::fusion
