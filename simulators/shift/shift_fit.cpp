#include "simulators/shift/shift_fit.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "env/error.h"
#include "env/random.h"
#include "env/runtime.h"
#include "env/store/checkpoint.h"
#include "simulators/shift/shift_acceptance.h"
#include "simulators/shift/shift_fit_data.h"
#include "simulators/shift/shift_learner.h"

namespace veer::shift {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

constexpr EpisodeId whole_epoch = std::numeric_limits<EpisodeId>::max();

void check_options(const ShiftFitOptions& o) {
  const auto reject = [](const char* field, const std::string& found, const char* expected) {
    throw ConfigError(Where{{}, 0, field}, Problem{found, expected, ""});
  };
  if (o.max_epochs < 1) reject("max_epochs", std::to_string(o.max_epochs), "1 or more");
  if (o.patience < 1) reject("patience", std::to_string(o.patience), "1 or more");
  if (o.events < 1) reject("events", std::to_string(o.events), "1 or more");
  if (o.cuts_per_person < 1) reject("cuts_per_person", std::to_string(o.cuts_per_person), "1 or more");
  if (o.batch_cases < 1) reject("batch_cases", std::to_string(o.batch_cases), "1 or more");
  if (o.recent_items < 0) reject("recent_items", std::to_string(o.recent_items), "0 or more");
  if (!(o.rate_step > 0.0F)) reject("rate_step", std::to_string(o.rate_step), "more than 0");
  if (!(o.weight_step > 0.0F)) reject("weight_step", std::to_string(o.weight_step), "more than 0");
  if (!(o.budget_seconds >= 0.0)) reject("budget_seconds", std::to_string(o.budget_seconds), "0 or more");
}

/// Everything that changes the outcome, in words: a checkpoint is continued only by the fit that wrote it.
std::string identity(const Dataset& data, const FitData& fit, const ShiftFitOptions& o) {
  std::string text = "shift_user of data " + data.fingerprint + "\npeople " + fitted_on(o.people);
  const auto add = [&](const char* name, const auto& value) {
    text += std::string("\n") + name + " " + std::to_string(value);
  };
  text += "\nmechanisms " + o.mechanisms.text();
  add("seed", o.seed);
  add("keep_all", o.keep_all);
  add("max_epochs", o.max_epochs);
  add("patience", o.patience);
  add("rate_step", o.rate_step);
  add("weight_step", o.weight_step);
  add("events", o.events);
  add("cuts_per_person", o.cuts_per_person);
  add("at_item", o.at_item);
  add("batch_cases", o.batch_cases);
  add("recent_items", o.recent_items);
  add("time", static_cast<int>(o.time));
  add("refused_rating", o.refused_rating);
  add("placebo", static_cast<int>(o.placebo));
  if (o.resample) text += "\npeople drawn with replacement";
  // The base network, by what it says about the people.
  double sum = 0.0;
  for (const float value : fit.training.readouts) sum += double{value};
  add("readouts", sum);
  return text + "\n";
}

class Ladder {
 public:
  Ladder(const Dataset& data, const nn::SequenceModel& base, const ShiftFitOptions& options)
      : data_(data),
        base_(base),
        options_(options),
        fit_(prepare_fit(data, base, options)),
        likelihood_(fit_.items, options.recent_items),
        kept_(base.config().hidden, fit_.units, options.seed),
        learner_(likelihood_, kept_, {options.rate_step, options.weight_step}),
        identity_(identity(data, fit_, options)) {
    kept_scores_ = likelihood_.score(kept_, fit_.validation);
    static_nll_ = mean_of(kept_scores_);
    kept_nll_ = static_nll_;
  }

  ShiftFitResult run() {
    if (!options_.checkpoint.empty() && std::filesystem::exists(options_.checkpoint)) {
      restore(read_checkpoint(options_.checkpoint, identity_));
    }
    FitEnd end = FitEnd::patience;
    while (rung_ < fit_.ladder.size()) {
      const bool used_up = restored_ && out_of_time();
      if (!used_up && !trying_) begin_rung();
      if (used_up || !climb()) {
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
  Mechanism mechanism() const { return fit_.ladder[rung_]; }
  double mean_of(const EventScores& scores) const { return clustered_mean(fit_.validation, scores.nll).mean; }

  void begin_rung() {
    Parameters tried = kept_;
    tried.set_on(kept_.on().with(mechanism()));
    learner_.begin(tried);
    best_ = tried;
    best_nll_ = std::numeric_limits<double>::infinity();
    best_epoch_ = 0;
    epoch_ = 1;
    cursor_ = 0;
    loss_ = 0.0;
    trying_ = true;
  }

  /// Trains the rung to its end and decides; false when the budget ended it.
  bool climb() {
    while (true) {
      if (!train_epoch()) return false;
      const EventScores now = likelihood_.score(learner_.parameters(), fit_.validation);
      const double nll = mean_of(now);
      if (!std::isfinite(nll)) {
        throw DataError(Where{{}, 0, "validation in " + when()},
                        Problem{std::to_string(nll), "a finite number", "fit with smaller steps"});
      }
      if (nll < best_nll_) {
        best_nll_ = nll;
        best_epoch_ = epoch_;
        best_ = learner_.parameters();
      }
      const bool over = epoch_ - best_epoch_ >= options_.patience || epoch_ >= options_.max_epochs;
      ++epoch_;
      cursor_ = 0;
      loss_ = 0.0;
      if (over) break;
      save();
      if (out_of_time()) return false;
    }
    decide();
    save();
    return !out_of_time();
  }

  std::string when() const {
    return "epoch " + std::to_string(epoch_) + " of " +
           std::string(mechanism_names[static_cast<std::size_t>(mechanism())]);
  }

  std::vector<std::int32_t> order_of_epoch() const {
    std::vector<std::int32_t> order(fit_.training.size());
    std::iota(order.begin(), order.end(), 0);
    const auto key = static_cast<std::uint32_t>(rung_ * 1000) + static_cast<std::uint32_t>(epoch_);
    shuffle({options_.seed, whole_epoch, key}, Stream::shuffle, order);
    return order;
  }

  bool train_epoch() {
    const std::vector<std::int32_t> order = order_of_epoch();
    const auto batch = static_cast<std::size_t>(options_.batch_cases);
    const std::size_t batches = (order.size() + batch - 1) / batch;
    while (cursor_ < batches) {
      const std::size_t first = cursor_ * batch;
      const auto which = std::span(order).subspan(first, std::min(batch, order.size() - first));
      loss_ += learner_.update(fit_.training, which, when());
      ++cursor_;
      report(batches);
      if (interrupted()) stop_for_interrupt();
      if (out_of_time() && cursor_ < batches) {
        save();
        return false;
      }
      if (options_.checkpoint_seconds > 0.0 && since(saved_) >= options_.checkpoint_seconds) save();
    }
    return true;
  }

  void decide() {
    const EventScores now = likelihood_.score(best_, fit_.validation);
    std::vector<float> gain(now.nll.size());
    for (std::size_t i = 0; i < gain.size(); ++i) gain[i] = kept_scores_.nll[i] - now.nll[i];
    const ClusteredMean found = clustered_mean(fit_.validation, gain);
    RungRecord record;
    record.mechanism = mechanism();
    record.epochs = epoch_ - 1;
    record.nll = best_nll_;
    record.gain = found.mean;
    record.low = found.low;
    record.high = found.high;
    record.kept = options_.keep_all || found.low > 0.0;
    record.free.assign(best_.free().begin(), best_.free().end());
    record.on = best_.on();
    if (record.kept) {
      kept_ = best_;
      kept_nll_ = best_nll_;
      kept_scores_ = now;
    }
    rungs_.push_back(std::move(record));
    ++rung_;
    trying_ = false;
  }

  bool out_of_time() const {
    return options_.budget_seconds > 0.0 && spent_ + since(start_) >= options_.budget_seconds;
  }

  void report(std::size_t batches) const {
    if (!options_.progress) return;
    ShiftProgress p;
    p.rung = mechanism_names[static_cast<std::size_t>(mechanism())];
    p.epoch = epoch_;
    p.step = static_cast<std::int64_t>(cursor_);
    p.steps = static_cast<std::int64_t>(batches);
    const double done = static_cast<double>(cursor_) / static_cast<double>(batches);
    p.loss = loss_ / (done * static_cast<double>(fit_.training.scored_events()));
    p.best_nll = std::isfinite(best_nll_) ? std::min(best_nll_, kept_nll_) : kept_nll_;
    p.seconds = since(start_);
    options_.progress(p);
  }

  [[noreturn]] void stop_for_interrupt() {
    save();
    throw_training_interrupted(options_.checkpoint);
  }

  static void put(NamedArrays& state, const std::string& name, const Parameters& parameters) {
    state.set<float>(name + "/free", parameters.free());
    state.set_text(name + "/on", parameters.on().text());
  }
  static void take(const NamedArrays& state, const std::string& name, Parameters& parameters) {
    const auto free = state.get<float>(name + "/free");
    if (free.size() != parameters.size()) {
      throw FormatError(Where{{}, 0, name},
                        Problem{std::to_string(free.size()) + " values", std::to_string(parameters.size()),
                                "the checkpoint is damaged"});
    }
    std::ranges::copy(free, parameters.free().begin());
    parameters.set_on(Mechanisms::from_text(state.text(name + "/on")));
  }

  void save() {
    saved_ = Clock::now();
    saved_seconds_ = spent_ + since(start_);
    if (options_.checkpoint.empty()) return;
    NamedArrays state;
    state.set_text("identity", identity_);
    state.put_group("learner", learner_.state());
    put(state, "kept", kept_);
    put(state, "best", best_);
    // Without a budget a checkpoint says nothing about the clock: equal fits leave equal bytes.
    if (options_.budget_seconds > 0.0) state.set_scalar<double>("seconds", saved_seconds_);
    state.set_scalar<double>("kept_nll", kept_nll_);
    state.set_scalar<double>("best_nll", best_nll_);
    state.set_scalar<std::int32_t>("best_epoch", best_epoch_);
    state.set_scalar<std::int32_t>("epoch", epoch_);
    state.set_scalar<std::uint64_t>("cursor", cursor_);
    state.set_scalar<double>("loss", loss_);
    state.set_scalar<std::uint64_t>("rung", rung_);
    state.set_scalar<std::uint8_t>("trying", trying_ ? 1 : 0);
    for (std::size_t r = 0; r < rungs_.size(); ++r) {
      const std::string name = "rung" + std::to_string(r);
      const RungRecord& record = rungs_[r];
      state.set<float>(name + "/free", record.free);
      state.set_text(name + "/on", record.on.text());
      const std::vector<double> numbers{static_cast<double>(record.mechanism),
                                        static_cast<double>(record.epochs),
                                        record.nll,
                                        record.gain,
                                        record.low,
                                        record.high,
                                        record.kept ? 1.0 : 0.0};
      state.set<double>(name + "/numbers", numbers);
    }
    write_checkpoint(options_.checkpoint, state);
  }

  void restore(const NamedArrays& state) {
    learner_.restore(state.group("learner"));
    best_ = kept_;
    take(state, "kept", kept_);
    take(state, "best", best_);
    restored_ = true;
    if (state.contains("seconds")) spent_ = saved_seconds_ = state.scalar<double>("seconds");
    kept_nll_ = state.scalar<double>("kept_nll");
    best_nll_ = state.scalar<double>("best_nll");
    best_epoch_ = state.scalar<std::int32_t>("best_epoch");
    epoch_ = state.scalar<std::int32_t>("epoch");
    cursor_ = state.scalar<std::uint64_t>("cursor");
    loss_ = state.scalar<double>("loss");
    rung_ = state.scalar<std::uint64_t>("rung");
    trying_ = state.scalar<std::uint8_t>("trying") != 0;
    rungs_.clear();
    for (std::size_t r = 0; r < rung_; ++r) {
      const std::string name = "rung" + std::to_string(r);
      const auto numbers = state.get<double>(name + "/numbers");
      const auto free = state.get<float>(name + "/free");
      RungRecord record;
      record.mechanism = static_cast<Mechanism>(static_cast<int>(numbers[0]));
      record.epochs = static_cast<std::int32_t>(numbers[1]);
      record.nll = numbers[2];
      record.gain = numbers[3];
      record.low = numbers[4];
      record.high = numbers[5];
      record.kept = numbers[6] != 0.0;
      record.free.assign(free.begin(), free.end());
      record.on = Mechanisms::from_text(state.text(name + "/on"));
      rungs_.push_back(std::move(record));
    }
    kept_scores_ = likelihood_.score(kept_, fit_.validation);
  }

  ShiftFitResult result(FitEnd end) {
    ShiftFitResult r{ShiftModel{base_, fit_.items->facts(), kept_, 1.0F, 0.0F, options_.recent_items,
                                options_.time, fit_.days_per_step},
                     static_nll_,
                     rungs_,
                     end,
                     fit_.people,
                     fit_.people_left_out,
                     fit_.training.scored_events(),
                     0.0,
                     fit_.notes};
    calibrate_acceptance(r.model, data_, fit_.validation, options_.seed);
    for (const RungRecord& record : rungs_) {
      if (record.kept) continue;
      r.notes.push_back(std::string(mechanism_names[static_cast<std::size_t>(record.mechanism)]) +
                        " stays off: the log does not support it (gain " + std::to_string(record.gain) +
                        " nats per event, 95 % interval from " + std::to_string(record.low) + " to " +
                        std::to_string(record.high) + ")");
    }
    r.seconds = since(start_);
    return r;
  }

  const Clock::time_point start_ = Clock::now();
  Clock::time_point saved_ = start_;
  double spent_ = 0.0;          ///< seconds of the calls before
  double saved_seconds_ = 0.0;  ///< what the checkpoint says was spent
  bool restored_ = false;
  const Dataset& data_;
  const nn::SequenceModel base_;
  const ShiftFitOptions& options_;
  const FitData fit_;
  const Likelihood likelihood_;
  Parameters kept_;  ///< the best so far, with what stays on
  Learner learner_;
  const std::string identity_;

  EventScores kept_scores_;  ///< of kept_ on the validation cases
  double static_nll_ = 0.0;
  double kept_nll_ = 0.0;
  std::vector<RungRecord> rungs_;
  std::size_t rung_ = 0;
  bool trying_ = false;  ///< inside a rung
  Parameters best_ = kept_;
  double best_nll_ = std::numeric_limits<double>::infinity();
  std::int32_t best_epoch_ = 0;
  std::int32_t epoch_ = 1;
  std::size_t cursor_ = 0;  ///< batches of the present epoch that are done
  double loss_ = 0.0;       ///< sum over them
};

}  // namespace

ShiftFitResult fit_shift_user(const Dataset& data, const nn::SequenceModel& base,
                              const ShiftFitOptions& options) {
  check_options(options);
  return Ladder(data, base, options).run();
}

}  // namespace veer::shift
