#include "agents/replay/online_training.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <numeric>

#include "agents/replay/acting_ahead.h"
#include "agents/replay/replay_buffer.h"
#include "env/error.h"
#include "env/runtime.h"
#include "env/store/checkpoint.h"

namespace veer {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

/// Episodes that are judged: far from those that are learned from, whatever their number.
constexpr EpisodeId first_judged = EpisodeId{1} << 48;

void check_online(const OnlineOptions& o) {
  const auto require = [](const char* field, std::int64_t value, std::int64_t least) {
    if (value >= least) return;
    throw ConfigError(Where{{}, 0, field},
                      Problem{std::to_string(value), std::to_string(least) + " or more", ""});
  };
  require("steps", o.steps, 1);
  require("collect", o.collect, 1);
  require("updates", o.updates, 1);
  require("learning_starts", o.learning_starts, 1);
  require("report_every", o.report_every, 1);
  require("replay", o.replay, o.learning_starts);
  if (o.staleness < 0 || o.staleness > 64) {
    throw ConfigError(Where{{}, 0, "staleness"}, Problem{std::to_string(o.staleness), "0 to 64", ""});
  }
  if (o.evaluation != nullptr) require("evaluation_episodes", o.evaluation_episodes, 1);
}

std::string identity_of(const OnlineOptions& o) {
  std::string text = "online training\n" + o.identity;
  const auto add = [&](const char* name, std::int64_t value) {
    text += std::string(name) + " " + std::to_string(value) + "\n";
  };
  text += "\nseed " + std::to_string(o.engine.seed) + "\n";
  add("rows", o.engine.rows);
  add("shard_rows", o.engine.shard_rows);
  add("steps", o.steps);
  add("collect", o.collect);
  add("updates", o.updates);
  add("replay", o.replay);
  add("learning_starts", o.learning_starts);
  add("report_every", o.report_every);
  add("evaluation_episodes", o.evaluation == nullptr ? 0 : o.evaluation_episodes);
  if (o.staleness > 0) add("staleness", o.staleness);
  return text + "warm_up " + (o.warm_up ? o.warm_up->spec().name : "itself") + "\n";
}

class OnlineTraining {
 public:
  OnlineTraining(const Scenario& world, Learner& learner, const OnlineOptions& options)
      : learner_(learner),
        options_(options),
        identity_(identity_of(options)),
        policy_(learner.snapshot()),
        engine_(world, policy_->spec(), options.engine),
        rollout_(engine_.shape(), options.collect),
        replay_(options.replay),
        running_return_(at(options.engine.rows), 0.0),
        running_length_(at(options.engine.rows), 0) {
    if (options.evaluation != nullptr) {
      judge_.emplace_back(*options.evaluation, policy_->spec(), options.engine);
    }
    if (options.staleness > 0) stages_.assign(at(options.staleness) + 1, stage(true));
  }

  OnlineResult run() {
    if (!options_.checkpoint.empty() && std::filesystem::exists(options_.checkpoint)) {
      restore(read_checkpoint(options_.checkpoint, identity_));
    }
    resumed_at_ = step_;
    while (step_ < options_.steps) {
      if (interrupted()) {
        save();
        throw_training_interrupted(options_.checkpoint);
      }
      if (options_.budget_seconds > 0.0 && spent_ + seconds_since(begun_) >= options_.budget_seconds) {
        result_.end = OnlineEnd::budget;
        break;
      }
      if (options_.checkpoint_seconds > 0.0 && seconds_since(saved_) >= options_.checkpoint_seconds) save();
      if (options_.staleness > 0) {
        act_and_learn();
      } else {
        collect();
        learn();
      }
      if (step_ >= reported_ + options_.report_every || step_ >= options_.steps) report();
    }
    if (result_.end == OnlineEnd::budget && step_ > reported_) report();
    save();
    if (!best_.all().empty()) learner_.load(best_);
    result_.seconds = seconds_since(begun_);
    result_.steps_here = step_ - resumed_at_;
    return result_;
  }

 private:
  /// The learner after one collection was learned from.
  struct Stage {
    std::shared_ptr<const Policy> policy;
    NamedArrays state;  ///< only where a checkpoint may need it
  };
  Stage stage(bool keeps_state) const {
    Stage out{policy_, {}};
    if (keeps_state && !options_.checkpoint.empty()) learner_.save(out.state);
    return out;
  }

  bool warms_up(std::int64_t steps_before) const {
    return options_.warm_up && steps_before < options_.learning_starts;
  }

  void collect() {
    const auto from = Clock::now();
    engine_.collect(warms_up(step_) ? options_.warm_up : policy_, Mode::sample, rollout_);
    result_.acting_seconds += seconds_since(from);
    remember(rollout_);
  }

  void remember(const Rollout& rollout) {
    count_episodes(rollout.all());
    replay_.add(rollout.all());
    if (options_.collected) options_.collected(rollout.all());
    step_ += rollout.size();
  }

  void learn() {
    if (replay_.added() < options_.learning_starts) return;
    const auto from = Clock::now();
    for (std::int32_t i = 0; i < options_.updates; ++i) stats_ = learner_.update(replay_);
    policy_ = learner_.snapshot();
    result_.updating_seconds += seconds_since(from);
  }

  /// Some collections, about a second's, made while those before them are learned from. How many changes no
  /// result: at the end everything collected has been learned from.
  void act_and_learn() {
    const auto from = Clock::now();
    const std::int64_t size = rollout_.size();
    const std::int64_t until = std::min(options_.steps, reported_ + options_.report_every);
    const std::int64_t count = std::clamp<std::int64_t>((until - step_ + size - 1) / size, 1, at_once_);
    const auto ahead = std::int64_t{options_.staleness} + 1;
    const std::int64_t before = step_;
    ActingAhead acting(engine_, options_.collect, static_cast<std::int32_t>(ahead));
    const auto give = [&](std::int64_t collection, const Stage& by) {
      if (collection < count)
        acting.give(warms_up(before + collection * size) ? options_.warm_up : by.policy);
    };
    for (std::int64_t c = 0; c < ahead; ++c) give(c, stages_[static_cast<std::size_t>(c)]);
    for (std::int64_t c = 0; c < count; ++c) {
      remember(acting.take());
      learn();
      stages_.pop_front();
      stages_.push_back(stage(c + ahead >= count));
      give(c + ahead, stages_.back());
    }
    result_.acting_seconds += acting.finish();
    at_once_ = std::clamp<std::int64_t>(
        static_cast<std::int64_t>(static_cast<double>(count) / std::max(1e-3, seconds_since(from))), 1, 4096);
  }

  void count_episodes(const Transitions& t) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(t.count); ++i) {
      const std::size_t row = i % running_return_.size();
      running_return_[row] += double{t.reward[i]};
      ++running_length_[row];
      if (!has_ended(t.end[i])) continue;
      ++record_.episodes;
      record_.mean_return += running_return_[row];
      record_.mean_length += static_cast<double>(running_length_[row]);
      running_return_[row] = 0.0;
      running_length_[row] = 0;
    }
  }

  /// Closes the record, judges, keeps what is best.
  void report() {
    record_.step = step_;
    if (record_.episodes > 0) {
      record_.mean_return /= static_cast<double>(record_.episodes);
      record_.mean_length /= static_cast<double>(record_.episodes);
    }
    if (!judge_.empty()) {
      const auto from = Clock::now();
      std::vector<EpisodeId> ids(at(options_.evaluation_episodes));
      std::iota(ids.begin(), ids.end(), first_judged);
      const Trajectories played = judge_.front().evaluate(*policy_, Mode::greedy, ids);
      for (std::size_t e = 0; e < ids.size(); ++e) {
        record_.evaluated_return += double{played.episode_return[e]};
        record_.evaluated_length += static_cast<double>(played.length[e]);
      }
      record_.evaluated_return /= static_cast<double>(ids.size());
      record_.evaluated_length /= static_cast<double>(ids.size());
      if (best_.all().empty() || record_.evaluated_return > best_return_) {
        best_ = {};
        learner_.save(best_);
        best_return_ = record_.evaluated_return;
        result_.best_step = step_;
      }
      result_.judging_seconds += seconds_since(from);
    } else {
      result_.best_step = step_;
    }
    result_.records.push_back(record_);
    reported_ = step_;
    tell();
    record_ = {};
  }

  void tell() const {
    if (!options_.progress) return;
    OnlineProgress p;
    p.step = step_;
    p.steps = options_.steps;
    p.mean_return = judge_.empty() ? record_.mean_return : record_.evaluated_return;
    p.mean_length = judge_.empty() ? record_.mean_length : record_.evaluated_length;
    p.episodes = record_.episodes;
    p.stats = stats_;
    p.seconds = seconds_since(begun_);
    const auto done = static_cast<double>(std::max<std::int64_t>(1, step_ - resumed_at_));
    p.seconds_left = std::max(0.0, p.seconds / done * static_cast<double>(options_.steps - step_));
    if (options_.budget_seconds > 0.0) {
      p.seconds_left = std::min(p.seconds_left, std::max(0.0, options_.budget_seconds - spent_ - p.seconds));
    }
    options_.progress(p);
  }

  static std::vector<double> row_of(const OnlineRecord& r) {
    return {static_cast<double>(r.step),
            static_cast<double>(r.episodes),
            r.mean_return,
            r.mean_length,
            r.evaluated_return,
            r.evaluated_length};
  }

  void save() {
    saved_ = Clock::now();
    if (options_.checkpoint.empty()) return;
    NamedArrays state, engine, replay, learner;
    state.set_text("identity", identity_);
    engine_.save(engine);
    replay_.save(replay);
    learner_.save(learner);
    state.put_group("engine", engine);
    state.put_group("replay", replay);
    state.put_group("learner", learner);
    if (!best_.all().empty()) state.put_group("best", best_);
    for (std::size_t i = 0; i + 1 < stages_.size(); ++i) {
      state.put_group("stage" + std::to_string(i), stages_[i].state);
    }
    state.set_scalar<double>("best_return", best_return_);
    state.set_scalar<std::int64_t>("best_step", result_.best_step);
    state.set_scalar<std::int64_t>("step", step_);
    state.set_scalar<std::int64_t>("reported", reported_);
    state.set<double>("running_return", running_return_);
    state.set<std::int64_t>("running_length", running_length_);
    std::vector<double> rows;
    for (const OnlineRecord& record : result_.records) {
      const std::vector<double> row = row_of(record);
      rows.insert(rows.end(), row.begin(), row.end());
    }
    const std::vector<double> open = row_of(record_);
    rows.insert(rows.end(), open.begin(), open.end());
    state.set<double>("records", rows);
    // Without a budget a checkpoint says nothing about the clock: equal trainings leave equal bytes.
    if (options_.budget_seconds > 0.0) state.set_scalar<double>("seconds", spent_ + seconds_since(begun_));
    write_checkpoint(options_.checkpoint, state);
  }

  void restore(const NamedArrays& state) {
    engine_.load(state.group("engine"));
    replay_.load(state.group("replay"));
    for (std::size_t i = 0; i + 1 < stages_.size(); ++i) {
      learner_.load(state.group("stage" + std::to_string(i)));
      policy_ = learner_.snapshot();
      stages_[i] = stage(true);
    }
    learner_.load(state.group("learner"));
    policy_ = learner_.snapshot();
    if (!stages_.empty()) stages_.back() = stage(true);
    best_ = state.group("best");
    best_return_ = state.scalar<double>("best_return");
    result_.best_step = state.scalar<std::int64_t>("best_step");
    step_ = state.scalar<std::int64_t>("step");
    reported_ = state.scalar<std::int64_t>("reported");
    const auto returns = state.get<double>("running_return");
    const auto lengths = state.get<std::int64_t>("running_length");
    const auto rows = state.get<double>("records");
    const std::size_t width = row_of({}).size();
    if (returns.size() != running_return_.size() || lengths.size() != running_length_.size() ||
        rows.size() % width != 0 || rows.empty()) {
      throw FormatError(
          Where{options_.checkpoint, 0, "records"},
          Problem{"arrays of other sizes", "one value per row in flight", "remove the file to begin anew"});
    }
    std::copy(returns.begin(), returns.end(), running_return_.begin());
    std::copy(lengths.begin(), lengths.end(), running_length_.begin());
    for (std::size_t i = 0; i < rows.size(); i += width) {
      const OnlineRecord record{static_cast<std::int64_t>(rows[i]),
                                static_cast<std::int64_t>(rows[i + 1]),
                                rows[i + 2],
                                rows[i + 3],
                                rows[i + 4],
                                rows[i + 5]};
      if (i + width < rows.size()) {
        result_.records.push_back(record);
      } else {
        record_ = record;
      }
    }
    if (state.contains("seconds")) spent_ = state.scalar<double>("seconds");
  }

  Learner& learner_;
  const OnlineOptions& options_;
  const std::string identity_;
  std::shared_ptr<const Policy> policy_;
  Engine engine_;
  std::vector<Engine> judge_;  ///< none or one
  Rollout rollout_;
  std::deque<Stage> stages_;   ///< with staleness: the last staleness + 1, the newest one last
  std::int64_t at_once_ = 16;  ///< collections of act_and_learn()
  ReplayBuffer replay_;
  std::vector<double> running_return_;
  std::vector<std::int64_t> running_length_;
  OnlineRecord record_;  ///< since the last report: sums
  OnlineResult result_;
  UpdateStats stats_;
  NamedArrays best_;
  double best_return_ = 0.0;
  std::int64_t step_ = 0, reported_ = 0, resumed_at_ = 0;
  const Clock::time_point begun_ = Clock::now();
  Clock::time_point saved_ = begun_;
  double spent_ = 0.0;
};

}  // namespace

OnlineResult train_online(const Scenario& world, Learner& learner, const OnlineOptions& options) {
  check_online(options);
  return OnlineTraining(world, learner, options).run();
}

}  // namespace veer
