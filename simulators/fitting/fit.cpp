#include "simulators/fitting/fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <sstream>
#include <utility>

#include "env/error.h"
#include "env/nn/training/sequence_trainer.h"
#include "env/runtime.h"
#include "env/store/checkpoint.h"
#include "simulators/fitting/fit_scorer.h"
#include "simulators/fitting/fit_windows.h"
#include "simulators/fitting/resample.h"

namespace veer {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void check_options(const FitOptions& options) {
  const auto reject = [](const std::string& field, const std::string& found, const std::string& expected) {
    throw ConfigError(Where{{}, 0, field}, Problem{found, expected, ""});
  };
  if (options.max_epochs < 1) reject("max_epochs", std::to_string(options.max_epochs), "1 or more");
  if (options.patience < 1) reject("patience", std::to_string(options.patience), "1 or more");
  if (options.batch_targets < 1) reject("batch_targets", std::to_string(options.batch_targets), "1 or more");
  if (options.held_out_items < 1)
    reject("held_out_items", std::to_string(options.held_out_items), "1 or more");
  if (!(options.learning_rate > 0.0F)) {
    reject("learning_rate", std::to_string(options.learning_rate), "more than 0");
  }
  if (!(options.budget_seconds >= 0.0)) {
    reject("budget_seconds", std::to_string(options.budget_seconds), "0 (none) or more");
  }
}

nn::SequenceConfig sized_for(const Dataset& data, nn::SequenceConfig config) {
  const std::int32_t items = data.catalogue.size();
  if (config.items == 0) config.items = items;
  if (config.items != items) {
    throw ConfigError(
        Where{{}, 0, "items"},
        Problem{std::to_string(config.items), std::to_string(items) + " as in the data set's catalogue", ""});
  }
  return config;
}

std::vector<TrainingLog> training_logs(const Dataset& data, const FitOptions& options) {
  const FitPeople people = options.people;
  std::vector<TrainingLog> logs;
  if (people == FitPeople::everyone) {
    for (UserId user = 0; user < data.interactions.users(); ++user) {
      const auto log = data.interactions.of(user);
      if (log.size() >= 4) logs.push_back({user, log.first(log.size() - 2)});
    }
  } else {
    const Part part = people == FitPeople::train_plan ? Part::train_plan : Part::train_judge;
    for (const UserId user : data.users_of(part)) {
      const auto log = data.interactions.of(user);
      if (log.size() >= 2) logs.push_back({user, log});
    }
  }
  if (logs.empty()) {
    throw ConfigError(Where{{}, 0, "people"},
                      Problem{"nobody in \"" + fitted_on(people) + "\" with enough interactions",
                              "at least one person", "split the data set, or filter it less"});
  }
  if (!options.resample) return logs;
  std::vector<TrainingLog> drawn;
  for (const std::size_t i : drawn_with_replacement(logs.size(), options.seed)) drawn.push_back(logs[i]);
  return drawn;
}

std::vector<NextItemCase> held_out(const Dataset& data, const FitOptions& options, bool test) {
  if (options.people == FitPeople::everyone) return leave_one_out_cases(data.interactions, test ? 0 : 1);
  return last_item_cases(data, test ? Part::test : Part::validation, options.held_out_items);
}

/// Everything that changes the course of a fit, in words: a checkpoint is continued only by the fit that
/// wrote it. When to end (epochs, patience, budget) is left out: a fit may be continued for longer.
std::string identity(const Dataset& data, const nn::SequenceConfig& config, const FitOptions& options) {
  std::string text = "data " + data.fingerprint + "\npeople " + fitted_on(options.people) + "\nseed " +
                     std::to_string(options.seed) + "\nlearning_rate " +
                     fmt::format("{}", options.learning_rate) + "\nbatch_targets " +
                     std::to_string(options.batch_targets) + "\nheld_out_items " +
                     std::to_string(options.held_out_items) + "\n";
  for (const auto& [name, value] : config.to_strings()) text += name + " " + value + "\n";
  if (options.resample) text += "people drawn with replacement\n";
  return text;
}

/// The state of a fit between two updates: all that a checkpoint holds.
class Fit {
 public:
  Fit(const Dataset& data, const FitOptions& options)
      : data_(data),
        options_(options),
        config_(sized_for(data, options.model)),
        logs_(training_logs(data, options)),
        validation_(held_out(data, options, false)),
        trainer_(config_, options.seed, {nn::AdamOptions{.learning_rate = options.learning_rate}}),
        identity_(identity(data, config_, options)) {}

  FitResult run() {
    if (!options_.checkpoint.empty() && std::filesystem::exists(options_.checkpoint)) {
      restore(read_checkpoint(options_.checkpoint, identity_));
    }
    FitEnd end = FitEnd::max_epochs;
    while (!finished(end)) {
      const bool used_up = out_of_time() && !best_.all().empty();
      if (used_up || !train_epoch()) {
        end = FitEnd::budget;
        break;
      }
    }
    // The budget can run out while a checkpoint is written: the file must say so too, or the next call would
    // train on.
    if (end == FitEnd::budget && saved_seconds_ < options_.budget_seconds) save();
    return result(end);
  }

 private:
  bool finished(FitEnd& end) const {
    const auto done = static_cast<std::int32_t>(history_.size());
    if (done - best_epoch_ >= options_.patience && done > 0) {
      end = FitEnd::patience;
      return true;
    }
    end = FitEnd::max_epochs;
    return done >= options_.max_epochs;
  }

  /// False when the budget ended it; the position within the epoch then stays for a later call.
  bool train_epoch() {
    const auto epoch = static_cast<std::uint32_t>(history_.size()) + 1;
    const EpochPlan plan = plan_epoch(logs_, config_.positions, options_.batch_targets, options_.seed, epoch);
    targets_per_epoch_ = plan.targets;
    while (cursor_ < plan.batches()) {
      const auto batch = plan.batch(cursor_);
      const double loss = trainer_.step(batch, plan.batch_offsets[cursor_], epoch);
      const std::int64_t targets = count_targets(batch);
      targets_ += targets;
      loss_sum_ += loss * static_cast<double>(targets);
      ++cursor_;
      if (!std::isfinite(loss))
        diverged(epoch, std::isnan(loss) ? "a loss that is no number" : "an infinite loss");
      report(epoch, plan);
      if (interrupted()) stop_for_interrupt();
      if (cursor_ < plan.batches() && out_of_time()) {
        consider(epoch, evaluate());
        save();
        return false;
      }
      if (options_.checkpoint_seconds > 0.0 && since(saved_) >= options_.checkpoint_seconds) save();
    }
    return close_epoch(epoch);
  }

  static std::int64_t count_targets(std::span<const nn::TrainingWindow> windows) {
    std::int64_t count = 0;
    for (const nn::TrainingWindow window : windows) count += static_cast<std::int64_t>(window.size()) - 1;
    return count;
  }

  bool close_epoch(std::uint32_t epoch) {
    const Fidelity now = evaluate();
    const RankingAccuracy& accuracy = now.at(10);
    history_.push_back({static_cast<std::int32_t>(epoch), loss_sum_ / static_cast<double>(targets_),
                        accuracy.mrr, accuracy.recall, now.negative_log_likelihood});
    consider(epoch, now);
    cursor_ = 0;
    targets_ = 0;
    loss_sum_ = 0.0;
    save();
    return !out_of_time();
  }

  bool out_of_time() const {
    return options_.budget_seconds > 0.0 && spent_ + since(start_) >= options_.budget_seconds;
  }

  Fidelity evaluate() const {
    return measure_fidelity(data_.interactions, validation_, SequenceScorer(trainer_.snapshot()),
                            {options_.seed});
  }

  /// The first parameter that holds a value that is no finite number; empty when all are sound.
  static std::string broken_parameter(const NamedArrays& weights) {
    for (const auto& entry : weights.all()) {
      const auto values = weights.get<float>(entry.first);
      if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) return entry.first;
    }
    return {};
  }

  [[noreturn]] void diverged(std::uint32_t epoch, const std::string& found) const {
    const std::string parameter = broken_parameter(trainer_.snapshot().to_arrays());
    std::ostringstream rate;
    rate << options_.learning_rate;
    std::string hint = "training diverged: fit with a smaller --learning-rate (it was " + rate.str() + ")";
    if (!options_.checkpoint.empty() && std::filesystem::exists(options_.checkpoint)) {
      hint += " and --fresh, since " + options_.checkpoint.string() + " belongs to this fit";
    }
    throw Error(ExitCode::failure,
                describe(Where{{}, 0, "epoch " + std::to_string(epoch)},
                         Problem{found + (parameter.empty()
                                              ? std::string(", while all parameters were finite before")
                                              : ", and values that are not finite in parameter " + parameter),
                                 "a finite loss and finite parameters", hint}));
  }

  void consider(std::uint32_t epoch, const Fidelity& now) {
    last_mrr_ = now.at(10).mrr;
    if (!best_.all().empty() && !(last_mrr_ > best_mrr_)) return;
    NamedArrays weights = trainer_.snapshot().to_arrays();
    // The last update of an epoch can overflow after its loss was taken.
    if (!broken_parameter(weights).empty()) diverged(epoch, "weights that overflowed");
    best_mrr_ = last_mrr_;
    best_epoch_ = static_cast<std::int32_t>(epoch);
    best_ = std::move(weights);
  }

  void report(std::uint32_t epoch, const EpochPlan& plan) const {
    if (!options_.progress) return;
    const double seconds = since(start_);
    const double epochs_here = static_cast<double>(history_.size()) - static_cast<double>(first_epoch_) +
                               static_cast<double>(cursor_) / static_cast<double>(plan.batches()) -
                               first_part_;
    const double epochs_left = static_cast<double>(options_.max_epochs) -
                               static_cast<double>(history_.size()) -
                               static_cast<double>(cursor_) / static_cast<double>(plan.batches());
    FitProgress p;
    p.epoch = static_cast<std::int32_t>(epoch);
    p.max_epochs = options_.max_epochs;
    p.step = static_cast<std::int64_t>(cursor_);
    p.steps = static_cast<std::int64_t>(plan.batches());
    p.loss = loss_sum_ / static_cast<double>(targets_);
    p.mrr = last_mrr_;
    p.best_mrr = best_mrr_;
    p.seconds = seconds;
    p.seconds_left = options_.budget_seconds > 0.0 ? std::max(0.0, options_.budget_seconds - spent_ - seconds)
                     : epochs_here > 0.0           ? seconds / epochs_here * epochs_left
                                                   : 0.0;
    options_.progress(p);
  }

  [[noreturn]] void stop_for_interrupt() {
    save();
    throw_training_interrupted(options_.checkpoint);
  }

  void save() {
    saved_ = Clock::now();
    saved_seconds_ = spent_ + since(start_);
    if (options_.checkpoint.empty()) return;
    NamedArrays state;
    state.set_text("identity", identity_);
    state.put_group("trainer", trainer_.state());
    if (!best_.all().empty()) state.put_group("best", best_);
    // Without a budget a checkpoint says nothing about the clock: equal fits leave equal bytes.
    if (options_.budget_seconds > 0.0) state.set_scalar<double>("seconds", saved_seconds_);
    state.set_scalar<double>("best_mrr", best_mrr_);
    state.set_scalar<std::int32_t>("best_epoch", best_epoch_);
    state.set_scalar<double>("last_mrr", last_mrr_);
    state.set_scalar<std::uint64_t>("cursor", cursor_);
    state.set_scalar<std::int64_t>("epoch_targets", targets_);
    state.set_scalar<double>("epoch_loss_sum", loss_sum_);
    std::vector<double> records;
    for (const EpochRecord& r : history_) records.insert(records.end(), {r.loss, r.mrr, r.recall, r.nll});
    state.set<double>("history", records, {static_cast<std::int64_t>(history_.size()), 4});
    write_checkpoint(options_.checkpoint, state);
  }

  void restore(const NamedArrays& state) {
    trainer_.restore(state.group("trainer"));
    best_ = state.group("best");
    if (state.contains("seconds")) spent_ = saved_seconds_ = state.scalar<double>("seconds");
    best_mrr_ = state.scalar<double>("best_mrr");
    best_epoch_ = state.scalar<std::int32_t>("best_epoch");
    last_mrr_ = state.scalar<double>("last_mrr");
    cursor_ = state.scalar<std::uint64_t>("cursor");
    targets_ = state.scalar<std::int64_t>("epoch_targets");
    loss_sum_ = state.scalar<double>("epoch_loss_sum");
    const auto records = state.get<double>("history");
    for (std::size_t i = 0; i + 4 <= records.size(); i += 4) {
      history_.push_back(
          {static_cast<std::int32_t>(i / 4) + 1, records[i], records[i + 1], records[i + 2], records[i + 3]});
    }
    first_epoch_ = history_.size();
    const EpochPlan plan = plan_epoch(logs_, config_.positions, options_.batch_targets, options_.seed,
                                      static_cast<std::uint32_t>(first_epoch_) + 1);
    first_part_ = static_cast<double>(cursor_) / static_cast<double>(plan.batches());
    targets_per_epoch_ = plan.targets;
  }

  FitResult result(FitEnd end) const {
    FitResult r{nn::SequenceModel::from_arrays(config_, best_, "cpu"),
                history_,
                best_mrr_,
                best_epoch_,
                end,
                targets_per_epoch_,
                0.0,
                {}};
    r.test = measure_fidelity(data_.interactions, held_out(data_, options_, true), SequenceScorer(r.model),
                              {options_.seed});
    r.seconds = since(start_);
    return r;
  }

  const Clock::time_point start_ = Clock::now();
  Clock::time_point saved_ = start_;
  double spent_ = 0.0;          ///< seconds of the calls before
  double saved_seconds_ = 0.0;  ///< what the checkpoint says was spent
  const Dataset& data_;
  const FitOptions& options_;
  const nn::SequenceConfig config_;
  const std::vector<TrainingLog> logs_;
  const std::vector<NextItemCase> validation_;
  nn::SequenceTrainer trainer_;
  const std::string identity_;

  std::vector<EpochRecord> history_;  ///< whole epochs
  std::size_t cursor_ = 0;            ///< batches of the present epoch that are done
  std::int64_t targets_ = 0;          ///< targets of those batches
  double loss_sum_ = 0.0;             ///< over those targets
  NamedArrays best_;                  ///< weights; empty before the first evaluation
  double best_mrr_ = 0.0;
  std::int32_t best_epoch_ = 0;
  double last_mrr_ = 0.0;
  std::int64_t targets_per_epoch_ = 0;
  std::size_t first_epoch_ = 0;  ///< whole epochs that were there when this call began, for rates only
  double first_part_ = 0.0;      ///< and the part of the next one
};

}  // namespace

std::string fitted_on(FitPeople people) {
  switch (people) {
    case FitPeople::everyone:
      return "all (leave-one-out)";
    case FitPeople::train_plan:
      return "train_plan";
    case FitPeople::train_judge:
      return "train_judge";
  }
  return "";
}

FitResult fit_sequence_model(const Dataset& data, const FitOptions& options) {
  check_options(options);
  return Fit(data, options).run();
}

}  // namespace veer
