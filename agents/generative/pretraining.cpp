#include "agents/generative/pretraining.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <string>

#include "agents/generative/path_examples.h"
#include "agents/generative/training_identity.h"
#include "env/error.h"
#include "env/nn/hyper_parameters.h"
#include "env/runtime.h"
#include "env/store/checkpoint.h"

namespace veer {
namespace {

using Clock = std::chrono::steady_clock;

double elapsed(Clock::time_point from) { return std::chrono::duration<double>(Clock::now() - from).count(); }

void check_options(const PretrainingOptions& o, std::size_t training, std::size_t validation) {
  nn::require_range("epochs", o.max_epochs, 1, 1 << 20);
  nn::require_range("patience", o.patience, 1, 1 << 20);
  nn::require_range("batch", o.batch, 1, 1 << 20);
  if (!(o.warm_up >= 0.0 && o.warm_up <= 1.0)) {
    nn::reject_field("warm_up", std::to_string(o.warm_up), "0 to 1");
  }
  if (!(o.budget_seconds >= 0.0)) {
    nn::reject_field("budget_seconds", std::to_string(o.budget_seconds), "0 (none) or more");
  }
  if (!(o.imitation.adam.learning_rate > 0.0F)) {
    nn::reject_field("learning_rate", nn::decimal(o.imitation.adam.learning_rate), "more than 0");
  }
  if (training == 0 || validation == 0) {
    throw DataError(
        Where{{}, 0, training == 0 ? "training paths" : "validation paths"},
        Problem{"none", "at least one",
                "paths are runs of items that share an attribute: the data set needs attributes, and "
                "people with longer logs"});
  }
}

std::string pretraining_identity(const PathModel& start, std::span<const PathExample> training,
                                 std::span<const PathExample> validation, const PretrainingOptions& o) {
  const ImitationOptions& i = o.imitation;
  return fmt::format(
      "pretraining of a path model\nseed {}\nepochs {}\nbatch {}\nwarm_up {}\nlearning_rate {} decay {} "
      "most_gradient {} "
      "shard {}\nunconstrained {}, {} items\nmost_history {}\nmaterial {}\n",
      o.seed, o.max_epochs, o.batch, o.warm_up, i.adam.learning_rate, i.adam.weight_decay, i.most_gradient,
      i.shard_examples, i.unconstrained, i.most_items, start.most_history,
      material_digest(start, training, validation));
}

class Pretraining {
 public:
  Pretraining(const PathModel& start, std::span<const PathExample> training,
              std::span<const PathExample> validation, const PretrainingOptions& options)
      : start_(start),
        training_(training),
        validation_(validation),
        options_(options),
        imitation_(start, options.seed, options.imitation),
        identity_(pretraining_identity(start, training, validation, options)) {}

  PretrainingResult run() {
    if (!options_.checkpoint.empty() && std::filesystem::exists(options_.checkpoint)) {
      restore(read_checkpoint(options_.checkpoint, identity_));
    }
    TrainingEnd end = TrainingEnd::all_done;
    while (epochs_done() < options_.max_epochs) {
      if (epochs_done() - best_epoch_ >= options_.patience) {
        end = TrainingEnd::patience;
        break;
      }
      if ((out_of_time() && !best_.all().empty()) || !epoch()) {
        end = TrainingEnd::budget;
        break;
      }
    }
    if (end == TrainingEnd::budget && saved_seconds_ < options_.budget_seconds) save();
    return {{start_.ids, nn::Seq2SeqModel::from_arrays(start_.network.config(), best_, "cpu"),
             start_.most_history},
            history_,
            best_epoch_,
            best_loss_,
            end};
  }

 private:
  std::int32_t epochs_done() const { return static_cast<std::int32_t>(history_.size()); }
  std::int64_t updates_per_epoch() const {
    const auto batch = static_cast<std::int64_t>(options_.batch);
    return (static_cast<std::int64_t>(training_.size()) + batch - 1) / batch;
  }

  /// Linear warm-up, then a cosine to 0 at the last planned update.
  float rate(std::int64_t update) const {
    const auto all = static_cast<double>(updates_per_epoch() * options_.max_epochs);
    const double warm = options_.warm_up * all, now = static_cast<double>(update) + 1.0;
    const double share =
        now <= warm ? now / warm
                    : 0.5 * (1.0 + std::cos(std::numbers::pi * (now - warm) / std::max(1.0, all - warm)));
    return static_cast<float>(double{options_.imitation.adam.learning_rate} * share);
  }

  /// False when the budget ended it.
  bool epoch() {
    const auto number = static_cast<std::uint32_t>(epochs_done()) + 1;
    const std::vector<std::int32_t> order = order_of_epoch(training_.size(), options_.seed, number);
    std::vector<PathExample> batch;
    for (; cursor_ < updates_per_epoch(); ++cursor_) {
      const std::size_t first = at(cursor_) * at(options_.batch);
      const std::size_t last = std::min(first + at(options_.batch), training_.size());
      batch.clear();
      for (std::size_t i = first; i < last; ++i) batch.push_back(training_[at(order[i])]);
      if (interrupted()) {
        save();
        throw_training_interrupted(options_.checkpoint);
      }
      if (cursor_ > 0 && out_of_time()) {
        consider(static_cast<std::int32_t>(number));
        save();
        return false;
      }
      if (options_.checkpoint_seconds > 0.0 && elapsed(saved_) >= options_.checkpoint_seconds) save();
      const double loss =
          imitation_.step(batch, first, number, rate((number - 1) * updates_per_epoch() + cursor_));
      if (!std::isfinite(loss)) diverged(static_cast<std::int32_t>(number));
      loss_ += loss * static_cast<double>(batch.size());
      paths_ += static_cast<double>(batch.size());
      report(number);
    }
    const double validation = consider(static_cast<std::int32_t>(number));
    history_.push_back({loss_ / paths_, validation});
    cursor_ = 0;
    loss_ = paths_ = 0.0;
    save();
    return true;
  }

  [[noreturn]] static void diverged(std::int32_t epoch) {
    throw Error(ExitCode::failure,
                describe(Where{{}, 0, "epoch " + std::to_string(epoch)},
                         Problem{"a loss that is no finite number", "a finite one",
                                 "training diverged: use a smaller learning rate (--pretraining-rate)"}));
  }

  double consider(std::int32_t number) {
    const PathModel now = imitation_.snapshot();
    const double loss = imitation_loss(now, validation_, options_.imitation);
    if (!std::isfinite(loss)) diverged(number);
    if (best_.all().empty() || loss < best_loss_) {
      best_ = now.network.to_arrays();
      best_loss_ = loss;
      best_epoch_ = number;
    }
    return loss;
  }

  bool out_of_time() const {
    return options_.budget_seconds > 0.0 && spent_ + elapsed(start_time_) >= options_.budget_seconds;
  }

  void report(std::uint32_t number) const {
    if (!options_.progress) return;
    PretrainingProgress p;
    p.epoch = static_cast<std::int32_t>(number);
    p.max_epochs = options_.max_epochs;
    p.update = cursor_ + 1;
    p.updates = updates_per_epoch();
    p.loss = loss_ / paths_;
    p.best_loss = best_loss_;
    p.seconds = elapsed(start_time_);
    const double done =
        static_cast<double>((number - 1) * p.updates + p.update) - static_cast<double>(resumed_at_);
    const double left = static_cast<double>(options_.max_epochs * p.updates) -
                        static_cast<double>((number - 1) * p.updates + p.update);
    p.seconds_left = p.seconds / std::max(1.0, done) * left;
    if (options_.budget_seconds > 0.0) {
      p.seconds_left = std::min(p.seconds_left, options_.budget_seconds - spent_ - p.seconds);
    }
    options_.progress(p);
  }

  void save() {
    saved_ = Clock::now();
    saved_seconds_ = spent_ + elapsed(start_time_);
    if (options_.checkpoint.empty()) return;
    NamedArrays state;
    state.set_text("identity", identity_);
    state.put_group("trainer", imitation_.state());
    if (!best_.all().empty()) state.put_group("best", best_);
    // Without a budget a checkpoint says nothing about the clock: equal trainings leave equal bytes.
    if (options_.budget_seconds > 0.0) state.set_scalar<double>("seconds", saved_seconds_);
    state.set_scalar<double>("best_loss", best_loss_);
    state.set_scalar<std::int32_t>("best_epoch", best_epoch_);
    state.set_scalar<std::int64_t>("cursor", cursor_);
    state.set_scalar<double>("epoch_loss", loss_);
    state.set_scalar<double>("epoch_paths", paths_);
    std::vector<double> records;
    for (const PretrainingRecord& r : history_) records.insert(records.end(), {r.loss, r.validation});
    state.set<double>("history", records, {static_cast<std::int64_t>(history_.size()), 2});
    write_checkpoint(options_.checkpoint, state);
  }

  void restore(const NamedArrays& state) {
    imitation_.restore(state.group("trainer"));
    best_ = state.group("best");
    if (state.contains("seconds")) spent_ = saved_seconds_ = state.scalar<double>("seconds");
    best_loss_ = state.scalar<double>("best_loss");
    best_epoch_ = state.scalar<std::int32_t>("best_epoch");
    cursor_ = state.scalar<std::int64_t>("cursor");
    loss_ = state.scalar<double>("epoch_loss");
    paths_ = state.scalar<double>("epoch_paths");
    const auto records = state.get<double>("history");
    for (std::size_t i = 0; i + 2 <= records.size(); i += 2) history_.push_back({records[i], records[i + 1]});
    resumed_at_ = epochs_done() * updates_per_epoch() + cursor_;
  }

  const PathModel& start_;
  const std::span<const PathExample> training_, validation_;
  const PretrainingOptions& options_;
  PathImitation imitation_;
  const std::string identity_;

  std::vector<PretrainingRecord> history_;  ///< whole epochs
  NamedArrays best_;                        ///< weights; empty before the first evaluation
  double best_loss_ = 0.0;
  std::int32_t best_epoch_ = 0;
  std::int64_t cursor_ = 0;  ///< updates of the present epoch that are done
  double loss_ = 0.0, paths_ = 0.0;
  std::int64_t resumed_at_ = 0;

  const Clock::time_point start_time_ = Clock::now();
  Clock::time_point saved_ = start_time_;
  double spent_ = 0.0, saved_seconds_ = 0.0;
};

}  // namespace

PretrainingResult pretrain(const PathModel& start, std::span<const PathExample> training,
                           std::span<const PathExample> validation, const PretrainingOptions& options) {
  check_options(options, training.size(), validation.size());
  return Pretraining(start, training, validation, options).run();
}

}  // namespace veer
