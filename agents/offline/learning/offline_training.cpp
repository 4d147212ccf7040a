#include "agents/offline/learning/offline_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "env/data/sha256.h"
#include "env/error.h"
#include "env/nn/hyper_parameters.h"
#include "env/runtime.h"
#include "env/store/checkpoint.h"

namespace veer::offline {
namespace {

using Clock = std::chrono::steady_clock;

double passed_since(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

/// All that shapes the weights, in words.
std::string identity_of(const SessionLog& training, const SessionLog& validation,
                        const OfflineTrainingOptions& o) {
  std::string text =
      fmt::format("offline agent\nseed {}\nupdates {} evaluated every {} patience {} events {}\n", o.seed,
                  o.updates, o.evaluate_every, o.patience, o.evaluation_events);
  if (o.keep_twin) text += "with its twin\n";
  for (const auto& [name, value] : o.agent.to_hyper_parameters()) text += fmt::format("{} {}\n", name, value);
  Sha256 hash;
  hash.update_values<float>(o.mean_returns);
  for (const SessionLog* log : {&training, &validation}) {
    for (std::int64_t e = 0; e < log->events(); ++e) {
      const std::int32_t row[] = {log->session_of(e), log->item(e), log->purchase(e) ? 1 : 0};
      const float reward[] = {log->reward(e)};
      hash.update_values<std::int32_t>(row);
      hash.update_values<float>(reward);
    }
  }
  return text + "data " + o.data + "\nsessions " + hash.finish() + "\n";
}

void check_training(const SessionLog& validation, const OfflineTrainingOptions& o) {
  if (o.updates < 1) nn::reject_field("updates", std::to_string(o.updates), "1 or more");
  if (o.evaluate_every < 1) nn::reject_field("evaluate_every", std::to_string(o.evaluate_every), "1 or more");
  if (o.patience < 0) nn::reject_field("patience", std::to_string(o.patience), "0 (never) or more");
  if (o.keep_twin && !o.agent.has_twin()) {
    nn::reject_field("keep_twin", "an agent of one network", "one of two that take turns");
  }
  if (validation.events() == 0) {
    throw DataError(
        Where{{}, 0, "validation sessions"},
        Problem{"none", "at least one", "a tenth of all people is for validation: use more of them"});
  }
}

class Training {
 public:
  Training(const SessionLog& training, const SessionLog& validation, const OfflineTrainingOptions& options)
      : validation_(validation),
        items_(training.items()),
        options_(options),
        learner_(training, options.agent, options.seed, options.mean_returns),
        identity_(identity_of(training, validation, options)) {}

  OfflineTrainingResult run() {
    if (!options_.checkpoint.empty() && std::filesystem::exists(options_.checkpoint)) {
      restore(read_checkpoint(options_.checkpoint, identity_));
    }
    resumed_at_ = learner_.updates();
    OfflineEnd end = OfflineEnd::all_done;
    while (learner_.updates() < options_.updates) {
      if (interrupted()) {
        save();
        throw_training_interrupted(options_.checkpoint);
      }
      if (options_.patience > 0 && stale() >= options_.patience) {
        end = OfflineEnd::patience;
        break;
      }
      if (options_.budget_seconds > 0.0 && spent_ + passed_since(begun_) >= options_.budget_seconds) {
        if (counted_ > 0) evaluate();
        end = OfflineEnd::budget;
        break;
      }
      if (options_.checkpoint_seconds > 0.0 && passed_since(saved_) >= options_.checkpoint_seconds) save();
      loss_ += learner_.update().at("loss");
      ++counted_;
      report();
      const bool last = learner_.updates() == options_.updates;
      if (last || learner_.updates() % options_.evaluate_every == 0) evaluate();
    }
    save();
    if (best_.all().empty()) evaluate();
    OfflineTrainingResult out{OfflineModel::from_arrays(options_.agent, items_, best_, mean_returns_),
                              {},
                              best_update_,
                              evaluations_,
                              end};
    if (options_.keep_twin) {
      out.twin = OfflineModel::from_arrays(options_.agent, items_, best_twin_, mean_returns_);
    }
    return out;
  }

 private:
  /// Evaluations since the best one.
  std::int32_t stale() const {
    std::int32_t count = 0;
    for (const OfflineEvaluation& e : evaluations_) count = e.update > best_update_ ? count + 1 : 0;
    return count;
  }

  void evaluate() {
    const OfflineModel model = learner_.snapshot();
    const std::vector<std::int32_t> ranks =
        rank_events(model, validation_, options_.seed, options_.evaluation_events);
    OfflineEvaluation found;
    found.update = learner_.updates();
    found.loss = counted_ > 0 ? loss_ / static_cast<double>(counted_) : 0.0;
    found.clicks = figures_of(validation_, ranks, {.kind = Judged::clicks});
    found.purchases = figures_of(validation_, ranks, {.kind = Judged::purchases});
    loss_ = 0.0;
    counted_ = 0;
    if (best_.all().empty() || found.score() > best_score_) {
      best_ = model.to_arrays();
      if (options_.keep_twin) best_twin_ = learner_.twin_snapshot().to_arrays();
      mean_returns_.assign(model.mean_returns().begin(), model.mean_returns().end());
      best_score_ = found.score();
      best_update_ = found.update;
    }
    evaluations_.push_back(found);
  }

  void report() const {
    if (!options_.progress) return;
    OfflineProgress p;
    p.update = learner_.updates();
    p.updates = options_.updates;
    p.loss = loss_ / static_cast<double>(std::max<std::int64_t>(1, counted_));
    p.best = best_score_;
    p.seconds = passed_since(begun_);
    p.seconds_left =
        p.seconds / static_cast<double>(p.update - resumed_at_) * static_cast<double>(p.updates - p.update);
    if (options_.budget_seconds > 0.0) {
      p.seconds_left = std::min(p.seconds_left, options_.budget_seconds - spent_ - p.seconds);
    }
    options_.progress(p);
  }

  static std::vector<double> row_of(const OfflineEvaluation& e) {
    std::vector<double> row{static_cast<double>(e.update), e.loss};
    for (const RankFigures* f : {&e.clicks, &e.purchases}) {
      row.push_back(static_cast<double>(f->cases));
      row.insert(row.end(), f->hits.begin(), f->hits.end());
      row.insert(row.end(), f->gains.begin(), f->gains.end());
      row.push_back(f->reward_at_1);
    }
    return row;
  }
  static OfflineEvaluation from_row(std::span<const double> row) {
    OfflineEvaluation e;
    std::size_t next = 0;
    e.update = static_cast<std::int64_t>(row[next++]);
    e.loss = row[next++];
    for (RankFigures* f : {&e.clicks, &e.purchases}) {
      f->cases = static_cast<std::int64_t>(row[next++]);
      for (double& value : f->hits) value = row[next++];
      for (double& value : f->gains) value = row[next++];
      f->reward_at_1 = row[next++];
    }
    return e;
  }

  void save() {
    saved_ = Clock::now();
    if (options_.checkpoint.empty()) return;
    NamedArrays state;
    state.set_text("identity", identity_);
    state.put_group("learner", learner_.state());
    if (!best_.all().empty()) state.put_group("best", best_);
    if (!best_twin_.all().empty()) state.put_group("best_twin", best_twin_);
    state.set<float>("mean_returns", mean_returns_);
    state.set_scalar<double>("best_score", best_score_);
    state.set_scalar<std::int64_t>("best_update", best_update_);
    state.set_scalar<double>("loss", loss_);
    state.set_scalar<std::int64_t>("counted", counted_);
    // Without a budget a checkpoint says nothing about the clock: equal trainings leave equal bytes.
    if (options_.budget_seconds > 0.0) state.set_scalar<double>("seconds", spent_ + passed_since(begun_));
    std::vector<double> rows;
    for (const OfflineEvaluation& e : evaluations_) {
      const std::vector<double> row = row_of(e);
      rows.insert(rows.end(), row.begin(), row.end());
    }
    state.set<double>("evaluations", rows);
    write_checkpoint(options_.checkpoint, state);
  }

  void restore(const NamedArrays& state) {
    learner_.restore(state.group("learner"));
    best_ = state.group("best");
    best_twin_ = state.group("best_twin");
    const auto returns = state.get<float>("mean_returns");
    mean_returns_.assign(returns.begin(), returns.end());
    best_score_ = state.scalar<double>("best_score");
    best_update_ = state.scalar<std::int64_t>("best_update");
    loss_ = state.scalar<double>("loss");
    counted_ = state.scalar<std::int64_t>("counted");
    if (state.contains("seconds")) spent_ = state.scalar<double>("seconds");
    const auto rows = state.get<double>("evaluations");
    const std::size_t width = row_of({}).size();
    for (std::size_t i = 0; i + width <= rows.size(); i += width) {
      evaluations_.push_back(from_row(rows.subspan(i, width)));
    }
  }

  const SessionLog& validation_;
  std::int32_t items_;
  const OfflineTrainingOptions& options_;
  OfflineLearner learner_;
  const std::string identity_;

  std::vector<OfflineEvaluation> evaluations_;
  NamedArrays best_;       ///< weights; empty before the first evaluation
  NamedArrays best_twin_;  ///< of the other network after the same update
  std::vector<float> mean_returns_;
  double best_score_ = 0.0;
  std::int64_t best_update_ = 0;
  double loss_ = 0.0;  ///< summed since the last evaluation, over counted_ updates
  std::int64_t counted_ = 0;
  std::int64_t resumed_at_ = 0;

  const Clock::time_point begun_ = Clock::now();
  Clock::time_point saved_ = begun_;
  double spent_ = 0.0;
};

}  // namespace

OfflineTrainingResult train_offline(const SessionLog& training, const SessionLog& validation,
                                    const OfflineTrainingOptions& options) {
  check_training(validation, options);
  return Training(training, validation, options).run();
}

}  // namespace veer::offline
