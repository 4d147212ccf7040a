#include "agents/external/outside_policy.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "agents/external/child_process.h"
#include "env/error.h"
#include "env/policy_error.h"
#include "env/random.h"

namespace veer::external {
namespace {

/// A started program and how many questions it was asked.
struct Respondent {
  explicit Respondent(const std::vector<std::string>& command) : process(command) {}
  ChildProcess process;
  std::uint64_t asked = 0;
};

/// Running programs, lent to one worker each.
class Respondents {
 public:
  explicit Respondents(const OutsideOptions& options) : options_(options) {
    give_back(start());
    started_ = 1;
  }

  std::unique_ptr<Respondent> take() {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(
          lock, [&] { return !free_.empty() || options_.processes == 0 || started_ < options_.processes; });
      if (!free_.empty()) {
        auto out = std::move(free_.back());
        free_.pop_back();
        return out;
      }
      ++started_;
    }
    try {
      return start();
    } catch (...) {
      give_up();
      throw;
    }
  }
  void give_back(std::unique_ptr<Respondent> one) {
    {
      const std::lock_guard lock(mutex_);
      free_.push_back(std::move(one));
    }
    changed_.notify_one();
  }
  /// One that was taken is of no more use.
  void give_up() {
    {
      const std::lock_guard lock(mutex_);
      --started_;
    }
    changed_.notify_one();
  }

  std::string ask(Respondent& one, std::string_view line, double seconds, std::size_t longest) const {
    std::string answer;
    const auto fail = [&](const std::string& what, const std::string& found, const std::string& expected,
                          const std::string& hint) {
      throw PolicyError({.file = {}, .line = 0, .field = fmt::format("policy {}: {}", options_.name, what)},
                        {.found = found, .expected = expected, .hint = hint});
    };
    switch (one.process.ask(line, seconds, longest, answer)) {
      case Reply::answered:
        break;
      case Reply::late:
        fail("too late", fmt::format("no answer within {} s", seconds), "one line for each line",
             fmt::format("{}=SECONDS in brackets behind the policy's word allows more",
                         one.asked == 0 ? "start" : "timeout"));
        break;
      case Reply::ended:
        fail("crashed", one.process.how_it_ended(), "an answer", "its own words stand above, if it said any");
        break;
      case Reply::too_long:
        fail("malformed answer", fmt::format("more than one line, or one of more than {} bytes", longest),
             "one line for each line", "only answers may be written to standard output");
        break;
    }
    return answer;
  }

 private:
  std::unique_ptr<Respondent> start() const {
    auto out = std::make_unique<Respondent>(options_.command);
    check_welcome(ask(*out, greeting_line(options_.world), options_.start, 4096), options_.name);
    return out;
  }

  const OutsideOptions& options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Respondent>> free_;
  int started_ = 0;
};

class OutsidePolicy final : public Policy {
 public:
  explicit OutsidePolicy(const OutsideOptions& options)
      : options_(options), respondents_(std::make_unique<Respondents>(options_)) {
    const Greeting& world = options_.world;
    spec_ = {.name = options_.name,
             .action = world.slots > 1 ? ActionKind::slate : ActionKind::item,
             .width = world.slots,
             .state_width = 2 * world.horizon * world.slots};
  }

  const PolicySpec& spec() const noexcept override { return spec_; }

  void act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions,
           Mode mode) const override {
    std::vector<std::int32_t> asked;
    for (const std::int32_t row : rows) {
      if (seen.active(row) == 0) continue;
      remember(row, seen, state);
      asked.push_back(row);
    }
    // What was shown last is the memory that the answer goes to: read, now overwritten.
    Question question = question_of(asked, seen, state);
    question.greedy = mode == Mode::greedy;
    for (const std::int32_t row : rows) {
      for (ItemId& item : actions_of(actions, row)) item = no_item;
      actions.log_prob(row) = 0.0F;
    }
    if (asked.empty()) return;
    const Answer answer = answer_to(question);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const std::int32_t row = asked[i];
      for (std::int32_t k = 0; k < spec_.width; ++k) {
        actions.items(row, k) = answer.items[i * at(spec_.width) + at(k)];
      }
      actions.log_prob(row) = answer.log_prob[i];
    }
  }

 private:
  std::span<ItemId> actions_of(Actions& actions, std::int32_t row) const {
    return actions.items.row(row).first(at(spec_.width));
  }

  std::int32_t places() const noexcept { return options_.world.horizon * spec_.width; }

  /// The state of a row: items shown so far, then the answers to them, as floats (exact up to 2^24 items).
  void remember(std::int32_t row, const Observation& seen, PolicyState& state) const {
    const auto step = static_cast<std::int32_t>(seen.step(row));
    if (step < 1 || step > options_.world.horizon) return;
    for (std::int32_t k = 0; k < spec_.width; ++k) {
      const std::int32_t place = (step - 1) * spec_.width + k;
      state.values(row, place) = static_cast<float>(seen.last_items(row, k));
      state.values(row, places() + place) = static_cast<float>(seen.last_feedback(row, k));
    }
  }

  Question question_of(Rows rows, const Observation& seen, const PolicyState& state) const {
    Question q;
    q.rows = static_cast<std::int32_t>(rows.size());
    const std::int32_t capacity = options_.world.history_capacity;
    for (const std::int32_t row : rows) {
      const StepKey key = seen.key(row);
      q.episode.push_back(seen.episode(row));
      q.step.push_back(seen.step(row));
      q.user.push_back(seen.user(row));
      q.target.push_back(seen.target(row));
      const auto history = seen.history.row(row).first(at(capacity));
      q.history.insert(q.history.end(), history.begin(), history.end());
      q.history_size.push_back(seen.history_size(row));
      const std::int32_t taken = static_cast<std::int32_t>(seen.step(row)) * spec_.width;
      for (std::int32_t place = 0; place < places(); ++place) {
        // Behind the steps taken may stand what the row's episode before left.
        const bool set = place < taken;
        q.shown.push_back(set ? static_cast<std::int32_t>(state.values(row, place)) : 0);
        q.answers.push_back(set ? static_cast<std::uint8_t>(state.values(row, places() + place)) : 0);
      }
      q.seed.push_back(random_word(key, Stream::policy, 0));
      for (std::int32_t k = 0; k < spec_.width; ++k) {
        q.uniforms.push_back(uniform(key, Stream::policy, static_cast<std::uint32_t>(k) + 1));
      }
    }
    return q;
  }

  Answer answer_to(Question& question) const {
    // An item takes up to 11 characters and a comma, a log-probability up to 25: twice that, and some more.
    const std::size_t longest = 4096 + at(question.rows) * (50 + 24 * at(spec_.width));
    std::unique_ptr<Respondent> one = respondents_->take();
    try {
      question.number = ++one->asked;
      const std::string line =
          respondents_->ask(*one, question_line(question, options_.world), options_.timeout, longest);
      Answer out = parse_answer(line, question.number, question.rows, options_.world, options_.name);
      respondents_->give_back(std::move(one));
      return out;
    } catch (...) {
      one.reset();
      respondents_->give_up();
      throw;
    }
  }

  OutsideOptions options_;
  PolicySpec spec_;
  std::unique_ptr<Respondents> respondents_;
};

}  // namespace

std::shared_ptr<const Policy> make_outside_policy(const OutsideOptions& options) {
  if (options.world.items > (1 << 24)) {
    throw ConfigError({{}, 0, "policy " + options.name},
                      {std::to_string(options.world.items) + " items", "at most 2^24", ""});
  }
  try {
    return std::make_shared<OutsidePolicy>(options);
  } catch (const PolicyError& error) {
    throw ConfigError(error.what());
  } catch (const IoError& error) {
    throw ConfigError(fmt::format("policy {}: {}", options.name, error.what()));
  }
}

}  // namespace veer::external
