#include "simulators/long_run/roll.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "env/error.h"
#include "env/runtime.h"
#include "simulators/next_item.h"

namespace veer::long_run {
namespace {

constexpr std::int64_t longest_history = 10'000;

/// Lanes of Stream::policy: a person who chooses stands where a policy would.
constexpr std::uint32_t choice_lane = 0;

/// The items that a person may not take now: the newest `rest` of the log before the cut and of what was
/// taken since.
void forbidden(std::span<const ItemId> before, std::span<const ItemId> taken, std::int32_t rest,
               std::vector<ItemId>& out) {
  out.clear();
  const auto limit = static_cast<std::size_t>(rest);
  const std::size_t new_ones = std::min(limit, taken.size());
  const std::size_t old_ones = std::min(limit - new_ones, before.size());
  out.insert(out.end(), before.end() - static_cast<std::ptrdiff_t>(old_ones), before.end());
  out.insert(out.end(), taken.end() - static_cast<std::ptrdiff_t>(new_ones), taken.end());
}

/// One shard of people on their way.
class Walk {
 public:
  Walk(const UserModel& model, std::span<const Person> people, const RollOptions& options, View<ItemId> out)
      : model_(model),
        chooser_(dynamic_cast<const NextItemChooser*>(&model)),
        people_(people),
        options_(options),
        out_(out),
        slots_(chooser_ != nullptr ? 1 : std::min(options.proposals, model.spec().items)),
        history_(history_width()),
        batch_(shape(), options.seed),
        shard_(batch_.shard(0)),
        workspace_(
            model.make_workspace({options.shard_rows, shape().history_capacity, slots_, options.steps})) {
    for (std::int32_t row = 0; row < std::ssize(people_); ++row) start(row);
  }

  void run() {
    model_.begin(rows_, shard_, *workspace_);
    for (std::int32_t step = 0; step < options_.steps; ++step) {
      if (interrupted())
        throw Interrupted("interrupted while people were rolled forward; nothing was written");
      std::vector<ItemId> taken(rows_.size(), no_item);
      list_forbidden(step);
      if (chooser_ != nullptr) {
        std::vector<float> uniforms;
        for (const std::int32_t row : rows_) uniforms.push_back(own_uniform(row));
        chooser_->draw_next(rows_, shard_, *workspace_, excluded_view(), uniforms, taken);
      } else {
        choose_among_proposals(taken);
      }
      take(step, taken);
    }
  }

 private:
  std::int32_t history_width() const {
    if (model_.spec().positions > 0) return model_.spec().positions;
    std::int64_t longest = 1;
    for (const Person& person : people_) longest = std::max(longest, std::ssize(person.history));
    return static_cast<std::int32_t>(std::min(longest, longest_history));
  }
  BatchShape shape() const {
    return {.rows = options_.shard_rows,
            .shard_rows = options_.shard_rows,
            .history_capacity = history_ + options_.steps,
            .slots = slots_,
            .user_state = model_.spec().state_width};
  }
  std::span<const ItemId> before(std::int32_t row) const { return people_[at(row)].history; }
  float own_uniform(std::int32_t row) const { return uniform(shard_.key(row), Stream::policy, choice_lane); }

  void start(std::int32_t row) {
    rows_.push_back(row);
    const std::span<const ItemId> all = before(row);
    const std::size_t kept = std::min(all.size(), at(history_));
    std::ranges::copy(all.last(kept), shard_.history.row(row).begin());
    shard_.history_size(row) = static_cast<std::int32_t>(kept);
    shard_.user(row) = people_[at(row)].user;
    shard_.episode(row) = people_[at(row)].episode;
    shard_.target(row) = no_item;
    shard_.active(row) = 1;
  }

  void list_forbidden(std::int32_t step) {
    std::size_t width = 0;
    std::vector<std::vector<ItemId>> lists(rows_.size());
    for (const std::int32_t row : rows_) {
      forbidden(before(row), out_.row(row).first(at(step)), options_.rest, lists[at(row)]);
      width = std::max(width, lists[at(row)].size());
    }
    excluded_width_ = static_cast<std::int32_t>(width);
    excluded_.assign(rows_.size() * width, no_item);
    for (std::size_t row = 0; row < lists.size(); ++row) {
      std::ranges::copy(lists[row], excluded_.begin() + static_cast<std::ptrdiff_t>(row * width));
    }
  }
  View<const ItemId> excluded_view() const {
    return {excluded_.data(), static_cast<std::int32_t>(rows_.size()), excluded_width_};
  }

  void choose_among_proposals(std::vector<ItemId>& taken) {
    // Enough that the wanted number remains when all that may not be taken is among them.
    const auto width = static_cast<std::int32_t>(
        std::min<std::int64_t>(model_.spec().items, std::int64_t{slots_} + excluded_width_));
    std::vector<ItemId> proposed(rows_.size() * at(width), no_item);
    const View<ItemId> proposals(proposed.data(), static_cast<std::int32_t>(rows_.size()), width);
    model_.propose(rows_, shard_, *workspace_, proposals);
    std::vector<std::uint8_t> closed(at(model_.spec().items) + 1, 0);
    for (const std::int32_t row : rows_) {
      const std::span<const ItemId> shut =
          excluded_width_ == 0 ? std::span<const ItemId>{} : excluded_view().row(row);
      for (const ItemId item : shut) closed[at(item)] = 1;
      std::int32_t slot = 0;
      for (const ItemId item : proposals.row(row)) {
        if (item != no_item && closed[at(item)] == 0 && slot < slots_) shard_.items(row, slot++) = item;
      }
      while (slot < slots_) shard_.items(row, slot++) = no_item;
      for (const ItemId item : shut) closed[at(item)] = 0;
    }
    model_.choose(rows_, shard_, *workspace_);
    std::vector<float> scores(at(slots_));
    for (const std::int32_t row : rows_) {
      for (std::int32_t slot = 0; slot < slots_; ++slot) {
        const bool shown = shard_.items(row, slot) != no_item;
        scores[at(slot)] = shown ? std::log(shard_.probability(row, slot)) : -INFINITY;
      }
      const ItemId slot = draw_in_proportion(scores, own_uniform(row));  // a slot's number, from 1
      taken[at(row)] = slot == no_item ? no_item : shard_.items(row, slot - 1);
    }
  }

  void take(std::int32_t step, const std::vector<ItemId>& taken) {
    for (const std::int32_t row : rows_) {
      const ItemId item = taken[at(row)];
      out_(row, step) = item;
      const std::int32_t size = shard_.history_size(row);
      shard_.last_item(row) = size > 0 ? shard_.history(row, size - 1) : no_item;
      std::ranges::fill(shard_.items.row(row), no_item);
      std::ranges::fill(shard_.feedback.row(row), feedback::refused);
      shard_.items(row, 0) = item;
      if (item == no_item) continue;
      shard_.feedback(row, 0) = feedback::accepted;
      append_history(shard_, row, item);
    }
    model_.advance(rows_, shard_, *workspace_);
    for (const std::int32_t row : rows_) ++shard_.step(row);
  }

  const UserModel& model_;
  const NextItemChooser* chooser_;
  std::span<const Person> people_;
  const RollOptions& options_;
  View<ItemId> out_;
  std::int32_t slots_;
  std::int32_t history_;
  Batch batch_;
  Shard shard_;
  std::unique_ptr<Workspace> workspace_;
  std::vector<std::int32_t> rows_;
  std::vector<ItemId> excluded_;
  std::int32_t excluded_width_ = 0;
};

/// Calls body(starts, their rows of the result) for shards of people, in parallel.
template <class Body>
Continuations in_shards(const std::vector<Start>& starts, const RollOptions& options, const Body& body) {
  Continuations out{options.steps, std::vector<ItemId>(starts.size() * at(options.steps), no_item)};
  const auto people = static_cast<std::int64_t>(starts.size());
  const std::int64_t shards = (people + options.shard_rows - 1) / options.shard_rows;
  std::atomic<std::int64_t> done{0};
  parallel_for(shards, [&](std::int64_t shard) {
    const std::int64_t first = shard * options.shard_rows;
    const std::int64_t count = std::min<std::int64_t>(options.shard_rows, people - first);
    const View<ItemId> rows(out.items.data() + first * options.steps, static_cast<std::int32_t>(count),
                            options.steps);
    body(std::span(starts).subspan(at(first), at(count)), rows);
    const std::int64_t so_far = done += count;
    if (options.progress) options.progress(so_far);
  });
  return out;
}

void require(bool holds, const char* field, const std::string& found, const std::string& expected) {
  if (holds) return;
  throw ConfigError(Where{{}, 0, field}, Problem{found, expected, ""});
}

}  // namespace

std::vector<Start> starts_of(const Interactions& log, const std::vector<UserId>& people,
                             const StartOptions& options) {
  require(options.steps >= 1 && options.steps <= 10'000, "steps", std::to_string(options.steps),
          "1 to 10000");
  require(options.least_history >= 1, "least_history", std::to_string(options.least_history), "at least 1");
  require(options.cut != Cut::fixed || options.items_before >= options.least_history, "cut",
          std::to_string(options.items_before),
          "at least " + std::to_string(options.least_history) + ", the shortest history allowed");
  std::vector<Start> starts;
  for (const UserId user : people) {
    const auto size = static_cast<std::int64_t>(log.of(user).size());
    const std::int64_t latest = size - options.steps;
    if (latest < options.least_history) continue;
    std::int64_t cut = latest;
    if (options.cut == Cut::middle) cut = std::clamp<std::int64_t>(size / 2, options.least_history, latest);
    if (options.cut == Cut::fixed) cut = options.items_before;
    if (options.cut == Cut::random) {
      const auto places = static_cast<std::uint32_t>(latest - options.least_history + 1);
      const StepKey key{options.seed, static_cast<EpisodeId>(user), 0};
      cut = options.least_history + uniform_below(places, key, Stream::begin_episode);
    }
    if (cut <= latest) starts.push_back({user, cut});
  }
  const auto wanted = at(options.most_people);
  if (options.most_people <= 0 || starts.size() <= wanted) return starts;
  std::vector<std::int32_t> order(starts.size());
  std::iota(order.begin(), order.end(), 0);
  shuffle({options.seed, 0, 0}, Stream::scenario, order);
  order.resize(wanted);
  std::sort(order.begin(), order.end());
  std::vector<Start> drawn;
  for (const std::int32_t i : order) drawn.push_back(starts[at(i)]);
  return drawn;
}

std::int32_t rest_between_repeats(const Interactions& log) {
  std::int64_t nearest = never_again;
  std::unordered_map<ItemId, std::int64_t> last;  // looked up only, never iterated
  for (UserId user = 0; user < log.users() && nearest > 0; ++user) {
    last.clear();
    const std::span<const ItemId> items = log.of(user);
    for (std::int64_t i = 0; i < std::ssize(items); ++i) {
      const auto [place, first_time] = last.try_emplace(items[at(i)], i);
      if (first_time) continue;
      nearest = std::min(nearest, i - place->second - 1);
      place->second = i;
    }
  }
  return static_cast<std::int32_t>(nearest);
}

Continuations real_continuations(const Interactions& log, const std::vector<Start>& starts,
                                 std::int32_t steps) {
  Continuations out{steps, {}};
  for (const Start& start : starts) {
    const auto after = log.of(start.user).subspan(at(start.cut), at(steps));
    out.items.insert(out.items.end(), after.begin(), after.end());
  }
  return out;
}

bool chooses_for_itself(const UserModel& model) noexcept {
  return dynamic_cast<const NextItemChooser*>(&model) != nullptr;
}

Continuations roll_forward(const UserModel& model, const Interactions& log, const std::vector<Start>& starts,
                           const RollOptions& options) {
  require(options.proposals >= 1, "proposals", std::to_string(options.proposals), "at least 1");
  return in_shards(starts, options, [&](std::span<const Start> some, View<ItemId> rows) {
    std::vector<Person> people;
    for (const Start& start : some) {
      people.push_back(
          {start.user, static_cast<EpisodeId>(start.user), log.of(start.user).first(at(start.cut))});
    }
    Walk(model, people, options, rows).run();
  });
}

std::vector<ItemId> roll_forward_from(const UserModel& model, const Person& person,
                                      const RollOptions& options) {
  require(options.proposals >= 1, "proposals", std::to_string(options.proposals), "at least 1");
  std::vector<ItemId> out(at(options.steps), no_item);
  Walk(model, {&person, 1}, options, View<ItemId>(out.data(), 1, options.steps)).run();
  return out;
}

Continuations roll_by_weight(const std::vector<double>& weight, const Interactions& log,
                             const std::vector<Start>& starts, const RollOptions& options) {
  std::vector<float> scores;
  for (std::size_t item = 1; item < weight.size(); ++item) {
    scores.push_back(weight[item] > 0.0 ? static_cast<float>(std::log(weight[item])) : -INFINITY);
  }
  return in_shards(starts, options, [&](std::span<const Start> some, View<ItemId> rows) {
    std::vector<ItemId> shut;
    std::vector<float> own;
    for (std::int32_t row = 0; row < rows.rows(); ++row) {
      const Start& start = some[at(row)];
      const std::span<const ItemId> before = log.of(start.user).first(at(start.cut));
      for (std::int32_t step = 0; step < options.steps; ++step) {
        own = scores;
        forbidden(before, rows.row(row).first(at(step)), options.rest, shut);
        for (const ItemId item : shut) own[at(item) - 1] = -INFINITY;
        const StepKey key{options.seed, static_cast<EpisodeId>(start.user), static_cast<std::uint32_t>(step)};
        rows(row, step) = draw_in_proportion(own, uniform(key, Stream::policy, choice_lane));
      }
    }
  });
}

}  // namespace veer::long_run
