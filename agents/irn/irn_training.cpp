#include "agents/irn/irn_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "agents/irn/irn_examples.h"
#include "agents/irn/irn_trainer.h"
#include "env/error.h"
#include "env/runtime.h"
#include "env/store/checkpoint.h"

namespace veer::irn {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void check_options(const IrnTrainingOptions& options) {
  const auto at_least_one = [](const char* field, std::int32_t value) {
    if (value < 1) nn::reject_field(field, std::to_string(value), "1 or more");
  };
  at_least_one("batch", options.batch);
  at_least_one("max_epochs", options.max_epochs);
  at_least_one("patience", options.patience);
  at_least_one("plateau", options.plateau);
  nn::require_range("shortest", options.shortest, 2, options.model.positions);
  if (!(options.learning_rate > 0.0F)) {
    nn::reject_field("learning_rate", std::to_string(options.learning_rate), "more than 0");
  }
  if (!(options.budget_seconds >= 0.0)) {
    nn::reject_field("budget_seconds", std::to_string(options.budget_seconds), "0 (none) or more");
  }
}

IrnConfig sized_for(const Dataset& data, IrnConfig config) {
  const std::int32_t items = data.catalogue.size(), people = data.interactions.users();
  if (config.items == 0) config.items = items;
  if (config.people == 0) config.people = people;
  if (config.items != items || config.people != people) {
    throw ConfigError(Where{{}, 0, "items, people"},
                      Problem{fmt::format("{} and {}", config.items, config.people),
                              fmt::format("{} and {} as in the data set", items, people), ""});
  }
  check_config(config);
  return config;
}

std::vector<UserId> people_of(const Dataset& data, Part part, const char* name) {
  std::vector<UserId> people;
  for (const UserId user : data.users_of(part)) {
    if (data.interactions.of(user).size() >= 2) people.push_back(user);
  }
  if (people.empty()) {
    throw ConfigError(Where{{}, 0, "people"},
                      Problem{fmt::format("nobody in {} with two interactions", name), "at least one person",
                              "split the data set, or filter it less"});
  }
  return people;
}

/// Everything that changes the course of a training; when to end is left out, so that it may go on for
/// longer.
std::string identity_of(const Dataset& data, const IrnConfig& config, const IrnTrainingOptions& options) {
  std::string text = fmt::format(
      "irn\ndata {}\nseed {}\nshortest {}\nbatch {}\nplateau {}\nlearning_rate {}\n", data.fingerprint,
      options.seed, options.shortest, options.batch, options.plateau, options.learning_rate);
  for (const auto& [name, value] : config.to_strings()) text += name + " " + value + "\n";
  return text;
}

/// The state between two updates: all that a checkpoint holds.
class Training {
 public:
  Training(const Dataset& data, const IrnTrainingOptions& options)
      : data_(data),
        options_(options),
        config_(sized_for(data, options.model)),
        people_(people_of(data, Part::train_plan, "train_plan")),
        validation_(cut_examples(data.interactions, people_of(data, Part::validation, "validation"),
                                 options.shortest, config_.positions, options.seed, 0)),
        trainer_(config_, options.seed),
        identity_(identity_of(data, config_, options)),
        learning_rate_(options.learning_rate) {}

  IrnResult run() {
    if (!options_.checkpoint.empty() && std::filesystem::exists(options_.checkpoint)) {
      restore(read_checkpoint(options_.checkpoint, identity_));
    }
    IrnEnd end = IrnEnd::max_epochs;
    while (!finished(end)) {
      if (out_of_time() && !best_.all().empty()) {
        end = IrnEnd::budget;
        break;
      }
      train_epoch();
    }
    return {
        IrnModel::from_arrays(config_, best_, "cpu"), history_, best_epoch_, best_loss_, end, since(start_)};
  }

 private:
  std::int32_t done() const { return static_cast<std::int32_t>(history_.size()); }

  bool finished(IrnEnd& end) const {
    if (done() > 0 && done() - best_epoch_ >= options_.patience) {
      end = IrnEnd::patience;
      return true;
    }
    end = IrnEnd::max_epochs;
    return done() >= options_.max_epochs;
  }

  bool out_of_time() const {
    return options_.budget_seconds > 0.0 && spent_ + since(start_) >= options_.budget_seconds;
  }

  void train_epoch() {
    const auto epoch = static_cast<std::uint32_t>(done()) + 1;
    std::vector<IrnExample> examples =
        cut_examples(data_.interactions, people_, options_.shortest, config_.positions, options_.seed, epoch);
    const std::size_t size = at(options_.batch);
    const std::size_t batches = order_examples(examples, size, options_.seed, epoch);
    while (cursor_ < batches) {
      const std::size_t first = cursor_ * size;
      const auto batch =
          std::span<const IrnExample>(examples).subspan(first, std::min(size, examples.size() - first));
      const double loss = trainer_.step(batch, learning_rate_, first, epoch);
      if (!std::isfinite(loss)) diverged(epoch);
      predicted_ += predicted_items(batch);
      loss_sum_ += loss * static_cast<double>(predicted_items(batch));
      ++cursor_;
      report(epoch, batches);
      if (interrupted()) {
        save();
        throw_training_interrupted(options_.checkpoint);
      }
      // A first epoch ends early rather than leave nothing to return.
      if (out_of_time()) break;
      if (options_.checkpoint_seconds > 0.0 && since(saved_) >= options_.checkpoint_seconds) save();
    }
    close_epoch(epoch);
  }

  void close_epoch(std::uint32_t epoch) {
    const double validation = trainer_.loss(validation_);
    if (!std::isfinite(validation)) diverged(epoch);
    history_.push_back({loss_sum_ / static_cast<double>(predicted_), validation, learning_rate_});
    if (best_.all().empty() || validation < best_loss_) {
      best_ = trainer_.weights();
      best_loss_ = validation;
      best_epoch_ = done();
    } else if ((done() - best_epoch_) % options_.plateau == 0) {
      learning_rate_ *= 0.5F;
    }
    cursor_ = 0;
    predicted_ = 0;
    loss_sum_ = 0.0;
    save();
  }

  [[noreturn]] void diverged(std::uint32_t epoch) const {
    throw Error(ExitCode::failure,
                describe(Where{{}, 0, fmt::format("epoch {}", epoch)},
                         Problem{"a loss that is not finite", "a finite loss",
                                 fmt::format("training diverged: use a smaller learning rate than {}",
                                             options_.learning_rate)}));
  }

  void report(std::uint32_t epoch, std::size_t batches) const {
    if (!options_.progress) return;
    options_.progress({static_cast<std::int32_t>(epoch), options_.max_epochs,
                       static_cast<std::int64_t>(cursor_), static_cast<std::int64_t>(batches),
                       loss_sum_ / static_cast<double>(predicted_), best_loss_, since(start_)});
  }

  void save() {
    saved_ = Clock::now();
    if (options_.checkpoint.empty()) return;
    NamedArrays state;
    state.set_text("identity", identity_);
    state.put_group("trainer", trainer_.state());
    if (!best_.all().empty()) state.put_group("best", best_);
    // Without a budget a checkpoint says nothing about the clock: equal trainings leave equal bytes.
    if (options_.budget_seconds > 0.0) state.set_scalar<double>("seconds", spent_ + since(start_));
    state.set_scalar<double>("best_loss", best_loss_);
    state.set_scalar<std::int32_t>("best_epoch", best_epoch_);
    state.set_scalar<float>("learning_rate", learning_rate_);
    state.set_scalar<std::uint64_t>("cursor", cursor_);
    state.set_scalar<std::int64_t>("epoch_predicted", predicted_);
    state.set_scalar<double>("epoch_loss_sum", loss_sum_);
    std::vector<double> records;
    for (const IrnEpoch& e : history_) {
      records.insert(records.end(), {e.loss, e.validation, static_cast<double>(e.learning_rate)});
    }
    state.set<double>("history", records, {static_cast<std::int64_t>(history_.size()), 3});
    write_checkpoint(options_.checkpoint, state);
  }

  void restore(const NamedArrays& state) {
    trainer_.restore(state.group("trainer"));
    best_ = state.group("best");
    if (state.contains("seconds")) spent_ = state.scalar<double>("seconds");
    best_loss_ = state.scalar<double>("best_loss");
    best_epoch_ = state.scalar<std::int32_t>("best_epoch");
    learning_rate_ = state.scalar<float>("learning_rate");
    cursor_ = state.scalar<std::uint64_t>("cursor");
    predicted_ = state.scalar<std::int64_t>("epoch_predicted");
    loss_sum_ = state.scalar<double>("epoch_loss_sum");
    const auto records = state.get<double>("history");
    for (std::size_t i = 0; i + 3 <= records.size(); i += 3) {
      history_.push_back({records[i], records[i + 1], static_cast<float>(records[i + 2])});
    }
  }

  const Clock::time_point start_ = Clock::now();
  Clock::time_point saved_ = start_;
  double spent_ = 0.0;  ///< seconds of the calls before
  const Dataset& data_;
  const IrnTrainingOptions& options_;
  const IrnConfig config_;
  const std::vector<UserId> people_;
  const std::vector<IrnExample> validation_;
  IrnTrainer trainer_;
  const std::string identity_;

  std::vector<IrnEpoch> history_;
  float learning_rate_;
  std::size_t cursor_ = 0;      ///< batches of the present epoch that are done
  std::int64_t predicted_ = 0;  ///< items of those batches
  double loss_sum_ = 0.0;       ///< over those items
  NamedArrays best_;            ///< weights; empty before the first whole epoch
  double best_loss_ = 0.0;
  std::int32_t best_epoch_ = 0;
};

}  // namespace

IrnResult train_irn(const Dataset& data, const IrnTrainingOptions& options) {
  check_options(options);
  return Training(data, options).run();
}

}  // namespace veer::irn
